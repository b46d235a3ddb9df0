# SPDX-License-Identifier: Apache-2.0
"""How an image's Frames are shared out: batches for the stages, and parts of a batch that stay in the cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from framedeflate.stored_frames import StoredFrames, batches
from framedeflate.transcode.stages import worker_count

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BatchPlan", "FrameBatch", "Part", "SpareMemory"]

_MAX_BATCH_NBYTES: Final = 8 << 20
"""Native bytes that go from thread to thread at once. With half as many, handing them over costs a tenth of all."""
_PART_NBYTES: Final = 1 << 20
"""Native bytes that are read at once: what was read is still in the cache when it is coded. A batch has no less."""
_IN_FLIGHT_NBYTES: Final = 64 << 20
"""Bounds the threads where Frames are large: each thread holds a Frame, its stream and what it inflates to."""


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive Frames.

    Attributes
    ----------
    index, count : int
        The first of them, from 0, and how many.
    """

    index: int
    count: int
    _frames: StoredFrames
    _native: "Buffer | None"

    def parts(self, spare: "SpareMemory") -> "Iterator[Part]":
        """Yield runs of these Frames, in order, each read when it is asked for."""
        if self._native is not None:
            yield Part(self.index, self.count, self._native)
            return
        step = max(1, _PART_NBYTES // self._frames.image_pixel.frame_nbytes)
        stop = self.index + self.count
        for index in range(self.index, stop, step):
            count = min(step, stop - index)
            yield Part(index, count, self._frames.read(index, count, memory=spare.take()))


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive Frames that were read.

    Attributes
    ----------
    index, count : int
        The first of them, from 0, and how many.
    native : bytes-like
        The Frames, in one piece. For `SpareMemory.give` once they are done with.
    """

    index: int
    count: int
    native: "Buffer"


class SpareMemory:
    """Memory of parts that are done with, for those to come: new memory is zeroed, page by page, each time."""

    def __init__(self) -> None:
        # Appending and popping need no lock. The last given is the first taken: it may still be in the cache.
        self._spare: list[bytearray] = []

    def take(self) -> bytearray | None:
        """Return memory for a part, if there is any."""
        try:
            return self._spare.pop()
        except IndexError:
            return None

    def give(self, native: "Buffer") -> None:
        """Take the memory of a part; nothing where it may not be written to."""
        if isinstance(native, memoryview) and isinstance(native.obj, bytearray):
            self._spare.append(native.obj)


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Batches of an image, and how many threads work on them.

    Attributes
    ----------
    workers : int
        Threads beside the caller's; 0 where a single batch holds everything.
    threads : int
        How many threads each batch may use by itself.
    """

    workers: int
    threads: int
    _batch_nbytes: int
    _frames: StoredFrames

    @classmethod
    def of(cls, frames: StoredFrames, *, threads: int) -> Self:
        """Plan for `threads` (0 means all cores)."""
        image_pixel = frames.image_pixel
        workers = worker_count(threads)
        nbytes = image_pixel.frame_nbytes * image_pixel.number_of_frames
        # Four batches a thread, so that none waits long for the last.
        batch_nbytes = min(max(nbytes // (4 * workers), _PART_NBYTES), _MAX_BATCH_NBYTES)
        if next(batches(image_pixel, batch_nbytes=batch_nbytes))[1] == image_pixel.number_of_frames:
            return cls(0, threads, batch_nbytes, frames)
        workers = max(1, min(workers, _IN_FLIGHT_NBYTES // image_pixel.frame_nbytes))
        return cls(workers, 1, batch_nbytes, frames)

    def __iter__(self) -> Iterator[FrameBatch]:
        """Yield the batches, in order. Frames that one thread alone can read are read here, by the caller."""
        frames = self._frames
        for index, count in batches(frames.image_pixel, batch_nbytes=self._batch_nbytes):
            native = None if frames.is_shareable else frames.read(index, count)
            yield FrameBatch(index, count, frames, native)
