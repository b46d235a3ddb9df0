# SPDX-License-Identifier: Apache-2.0
"""Lookup Tables of a Data Set: descriptor and data, whole or in segments (PS3.3 C.11.1.1, C.7.9.2)."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LookupTable", "expand_segments", "table_of"]

_MAX_ENTRIES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table from whole numbers to whole numbers.

    Attributes
    ----------
    first_mapped : int
        The value of the first entry; smaller ones map to it, and too large ones to the last.
    bits : int
        Of an entry: 8 to 16.
    entries : ndarray of float64
        Shape (entries,).
    """

    first_mapped: int
    bits: int
    entries: "NDArray[np.float64]"

    def map(self, values: "NDArray[Any]") -> "NDArray[np.float64]":
        """Return the entry of each value."""
        places = np.rint(values).astype(np.int64) - self.first_mapped
        return np.asarray(self.entries[places.clip(0, len(self.entries) - 1)])

    def scaled(self) -> "NDArray[np.uint8]":
        """Return the entries as 8 bits."""
        return np.rint(self.entries * (255 / ((1 << self.bits) - 1))).clip(0, 255).astype(np.uint8)


def table_of(
    descriptor: list[int], data: bytes, *, signed: bool, segmented: bool = False
) -> LookupTable | None:
    """Return a table, None where the data is not what the descriptor says.

    Parameters
    ----------
    descriptor : list of int
        Number of entries (0 for 65 536), first value mapped, bits of an entry.
    data : bytes
        Words of 16 bits, Little Endian; or entries of 8 bits, one a byte.
    signed : bool
        Whether the first value mapped is, as pixel values are.
    segmented : bool
        Whether the data is in segments.
    """
    if len(descriptor) != 3:
        return None
    count, first, bits = descriptor[0] & 0xFFFF or _MAX_ENTRIES, descriptor[1], descriptor[2]
    if not 8 <= bits <= 16:
        return None
    first = (first & 0xFFFF) - (1 << 16 if signed and first & 0x8000 else 0)
    if segmented:
        expanded = expand_segments(data, count)
        if expanded is None:
            return None
        entries = expanded
    elif len(data) >= 2 * count:
        entries = np.frombuffer(data, "<u2", count).astype(np.float64)
    elif len(data) >= count:
        entries = np.frombuffer(data, np.uint8, count).astype(np.float64)
    else:
        return None
    if bits == 16 and entries.max() <= 255:
        # Writers that say 16 bits and mean 8 are known; black as a whole no table is.
        bits = 8
    return LookupTable(first, bits, entries)


def expand_segments(data: bytes, count: int) -> "NDArray[np.float64] | None":
    """Return the entries of segmented data (PS3.3 C.7.9.2.2): discrete, linear and indirect segments."""
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    entries: list[float] = []
    at = 0
    while at + 1 < len(words) and len(entries) < count:
        at = _segment(words, at, entries, count, may_refer=True)
        if at < 0:
            return None
    return np.array(entries) if len(entries) == count else None


def _segment(words: tuple[int, ...], at: int, entries: list[float], count: int, *, may_refer: bool) -> int:
    """Add the entries of the segment at a place; return the place behind it, -1 where it is none."""
    opcode, length, *_ = (*words[at : at + 2], 3, 0)
    # A segment without entries would let a few words take any time.
    if not length or (opcode < 2 and len(entries) + length > count):
        return -1
    if opcode == 0 and at + 2 + length <= len(words):
        entries += words[at + 2 : at + 2 + length]
        return at + 2 + length
    if opcode == 1 and entries and at + 2 < len(words):
        entries += np.linspace(entries[-1], words[at + 2], length + 1)[1:].round().tolist()
        return at + 3
    if opcode == 2 and may_refer and at + 3 < len(words):
        # Segments that were there before, by the place of the first in bytes.
        place = (words[at + 2] | words[at + 3] << 16) // 2
        while length and place >= 0:
            place = _segment(words, place, entries, count, may_refer=False)
            length -= 1
        return at + 4 if place >= 0 else -1
    return -1
