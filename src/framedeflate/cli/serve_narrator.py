# SPDX-License-Identifier: Apache-2.0
"""What ``framedeflate serve`` prints: a few lines for a person, or an object a line for a program."""

import json
import logging
import threading
from pathlib import Path
from typing import Any

from framedeflate.cli.report import print_error, print_json

__all__ = ["JsonLines", "ServeNarrator", "plural"]


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 instance, 2 instances."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class JsonLines(logging.Formatter):
    """Log records as JSON, for a stream whose other lines are."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields = {"event": "log", "level": record.levelname.lower(), "logger": record.name}
        return json.dumps({**fields, "message": record.getMessage()})


class ServeNarrator:
    """Prints what happens, a line each, whichever thread it happens in.

    Parameters
    ----------
    as_json : bool
        For a program.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._is_heard = True
        self._guard = threading.Lock()

    def listening(self, fields: dict[str, Any], *, is_local: bool) -> None:
        """Say what is served and where; programs read the port from here."""
        url, count = fields["url"], fields["instances"]
        lines = [
            f"framedeflate serves {fields['store']} ({plural(count, 'instance')})",
            f"  viewer    {url}/",
            f"  DICOMweb  {url}/dicomweb",
        ]
        if not count:
            lines.append("  to fill it: STOW-RS, --watch DIR, or framedeflate receive on the same folder")
        if is_local:
            who = "everybody on it" if fields["access"] == "open" else "who has a token"
            lines.append(f"Only this machine can connect; {who} may read and store. Ctrl-C stops the server.")
        else:
            lines.append("Clients need a token. Ctrl-C stops the server.")
        self._say("listening", lines, fields)

    def indexed(self, fields: dict[str, Any]) -> None:
        """Say what the index lacked."""
        added, removed, damaged = fields["added"], fields["removed"], fields["damaged"]
        line = f"index: {plural(added, 'instance')} added, {removed} gone"
        if damaged:
            line += f", {plural(damaged, 'file')} cannot be read"
        is_news = bool(added or removed or damaged)
        self._say("indexed", [line] if is_news else [], fields)

    def watched(self, path: Path, sop_instance_uid: str, *, is_new: bool) -> None:
        """Say that a file of a watched folder is stored."""
        fields = {"path": str(path), "sop_instance_uid": sop_instance_uid, "new": is_new}
        self._say("stored", [f"{path}: {'stored' if is_new else 'stored before'}"], fields)

    def failed(self, event: str, line: str) -> None:
        """Say what went wrong while the rest goes on."""
        with self._guard:
            if self._as_json:
                print_json({"event": event, "message": line})
            else:
                print_error(line)

    def stopped(self, *, requests: int, seconds: float) -> None:
        """Say what it came to."""
        line = f"{plural(requests, 'request')} answered"
        self._say("stopped", [line], {"requests": requests, "seconds": round(seconds, 3)})

    def _say(self, event: str, lines: list[str], fields: dict[str, Any]) -> None:
        with self._guard:
            try:
                if not self._is_heard:
                    return
                if self._as_json:
                    print_json({"event": event, **fields})
                elif lines:
                    print("\n".join(lines), flush=True)
            except BrokenPipeError:
                # Nobody reads on; the server is for others.
                self._is_heard = False
