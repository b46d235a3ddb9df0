# SPDX-License-Identifier: Apache-2.0
"""Native Frames from what is stored: cut at a bit, inflated in blocks, joined bit by bit."""

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from framedeflate import engine
from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.errors import FrameDecodeError
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import FrameJoiner
from framedeflate.stored_frames import StoredFrames
from framedeflate.web.payloads.body import BLOCK_NBYTES, Body, pieces_between

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["HELD_FRAME_NBYTES", "CutFrame", "InflatedStream", "JoinedFrames", "ReadFrame"]

HELD_FRAME_NBYTES: Final = 4 << 20
"""Native Frames up to this size are read and inflated whole."""

_RUN_NBYTES: Final = 1 << 20


class ReadFrame:
    """One native Frame, read whole when its turn comes.

    Parameters
    ----------
    frames : StoredFrames
    index : int
        From 0.
    """

    __slots__ = ("_frames", "_index")

    def __init__(self, frames: StoredFrames, index: int) -> None:
        self._frames = frames
        self._index = index

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._frames.image_pixel.frame_nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        if start < stop:
            yield memoryview(self._frames.read(self._index, 1)).cast("B")[start:stop]


class CutFrame:
    """One native Frame of 1-bit pixels that begins inside a byte of the stored value (PS3.5 8.2).

    Parameters
    ----------
    source : ByteSource
    position : int
        First byte of the value of Pixel Data.
    image_pixel : ImagePixel
    index : int
        From 0.
    """

    __slots__ = ("_first_bit", "_image_pixel", "_position", "_source")

    def __init__(self, source: ByteSource, position: int, image_pixel: ImagePixel, index: int) -> None:
        first = index * image_pixel.frame_nbits
        self._source = source
        self._image_pixel = image_pixel
        self._position = position + first // 8
        self._first_bit = first % 8

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._image_pixel.frame_nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        frame_nbits = self._image_pixel.frame_nbits
        for at in range(start, stop, BLOCK_NBYTES):
            # Bytes of the result that lie n apart are cut at the same bit, so a block is a small Frame of its own.
            nbits = min((min(at + BLOCK_NBYTES, stop)) * 8, frame_nbits) - at * 8
            first = self._position + at
            data = read_exactly(self._source, first, first + (self._first_bit + nbits + 7) // 8)
            yield engine.cut_bits(data, self._first_bit, nbits, 1)


class InflatedStream:
    """A large native Frame, inflated in blocks against its exact size.

    Parameters
    ----------
    source : ByteSource
    position, stream_nbytes : int
        Where its stream is.
    nbytes : int
        Of the native Frame.
    frame_number : int
        For errors.
    """

    __slots__ = ("_frame_number", "_nbytes", "_position", "_source", "_stream_nbytes")

    def __init__(
        self, source: ByteSource, position: int, stream_nbytes: int, nbytes: int, frame_number: int
    ) -> None:
        self._source = source
        self._position = position
        self._stream_nbytes = stream_nbytes
        self._nbytes = nbytes
        self._frame_number = frame_number

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        return pieces_between(self._blocks(), start, stop)

    def _blocks(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-15)
        end = self._position + self._stream_nbytes
        at, left = self._position, self._nbytes
        rest = b""
        try:
            while left:
                if not rest and at < end:
                    rest = read_exactly(self._source, at, min(at + BLOCK_NBYTES, end))
                    at += len(rest)
                block = inflater.decompress(rest, min(BLOCK_NBYTES, left))
                rest = inflater.unconsumed_tail
                left -= len(block)
                if block:
                    yield block
                elif inflater.eof or (not rest and at >= end):
                    break
        except zlib.error:
            pass
        if left:
            raise FrameDecodeError(
                "the stored stream is no longer the one that was indexed",
                kind="bad-data",
                expected_nbytes=self._nbytes,
                consumed_nbytes=at - self._position,
                frame_number=self._frame_number,
            )


class JoinedFrames:
    """All native Frames of an image, joined bit by bit (PS3.5 8.2), without the pad that makes the value even.

    Parameters
    ----------
    frames : StoredFrames
    large : callable, optional
        Gives the body of one Frame by its index, where Frames are too large to be held and begin at a byte.
    """

    __slots__ = ("_frames", "_large")

    def __init__(self, frames: StoredFrames, large: Callable[[int], Body] | None = None) -> None:
        self._frames = frames
        aligned = frames.image_pixel.frame_nbits % 8 == 0
        self._large = large if aligned and frames.image_pixel.frame_nbytes > HELD_FRAME_NBYTES else None

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._frames.image_pixel.native_nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        if start >= stop:
            return
        image_pixel = self._frames.image_pixel
        # Every eighth Frame begins at a byte, whatever its size.
        index = start * 8 // image_pixel.frame_nbits // 8 * 8
        skipped = index * image_pixel.frame_nbits // 8
        yield from pieces_between(self._from(index), start - skipped, stop - skipped)

    def _from(self, index: int) -> "Iterator[Buffer]":
        image_pixel = self._frames.image_pixel
        if self._large is not None:
            for i in range(index, image_pixel.number_of_frames):
                yield from self._large(i).pieces(0, image_pixel.frame_nbytes)
            return
        joiner = FrameJoiner(image_pixel)
        step = min(max(1, _RUN_NBYTES // image_pixel.frame_nbytes), 1024)
        for first in range(index, image_pixel.number_of_frames, step):
            count = min(step, image_pixel.number_of_frames - first)
            yield joiner.join(self._frames.read(first, count), count)
        if last := joiner.finish():
            yield last
