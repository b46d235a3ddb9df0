# SPDX-License-Identifier: Apache-2.0
"""Writes Pixel Data Fragment by Fragment; the offset tables, whose size decides where it starts, come last."""

import io
from array import array
from typing import BinaryIO, Final

from framedeflate.encapsulation import (
    ITEM_HEADER_NBYTES,
    MAX_BASIC_OFFSET,
    MAX_FRAGMENT_NBYTES,
    PIXEL_DATA_HEADER,
    SEQUENCE_DELIMITATION_ITEM,
    Items,
    OffsetTables,
    item_header,
    offset_tables,
    padded_nbytes,
)

__all__ = ["FragmentWriter"]

_BLOCK_NBYTES: Final = 8 << 20


class FragmentWriter:
    """Pixel Data of one image, written in order to a seekable file.

    Room for a Basic Offset Table is left before the first Fragment. Should an offset outgrow its 32 bits, what
    was written so far, 4 GiB at most, is moved once to make room for the Extended Offset Table instead: how well
    the Frames deflate is only known by then.

    Parameters
    ----------
    file : binary file
        Readable and writable, positioned where Pixel Data, or the Extended Offset Table before it, starts.
    number_of_frames : int
        How many Fragments will be written.
    max_basic_offset : int
        The greatest offset that goes into a Basic Offset Table.

    Attributes
    ----------
    stream_nbytes : array of int
        Size of each stream written so far, pads not counted.
    fragments_nbytes : int
        Bytes of all Fragments so far, pads counted, Item headers not.
    """

    def __init__(
        self, file: BinaryIO, number_of_frames: int, *, max_basic_offset: int = MAX_BASIC_OFFSET
    ) -> None:
        self._file = file
        self._number_of_frames = number_of_frames
        self._max_basic_offset = max_basic_offset
        self._start = file.tell()
        self._is_basic = 4 * number_of_frames <= MAX_FRAGMENT_NBYTES
        self._offset = 0
        self.stream_nbytes = array("Q")
        self.fragments_nbytes = 0
        _write_zeros(file, self._room())

    def write(self, items: Items) -> None:
        """Write the Fragments of the next Frames.

        Raises
        ------
        EncapsulationError
            kind ``too-large``: a stream does not fit an Item.
        """
        if not items.stream_nbytes:
            return
        # Lengths beyond what an Item's header can state are refused before anything of them is written.
        item_header(padded_nbytes(max(items.stream_nbytes)))
        nbytes = sum(memoryview(piece).nbytes for piece in items.pieces)
        last_nbytes = ITEM_HEADER_NBYTES + padded_nbytes(items.stream_nbytes[-1])
        if self._is_basic and self._offset + nbytes - last_nbytes > self._max_basic_offset:
            self._make_room()
        self._file.writelines(items.pieces)
        self._offset += nbytes
        self.stream_nbytes.extend(items.stream_nbytes)
        self.fragments_nbytes += nbytes - ITEM_HEADER_NBYTES * len(items.stream_nbytes)

    def finish(self) -> OffsetTables:
        """Write the delimiter and fill the tables in; return them."""
        self._file.write(SEQUENCE_DELIMITATION_ITEM)
        end = self._file.tell()
        limit = self._max_basic_offset if self._is_basic else -1
        tables = offset_tables(self.stream_nbytes, max_basic_offset=limit)
        self._file.seek(self._start)
        self._file.write(tables.elements + PIXEL_DATA_HEADER + tables.item)
        self._file.seek(end)
        return tables

    def _room(self) -> int:
        """Bytes before the first Fragment: the tables, and the header of Pixel Data."""
        fixed = len(PIXEL_DATA_HEADER) + ITEM_HEADER_NBYTES
        if self._is_basic:
            return fixed + 4 * self._number_of_frames
        return fixed + 2 * (12 + 8 * self._number_of_frames)

    def _make_room(self) -> None:
        """Change from the Basic to the Extended Offset Table."""
        old_room = self._room()
        self._is_basic = False
        shift = self._room() - old_room
        self._file.flush()
        first, position = self._start + old_room, self._file.tell()
        end = position + shift
        # From the end backwards: the new place overlaps the old one.
        while position > first:
            nbytes = min(_BLOCK_NBYTES, position - first)
            position -= nbytes
            self._file.seek(position)
            block = self._file.read(nbytes)
            self._file.seek(position + shift)
            self._file.write(block)
        self._file.seek(end, io.SEEK_SET)


def _write_zeros(file: BinaryIO, nbytes: int) -> None:
    while nbytes > 0:
        file.write(bytes(min(nbytes, _BLOCK_NBYTES)))
        nbytes -= _BLOCK_NBYTES
