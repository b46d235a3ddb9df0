# SPDX-License-Identifier: Apache-2.0
"""What became of each file: a line for a person or a JSON object for a program, and the exit code of them all."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from framedeflate.cli.exit_codes import ExitCode

__all__ = [
    "Outcome",
    "Status",
    "Tally",
    "human_nbytes",
    "print_error",
    "print_json",
    "ratio_text",
    "shown_source",
]

Status = Literal["done", "copied", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    status : str
        ``done`` | ``copied`` (as it was) | ``skipped`` (nothing written) | ``failed``.
    source : str
        The file read.
    destination : str or None
        The file written.
    exit_code : ExitCode
        Its share in the command's exit code.
    line : str
        For a person.
    fields : mapping
        For a program, beside status, source and destination.
    native_nbytes, encoded_nbytes : int
        For the sum at the end.
    encoding : str
        What the encoded bytes are: deflated, or encoded in another way.
    is_image : bool
        Whether the file is a DICOM image at all.
    """

    status: Status
    source: str
    destination: str | None = None
    exit_code: ExitCode = ExitCode.OK
    line: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    native_nbytes: int = 0
    encoded_nbytes: int = 0
    encoding: str = "deflated"
    is_image: bool = True

    def as_json(self) -> dict[str, object]:
        """Return the documented object."""
        return {
            "status": self.status,
            "source": self.source,
            "destination": self.destination,
            **self.fields,
        }


class Tally:
    """Prints outcomes as they come and remembers what the command ends with."""

    def __init__(self, *, verb: str, as_json: bool) -> None:
        self._verb = verb
        self._as_json = as_json
        self._counts: dict[Status, int] = {}
        self._native_nbytes = 0
        self._encoded_nbytes = 0
        self._encodings: set[str] = set()
        self._worst = ExitCode.OK
        self._any_image = False

    def add(self, outcome: Outcome) -> None:
        """Print one outcome and count it."""
        self._counts[outcome.status] = self._counts.get(outcome.status, 0) + 1
        self._native_nbytes += outcome.native_nbytes
        self._encoded_nbytes += outcome.encoded_nbytes
        if outcome.encoded_nbytes:
            self._encodings.add(outcome.encoding)
        self._worst = max(self._worst, outcome.exit_code)
        self._any_image |= outcome.is_image
        if self._as_json:
            print_json(outcome.as_json())
        elif outcome.status == "failed":
            print_error(outcome.line)
        else:
            print(outcome.line, flush=True)

    def finish(self) -> ExitCode:
        """Print the sum and return the exit code: the highest of all, or that nothing was a DICOM image."""
        if not self._as_json and sum(self._counts.values()) > 1:
            print(self._summary(), flush=True)
        if self._worst == ExitCode.OK and not self._any_image:
            return ExitCode.NO_VALID_INPUT
        return self._worst

    def _summary(self) -> str:
        names: dict[Status, str] = {"done": self._verb}
        counts = ", ".join(f"{count} {names.get(status, status)}" for status, count in self._counts.items())
        if not self._native_nbytes or not self._encoded_nbytes:
            return counts
        native, encoded = self._native_nbytes, self._encoded_nbytes
        encoding = "deflated" if self._encodings == {"deflated"} else "encoded"
        sizes = f"{human_nbytes(native)} native, {human_nbytes(encoded)} {encoding}"
        return f"{counts}; {sizes}, {ratio_text(native, encoded)}"


def print_json(fields: Mapping[str, object]) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(fields), flush=True)


def print_error(message: str) -> None:
    """Print a line on standard error."""
    print(f"framedeflate: {message}", file=sys.stderr, flush=True)


def shown_source(source: str) -> str:
    """Return a path as it is, and a URL without what may be a key in it."""
    if "://" not in source:
        return source
    # Imported here: local files need no HTTP client.
    from framedeflate.remote_source import is_url, shown_url

    return shown_url(source) if is_url(source) else source


def human_nbytes(nbytes: int) -> str:
    """Bytes for a person: 39.2 kB."""
    if nbytes < 1000:
        return f"{nbytes} B"
    size = float(nbytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def ratio_text(native_nbytes: int, encoded_nbytes: int) -> str:
    """How many times smaller: 12.3:1."""
    if not encoded_nbytes:
        return "-"
    ratio = native_nbytes / encoded_nbytes
    return f"{ratio:.0f}:1" if ratio >= 100 else f"{ratio:.1f}:1" if ratio >= 10 else f"{ratio:.2f}:1"
