# SPDX-License-Identifier: Apache-2.0
"""A JSON line for every request, written by a thread of its own: a full pipe must not keep answers waiting."""

import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, TextIO

__all__ = ["RequestLog"]

_GATHER_SECONDS: Final = 0.1
_MAX_WAITING: Final = 100_000


class _Entry(NamedTuple):
    at: float
    method: str
    route: str
    status: int
    nbytes: int
    seconds: float
    request_id: str
    uids: Mapping[str, str]
    end: str


class RequestLog:
    """Lines in the order in which answers ended.

    Parameters
    ----------
    file : text file
        Where they go; it is flushed after each batch.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: list[_Entry] = []
        self._dropped = 0
        self._wake = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    def add(
        self,
        *,
        method: str,
        route: str,
        status: int,
        nbytes: int,
        seconds: float,
        request_id: str,
        uids: Mapping[str, str],
        end: str = "",
    ) -> None:
        """Take note of an answer; nothing is written here.

        Parameters
        ----------
        method, route : str
            The route is a template; what a query asked for is an attribute's value, and stays out.
        status, nbytes : int
            Of the answer; bytes of its payload.
        seconds : float
            From the request's head to the payload's last byte handed over.
        request_id : str
            As the answer's X-Request-Id.
        uids : mapping
            Of the path.
        end : str
            Why the answer is not whole, where it is not.
        """
        if len(self._waiting) >= _MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(
            _Entry(time.time(), method, route, status, nbytes, seconds, request_id, uids, end)
        )
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what is left; waits two seconds at most for whoever reads."""
        self._is_closed = True
        self._wake.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.wait()
            if not self._is_closed:
                # So that many lines are written at once.
                time.sleep(_GATHER_SECONDS)
            self._wake.clear()
            if not self._write():
                return

    def _write(self) -> bool:
        entries, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        lines = [_line(entry) for entry in entries]
        if dropped:
            lines.append(json.dumps({"event": "log-lines-lost", "lines": dropped}))
        try:
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()
        except (OSError, ValueError):
            # Nobody reads any more, or the file was closed.
            return False
        return True


def _line(entry: _Entry) -> str:
    # Written out: nothing in it but numbers, templates and digits of UIDs, so nothing needs quoting.
    seconds, thousandths = divmod(int(entry.at * 1000), 1000)
    uids = "".join(f', "{name}": "{value}"' for name, value in entry.uids.items())
    end = f', "end": "{entry.end}"' if entry.end else ""
    return (
        f'{{"event": "request", "time": "{_stamp(seconds)}.{thousandths:03d}+00:00", "method": "{entry.method}", '
        f'"route": "{entry.route}", "status": {entry.status}, "nbytes": {entry.nbytes}, '
        f'"milliseconds": {entry.seconds * 1000:.3f}, "request_id": "{entry.request_id}"{uids}{end}}}'
    )


@lru_cache(maxsize=4)
def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
