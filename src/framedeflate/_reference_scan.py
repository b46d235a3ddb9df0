# SPDX-License-Identifier: Apache-2.0
"""The reference's walks over Items and Data Element headers; what they promise is in ``_native.pyi``."""

import struct
from collections.abc import Set
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ITEM",
    "ITEM_DELIMITATION",
    "PIXEL_DATA",
    "SEQUENCE_DELIMITATION",
    "UNDEFINED",
    "ElementScan",
    "Header",
    "read_header",
    "require",
    "scan_items",
]


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


UNDEFINED: Final = 0xFFFFFFFF
PIXEL_DATA: Final = 0x7FE00010
ITEM: Final = 0xFFFEE000
ITEM_DELIMITATION: Final = 0xFFFEE00D
SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD


def scan_items(window: "Buffer", start: int) -> tuple[list[int], list[int], int, int]:
    require(start >= 0, "start must not be negative")
    view = memoryview(window).cast("B")
    positions: list[int] = []
    sizes: list[int] = []
    resume = start
    while resume + 8 <= len(view):
        group, element, nbytes = struct.unpack_from("<HHI", view, resume)
        tag = group << 16 | element
        if tag == SEQUENCE_DELIMITATION:
            return positions, sizes, resume + 8, 1
        if tag != ITEM or nbytes == UNDEFINED:
            return positions, sizes, resume, 2
        positions.append(resume + 8)
        sizes.append(nbytes)
        resume += 8 + nbytes
    return positions, sizes, resume, 0


# PS3.5 Table 7.1-2: the VRs with a 16-bit length. All others, and any defined later (6.2), have 32 bits.
_SHORT_LENGTH: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_DATA_SET, _SEQUENCE, _FRAGMENTS = range(3)


class _Level(NamedTuple):
    kind: int
    delimited: bool  # of undefined length: a delimitation Item ends it
    implicit_vr: bool
    big_endian: bool
    end: int  # no value within may reach beyond it


class Header(NamedTuple):
    tag: int
    vr: bytes
    value_nbytes: int
    nbytes: int


def read_header(view: memoryview, at: int, end: int, implicit_vr: bool, big_endian: bool) -> Header | int:
    """Return the header at ``at``, or how many bytes must be there where there are fewer before ``end``."""
    if end - at < 8:
        return 8
    order = ">" if big_endian else "<"
    group, element, nbytes = struct.unpack_from(order + "HHI", view, at)
    tag = group << 16 | element
    vr = bytes(view[at + 4 : at + 6])
    # Where a VR ought to be and is none, some writers fell back to Implicit VR: the length follows the tag.
    if implicit_vr or group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
        return Header(tag, b"", nbytes, 8)
    if vr in _SHORT_LENGTH:
        return Header(tag, vr, struct.unpack_from(order + "H", view, at + 6)[0], 8)
    if end - at < 12:
        return 12
    return Header(tag, vr, struct.unpack_from(order + "I", view, at + 8)[0], 12)


class ElementScan:
    MAX_DEPTH: Final = 64
    MAX_NESTED_PIXEL_DATA: Final = 64

    def __init__(
        self, *, start: int, stop: int, implicit_vr: bool, big_endian: bool, wanted: Set[int], descend: bool
    ) -> None:
        require(start >= 0, "start must not be negative")
        require(stop >= start, "stop must not lie before start")
        self.resume = start
        self.status = "done" if start == stop else "more"
        self.defect_position = -1
        self.items = 0
        self.records: list[tuple[int, bytes, int, int, int, int]] = []
        self._stop = stop
        self._wanted = set(wanted)
        self._descend = descend
        self._levels = [_Level(_DATA_SET, False, implicit_vr, big_endian, stop)]
        self._depth = 0
        self._nested_pixel_data = 0

    def feed(self, window: "Buffer", position: int) -> None:
        require(0 <= position <= self.resume, "the window must not begin behind `resume`")
        view = memoryview(window).cast("B")
        while self.status == "more":
            level = self._levels[-1]
            if self.resume == level.end and not level.delimited:
                if len(self._levels) == 1:
                    self.status = "done"
                    return
                self._pop()
                continue
            header = self._header(view, self.resume - position)
            if header is None:
                return
            if header.tag >> 16 == 0xFFFE or level.kind != _DATA_SET:
                self._take_item(header)
            else:
                self._take_element(header)

    def _header(self, view: memoryview, at: int) -> Header | None:
        """Return the header at ``at``; None where the window ends inside it or there is no room for one."""
        level = self._levels[-1]
        left = level.end - self.resume
        header = read_header(view, at, min(at + left, len(view)), level.implicit_vr, level.big_endian)
        if isinstance(header, Header):
            return header
        if header > left:
            self._fail_at_end()
        return None

    def _take_item(self, header: Header) -> None:
        level = self._levels[-1]
        in_data_set = level.kind == _DATA_SET
        if level.delimited and header.tag == (ITEM_DELIMITATION if in_data_set else SEQUENCE_DELIMITATION):
            self._pop()
            self.resume += header.nbytes
            return
        undefined = header.value_nbytes == UNDEFINED
        if header.tag != ITEM or in_data_set or (undefined and level.kind == _FRAGMENTS):
            self._fail("bad-structure")
        elif not undefined and self.resume + header.nbytes + header.value_nbytes > level.end:
            self._fail_at_end()
        else:
            self.items += self._depth == 1
            self._go_into_item(header, level)

    def _go_into_item(self, header: Header, level: _Level) -> None:
        undefined = header.value_nbytes == UNDEFINED
        if undefined or (self._descend and level.kind == _SEQUENCE):
            self._push(_DATA_SET, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self.resume += header.nbytes + header.value_nbytes

    def _take_element(self, header: Header) -> None:
        level = self._levels[-1]
        if header.value_nbytes == UNDEFINED:
            self._open(header)
            return
        if self._depth == 0:
            self._record(header)
        if self.resume + header.nbytes + header.value_nbytes > level.end:
            self._fail_at_end()
        elif self._descend and header.vr == b"SQ":
            self._push(_SEQUENCE, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self.resume += header.nbytes + header.value_nbytes

    def _open(self, header: Header) -> None:
        """Take a value of undefined length: Pixel Data in Fragments, or a sequence."""
        level = self._levels[-1]
        pixel_data = header.tag == PIXEL_DATA
        if self._depth == 0:
            self._record(header, always=pixel_data)
            if pixel_data:
                self.resume += header.nbytes
                self.status = "pixel-data"
                return
        if header.vr == b"UN" and not pixel_data:
            # PS3.5 6.2.2: its Items are in Implicit VR Little Endian, whatever the Transfer Syntax.
            self._push(_SEQUENCE, header, implicit_vr=True, big_endian=False)
        elif header.vr == b"SQ" or (header.vr == b"" and not pixel_data):
            self._push(_SEQUENCE, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        elif header.vr in {b"OB", b"OW"} or (pixel_data and header.vr in {b"", b"UN"}):
            if pixel_data and self._descend and self._nested_pixel_data < self.MAX_NESTED_PIXEL_DATA:
                self._nested_pixel_data += 1
                self._record(header, always=True)
            self._push(_FRAGMENTS, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self._fail("bad-structure")

    def _push(self, kind: int, header: Header, *, implicit_vr: bool, big_endian: bool) -> None:
        """Go into the value of ``header``, whose end was checked where it is defined."""
        if kind == _SEQUENCE:
            self._depth += 1
            if self._depth > self.MAX_DEPTH:
                self._fail("too-deep")
                return
            if self._depth == 1:
                self.items = 0
        undefined = header.value_nbytes == UNDEFINED
        self.resume += header.nbytes
        end = self._levels[-1].end if undefined else self.resume + header.value_nbytes
        self._levels.append(_Level(kind, undefined, implicit_vr, big_endian, end))

    def _pop(self) -> None:
        if self._levels.pop().kind == _SEQUENCE:
            self._depth -= 1

    def _record(self, header: Header, *, always: bool = False) -> None:
        # Only a top-level element uses up its tag: an icon's Pixel Data must not hide the image's.
        wanted = self._depth == 0 and header.tag in self._wanted
        if not wanted and not always:
            return
        if wanted:
            self._wanted.discard(header.tag)
        nbytes = -1 if header.value_nbytes == UNDEFINED else header.value_nbytes
        value = self.resume + header.nbytes
        self.records.append((header.tag, header.vr, self.resume, value, nbytes, self._depth))

    def _fail(self, status: str) -> None:
        self.status = status
        self.defect_position = self.resume

    def _fail_at_end(self) -> None:
        """Something reaches beyond the innermost end: the Data Set's, or that of a value of defined length."""
        self._fail("truncated" if self._levels[-1].end == self._stop else "bad-structure")
