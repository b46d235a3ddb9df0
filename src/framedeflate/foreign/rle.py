# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless Frames (PS3.5 Annex G), 1-bit ones too, bounded by the Frame's size.

Decoded here and not through pydicom: neither it nor its plugins (3.0.2) decode 1-bit Frames, and the fast plugin,
pylibjpeg-rle, ends a process that does not catch BaseException where a segment is longer than its plane.
"""

import struct
from itertools import pairwise
from typing import Final, NoReturn

from framedeflate.errors import FrameDecodeError, UnsupportedImageError
from framedeflate.image_pixel import ImagePixel

__all__ = ["check_rle", "decode_rle"]

_HEADER_NBYTES: Final = 64
_MAX_SEGMENTS: Final = 15


def check_rle(image_pixel: ImagePixel) -> None:
    """Refuse images that RLE has no encoding for.

    Raises
    ------
    UnsupportedImageError
        kind ``decoder``: more than 15 segments, or one bit with three samples.
    """
    if image_pixel.samples_per_pixel != 1 and (
        image_pixel.is_bilevel or _planes(image_pixel) > _MAX_SEGMENTS
    ):
        raise UnsupportedImageError(
            f"RLE Lossless has no encoding for {image_pixel.samples_per_pixel} samples of "
            f"{image_pixel.bits_allocated} Bits Allocated (PS3.5 Annex G)",
            kind="decoder",
        )


def _planes(image_pixel: ImagePixel) -> int:
    """Return the number of segments: one for each byte of a pixel; all packed pixels of a 1-bit Frame are one."""
    if image_pixel.is_bilevel:
        return 1
    return image_pixel.frame_nbytes // (image_pixel.rows * image_pixel.columns)


def decode_rle(frame: bytes, image_pixel: ImagePixel, *, frame_number: int | None = None) -> bytes:
    """Decode one Frame.

    Parameters
    ----------
    frame : bytes
        RLE header and segments: the Frame's Fragment.
    image_pixel : ImagePixel
        Describes the result: Planar Configuration 0. No more than ``frame_nbytes`` is ever produced.

    Returns
    -------
    bytes
        ``image_pixel.frame_nbytes`` bytes, little endian; the first of packed 1-bit pixels in the least significant
        bit. What a segment holds beyond its plane, padding as a rule, is ignored.

    Raises
    ------
    FrameDecodeError
        kind ``bad-data`` (the RLE header is not this image's) or ``short-output``.
    """

    def fail(message: str, kind: str, consumed_nbytes: int) -> NoReturn:
        raise FrameDecodeError(
            message,
            kind=kind,
            expected_nbytes=image_pixel.frame_nbytes,
            consumed_nbytes=consumed_nbytes,
            frame_number=frame_number,
        )

    if len(frame) < _HEADER_NBYTES:
        fail(f"{len(frame)} bytes hold no RLE header", "bad-data", 0)
    planes = _planes(image_pixel)
    segments, *offsets = struct.unpack_from("<16I", frame)
    if segments != planes:
        fail(f"its RLE header announces {segments} segments where its pixels have {planes}", "bad-data", 0)
    bounds = [*offsets[:planes], len(frame)]
    if bounds[0] < _HEADER_NBYTES or any(start > stop for start, stop in pairwise(bounds)):
        fail("the segments that its RLE header announces overlap or lie outside it", "bad-data", 0)
    plane_nbytes = image_pixel.frame_nbytes // planes
    out = bytearray(image_pixel.frame_nbytes)
    sample_nbytes = planes // image_pixel.samples_per_pixel
    for index, (start, stop) in enumerate(pairwise(bounds)):
        plane = _decode_segment(frame, start, stop, plane_nbytes)
        if len(plane) < plane_nbytes:
            fail(f"RLE segment {index + 1} holds {len(plane)} of {plane_nbytes} bytes", "short-output", stop)
        # G.2: the most significant byte of a sample comes first, natively it is the last.
        sample, significance = divmod(index, sample_nbytes)
        out[sample * sample_nbytes + sample_nbytes - 1 - significance :: planes] = plane[:plane_nbytes]
    return bytes(out)


def _decode_segment(frame: bytes, at: int, stop: int, nbytes: int) -> bytearray:
    """Return a segment's bytes, a run beyond `nbytes` at most."""
    out = bytearray()
    # G.3.1: below 128, that many bytes and one more follow; above it, 257 less that repeats of the next; 128: nothing.
    while len(out) < nbytes and at + 1 < stop:
        code = frame[at]
        if code < 128:
            out += frame[at + 1 : min(at + 2 + code, stop)]
            at += 2 + code
        elif code > 128:
            out += frame[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    return out
