# SPDX-License-Identifier: Apache-2.0
"""Data Elements in memory, in each encoding of PS3.5 7.1: headers read and written, values skipped, replaced."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from framedeflate.errors import DicomFormatError

__all__ = [
    "ITEM",
    "ITEM_DELIMITATION",
    "KNOWN_VRS",
    "MAX_DEPTH",
    "SEQUENCE_DELIMITATION",
    "SHORT_VRS",
    "UNDEFINED_LENGTH",
    "DataElement",
    "ElementReader",
    "explicit_header",
    "implicit_header",
    "replace_elements",
]

ITEM: Final = 0xFFFEE000
ITEM_DELIMITATION: Final = 0xFFFEE00D
SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD
UNDEFINED_LENGTH: Final = 0xFFFFFFFF

MAX_DEPTH: Final = 64
"""Sequences inside sequences beyond this are refused: the walk is recursive, and no IOD nests a quarter as deep."""

SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value Representations with a 16-bit Value Length (PS3.5 7.1.2); all others, later ones too, have 32 bits."""

KNOWN_VRS: Final = SHORT_VRS | frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""Every Value Representation of PS3.5 6.2."""


class DataElement(NamedTuple):
    """One header.

    Attributes
    ----------
    tag : int
        group << 16 | element.
    vr : bytes
        Two letters; empty in Implicit VR and for Items and delimiters.
    at, value_at : int
        Where header and value start, in bytes from the start of the Data Set.
    nbytes : int
        Value Length; ``UNDEFINED_LENGTH`` where the value ends at a delimiter.
    """

    tag: int
    vr: bytes
    at: int
    value_at: int
    nbytes: int

    @property
    def is_undefined_length(self) -> bool:
        """Whether the value ends at a delimiter."""
        return self.nbytes == UNDEFINED_LENGTH


def explicit_header(tag: int, vr: bytes, nbytes: int) -> bytes:
    """Return a header in Explicit VR Little Endian; the Value Length is its last two or four bytes."""
    if vr in SHORT_VRS:
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, nbytes)
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, nbytes)


def implicit_header(tag: int, _vr: bytes, nbytes: int) -> bytes:
    """Return a header in Implicit VR Little Endian, or that of an Item or delimiter in any Little Endian encoding."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, nbytes)


class ElementReader:
    """Reads headers of one Data Set.

    Parameters
    ----------
    data : bytes
        The Data Set, or a part of it that starts and ends between Data Elements.
    implicit_vr, big_endian : bool
        How it is encoded.
    position : int
        Where `data` starts in its file; for errors alone.
    """

    def __init__(self, data: bytes, *, implicit_vr: bool, big_endian: bool, position: int = 0) -> None:
        self.data = data
        self.implicit_vr = implicit_vr
        self.big_endian = big_endian
        self.position = position
        order = ">" if big_endian else "<"
        self._tag_and_long = struct.Struct(order + "HHI").unpack_from
        self._tag_and_short = struct.Struct(order + "HH2sH").unpack_from
        self._long = struct.Struct(order + "I").unpack_from

    def fail(self, message: str, *, kind: str, at: int) -> NoReturn:
        """Raise DicomFormatError for what stands at `at`."""
        raise DicomFormatError(message, kind=kind, position=self.position + at)

    def header(self, at: int, stop: int) -> DataElement:
        """Return the header at `at`; its value ends before `stop` unless its length is undefined.

        Raises
        ------
        DicomFormatError
            kind ``truncated`` | ``bad-structure``.
        """
        if at + 8 > stop:
            self.fail("the Data Set ends inside a Data Element's header", kind="truncated", at=at)
        group, element, nbytes = self._tag_and_long(self.data, at)
        vr, value_at = b"", at + 8
        if not self.implicit_vr and group != 0xFFFE:
            _, _, vr, nbytes = self._tag_and_short(self.data, at)
            if not (vr.isalpha() and vr.isupper()):
                # Some writers leave single elements, or an Item, in Implicit VR: the scan reads those too.
                vr, nbytes = b"", self._long(self.data, at + 4)[0]
            elif vr not in SHORT_VRS:
                if at + 12 > stop:
                    self.fail("the Data Set ends inside a Data Element's header", kind="truncated", at=at)
                nbytes, value_at = self._long(self.data, at + 8)[0], at + 12
        tag = group << 16 | element
        if tag in (ITEM_DELIMITATION, SEQUENCE_DELIMITATION):
            nbytes = 0
        elif nbytes != UNDEFINED_LENGTH and value_at + nbytes > stop:
            self.fail(
                f"({group:04X},{element:04X}) of {nbytes} bytes reaches beyond the end of what holds it",
                kind="truncated",
                at=at,
            )
        return DataElement(tag, vr, at, value_at, nbytes)

    def inside(self, element: DataElement) -> "ElementReader":
        """Return the reader for an element's Items: those of a UN are Implicit VR Little Endian (PS3.5 6.2.2)."""
        if element.vr != b"UN":
            return self
        return ElementReader(self.data, implicit_vr=True, big_endian=False, position=self.position)

    def end_of(self, element: DataElement, stop: int, depth: int = 0) -> int:
        """Return the first byte behind an element, its delimiter included.

        Raises
        ------
        DicomFormatError
            kind ``truncated`` | ``bad-structure`` | ``too-deep``.
        """
        if not element.is_undefined_length:
            return element.value_at + element.nbytes
        self.check_depth(depth, element.at)
        reader, at = self.inside(element), element.value_at
        while (item := reader.header(at, stop)).tag != SEQUENCE_DELIMITATION:
            at = reader.end_of_item(item, stop, depth)
        return item.value_at

    def end_of_item(self, item: DataElement, stop: int, depth: int) -> int:
        """Return the first byte behind an Item, its delimiter included."""
        self.check_item(item)
        if not item.is_undefined_length:
            return item.value_at + item.nbytes
        at = item.value_at
        while (element := self.header(at, stop)).tag != ITEM_DELIMITATION:
            at = self.end_of(element, stop, depth + 1)
        return element.value_at

    def check_item(self, item: DataElement) -> None:
        """Refuse what stands where an Item must."""
        if item.tag != ITEM:
            self.fail(
                f"({item.tag >> 16:04X},{item.tag & 0xFFFF:04X}) stands where an Item or the end of a sequence must",
                kind="bad-structure",
                at=item.at,
            )

    def check_depth(self, depth: int, at: int) -> None:
        """Refuse a sequence that lies inside ``MAX_DEPTH`` others."""
        if depth >= MAX_DEPTH:
            self.fail(f"sequences are nested more than {MAX_DEPTH} deep", kind="too-deep", at=at)


def replace_elements(data_set: bytes, changes: dict[int, tuple[bytes, bytes]], *, position: int = 0) -> bytes:
    """Replace or insert top-level elements of an Explicit VR Little Endian Data Set; all other bytes stay.

    An element that is there, even twice or out of order, is replaced where it stands first, and left out where it
    stands again: of two, readers disagree which one counts. One that is absent goes before the first higher tag.

    Parameters
    ----------
    changes : dict of int to (bytes, bytes)
        VR and value by tag; a value of odd length is padded as its VR asks (PS3.5 6.2). An
        empty VR removes the element.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` | ``too-deep``.
    """
    reader = ElementReader(data_set, implicit_vr=False, big_endian=False, position=position)
    parts: list[bytes] = []
    absent = sorted(changes.keys() - {tag for tag, _at, _end in _top_level(reader)})
    replaced: set[int] = set()
    copied = 0
    for tag, at, end in _top_level(reader):
        while absent and absent[0] < tag:
            parts += data_set[copied:at], _changed(absent[0], *changes[absent[0]])
            absent, copied = absent[1:], at
        if tag in changes:
            parts += data_set[copied:at], b"" if tag in replaced else _changed(tag, *changes[tag])
            replaced.add(tag)
            copied = end
    parts.append(data_set[copied:])
    return b"".join(parts + [_changed(tag, *changes[tag]) for tag in absent])


def _top_level(reader: ElementReader) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and end of each top-level element."""
    at, stop = 0, len(reader.data)
    while at < stop:
        element = reader.header(at, stop)
        end = reader.end_of(element, stop)
        yield element.tag, at, end
        at = end


def _changed(tag: int, vr: bytes, value: bytes) -> bytes:
    if not vr:
        return b""
    if len(value) & 1:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    return explicit_header(tag, vr, len(value)) + value
