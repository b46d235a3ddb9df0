# SPDX-License-Identifier: Apache-2.0
"""The Frames of a file as native bytes, however they are stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from framedeflate.byte_source import ByteSource, drive
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.frame_index import FrameIndex
from framedeflate.frame_plans import PlannedFrames, plan_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.range_plan import drive_ranges

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BATCH_NBYTES", "SourceFrames", "StoredFrames", "batches", "open_frames"]

BATCH_NBYTES: Final = 8 << 20
"""Native bytes that are held at once: large enough to keep worker threads busy, small enough for the cache."""

MAX_BATCH_FRAMES: Final = 1024
"""Frames that are held at once, however small: each costs some objects, and its Fragment may be 64 KiB."""


class StoredFrames(Protocol):
    """Frames of one image, read by index."""

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames."""

    @property
    def index(self) -> FrameIndex | None:
        """Where each Frame's Fragments are; None where Pixel Data is native."""

    @property
    def is_shareable(self) -> bool:
        """Whether several threads may read at once."""

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":
        """Return `count` Frames from `index` (from 0) on, ``image_pixel.frame_nbytes`` bytes each, in one piece.

        They may lie in `memory`, where it is large enough.
        """


def batches(image_pixel: ImagePixel, *, batch_nbytes: int = BATCH_NBYTES) -> Iterator[tuple[int, int]]:
    """Yield (index, count) of runs of Frames: about `batch_nbytes` together, or 1024, or one where it is larger."""
    step = min(max(1, batch_nbytes // image_pixel.frame_nbytes), MAX_BATCH_FRAMES)
    for index in range(0, image_pixel.number_of_frames, step):
        yield index, min(step, image_pixel.number_of_frames - index)


@dataclass(slots=True)
class SourceFrames:
    """Frames that are read from a source as their plans ask.

    Attributes
    ----------
    source : ByteSource
        The file.
    plans : PlannedFrames
        What to read of it.
    """

    source: ByteSource
    plans: PlannedFrames
    is_shareable: ClassVar[bool] = True

    @property
    def image_pixel(self) -> ImagePixel:
        """As `StoredFrames.image_pixel`."""
        return self.plans.image_pixel

    @property
    def index(self) -> FrameIndex | None:
        """As `StoredFrames.index`."""
        return self.plans.index

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":
        """As `StoredFrames.read`."""
        return drive_ranges(self.plans.native(index, count, memory=memory), self.source)


def open_frames(
    source: ByteSource, layout: DataSetLayout, uid: str, *, threads: int = 1, strict: bool = True
) -> SourceFrames:
    """Return the Frames of the Data Set that `layout` describes; parameters and errors as `plan_frames`."""
    return SourceFrames(source, drive(plan_frames(layout, uid, threads=threads, strict=strict), source))
