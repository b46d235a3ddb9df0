# SPDX-License-Identifier: Apache-2.0
"""Where the Frames of a TILED_FULL image lie: their order says it, no Item does (PS3.3 C.7.6.17.3)."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import DicomFormatError

__all__ = ["TiledFull"]

_MAX_FRAMES: Final = 1 << 40
"""More than any Concatenation has; beyond, 64 bits might not hold a position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledFull:
    """The order of Frames: along a row of tiles, down the rows, then focal planes, optical paths, segments.

    Attributes
    ----------
    rows, columns : int
        Size of a tile in pixels.
    tiles_down, tiles_across : int
        Tiles of the Total Pixel Matrix.
    layers : int
        Focal planes times optical paths: how often each tile is there for one segment. Without segments it does not
        matter, and the Optical Path Sequence may describe paths that no Frame has.
    segments : tuple of int
        Segment numbers in the order of the Segment Sequence; none where Frames are not ordered by it.
    first_index : int
        Index of this file's first Frame in its Concatenation; 0 where there is none.
    position : int
        Of the Data Set, in bytes from the start of the file; for errors.
    """

    rows: int
    columns: int
    tiles_down: int
    tiles_across: int
    layers: int
    segments: tuple[int, ...]
    first_index: int
    position: int

    @classmethod
    def of(cls, layout: DataSetLayout, *, segments: tuple[int, ...]) -> Self | None:
        """Return the order of a Data Set that is TILED_FULL, or None where it does not say how large the whole is.

        Parameters
        ----------
        segments : tuple of int
            As the attribute.

        Raises
        ------
        DicomFormatError
            kind ``bad-value``: there are other Frames than the whole of the matrix has.
        """
        rows, columns = layout.unsigned_short(Tag.ROWS), layout.unsigned_short(Tag.COLUMNS)
        height = layout.unsigned_long(Tag.TOTAL_PIXEL_MATRIX_ROWS)
        width = layout.unsigned_long(Tag.TOTAL_PIXEL_MATRIX_COLUMNS)
        if not (rows and columns and height and width):
            return None
        planes = layout.unsigned_long(Tag.TOTAL_PIXEL_MATRIX_FOCAL_PLANES) or 1
        paths = layout.unsigned_long(Tag.NUMBER_OF_OPTICAL_PATHS) or 1
        first_index = layout.unsigned_long(Tag.CONCATENATION_FRAME_OFFSET_NUMBER)
        order = cls(
            rows=rows,
            columns=columns,
            tiles_down=-(-height // rows),
            tiles_across=-(-width // columns),
            layers=planes * paths,
            segments=segments,
            first_index=first_index or 0,
            position=layout.position,
        )
        order._check(layout.number_of_frames(), in_concatenation=first_index is not None)
        return order

    def _check(self, number_of_frames: int, *, in_concatenation: bool) -> None:
        # Otherwise every Frame behind the first missing one would be put in a wrong place.
        tiles = self.tiles_down * self.tiles_across
        whole = tiles * self.layers * len(self.segments) or tiles
        there = self.first_index + number_of_frames
        if self.segments:
            fits = there == whole or (in_concatenation and there < whole)
        else:
            fits = in_concatenation or there % whole == 0
        if not fits or whole > _MAX_FRAMES:
            times = f", {self.layers} layers and {len(self.segments)} segments" if self.segments else ""
            raise DicomFormatError(
                f"{number_of_frames} Frames are not a TILED_FULL matrix of {self.tiles_down} x {self.tiles_across} "
                f"tiles{times}, so where each lies cannot be told (PS3.3 C.7.6.17.3)",
                kind="bad-value",
                position=self.position,
            )

    def tile_positions(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return row and column of each tile's first pixel in the Total Pixel Matrix, from 1; shape (Frames, 2)."""
        tile = (indices + self.first_index) % (self.tiles_down * self.tiles_across)
        down, across = np.divmod(tile, self.tiles_across)
        return np.stack([down * self.rows + 1, across * self.columns + 1], axis=-1)

    def segment_numbers(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the segment of each Frame; None where Frames are not ordered by segments."""
        if not self.segments:
            return None
        per_segment = self.tiles_down * self.tiles_across * self.layers
        return np.array(self.segments, np.int64)[(indices + self.first_index) // per_segment]
