# SPDX-License-Identifier: Apache-2.0
"""The Frames of a file as chunks of a Zarr array, and the codecs that make pixels of them."""

import math
from dataclasses import dataclass
from typing import Any, Final

from framedeflate.array import sample_type
from framedeflate.errors import UnsupportedImageError
from framedeflate.frame_plans import DeflatedFrames, NativeFrames, PlannedFrames
from framedeflate.image_pixel import ImagePixel
from framedeflate.zarr_store.codec_settings import DEFLATED_ITEMS, PACKED_BITS, RAW_DEFLATE

__all__ = ["PixelChunks", "not_referable", "plan_chunks"]

MAX_CHUNKS: Final = 1 << 20
"""Each costs some hundred bytes in memory, and a native Frame of one byte would be one."""
MAX_FRAMES: Final = 8 * MAX_CHUNKS
"""Each has a number, at least, and eight may share a byte."""


@dataclass(frozen=True, slots=True)
class PixelChunks:
    """An array of pixels and its chunks.

    Attributes
    ----------
    image_pixel : ImagePixel
        Describes the Frames.
    frames_per_chunk : int
        How many Frames a chunk has, the last one aside.
    data_type : str
        Zarr's name of the pixels' type.
    codecs : list of dict
        As Zarr's metadata have them.
    """

    image_pixel: ImagePixel
    frames_per_chunk: int
    data_type: str
    codecs: list[dict[str, Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array: (frames, rows, columns[, samples])."""
        return (self.image_pixel.number_of_frames, *self.image_pixel.frame_shape)

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Shape of a chunk."""
        return (self.frames_per_chunk, *self.image_pixel.frame_shape)

    def __len__(self) -> int:
        return math.ceil(self.image_pixel.number_of_frames / self.frames_per_chunk)


def plan_chunks(frames: PlannedFrames, *, frames_per_chunk: int = 1) -> PixelChunks:
    """Say which chunks an image has.

    Parameters
    ----------
    frames_per_chunk : int
        As `references`.

    Raises
    ------
    ValueError
        `frames_per_chunk` is less than 1.
    UnsupportedImageError
        kind ``not-referable``: pixels that no range of the file holds as Zarr would read them; ``bits-allocated``:
        numpy has no such integer; ``too-large``: more than 2^20 chunks.
    """
    image_pixel = frames.image_pixel
    if image_pixel.is_subsampled:
        raise not_referable(
            "two pixels of YBR_FULL_422 share their chrominance, which Zarr has no codec for",
            "framedeflate compress --photometric RGB",
        )
    if frames_per_chunk < 1:
        raise ValueError("frames_per_chunk must be at least 1")
    count = image_pixel.number_of_frames
    per_chunk = _frames_per_chunk(frames, min(frames_per_chunk, count)) if count <= MAX_FRAMES else 1
    if count > MAX_CHUNKS * per_chunk:
        raise UnsupportedImageError(
            f"{count} Frames are more than references can be made for ({MAX_CHUNKS} chunks of them)",
            kind="too-large",
        )
    if isinstance(frames, DeflatedFrames) and per_chunk > 1:
        codecs = [_deflated_items(image_pixel, per_chunk)]
    else:
        codecs = _pixel_codecs(frames, per_chunk)
        if isinstance(frames, DeflatedFrames):
            codecs.append({"name": RAW_DEFLATE})
    data_type = "bool" if image_pixel.is_bilevel else sample_type(image_pixel).name
    return PixelChunks(image_pixel, per_chunk, data_type, codecs)


def _frames_per_chunk(frames: PlannedFrames, wanted: int) -> int:
    """Return how many Frames a chunk can have where `wanted` are asked for."""
    if isinstance(frames, DeflatedFrames):
        return wanted
    if not isinstance(frames, NativeFrames):
        # Between native Fragments stand the headers of Items, which Zarr would take for pixels.
        return 1
    image_pixel = frames.image_pixel
    if image_pixel.is_bilevel:
        # Natively 1-bit Frames follow one another without a gap (PS3.5 8.2): so many end at a byte together.
        whole = 8 // math.gcd(8, image_pixel.frame_nbits)
        return max(whole, wanted - wanted % whole)
    # Zarr's own "bytes" wants every chunk to be full.
    return next(count for count in range(wanted, 0, -1) if image_pixel.number_of_frames % count == 0)


def _deflated_items(image_pixel: ImagePixel, per_chunk: int) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if image_pixel.samples_per_pixel > 1:
        settings["planar_configuration"] = image_pixel.planar_configuration
    rest = image_pixel.number_of_frames % per_chunk
    if rest:
        settings["last_chunk_frames"] = rest
    return {"name": DEFLATED_ITEMS, "configuration": settings}


def _pixel_codecs(frames: PlannedFrames, per_chunk: int) -> list[dict[str, Any]]:
    """Return the codecs between the array and its native bytes."""
    image_pixel = frames.image_pixel
    word_nbytes = frames.word_nbytes if isinstance(frames, NativeFrames) else 1
    if image_pixel.is_bilevel:
        if word_nbytes > 1:
            raise _swapped_words()
        codecs = [_packed_bits(image_pixel, per_chunk)]
    else:
        itemsize = sample_type(image_pixel).itemsize
        if word_nbytes not in {1, itemsize}:
            raise _swapped_words()
        codecs = [{"name": "bytes"}]
        if itemsize > 1:
            codecs[0]["configuration"] = {"endian": "big" if word_nbytes > 1 else "little"}
    if image_pixel.planar_configuration and image_pixel.samples_per_pixel > 1:
        # Stored as (samples, rows, columns), PS3.3 C.7.6.3.1.3.
        codecs.insert(0, {"name": "transpose", "configuration": {"order": [0, 3, 1, 2]}})
    return codecs


def _packed_bits(image_pixel: ImagePixel, per_chunk: int) -> dict[str, Any]:
    rest = image_pixel.number_of_frames % per_chunk
    if not rest:
        return {"name": PACKED_BITS}
    return {"name": PACKED_BITS, "configuration": {"last_chunk_nbits": rest * image_pixel.frame_nbits}}


def _swapped_words() -> UnsupportedImageError:
    return not_referable(
        "the words of this Big Endian file are larger than its samples, which Zarr has no codec for",
        "framedeflate compress",
    )


def not_referable(why: str, command: str) -> UnsupportedImageError:
    """Return the error of pixels that no range holds; `command` makes a file whose pixels some do."""
    return UnsupportedImageError(
        f"{why}; {command} makes a file that can be referred to", kind="not-referable"
    )
