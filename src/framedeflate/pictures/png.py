# SPDX-License-Identifier: Apache-2.0
"""A PNG writer (ISO/IEC 15948) for 8-bit grey and RGB pictures, so that a picture needs no image library."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a picture as PNG.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (rows, columns) for grey or (rows, columns, 3) for RGB.

    Returns
    -------
    bytes
        A whole PNG file.

    Raises
    ------
    ValueError
        For any other shape or type.
    """
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ValueError(f"a picture is uint8 (rows, columns[, 3]), not {pixels.dtype} {pixels.shape}")
    rows, columns = pixels.shape[:2]
    if not rows or not columns:
        raise ValueError("a PNG has at least one row and one column")
    channels = 1 if pixels.ndim == 2 else 3
    # Each row begins with its filter, here 0: flat areas, of which our pictures have many, compress best unfiltered.
    scanlines = np.zeros((rows, 1 + columns * channels), np.uint8)
    scanlines[:, 1:] = pixels.reshape(rows, columns * channels)
    header = struct.pack(">IIBBBBB", columns, rows, 8, _GREY if channels == 1 else _RGB, 0, 0, 0)
    return (
        _SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(scanlines, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
