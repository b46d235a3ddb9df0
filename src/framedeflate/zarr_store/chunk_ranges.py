# SPDX-License-Identifier: Apache-2.0
"""Where in the file each chunk is. References outlive the look at the file, so every Item is looked at before."""

import struct
from collections.abc import Sequence
from typing import Final

from framedeflate.byte_source import ByteSource, drive
from framedeflate.encapsulation import ITEM_HEADER_NBYTES, ITEM_TAG
from framedeflate.errors import UnsupportedImageError
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.frame_plans import DeflatedFrames, NativeFrames, PlannedFrames
from framedeflate.native_pixels import native_range
from framedeflate.opened_image import OpenedImage
from framedeflate.range_plan import RangePlan, drive_ranges
from framedeflate.zarr_store.pixel_chunks import PixelChunks, not_referable

__all__ = ["chunk_ranges", "walked_ranges"]

Ranges = list[tuple[int, int]]

_HEADERS_AT_ONCE: Final = 256
"""Near headers are read with what lies between them: so many Frames' worth at most."""


def chunk_ranges(frames: PlannedFrames, chunks: PixelChunks) -> Ranges | None:
    """Return (start, stop) of each chunk, in bytes from the file's start; None where only a table tells.

    Raises
    ------
    UnsupportedImageError
        kind ``not-referable``: a Frame is split; ``short-pixel-data``: one has another size than it must.
    """
    if isinstance(frames, NativeFrames):
        return _native_ranges(frames, chunks.frames_per_chunk)
    return None if frames.index is None else _in_chunks(_fragment_ranges(frames, frames.index), chunks)


def walked_ranges(image: OpenedImage, source: ByteSource, chunks: PixelChunks) -> Ranges:
    """Return (start, stop) of each chunk; where a table was believed, once its Items were held against it.

    Raises
    ------
    UnsupportedImageError
        As `chunk_ranges`.
    EncapsulationError
        The table is wrong, and the Items do not tell the Frames apart either.
    """
    ranges = chunk_ranges(image.frames, chunks)
    if ranges is not None:
        return ranges
    count = len(image)
    positions = image.frames.bounds(0, count)
    ranges = drive_ranges(_ranges_as_tabled(positions), source)
    if ranges is None:
        ranges = _fragment_ranges(image.frames, drive(index_frames(image.layout, count), source))
    return _in_chunks(ranges, chunks)


def _in_chunks(fragments: Ranges, chunks: PixelChunks) -> Ranges:
    """Return the runs of Items that chunks of several Frames are; the Fragments where each has one."""
    step = chunks.frames_per_chunk
    if step == 1:
        return fragments
    firsts, lasts = fragments[::step], [*fragments[step - 1 :: step], fragments[-1]]
    return [(first[0] - ITEM_HEADER_NBYTES, last[1]) for first, last in zip(firsts, lasts, strict=False)]


def _ranges_as_tabled(positions: Sequence[int]) -> RangePlan[Ranges | None]:
    """Plan: the values of the Items at `positions`, the last of which is where they end at the latest.

    None where there are no Items, or others between them or behind.
    """
    ranges: Ranges = []
    *positions, end_position = positions
    for at in range(0, len(positions), _HEADERS_AT_ONCE):
        batch = positions[at : at + _HEADERS_AT_ONCE]
        headers = yield [(position, position + ITEM_HEADER_NBYTES) for position in batch]
        for position, header in zip(batch, headers, strict=True):
            if len(header) < ITEM_HEADER_NBYTES or header[:4] != ITEM_TAG:
                return None
            if ranges and ranges[-1][1] != position:
                return None
            start = position + ITEM_HEADER_NBYTES
            ranges.append((start, start + struct.unpack_from("<I", header, 4)[0]))
    behind = ranges[-1][1]
    if behind > end_position:
        return None
    (tag,) = yield [(behind, behind + len(ITEM_TAG))]
    # Another Item would be the last Frame's too.
    return None if tag == ITEM_TAG else ranges


def _native_ranges(frames: NativeFrames, per_chunk: int) -> Ranges:
    count = frames.image_pixel.number_of_frames
    parts = (
        native_range(frames.image_pixel, index, min(per_chunk, count - index))
        for index in range(0, count, per_chunk)
    )
    return [(frames.position + part.start, frames.position + part.stop) for part in parts]


def _fragment_ranges(frames: PlannedFrames, index: FrameIndex) -> Ranges:
    count, nbytes = frames.image_pixel.number_of_frames, frames.image_pixel.frame_nbytes
    single = index.single_fragments(0, count)
    if single is None:
        raise not_referable(
            "a Frame is split into several Fragments, and a chunk is one range of bytes",
            "framedeflate compress",
        )
    ranges = [(start, start + length) for start, length in zip(*single, strict=True)]
    if isinstance(frames, DeflatedFrames):
        return ranges
    for number, (start, stop) in enumerate(ranges, 1):
        # Native bytes have the Frame's size, and a pad where that is odd.
        if not nbytes <= stop - start <= nbytes + 1:
            raise UnsupportedImageError(
                f"frame {number} is stored in {stop - start} bytes where it has {nbytes}",
                kind="short-pixel-data",
            )
    return [(start, start + nbytes) for start, _stop in ranges]
