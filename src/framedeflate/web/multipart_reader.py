# SPDX-License-Identifier: Apache-2.0
"""Payloads in parts, read as they arrive (RFC 2046 5.1.1, RFC 2387, PS3.18 8.6.1.2). No I/O: bytes in, events out.

What is taken and what is refused:

====================================================  =======================================================
a preamble, an epilogue                               passed over, the former up to a limit
blanks behind a boundary ("transport padding")        passed over
header lines folded over several                      joined
parts without header fields, parts without content    taken
a boundary with other visible characters              taken (PS3.18 itself shows ``boundary=**``)
lines that end in LF alone                            refused: ``bad-delimiter``, ``bad-header``
a line that begins with the boundary and goes on      refused: ``bad-delimiter``; RFC 2046 forbids it in a part
no closing boundary                                   refused: ``truncated``, and the last part is not ended
no part at all                                        refused: ``no-parts``
====================================================  =======================================================
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from framedeflate.errors import MultipartError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "Event",
    "MultipartLimits",
    "MultipartReader",
    "PartBegins",
    "PartData",
    "PartEnds",
    "checked_boundary",
]

_BOUNDARY: Final = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([\t \x21-\x7e\x80-\xff]*)")
_FOLD: Final = re.compile(rb"\r\n[ \t]+")
_MAX_PADDING_NBYTES: Final = 256


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """What a payload may ask for before it is refused.

    Attributes
    ----------
    header_nbytes, header_fields : int
        Of a part's header.
    parts : int
    part_nbytes : int or None
        Content of a part; None for any.
    preamble_nbytes : int
    """

    header_nbytes: int = 16 << 10
    header_fields: int = 32
    parts: int = 100_000
    part_nbytes: int | None = None
    preamble_nbytes: int = 64 << 10


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part's header was read.

    Attributes
    ----------
    headers : tuple of (str, str)
        Names in lower case, values as Latin-1, in their order.
    position : int
        Where its content begins, in bytes from the start of the payload.
    """

    headers: tuple[tuple[str, str], ...]
    position: int

    def get(self, name: str) -> str | None:
        """Return the first field of that name, given in lower case; None where there is none."""
        return next((value for field, value in self.headers if field == name), None)


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of a part's content.

    Attributes
    ----------
    data : memoryview
        Of the bytes that were fed, where they allowed it. Never empty.
    """

    data: memoryview


@dataclass(frozen=True, slots=True)
class PartEnds:
    """A part's content is complete.

    Attributes
    ----------
    nbytes : int
        Its length.
    """

    nbytes: int


Event = PartBegins | PartData | PartEnds


class _State(Enum):
    PREAMBLE = 0
    DELIMITER = 1  # behind a boundary
    HEADER = 2
    CONTENT = 3
    EPILOGUE = 4
    BROKEN = 5


def checked_boundary(boundary: str) -> str:
    """Return `boundary` if it can be one: 1 to 70 visible characters, blanks not at the end.

    Raises
    ------
    MultipartError
        kind ``boundary``.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError(
            "a boundary has 1 to 70 visible characters (RFC 2046 5.1.1)", kind="boundary", position=0
        )
    return boundary


class MultipartReader:
    """Reads one payload.

        reader = MultipartReader(boundary)
        for chunk in payload:
            for event in reader.feed(chunk): ...
        reader.close()

    Work is in proportion to the bytes fed, however they are cut; what is kept between two calls is a part's header,
    up to its limit, or fewer bytes than a boundary line may have.

    Parameters
    ----------
    boundary : str
        As Content-Type gives it.
    limits : MultipartLimits, optional
    """

    def __init__(self, boundary: str, limits: MultipartLimits | None = None) -> None:
        self._delimiter: Final = b"\r\n--" + checked_boundary(boundary).encode("ascii")
        self._limits: Final = limits or MultipartLimits()
        self._state = _State.PREAMBLE
        # The first boundary may stand at the very start: the line break before it is thought of as there.
        self._waiting = bytearray(b"\r\n")
        self._position = -2  # of the first byte in _waiting, or of the next to be fed
        self._searched = 0  # bytes of _waiting that hold no end of a header
        self._parts = 0
        self._part_nbytes = 0
        self._skips_line_break = False

    @property
    def ended(self) -> bool:
        """Whether the closing boundary was read; what is fed then is passed over."""
        return self._state is _State.EPILOGUE

    def feed(self, chunk: "Buffer") -> list[Event]:
        """Take the next bytes of the payload and return what they bring, in order.

        Raises
        ------
        MultipartError
            The payload is broken or exceeds a limit; the reader is of no use then. Nothing of this chunk is returned.
        """
        if self._state is _State.BROKEN:
            raise MultipartError(
                "the payload was refused before", kind="bad-delimiter", position=self._position
            )
        if self._state is _State.EPILOGUE:
            return []
        try:
            return self._advance(chunk)
        except MultipartError:
            self._state = _State.BROKEN
            raise

    def close(self) -> None:
        """Say that the payload is over.

        Raises
        ------
        MultipartError
            kind ``truncated``: the closing boundary is missing.
        """
        if self._state is not _State.EPILOGUE:
            raise MultipartError(
                "the payload ends before its closing boundary",
                kind="truncated",
                position=max(0, self._position + len(self._waiting)),
            )

    def _advance(self, chunk: "Buffer") -> list[Event]:
        if self._waiting:
            self._waiting += memoryview(chunk)
            if self._state is _State.HEADER and not self._has_header_end():
                return []
            data = bytes(self._waiting)
            self._waiting.clear()
        else:
            data = bytes(chunk)  # the same object where it is bytes
        events: list[Event] = []
        start, goes_on = 0, True
        while goes_on:
            match self._state:
                case _State.EPILOGUE:
                    start, goes_on = len(data), False
                case _State.HEADER:
                    start, goes_on = self._read_header(data, start, events)
                case _State.DELIMITER:
                    start, goes_on = self._read_delimiter_line(data, start)
                case _:
                    start, goes_on = self._read_content(data, start, events)
        self._waiting += memoryview(data)[start:]
        self._position += start
        self._searched = 0
        return events

    # Each of these reads from `start` on, and returns where it stopped and whether what follows can be read now.

    def _read_content(self, data: bytes, start: int, events: list[Event]) -> tuple[int, bool]:
        found = data.find(self._delimiter, start)
        end = found if found >= 0 else self._first_possible_delimiter(data, start)
        if end > start:
            # The line break that ends a header was left to be read here: it may be a boundary's as well.
            begin = start + 2 * self._skips_line_break
            self._skips_line_break = False
            self._pass_on(data, begin, end, events)
        if found < 0:
            return end, False
        if self._state is _State.CONTENT:
            events.append(PartEnds(self._part_nbytes))
        self._skips_line_break = False
        self._state = _State.DELIMITER
        return found + len(self._delimiter), True

    def _first_possible_delimiter(self, data: bytes, start: int) -> int:
        """Return where a boundary may begin of which the rest is yet to come; the end of `data` where none may."""
        place = max(start, len(data) - len(self._delimiter) + 1)
        while (place := data.find(b"\r", place)) >= 0:
            if self._delimiter.startswith(data[place:]):
                return place
            place += 1
        return len(data)

    def _pass_on(self, data: bytes, begin: int, end: int, events: list[Event]) -> None:
        if self._state is _State.PREAMBLE:
            if self._position + end > self._limits.preamble_nbytes:
                raise self._refused("preamble-too-long", "no boundary within the first bytes", end)
            return
        self._part_nbytes += end - begin
        if self._limits.part_nbytes is not None and self._part_nbytes > self._limits.part_nbytes:
            raise self._refused(
                "part-too-long", f"a part is longer than {self._limits.part_nbytes} bytes", end
            )
        if end > begin:
            events.append(PartData(memoryview(data)[begin:end]))

    def _read_delimiter_line(self, data: bytes, start: int) -> tuple[int, bool]:
        if len(data) - start < 2:
            return start, False
        if data.startswith(b"--", start):
            if self._parts == 0:
                raise self._refused("no-parts", "the payload has no part", start)
            self._state = _State.EPILOGUE
            return start + 2, True
        end = data.find(b"\r\n", start, start + _MAX_PADDING_NBYTES + 2)
        padding = data[start : end if end >= 0 else start + _MAX_PADDING_NBYTES + 2]
        if (padding if end >= 0 else padding.removesuffix(b"\r")).strip(b" \t"):
            raise self._refused("bad-delimiter", "more than blanks between a boundary and its CRLF", start)
        if end < 0:
            if len(padding) > _MAX_PADDING_NBYTES:
                raise self._refused("bad-delimiter", "too many blanks behind a boundary", start)
            return start, False
        self._parts += 1
        if self._parts > self._limits.parts:
            raise self._refused("too-many-parts", f"more than {self._limits.parts} parts", start)
        self._state = _State.HEADER
        return end + 2, True

    def _has_header_end(self) -> bool:
        """Whether what waits holds a whole header; each byte is looked at once, however few come at a time."""
        if self._waiting.startswith(b"\r\n") or self._waiting.find(b"\r\n\r\n", self._searched) >= 0:
            return True
        self._searched = max(0, len(self._waiting) - 3)
        if len(self._waiting) > self._limits.header_nbytes + 3:
            raise self._refused("header-too-long", "the header of a part is too long", 0)
        return False

    def _read_header(self, data: bytes, start: int, events: list[Event]) -> tuple[int, bool]:
        if data.startswith(b"\r\n", start):
            end = start
        else:
            end = data.find(b"\r\n\r\n", start, start + self._limits.header_nbytes + 4)
            if end < 0:
                if len(data) - start > self._limits.header_nbytes + 3:
                    raise self._refused("header-too-long", "the header of a part is too long", start)
                return start, False
            end += 2
        fields = tuple(self._fields(data, start, end)) if end > start else ()
        events.append(PartBegins(fields, self._position + end + 2))
        self._part_nbytes = 0
        self._skips_line_break = True
        self._state = _State.CONTENT
        return end, True

    def _fields(self, data: bytes, start: int, end: int) -> Iterator[tuple[str, str]]:
        lines = _FOLD.sub(b" ", data[start : end - 2]).split(b"\r\n")
        if len(lines) > self._limits.header_fields:
            raise self._refused("too-many-headers", f"more than {self._limits.header_fields} fields", start)
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise self._refused("bad-header", "the header of a part cannot be read", start)
            yield field[1].decode("latin-1").lower(), field[2].decode("latin-1").rstrip(" \t")

    def _refused(self, kind: str, message: str, offset: int) -> MultipartError:
        return MultipartError(
            f"multipart payload: {message}", kind=kind, position=max(0, self._position + offset)
        )
