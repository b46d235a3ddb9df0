# SPDX-License-Identifier: Apache-2.0
"""The Basic and the Extended Offset Table as a file has them (PS3.5 A.4, PS3.3 C.7.6.3.1.8)."""

import struct
import sys
from array import array
from typing import Final, Literal, NamedTuple

import numpy as np

from framedeflate.byte_source import Plan
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.encapsulation import ITEM_HEADER_NBYTES, ITEM_TAG

__all__ = [
    "ItemPositions",
    "read_basic_offsets",
    "read_extended_lengths",
    "read_extended_offsets",
    "read_item_positions",
]

_MAX_OFFSET: Final = 1 << 62
_MAX_BELIEVED_FRAMES: Final = 1 << 23
"""More have a table of 32 MiB or more, which a server could make up; a walk over the Items asks for less at a time."""


class ItemPositions(NamedTuple):
    """Where a table says that each Frame's Item is.

    Attributes
    ----------
    positions : array of int
        Of each Item's header, in bytes from the start of the file.
    end_position : int
        Where the last Item ends at the latest.
    """

    positions: "array[int]"
    end_position: int


def read_item_positions(layout: DataSetLayout, number_of_frames: int) -> "Plan[ItemPositions | None]":
    """Plan: where the table says that the Items are; None where none is filled, or it is too long or makes no sense."""
    pixel_data = layout.pixel_data
    if pixel_data is None or not pixel_data.is_undefined_length or number_of_frames > _MAX_BELIEVED_FRAMES:
        return None
    position = pixel_data.value_position
    header = yield (position, position + ITEM_HEADER_NBYTES)
    if len(header) < ITEM_HEADER_NBYTES or header[:4] != ITEM_TAG:
        return None
    nbytes = struct.unpack_from("<I", header, 4)[0]
    position += ITEM_HEADER_NBYTES
    if position + nbytes > layout.end_position:
        return None
    offsets = yield from read_basic_offsets(position, nbytes, number_of_frames)
    if not nbytes:
        offsets = yield from read_extended_offsets(layout, number_of_frames)
    positions = _increasing(offsets, number_of_frames, origin=position + nbytes)
    if positions is None or positions[-1] + ITEM_HEADER_NBYTES > layout.end_position:
        return None
    return ItemPositions(positions, layout.end_position)


def _increasing(offsets: "array[int]", number_of_frames: int, *, origin: int) -> "array[int] | None":
    """Return positions, or None where the offsets are not as many as Frames, from 0 on, an Item apart."""
    numbers = np.array(offsets, np.uint64)
    if len(numbers) != number_of_frames or numbers[0] or numbers[-1] > _MAX_OFFSET:
        return None
    positions = numbers.astype(np.int64) + origin
    if (np.diff(positions) < ITEM_HEADER_NBYTES).any():
        return None
    return array("q", positions.tobytes())


def read_extended_offsets(layout: DataSetLayout, number_of_frames: int) -> "Plan[array[int]]":
    """Plan: the Extended Offset Table (7FE0,0001); empty where it is absent or has not 8 bytes a Frame.

    Call it, and the next, only once there are known to be as many Fragments as Frames.
    """
    return _read_element(layout, Tag.EXTENDED_OFFSET_TABLE, number_of_frames)


def read_extended_lengths(layout: DataSetLayout, number_of_frames: int) -> "Plan[array[int]]":
    """Plan: its Lengths (7FE0,0002); empty where they are absent or have not 8 bytes a Frame."""
    return _read_element(layout, Tag.EXTENDED_OFFSET_TABLE_LENGTHS, number_of_frames)


def _read_element(layout: DataSetLayout, tag: int, number_of_frames: int) -> "Plan[array[int]]":
    element = layout.elements.get(tag)
    if element is None or element.value_nbytes != 8 * number_of_frames:
        return array("Q")
    value = yield (element.value_position, element.end_position)
    return _numbers("Q", value)


def read_basic_offsets(position: int, nbytes: int, number_of_frames: int) -> "Plan[array[int]]":
    """Plan: the Basic Offset Table of `nbytes` at `position`; empty where it has not 4 bytes a Frame."""
    if nbytes != 4 * number_of_frames:
        return array("I")
    value = yield (position, position + nbytes)
    return _numbers("I", value)


def _numbers(code: Literal["I", "Q"], value: bytes) -> "array[int]":
    """Return little endian numbers: 4 or 8 bytes each, where a tuple would take 40."""
    numbers = array(code)
    numbers.frombytes(value[: len(value) - len(value) % numbers.itemsize])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
