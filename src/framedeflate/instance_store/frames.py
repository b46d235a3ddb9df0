# SPDX-License-Identifier: Apache-2.0
"""Every encapsulated Frame held against its exact size, a bounded run of bytes at a time."""

from collections.abc import Callable
from itertools import chain
from typing import Final

from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.data_set.deflated import inflate_data_set
from framedeflate.errors import DicomFormatError, FrameDecodeError, UnsupportedImageError
from framedeflate.fragment_inflation import MAX_PAD_NBYTES, check_expansion
from framedeflate.frame_plans import DeflatedFrames, UncompressedFragments
from framedeflate.range_plan import drive_ranges
from framedeflate.stored_frames import batches

__all__ = ["HELD_FRAME_NBYTES", "check_deflated_frames", "check_uncompressed_frames"]

HELD_FRAME_NBYTES: Final = 32 << 20
"""The largest Frame that is held in memory as a whole; larger ones are only counted through."""

_RUN_NBYTES: Final = 1 << 20
_BLOCK_NBYTES: Final = 1 << 18


def check_deflated_frames(source: ByteSource, frames: DeflatedFrames) -> None:
    """Inflate every Frame.

    Raises
    ------
    FrameDecodeError
        One that does not inflate to its exact size.
    """
    image_pixel = frames.image_pixel
    if image_pixel.frame_nbytes > HELD_FRAME_NBYTES:
        for index in range(image_pixel.number_of_frames):
            _count_through(source, frames, index)
        return
    memory = bytearray(max(_RUN_NBYTES, image_pixel.frame_nbytes))
    for first, count in batches(image_pixel, batch_nbytes=_RUN_NBYTES):
        drive_ranges(frames.inflate(first, count, memory=memory), source)


def check_uncompressed_frames(frames: UncompressedFragments) -> None:
    """Hold the size of every Frame's Fragments against that of the Frame.

    Raises
    ------
    UnsupportedImageError
        kind ``short-pixel-data``.
    """
    nbytes = frames.image_pixel.frame_nbytes
    for index in range(frames.image_pixel.number_of_frames):
        there = sum(stop - start for start, stop in frames.index.byte_ranges(index))
        if not nbytes <= there <= nbytes + 1:
            raise UnsupportedImageError(
                f"frame {index + 1} is stored in {there} bytes where it has {nbytes}", kind="short-pixel-data"
            )


def _count_through(source: ByteSource, frames: DeflatedFrames, index: int) -> None:
    """Inflate a Frame that is too large to be held, block by block, and count what comes out."""
    index_of_fragments = frames.index
    places = index_of_fragments.byte_ranges(index) if index_of_fragments is not None else []
    stored = sum(stop - start for start, stop in places)
    expected, number = frames.image_pixel.frame_nbytes, index + 1
    check_expansion(stored, frames.image_pixel, frame_number=number)

    def fail(kind: str, message: str, consumed: int) -> FrameDecodeError:
        return FrameDecodeError(
            message, kind=kind, expected_nbytes=expected, consumed_nbytes=consumed, frame_number=number
        )

    try:
        met = inflate_data_set(_reader(source, places), lambda _block: None, limit_nbytes=expected)
    except DicomFormatError as error:
        kind = {"truncated": "not-terminated", "too-large": "excess-output"}.get(error.kind, "bad-data")
        raise fail(kind, "the Fragment does not inflate to the Frame", error.position) from error
    if met.nbytes != expected:
        raise fail("short-output", f"{met.nbytes} bytes where the Frame has {expected}", met.stream_nbytes)
    if met.trailing_nbytes > MAX_PAD_NBYTES:
        raise fail("trailing-data", f"{met.trailing_nbytes} bytes behind the stream", met.stream_nbytes)


def _reader(source: ByteSource, places: list[tuple[int, int]]) -> Callable[[int], bytes]:
    """Return what gives the next block of these ranges, and nothing at their end."""
    blocks = chain.from_iterable(
        ((position, min(position + _BLOCK_NBYTES, stop)) for position in range(start, stop, _BLOCK_NBYTES))
        for start, stop in places
    )

    def read(_nbytes: int) -> bytes:
        place = next(blocks, None)
        return b"" if place is None else read_exactly(source, *place)

    return read
