# SPDX-License-Identifier: Apache-2.0
"""Chosen Frames of a file as arrays: how much of it to ask for at a time, and the pixels that come of it."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from framedeflate.array import frames_to_array, pixels_to_array, sample_type
from framedeflate.frame_plans import DeflatedFrames, PlannedFrames
from framedeflate.pixel_memory import MAX_SAMPLES, new_pixels, pixels_nbytes, sampled_frames
from framedeflate.range_plan import RangePlan, together

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FAR", "NEAR", "Reach", "Run", "arrays_of", "fetch", "read_array", "read_one", "runs_in_turn"]

_DECODED_NBYTES: Final = 8 << 20
"""Native bytes that one call of the core decodes where many Frames become one array: work for many threads."""

_STEP_NBYTES: Final = 1 << 20
"""Pixels that one array, and one call of the core, hold for each thread: the cache's share."""

Run = tuple[int, int]
"""Index of a Frame, and how many follow each other from it on."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How much is asked for at once.

    Attributes
    ----------
    stored_nbytes, native_nbytes, frames : int
        Of one request at most, but for a single Frame.
    first_frames : int
        Frames of the first request where they are gone through in turn; each further one has twice as many.
    samples_ahead : bool
        Whether some Frames from all over may be asked for just to see what they are like.
    """

    stored_nbytes: int
    native_nbytes: int
    frames: int
    first_frames: int
    samples_ahead: bool


NEAR: Final = Reach(64 << 20, 8 << 20, 1024, 1024, samples_ahead=True)
"""For memory and disks: what was read is decoded while it is in the cache."""
FAR: Final = Reach(4 << 20, 1 << 30, 16384, 16, samples_ahead=False)
"""For servers, where each request costs a round trip."""


def read_array(frames: PlannedFrames, indices: Sequence[int], reach: Reach) -> RangePlan[NDArray[Any]]:
    """Plan: Frames in the order of their `indices`, as one array; shape and type as `decode_frames`.

    Raises
    ------
    FrameDecodeError
        For the first Frame that cannot be read. Nothing is allocated for Frames that their Fragments cannot hold.
    """
    batches = _batches(frames, indices, reach)
    if isinstance(frames, DeflatedFrames):
        return (yield from _read_deflated(frames, indices, batches, reach))
    image_pixel = frames.image_pixel
    empty = frames_to_array(b"", image_pixel)
    array = np.empty((len(indices), *empty.shape[1:]), empty.dtype)
    at = 0
    for batch in batches:
        for native in (yield from together([frames.native(*run) for run in batch])):
            part = frames_to_array(native, image_pixel)
            array[at : at + len(part)] = part
            at += len(part)
    return array


def read_one(frames: PlannedFrames, index: int) -> RangePlan[NDArray[Any]]:
    """Plan: one Frame, on the shortest way."""
    fetched = yield from fetch(frames, (index, 1))
    return next(arrays_of(frames, (index, 1), fetched))


def _read_deflated(
    frames: DeflatedFrames, indices: Sequence[int], batches: Iterator[list[Run]], reach: Reach
) -> RangePlan[NDArray[Any]]:
    """As `read_array`: inflated into the array itself."""
    image_pixel = frames.image_pixel
    if not image_pixel.is_bilevel:
        sample_type(image_pixel)
    frames.fragments.require_plausible(indices)
    nbytes = pixels_nbytes(image_pixel)
    sampled = sampled_frames(len(indices), image_pixel)
    pixels: NDArray[np.uint8] | None = None
    zeroed = False
    at = 0
    for batch in batches:
        fetched = yield from frames.fragments.fetch_together(batch)
        fragments = [fragment for of_run in fetched for fragment in of_run]
        if pixels is None:
            samples = fragments
            if reach.samples_ahead and sampled and len(samples) < len(indices):
                apart = yield from frames.fragments.fetch_together([(indices[i], 1) for i in sampled])
                samples = [fragment for (fragment,) in apart]
            else:
                samples = samples[:: -(-len(samples) // MAX_SAMPLES)]
            pixels, zeroed = new_pixels(len(indices), image_pixel, samples if sampled else ())
        # Also what lies apart in the file: threads have work only where many Frames are given to the core at once.
        for _first, some in _steps(fragments, max(1, _DECODED_NBYTES // image_pixel.frame_nbytes)):
            place = pixels[at * nbytes : (at + len(some)) * nbytes]
            frames.inflate_pixels(some, indices[at : at + len(some)], place, zeroed=zeroed)
            at += len(some)
    if pixels is None:
        pixels, _zeroed = new_pixels(0, image_pixel, ())
    return pixels_to_array(pixels, image_pixel)


def runs_in_turn(frames: PlannedFrames, reach: Reach) -> Iterator[Run]:
    """Yield what to fetch, one after the other, to go through all Frames."""
    image_pixel = frames.image_pixel
    index, longest = 0, reach.first_frames
    while index < image_pixel.number_of_frames:
        count = min(longest, image_pixel.number_of_frames - index)
        run, _nbytes = next(_split(frames, index, count, reach))
        yield run
        index += run[1]
        longest = min(2 * longest, reach.frames)


def fetch(frames: PlannedFrames, run: Run) -> RangePlan["list[Buffer] | Buffer"]:
    """Plan: what is stored of some Frames: their Fragments, or their native bytes where they are not deflated."""
    if isinstance(frames, DeflatedFrames):
        return (yield from frames.fragments.fetch(*run))
    return (yield from frames.native(*run))


def arrays_of(frames: PlannedFrames, run: Run, fetched: "list[Buffer] | Buffer") -> Iterator[NDArray[Any]]:
    """Yield each Frame of what was fetched, a few sharing memory that is still in the cache when they are looked at."""
    image_pixel = frames.image_pixel
    nbytes = pixels_nbytes(image_pixel)
    if not isinstance(frames, DeflatedFrames):
        native = memoryview(fetched).cast("B")  # type: ignore[arg-type]  # as `fetch` says
        step = max(1, _STEP_NBYTES // nbytes) * image_pixel.frame_nbytes
        for start in range(0, len(native), step):
            array = frames_to_array(native[start : start + step], image_pixel)
            # Native bytes are a view of what was read, which nobody may write to.
            yield from array if array.flags.writeable else array.copy()
        return
    workers = frames.threads or os.cpu_count() or 1
    for first, some in _steps(fetched, max(1, workers * _STEP_NBYTES // nbytes)):  # type: ignore[arg-type]
        pixels = np.empty(len(some) * nbytes, np.uint8)
        indices = range(run[0] + first, run[0] + first + len(some))
        frames.inflate_pixels(some, indices, pixels, zeroed=False)
        yield from pixels_to_array(pixels, image_pixel)


def _steps(fragments: "list[Buffer]", step: int) -> "Iterator[tuple[int, list[Buffer]]]":
    for first in range(0, len(fragments), step):
        yield first, fragments[first : first + step]


def _runs(indices: Sequence[int]) -> Iterator[Run]:
    """Yield the runs of neighbouring Frames."""
    start = 0
    for at in range(1, len(indices) + 1):
        if at == len(indices) or indices[at] != indices[at - 1] + 1:
            yield indices[start], at - start
            start = at


def _split(frames: PlannedFrames, index: int, count: int, reach: Reach) -> Iterator[tuple[Run, int]]:
    """Yield the parts of a run that are within reach, with the bytes that are stored of each."""
    longest = min(max(1, reach.native_nbytes // frames.image_pixel.frame_nbytes), reach.frames)
    while count:
        bounds = frames.bounds(index, min(count, longest))
        fitting = max(1, bisect_right(bounds, bounds[0] + reach.stored_nbytes) - 1)
        yield (index, fitting), bounds[fitting] - bounds[0]
        index, count = index + fitting, count - fitting


def _batches(frames: PlannedFrames, indices: Sequence[int], reach: Reach) -> Iterator[list[Run]]:
    """Yield the runs to fetch at once: many that lie apart, as far as they are within reach together."""
    longest = max(1, reach.native_nbytes // frames.image_pixel.frame_nbytes)
    batch: list[Run] = []
    stored_nbytes = count = 0
    for index, length in _runs(indices):
        for run, nbytes in _split(frames, index, length, reach):
            stored_nbytes += nbytes
            count += run[1]
            if batch and (stored_nbytes > reach.stored_nbytes or count > min(longest, reach.frames)):
                yield batch
                batch, stored_nbytes, count = [], nbytes, run[1]
            batch.append(run)
    if batch:
        yield batch
