# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless Frames of one bit a pixel, which pydicom and its plugins do not decode (PS3.5 Annex G).

Annex G speaks of bytes. Writers pack eight pixels into each, as native Pixel Data does, and code a Frame's
ceil(pixels / 8) bytes as one segment.
"""

import struct
from typing import Final

from framedeflate.errors import FrameDecodeError

__all__ = ["decode_rle_bilevel"]

_HEADER_NBYTES: Final = 64


def decode_rle_bilevel(frame: bytes, frame_nbytes: int, *, frame_number: int | None = None) -> bytes:
    """Decode one Frame.

    Parameters
    ----------
    frame : bytes
        RLE header and segment: the Frame's Fragment.
    frame_nbytes : int
        Size of the packed Frame in bytes; no more is ever produced.

    Returns
    -------
    bytes
        `frame_nbytes` bytes, the first pixel in the least significant bit. Padding behind the segment is ignored.

    Raises
    ------
    FrameDecodeError
        kind ``bad-data`` (no header of one segment) or ``short-output``.
    """
    if len(frame) < _HEADER_NBYTES:
        raise _error(f"{len(frame)} bytes hold no RLE header", "bad-data", frame_nbytes, 0, frame_number)
    segments, at = struct.unpack_from("<II", frame)
    if segments != 1 or not _HEADER_NBYTES <= at <= len(frame):
        raise _error(
            f"its RLE header announces {segments} segments, the first at byte {at}, where packed pixels are one",
            "bad-data",
            frame_nbytes,
            0,
            frame_number,
        )
    out = bytearray()
    # G.3.1: 0 to 127: that many bytes and one more follow; 129 to 255: 257 less that repeats of the next; 128: nothing.
    while len(out) < frame_nbytes and at + 1 < len(frame):
        code = frame[at]
        if code < 128:
            out += frame[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > 128:
            out += frame[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    if len(out) < frame_nbytes:
        raise _error(
            f"its RLE segment holds {len(out)} bytes where the Frame has {frame_nbytes}",
            "short-output",
            frame_nbytes,
            len(frame),
            frame_number,
        )
    return bytes(out[:frame_nbytes])


def _error(
    message: str, kind: str, expected: int, consumed: int, frame_number: int | None
) -> FrameDecodeError:
    return FrameDecodeError(
        message, kind=kind, expected_nbytes=expected, consumed_nbytes=consumed, frame_number=frame_number
    )
