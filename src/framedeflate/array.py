# SPDX-License-Identifier: Apache-2.0
"""Frames to numpy arrays and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from framedeflate import engine
from framedeflate.errors import FrameEncodeError, UnsupportedImageError
from framedeflate.fragment_inflation import check_expansion, inflate_pixels
from framedeflate.frame_codec import DEFAULT_LEVEL, clear_unused_bits, deflate_frames, pad
from framedeflate.image_pixel import ImagePixel
from framedeflate.pixel_memory import new_pixels, pixels_nbytes, sampled_frames

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["decode_frames", "encode_frames", "frames_to_array"]

_CALL_NBYTES: Final = 64 << 20
"""Pixels inflated at once: enough to keep threads busy, little enough for Ctrl-C to be heard in between."""


def encode_frames(
    frames: "NDArray[Any] | Sequence[Buffer]",
    image_pixel: ImagePixel,
    *,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
) -> list[bytes]:
    """Deflate many Frames.

    Parameters
    ----------
    frames : ndarray or sequence of bytes-like
        An array of shape (frames, rows, columns[, samples]), for 1-bit Frames of bool or 0 and 1; the same as one
        array a Frame; or the native bytes of each Frame, as `encode_frame` takes them.
    image_pixel : ImagePixel
        Describes the Frames; its ``number_of_frames`` does not matter here.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        Worker threads; 0 means all cores. The bytes do not depend on it.

    Returns
    -------
    list of bytes
        The value of each Frame's Fragment (PS3.5 A.4.13).

    Raises
    ------
    FrameEncodeError
        A Frame has another size, shape or type than `image_pixel` says.
    """
    if not isinstance(frames, np.ndarray) and any(isinstance(frame, np.ndarray) for frame in frames):
        frames = _stacked(frames, image_pixel)
    if isinstance(frames, np.ndarray):
        native = array_to_frames(frames, image_pixel)
    else:
        for index, frame in enumerate(frames):
            size = memoryview(frame).nbytes
            if size != image_pixel.frame_nbytes:
                message = f"{size} bytes given where a Frame has {image_pixel.frame_nbytes}"
                raise FrameEncodeError(message, frame_number=index + 1)
        native = clear_unused_bits(b"".join(frames), image_pixel)
    return [pad(stream) for stream in deflate_frames(native, image_pixel, level=level, threads=threads)]


def decode_frames(
    fragments: "Sequence[Buffer]", image_pixel: ImagePixel, *, threads: int = 1, strict: bool = True
) -> NDArray[Any]:
    """Inflate many Fragments into one array.

    Parameters
    ----------
    fragments : sequence of bytes-like
        Value of each Frame's one Fragment.
    image_pixel : ImagePixel
        Describes the Frames; its ``number_of_frames`` does not matter here.
    threads : int
        Worker threads; 0 means all cores.
    strict : bool
        Whether bytes behind a stream's end, beyond the pad, are an error.

    Returns
    -------
    ndarray
        Shape (frames, rows, columns) or (frames, rows, columns, samples); bool for 1-bit Frames, else the integer
        type of Bits Allocated and Pixel Representation. Bits above High Bit are as stored. Colour-by-plane Frames
        come as a view with samples last; the shared chrominance of YBR_FULL_422 is repeated for both pixels.

    Raises
    ------
    FrameDecodeError
        For the first Frame that cannot be read, with its number from 1 within `fragments`. Nothing is allocated
        for Frames that their Fragments cannot hold.
    UnsupportedImageError
        numpy has no integer of that size (24, 40, 48 or 56 bits).
    """
    return pixels_to_array(decode_pixels(fragments, image_pixel, threads=threads, strict=strict), image_pixel)


def decode_pixels(
    fragments: "Sequence[Buffer]", image_pixel: ImagePixel, *, threads: int = 1, strict: bool = True
) -> NDArray[np.uint8]:
    """Inflate many Fragments to what `pixels_to_array` takes; parameters and errors as `decode_frames`."""
    for index, fragment in enumerate(fragments):
        check_expansion(memoryview(fragment).nbytes, image_pixel, frame_number=index + 1)
    if not image_pixel.is_bilevel:
        sample_type(image_pixel)
    count, nbytes = len(fragments), pixels_nbytes(image_pixel)
    samples = [fragments[index] for index in sampled_frames(count, image_pixel)]
    pixels, zeroed = new_pixels(count, image_pixel, samples)
    step = max(1, _CALL_NBYTES // nbytes)
    for index in range(0, count, step):
        batch = fragments[index : index + step]
        inflate_pixels(
            batch,
            image_pixel,
            pixels[index * nbytes : (index + len(batch)) * nbytes],
            zeroed=zeroed,
            threads=threads,
            strict=strict,
            frame_numbers=range(index + 1, index + 1 + len(batch)),
        )
    return pixels


def frames_to_array(frames: "Buffer", image_pixel: ImagePixel) -> NDArray[Any]:
    """Return Frames that lie one behind the other as an array; shape and type as `decode_frames`.

    Parameters
    ----------
    frames : bytes-like
        A whole number of Frames of ``image_pixel.frame_nbytes`` bytes; not copied unless 1-bit or subsampled.
    """
    count = memoryview(frames).nbytes // image_pixel.frame_nbytes
    if not image_pixel.is_bilevel:
        return pixels_to_array(frames, image_pixel)
    pixels = np.empty(count * image_pixel.frame_nbits, np.uint8)
    engine.unpack_bits(frames, image_pixel.frame_nbits, count, pixels)
    return pixels_to_array(pixels, image_pixel)


def pixels_to_array(pixels: "Buffer", image_pixel: ImagePixel) -> NDArray[Any]:
    """Return pixels that lie one behind the other as an array; shape and type as `decode_frames`.

    Parameters
    ----------
    pixels : bytes-like
        One byte 0 or 1 for each pixel of 1-bit Frames, else native bytes; not copied unless subsampled.
    """
    samples = np.frombuffer(pixels, np.bool_ if image_pixel.is_bilevel else sample_type(image_pixel))
    if image_pixel.is_subsampled:
        return _repeat_chrominance(samples, image_pixel.frame_shape)
    return _samples_last(samples, image_pixel)


def _stacked(frames: "Sequence[Buffer]", image_pixel: ImagePixel) -> NDArray[Any]:
    """Return Frames given as one array each as a single array."""
    for index, frame in enumerate(frames):
        if not isinstance(frame, np.ndarray) or frame.shape != image_pixel.frame_shape:
            message = f"not an array of shape {image_pixel.frame_shape}, as the other Frames are"
            raise FrameEncodeError(message, frame_number=index + 1)
    return np.stack(list(frames))


def array_to_frames(array: NDArray[Any], image_pixel: ImagePixel) -> "Buffer":
    """Return the native bytes of an array of shape (frames, rows, columns[, samples]), one Frame behind the other.

    Raises
    ------
    FrameEncodeError
        Shape or type do not fit the description.
    """
    if array.shape[1:] != image_pixel.frame_shape:
        raise FrameEncodeError(
            f"an array of shape {array.shape} where (frames, "
            f"{', '.join(str(n) for n in image_pixel.frame_shape)}) is asked for"
        )
    if image_pixel.is_subsampled:
        raise FrameEncodeError("YBR_FULL_422 Frames are taken as native bytes, not as arrays")
    if image_pixel.planar_configuration and image_pixel.samples_per_pixel > 1:
        array = np.moveaxis(array, -1, 1)
    if image_pixel.is_bilevel:
        # Any other number would silently become 1.
        if array.dtype != np.bool_ and (array.dtype.kind not in "ui" or np.any((array != 0) & (array != 1))):
            raise FrameEncodeError("1-bit Frames are made from bool, or from the integers 0 and 1")
        pixels = np.ascontiguousarray(array, dtype=np.bool_)
        return engine.pack_bits(pixels, image_pixel.frame_nbits, len(pixels))
    dtype = sample_type(image_pixel)
    if array.dtype.kind != dtype.kind or array.dtype.itemsize != dtype.itemsize:
        raise FrameEncodeError(f"an array of {array.dtype} where {dtype} is asked for")
    return np.ascontiguousarray(array, dtype=dtype).reshape(-1).view(np.uint8)


def sample_type(image_pixel: ImagePixel) -> np.dtype[Any]:
    """Return the little endian integer type of a sample of 8 bits or more.

    Raises
    ------
    UnsupportedImageError
        kind ``bits-allocated``: numpy has none of that size.
    """
    if image_pixel.bits_allocated not in {8, 16, 32, 64}:
        raise UnsupportedImageError(
            f"numpy has no integer of {image_pixel.bits_allocated} bits; decode_frame gives the Frame's bytes",
            kind="bits-allocated",
        )
    kind = "i" if image_pixel.pixel_representation else "u"
    return np.dtype(f"<{kind}{image_pixel.sample_nbytes}")


def _samples_last(samples: NDArray[Any], image_pixel: ImagePixel) -> NDArray[Any]:
    if image_pixel.planar_configuration and image_pixel.samples_per_pixel > 1:
        planes = samples.reshape(-1, image_pixel.samples_per_pixel, image_pixel.rows, image_pixel.columns)
        return np.moveaxis(planes, 1, -1)
    return samples.reshape(-1, *image_pixel.frame_shape)


def _repeat_chrominance(samples: NDArray[Any], frame_shape: tuple[int, ...]) -> NDArray[Any]:
    """Spread Y1 Y2 CB CR over two pixels (PS3.3 C.7.6.3.1.2)."""
    rows, columns, _samples = frame_shape
    quads = samples.reshape(-1, rows, columns // 2, 4)
    pixels = np.empty((*quads.shape[:3], 2, 3), samples.dtype)
    pixels[..., 0] = quads[..., :2]
    pixels[..., 1:] = quads[..., None, 2:]
    return pixels.reshape(-1, *frame_shape)
