# SPDX-License-Identifier: Apache-2.0
"""Native bytes of a Frame to the value of its Fragment and back (PS3.5 8.2.16, A.4.13), one or many at a time."""

from typing import TYPE_CHECKING

from framedeflate import engine
from framedeflate.errors import FrameEncodeError
from framedeflate.fragment_inflation import check_expansion, inflate_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.transfer_syntax import DEFAULT_LEVEL

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "DEFAULT_LEVEL",
    "clear_unused_bits",
    "decode_frame",
    "deflate_frames",
    "encode_frame",
    "pad",
]


def pad(stream: bytes) -> bytes:
    """Return the stream with the single trailing NULL that an odd length asks for (PS3.5 A.4.13)."""
    return stream + b"\0" if len(stream) & 1 else stream


def encode_frame(native: "Buffer", image_pixel: ImagePixel, *, level: int = DEFAULT_LEVEL) -> bytes:
    """Deflate one Frame.

    Parameters
    ----------
    native : bytes-like
        ``image_pixel.frame_nbytes`` bytes: the Frame as it stands in native Pixel Data, little endian; a 1-bit
        Frame starts at its first bit, and unused bits of its last byte are written as zero.
    image_pixel : ImagePixel
        Describes the Frame.
    level : int
        1 (fastest) to 9 (smallest).

    Returns
    -------
    bytes
        The value of the Frame's Fragment: a raw DEFLATE stream, padded to an even length (PS3.5 A.4.13).

    Raises
    ------
    FrameEncodeError
        `native` has another size, or is not contiguous.
    """
    view = memoryview(native)
    if not view.c_contiguous:
        raise FrameEncodeError(
            "the Frame's bytes lie scattered; numpy.ascontiguousarray puts them in one piece"
        )
    if view.nbytes != image_pixel.frame_nbytes:
        raise FrameEncodeError(
            f"{view.nbytes} bytes given where a Frame has {image_pixel.frame_nbytes}; for an array of pixels, "
            "encode_frames packs them"
        )
    (stream,) = deflate_frames(clear_unused_bits(native, image_pixel), image_pixel, level=level)
    return pad(stream)


def deflate_frames(
    frames: "Buffer", image_pixel: ImagePixel, *, level: int = DEFAULT_LEVEL, threads: int = 1
) -> list[bytes]:
    """Deflate Frames that lie one behind the other, ``frame_nbytes`` apart; streams come back without a pad.

    Raises
    ------
    FrameEncodeError
        `frames` is no whole number of Frames.
    """
    size = memoryview(frames).nbytes
    if size % image_pixel.frame_nbytes:
        raise FrameEncodeError(f"{size} bytes are no whole number of Frames of {image_pixel.frame_nbytes}")
    return engine.deflate_frames(frames, image_pixel.frame_nbytes, image_pixel.row_nbits, level, threads)


def clear_unused_bits(frames: "Buffer", image_pixel: ImagePixel) -> "Buffer":
    """Return the Frames with the unused bits of each last byte zero; the same object where there are none set.

    The standard does not say what they hold. Zero makes equal Frames equal streams.
    """
    used = image_pixel.frame_nbits % 8
    if not used:
        return frames
    mask = (1 << used) - 1
    view = memoryview(frames).cast("B")
    last_bytes = view[image_pixel.frame_nbytes - 1 :: image_pixel.frame_nbytes]
    if all(byte <= mask for byte in last_bytes):
        return frames
    cleared = bytearray(view)
    cleared[image_pixel.frame_nbytes - 1 :: image_pixel.frame_nbytes] = bytes(
        byte & mask for byte in last_bytes
    )
    return cleared


def decode_frame(fragment: "Buffer", image_pixel: ImagePixel, *, strict: bool = True) -> bytes:
    """Inflate one Fragment to exactly its Frame.

    Parameters
    ----------
    fragment : bytes-like
        Value of the Frame's Fragment; a stream of odd length without its pad is fine too.
    image_pixel : ImagePixel
        Describes the Frame. Never more than ``frame_nbytes`` is allocated or inflated.
    strict : bool
        Whether bytes behind the stream's end, beyond the pad, are an error.

    Returns
    -------
    bytes
        ``image_pixel.frame_nbytes`` bytes. Unused bits of the last byte of a 1-bit Frame are as the writer left them.

    Raises
    ------
    FrameDecodeError
        With its kind; memory and time are bounded by the Frame's size.
    """
    check_expansion(memoryview(fragment).nbytes, image_pixel)
    out = bytearray(image_pixel.frame_nbytes)
    inflate_frames([fragment], image_pixel, out, strict=strict)
    return bytes(out)
