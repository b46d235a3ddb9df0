# SPDX-License-Identifier: Apache-2.0
"""In which order the Frames are stored, and their Dimension Index Values (PS3.3 C.7.6.17)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from framedeflate.pydicom_plugin.segmentation.template import SEGMENT, Template

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from framedeflate.pydicom_plugin.segmentation.places import Places

__all__ = ["FrameOrder"]


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """Frames in the order of their Dimension Index Values.

    Attributes
    ----------
    planes, segments : ndarray of int
        Index of each Frame's plane, and of its segment in the Segment Sequence.
    streams : ndarray of int
        Which of the Fragments that were made is the Frame's.
    index_values : ndarray of uint32
        Dimension Index Values; shape (frames, dimensions).
    included : ndarray of int
        The planes that have a Frame.
    """

    planes: "NDArray[np.intp]"
    segments: "NDArray[np.intp]"
    streams: "NDArray[np.intp]"
    index_values: "NDArray[Any]"
    included: "NDArray[np.intp]"

    @classmethod
    def of(
        cls,
        template: Template,
        places: "Places",
        planes: "ArrayLike",
        segments: "ArrayLike",
        *,
        blank_in: int = 0,
    ) -> Self:
        """Sort Frames.

        Parameters
        ----------
        planes, segments : array-like of int
            Plane and segment of each Frame, in the order in which the Fragments were made.
        blank_in : int
            If not 0: how many planes there are, each of which gets a Frame of each segment; those that were not made
            have the Fragment behind the last.
        """
        planes, segments = np.array(planes, np.intp), np.array(segments, np.intp)
        streams = np.arange(len(planes))
        if blank_in:
            kinds = 1 if template.is_label_map else len(template.segment_numbers)
            made = streams
            streams = np.full(blank_in * kinds, len(made))
            streams[planes * kinds + segments] = made
            planes, segments = np.divmod(np.arange(blank_in * kinds), kinds)
        # Only what has a Frame counts: an index value that no Frame has would be a gap.
        included, rank = np.unique(planes, return_inverse=True)
        values = np.empty((len(planes), len(template.pointers)), "<u4")
        for column, pointer in enumerate(template.pointers):
            if pointer == SEGMENT:
                values[:, column] = segments + 1
            else:
                along = np.unique(places.along(pointer)[included], return_inverse=True)[1]
                values[:, column] = along[rank] + 1
        order = np.lexsort(values.T[::-1])
        return cls(planes[order], segments[order], streams[order], values[order], included)

    def __len__(self) -> int:
        return len(self.planes)

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield each Frame's plane, segment, and Dimension Index Values as bytes."""
        for index in range(len(self)):
            yield int(self.planes[index]), int(self.segments[index]), self.index_values[index].tobytes()
