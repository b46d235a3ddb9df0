# SPDX-License-Identifier: Apache-2.0
"""What a file says about each of its Frames: segment, plane, tile, dimension indices (PS3.3 C.7.6.16, C.7.6.17)."""

import math
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from framedeflate.byte_source import ByteSource, Plan, drive
from framedeflate.data_set.item_table import ItemPath, ItemTable, scan_item_table
from framedeflate.data_set.label_map import is_label_map
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import DicomFormatError, FrameNumberError, SegmentError, UnsupportedImageError
from framedeflate.pydicom_bridge import decode_text
from framedeflate.tiled_full import TiledFull

__all__ = ["FrameMetadata", "FunctionalGroups"]

_Number = TypeVar("_Number", np.int64, np.float64)

_PATHS: Final = (
    ItemPath(0x0062000A, 0x0062000B, 2),  # Segment Identification > Referenced Segment Number
    ItemPath(0x00209113, 0x00200032, 1),  # Plane Position > Image Position (Patient)
    ItemPath(0x0048021A, 0x0048021F, 4),  # Plane Position (Slide) > Row Position In Total Image Pixel Matrix
    ItemPath(0x0048021A, 0x0048021E, 4),  # and Column Position
    ItemPath(0x00209111, 0x00209157, 4),  # Frame Content > Dimension Index Values
)
_SEGMENT, _IMAGE_POSITION, _TILE_ROW, _TILE_COLUMN, _DIMENSION_INDICES = range(5)

_SEGMENT_PATHS: Final = (
    ItemPath(0, 0x00620004, 2),
    ItemPath(0, 0x00620005, 1),
)  # Segment Number, Segment Label
_MAX_SEGMENTS: Final = 1 << 16  # a Segment Number has 16 bits


@dataclass(frozen=True, slots=True)
class FrameMetadata:
    """What is said about one Frame.

    Attributes
    ----------
    frame_number : int
        Which, from 1.
    segment_number : int or None
        The segment it shows (C.8.20.3.1); None where that is not said, as in a LABELMAP Segmentation, whose Frames
        show all.
    image_position : tuple of float or None
        x, y, z of the centre of its first pixel in the patient's coordinate system, in mm (C.7.6.16.2.3).
    tile_position : tuple of int or None
        Row and column of its first pixel in the Total Pixel Matrix, from 1 (C.8.12.6.1).
    dimension_index_values : tuple of int
        One a dimension, from 1 (C.7.6.16.2.2); empty where there are none.
    """

    frame_number: int
    segment_number: int | None
    image_position: tuple[float, float, float] | None
    tile_position: tuple[int, int] | None
    dimension_index_values: tuple[int, ...]


class FunctionalGroups:
    """The Multi-frame Functional Groups of a file, as far as they say where its Frames belong.

    Nothing is read before it is asked for. Then the Per-Frame Functional Groups Sequence is walked once, for all
    Frames; what a Frame's Item does not say, the Shared Functional Groups Sequence or the order of a TILED_FULL image
    does. May be used from several threads at once.

    Parameters
    ----------
    source : ByteSource
        The file's bytes.
    layout : DataSetLayout
        Where things are in it.

    Raises
    ------
    UnsupportedImageError
        kind ``number-of-frames``: it is no whole number or, once something is read, more than the file has room for.
    DicomFormatError
        When something is read: the sequences cannot be walked, hold values that are none, or there are not as many
        Items as Frames. kind ``truncated`` | ``bad-structure`` | ``too-deep`` | ``too-large`` | ``bad-value``.
    """

    def __init__(self, source: ByteSource, layout: DataSetLayout) -> None:
        self._source = source
        self._layout = layout
        self._lock = threading.Lock()
        self._tables: dict[int, ItemTable] = {}
        self.number_of_frames = layout.number_of_frames()
        """How many Frames there are."""

    def frame_metadata(self, *, frame_number: int) -> FrameMetadata:
        """Return what is said about a Frame, from 1.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        DicomFormatError
            As the class.
        """
        if not 1 <= frame_number <= self.number_of_frames:
            raise FrameNumberError(frame_number=frame_number, number_of_frames=self.number_of_frames)
        index = frame_number - 1
        segment = self._number(index, _SEGMENT)
        row, column = self._number(index, _TILE_ROW), self._number(index, _TILE_COLUMN)
        tile = (row, column) if row is not None and column is not None else None
        order = self._order if segment is None or tile is None else None
        if order is not None:
            here = np.array([index])
            segments = order.segment_numbers(here)
            segment = int(segments[0]) if segment is None and segments is not None else segment
            if tile is None:
                row, column = order.tile_positions(here)[0].tolist()
                tile = (row, column)
        indices = self._value(index, _DIMENSION_INDICES)
        if len(indices) % 4:
            raise self._per_frame.bad_value(_DIMENSION_INDICES)
        return FrameMetadata(
            frame_number=frame_number,
            segment_number=segment,
            image_position=_position(self._value(index, _IMAGE_POSITION), self._per_frame),
            tile_position=tile,
            dimension_index_values=struct.unpack_from(f"<{len(indices) // 4}I", indices),
        )

    def frames_for(self, *, segment: int) -> NDArray[np.int64]:
        """Return the numbers of the Frames that show a segment, from 1 and ascending; none may.

        Parameters
        ----------
        segment : int
            Segment Number (0062,0004).

        Raises
        ------
        SegmentError
            kind ``unknown-segment`` | ``label-map`` | ``no-segments``.
        DicomFormatError
            As the class.
        """
        if is_label_map(self._layout):
            raise SegmentError(
                "a Frame of a LABELMAP Segmentation may show every segment: read Frames, and compare their pixels with "
                f"{segment}",
                kind="label-map",
                segment_number=segment,
            )
        numbers = self.segment_numbers
        if numbers is None:
            raise SegmentError(
                "the file does not say which segment a Frame shows (PS3.3 C.8.20.3.1)",
                kind="no-segments",
                segment_number=segment,
            )
        frames = np.flatnonzero(numbers == segment) + 1 if segment > 0 else np.empty(0, np.int64)
        if not frames.size and segment not in self.segments:
            raise SegmentError(
                f"there is no segment {segment}; there are {_listed(sorted(self.segments))}",
                kind="unknown-segment",
                segment_number=segment,
            )
        return frames

    @cached_property
    def segment_numbers(self) -> NDArray[np.int64] | None:
        """Segment of each Frame, 0 where none is said; None where none is said for any. Shape (Frames,)."""
        numbers, present = self._numbers(_SEGMENT)
        if not present.all() and self._order is not None:
            implied = self._order.segment_numbers(np.arange(self.number_of_frames))
            if implied is not None:
                return _read_only(np.where(present, numbers, implied))
        return _read_only(numbers) if present.any() else None

    @cached_property
    def tile_positions(self) -> NDArray[np.int64] | None:
        """Row and column of each Frame in the Total Pixel Matrix, from 1; 0 where not said. Shape (Frames, 2)."""
        (rows, has_row), (columns, has_column) = self._numbers(_TILE_ROW), self._numbers(_TILE_COLUMN)
        present = has_row & has_column
        if self._order is None and not present.any():
            return None
        positions = np.where(present[:, np.newaxis], np.stack([rows, columns], axis=-1), 0)
        if not present.all() and self._order is not None:
            implied = self._order.tile_positions(np.arange(self.number_of_frames))
            return _read_only(np.where(present[:, np.newaxis], positions, implied))
        return _read_only(positions)

    @cached_property
    def image_positions(self) -> NDArray[np.float64] | None:
        """Image Position (Patient) of each Frame in mm, NaN where not said; None if never. Shape (Frames, 3)."""
        table = self._per_frame
        fallback = self._fallback(_IMAGE_POSITION)
        # Many Frames of a Segmentation share a plane: each text is read once.
        known = {b"": _position(fallback, table)}
        unknown = (math.nan, math.nan, math.nan)
        if not (len(table) and (table.nbytes[:, _IMAGE_POSITION] > 0).any()):
            if not known[b""]:
                return None
            return _read_only(np.tile(np.array(known[b""]), (self.number_of_frames, 1)))
        values = table.column(_IMAGE_POSITION)
        for value in values:
            if value not in known:
                known[value] = _position(value, table)
        if not any(known.values()):
            return None
        return _read_only(np.array([known[value] or unknown for value in values], np.float64))

    @cached_property
    def segments(self) -> Mapping[int, str]:
        """Segment Label by Segment Number, in the order of the Segment Sequence; empty where there is none."""
        table = self._segment_table
        numbers, present = table.numbers(0, "u")
        character_set = self._layout.text(Tag.SPECIFIC_CHARACTER_SET)
        labels = table.column(1)
        return MappingProxyType(
            {int(numbers[item]): _label(labels[item], character_set) for item in np.flatnonzero(present)}
        )

    @property
    def _segment_table(self) -> ItemTable:
        return self._table(Tag.SEGMENT_SEQUENCE, _SEGMENT_PATHS, _MAX_SEGMENTS)

    @cached_property
    def _order(self) -> TiledFull | None:
        if self._layout.text(Tag.DIMENSION_ORGANIZATION_TYPE) != "TILED_FULL":
            return None  # without reading segments, which a server would have to be asked for
        described: tuple[int, ...] = ()
        if not is_label_map(self._layout):
            numbers, present = self._segment_table.numbers(0, "u")
            described = (*numbers[present].tolist(),)
        return TiledFull.of(self._layout, segments=described)

    @property
    def _per_frame(self) -> ItemTable:
        self._require_plausible_count()
        table = self._table(Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, _PATHS, self.number_of_frames)
        if len(table) not in {0, self.number_of_frames}:
            # C.7.6.16: an Item for each Frame, in their order. Which of them is missing cannot be told.
            raise DicomFormatError(
                f"the Per-Frame Functional Groups Sequence (5200,9230) has {len(table)} Items for "
                f"{self.number_of_frames} Frames",
                kind="bad-structure",
                position=table.position,
            )
        return table

    def prepare(self) -> Plan[None]:
        """Plan: read all of it, so that nothing else here reads any more; errors as the class."""
        self._require_plausible_count()
        for tag, paths, max_items in (
            (Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, _PATHS, self.number_of_frames),
            (Tag.SHARED_FUNCTIONAL_GROUPS_SEQUENCE, _PATHS, 1),
            (Tag.SEGMENT_SEQUENCE, _SEGMENT_PATHS, _MAX_SEGMENTS),
        ):
            if tag not in self._tables:
                table = yield from scan_item_table(self._layout, tag, paths, max_items=max_items)
                self._tables.setdefault(tag, table)

    def _require_plausible_count(self) -> None:
        # No file has Frames without a byte each; what is kept grows with their number.
        nbytes = self._layout.end_position
        if not 1 <= self.number_of_frames <= nbytes:
            raise UnsupportedImageError(
                f"Number of Frames is {self.number_of_frames}, and the file has {nbytes} bytes",
                kind="number-of-frames",
            )

    def _table(self, tag: int, paths: tuple[ItemPath, ...], max_items: int) -> ItemTable:
        with self._lock:
            if tag not in self._tables:
                plan = scan_item_table(self._layout, tag, paths, max_items=max_items)
                self._tables[tag] = drive(plan, self._source)
            return self._tables[tag]

    def _fallback(self, path: int) -> bytes:
        """Return the value that holds for every Frame whose own Item has none."""
        shared = self._table(Tag.SHARED_FUNCTIONAL_GROUPS_SEQUENCE, _PATHS, 1)
        value = shared.value(0, path) if len(shared) else b""
        if not value and path == _IMAGE_POSITION and self.number_of_frames == 1:
            # An image without functional groups: the Image Plane Module's (C.7.6.2).
            return self._layout.values.get(Tag.IMAGE_POSITION_PATIENT, b"")
        return value

    def _value(self, index: int, path: int) -> bytes:
        table = self._per_frame
        return (table.value(index, path) if len(table) else b"") or self._fallback(path)

    def _number(self, index: int, path: int) -> int | None:
        value, word = self._value(index, path), _PATHS[path].word_nbytes
        if not value:
            return None
        if len(value) < word:
            raise self._per_frame.bad_value(path)
        return int.from_bytes(value[:word], "little", signed=path != _SEGMENT)

    def _numbers(self, path: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the number of each Frame, 0 where none is said, and whether one is."""
        table = self._per_frame
        if len(table):
            numbers, present = table.numbers(path, "u" if path == _SEGMENT else "i")
        else:
            numbers = np.zeros(self.number_of_frames, np.int64)
            present = np.zeros(self.number_of_frames, np.bool_)
        if not present.all() and (fallback := self._fallback(path)):
            word = _PATHS[path].word_nbytes
            if len(fallback) < word:
                raise table.bad_value(path)
            numbers[~present] = int.from_bytes(fallback[:word], "little", signed=path != _SEGMENT)
            present[:] = True
        return numbers, present


def _position(value: bytes, table: ItemTable) -> tuple[float, float, float] | None:
    """Return a position of three decimal strings (PS3.5 6.2), or None where there is none."""
    if not value.strip(b"\0 "):
        return None
    try:
        x, y, z = (float(part) for part in value.rstrip(b"\0 ").split(b"\\"))
    except ValueError as error:
        raise table.bad_value(_IMAGE_POSITION) from error
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise table.bad_value(_IMAGE_POSITION)
    return x, y, z


def _label(value: bytes, character_set: str) -> str:
    # Importing pydicom costs half a second, which labels in ASCII need not wait for.
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").rstrip("\0 ")
    return decode_text(value, character_set)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    return (shown or "none") + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")


def _read_only(array: NDArray[_Number]) -> NDArray[_Number]:
    """Return the array, which every caller gets, so that none changes it for the others."""
    array.flags.writeable = False
    return array
