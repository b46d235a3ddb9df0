# SPDX-License-Identifier: Apache-2.0
"""Planes taken as they come: what is in them becomes Frames to deflate, where they are is spooled."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from framedeflate.errors import SegmentationError
from framedeflate.pydicom_plugin.segmentation.masks import PlaneCutter
from framedeflate.pydicom_plugin.segmentation.places import places_of
from framedeflate.pydicom_plugin.segmentation.references import References
from framedeflate.pydicom_plugin.segmentation.spool import Spool
from framedeflate.pydicom_plugin.segmentation.template import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

__all__ = ["FrameBatch", "PlaneCollector"]

_BATCH_NBYTES: Final = 1 << 20
"""Native bytes that are deflated at once, while they are in the cache."""
_NONE: Final = object()


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Frames to deflate.

    Attributes
    ----------
    native : bytes-like
        One behind the other.
    first_frame_number : int
        Number of the first, from 1, in the order in which they come.
    """

    native: bytearray
    first_frame_number: int


class PlaneCollector:
    """Takes planes.

    Parameters
    ----------
    template : Template
        Describes them.
    groups : Spool
        Gets two functional groups for each plane: Derivation Image and Plane Position.

    Attributes
    ----------
    groups : Spool
    cutter : PlaneCutter
    places : Places
    references : References
        What is known of the planes so far.
    planes, segments : array of int
        Index of each Frame's plane, and of its segment in the Segment Sequence.
    number_of_planes : int
        Taken so far.
    """

    def __init__(self, template: Template, groups: Spool) -> None:
        self.cutter = PlaneCutter(template)
        self.places = places_of(template)
        self.references = References(template)
        self.planes = array("Q")
        self.segments = array("L")
        self.number_of_planes = 0
        self.groups = groups

    def batches(
        self,
        planes: "Iterable[NDArray[Any]]",
        *,
        source_images: "Iterable[Dataset] | None",
        positions: Iterable[Iterable[float]] | None,
    ) -> Iterator[FrameBatch]:
        """Yield the Frames of planes, of each of which one of both says where it is; errors as `write_segmentation`."""
        native, first = bytearray(), 1
        where: Any = positions if source_images is None else source_images
        pairs: Iterator[tuple[Any, Any]] = zip_longest(planes, where, fillvalue=_NONE)
        for plane, place in pairs:
            number = self.number_of_planes + 1
            if plane is _NONE or place is _NONE:
                more, fewer = ("places", "planes") if plane is _NONE else ("planes", "places")
                raise SegmentationError(
                    f"there are {number - 1} {fewer}, but more {more}; give one source image or position a plane",
                    kind="plane-count",
                )
            derivation = (
                self.references.none() if source_images is None else self.references.add(place, number)
            )
            position = place if source_images is None else place.ImagePositionPatient
            groups = derivation, self.places.add(position, number)
            self.groups.append(groups, [len(group) for group in groups])
            for segment, frame in self.cutter.frames(plane, number):
                native += frame
                self.planes.append(number - 1)
                self.segments.append(segment)
                if len(native) >= _BATCH_NBYTES:
                    yield FrameBatch(native, first)
                    native, first = bytearray(), len(self.planes) + 1
            self.number_of_planes = number
        if native:
            yield FrameBatch(native, first)
