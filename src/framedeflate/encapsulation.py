# SPDX-License-Identifier: Apache-2.0
"""The encapsulated format: Items, Basic and Extended Offset Table (PS3.5 A.4, PS3.3 Table C.7-11a)."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from framedeflate.errors import EncapsulationError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ITEM_HEADER_NBYTES",
    "ITEM_TAG",
    "MAX_FRAGMENT_NBYTES",
    "PIXEL_DATA_HEADER",
    "SEQUENCE_DELIMITATION_ITEM",
    "Items",
    "OffsetTables",
    "encapsulate",
    "item_header",
    "join_items",
    "offset_tables",
    "padded_nbytes",
]

ITEM_HEADER_NBYTES = 8
MAX_FRAGMENT_NBYTES = 2**32 - 2
"""The longest even length that a 32-bit Item Length can state: FFFFFFFFH means undefined."""

MAX_BASIC_OFFSET = 2**32 - 1

ITEM_TAG = struct.pack("<HH", 0xFFFE, 0xE000)

SEQUENCE_DELIMITATION_ITEM = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
PIXEL_DATA_HEADER = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
"""Pixel Data (7FE0,0010), VR OB, undefined length: what A.4 asks for at the top level."""


def padded_nbytes(nbytes: int) -> int:
    """Return `nbytes` rounded up to even: the size of a stream once its NULL pad is there."""
    return nbytes + (nbytes & 1)


def item_header(value_nbytes: int) -> bytes:
    """Return the 8 bytes before an Item's value.

    Raises
    ------
    EncapsulationError
        kind ``too-large``: the value does not fit a 32-bit Item Length.
    """
    if value_nbytes > MAX_FRAGMENT_NBYTES:
        raise EncapsulationError(
            f"a Fragment of {value_nbytes} bytes does not fit an Item, which holds {MAX_FRAGMENT_NBYTES} at "
            "most; store smaller Frames",
            kind="too-large",
            position=0,
        )
    return struct.pack("<HHI", 0xFFFE, 0xE000, value_nbytes)


def join_items(values: "Iterable[Buffer]") -> bytes:
    """Return Items with these values, one behind the other; errors as `item_header`."""
    return b"".join(part for value in values for part in (item_header(memoryview(value).nbytes), value))


@dataclass(frozen=True, slots=True)
class OffsetTables:
    """The tables of one Pixel Data element: a filled Basic Offset Table, or an empty one and the Extended pair.

    Attributes
    ----------
    basic : bytes
        Value of the Basic Offset Table Item: 4 bytes a Frame, or nothing.
    extended : bytes
        Value of (7FE0,0001): 8 bytes a Frame, or nothing.
    lengths : bytes
        Value of (7FE0,0002): 8 bytes a Frame, or nothing.
    """

    basic: bytes
    extended: bytes
    lengths: bytes

    @property
    def elements(self) -> bytes:
        """The Extended Offset Table elements as they stand before Pixel Data; empty where there are none."""
        if not self.extended:
            return b""
        return b"".join(
            struct.pack("<HH2sHI", 0x7FE0, element, b"OV", 0, len(value)) + value
            for element, value in ((0x0001, self.extended), (0x0002, self.lengths))
        )

    @property
    def item(self) -> bytes:
        """The Basic Offset Table Item: header and value."""
        return item_header(len(self.basic)) + self.basic


def offset_tables(stream_nbytes: Sequence[int], *, max_basic_offset: int = MAX_BASIC_OFFSET) -> OffsetTables:
    """Return the tables for Frames of one Fragment each.

    Offsets count from the first byte behind the Basic Offset Table Item and include Item headers and pads;
    lengths are those of the streams without header and pad (Table C.7-11a), so they may be odd.

    Parameters
    ----------
    stream_nbytes : sequence of int
        Size of each Frame's deflate stream in bytes, the NULL pad not counted.
    max_basic_offset : int
        The greatest offset that goes into a Basic Offset Table; beyond it the Extended pair is written.
    """
    # Arrays, since lists of numbers would take five times the room: there may be millions of Frames.
    lengths = np.array(stream_nbytes, "<u8")
    offsets = np.zeros(len(lengths), "<u8")
    np.cumsum(lengths[:-1] + lengths[:-1] % 2 + ITEM_HEADER_NBYTES, out=offsets[1:])
    # The Basic Offset Table Item is a Fragment's twin: its own length is 32 bits too.
    if (not len(offsets) or offsets[-1] <= max_basic_offset) and 4 * len(offsets) <= MAX_FRAGMENT_NBYTES:
        return OffsetTables(offsets.astype("<u4").tobytes(), b"", b"")
    return OffsetTables(b"", offsets.tobytes(), lengths.tobytes())


def encapsulate(fragments: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each Fragment as an Item: header, value, and a NULL where the value has an odd length.

    Raises
    ------
    EncapsulationError
        kind ``empty-fragment`` (A.4 asks for two bytes at least) or ``too-large``.
    """
    for fragment in fragments:
        if not fragment:
            raise EncapsulationError("a Fragment holds no byte", kind="empty-fragment", position=0)
        yield item_header(padded_nbytes(len(fragment)))
        yield fragment
        if len(fragment) & 1:
            yield b"\0"


@dataclass(frozen=True, slots=True)
class Items:
    """Fragments of consecutive Frames, as they stand in a file.

    Attributes
    ----------
    pieces : list of bytes-like
        The Items one behind the other: headers, streams, pads. A piece holds whole Items.
    stream_nbytes : list of int
        Size of each Frame's stream in bytes, neither header nor pad counted.
    """

    pieces: "list[Buffer]"
    stream_nbytes: list[int]

    @classmethod
    def of(cls, streams: Sequence[bytes]) -> Self:
        """Return the Items that hold these streams; errors as `encapsulate`."""
        return cls([b"".join(encapsulate(streams))], [len(stream) for stream in streams])

    def __iadd__(self, other: Self) -> Self:
        """Append the Items of further Frames."""
        self.pieces.extend(other.pieces)
        self.stream_nbytes.extend(other.stream_nbytes)
        return self
