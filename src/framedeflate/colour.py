# SPDX-License-Identifier: Apache-2.0
"""RGB to YBR_FULL and back, full range (PS3.3 C.7.6.3.1.2). Never done unasked: rounding loses (PS3.5 8.2.2)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from framedeflate.errors import FrameEncodeError, UnsupportedImageError
from framedeflate.image_pixel import ImagePixel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = ["convert_colour", "converted_image_pixel", "rgb_to_ybr", "ybr_to_rgb"]

_Matrix: TypeAlias = tuple[tuple[int, int, int, int], ...]

# The standard prints these equations with four digits; they follow from the weights of red, green and blue, kept here
# as whole numbers so that every machine rounds alike. Each row: what R, G, B (or Y, CB, CR) count, and the divisor.
_TO_YBR: Final[_Matrix] = (
    (299, 587, 114, 1000),
    (-299, -587, 886, 1772),
    (701, -587, -114, 1402),
)
_TO_RGB: Final[_Matrix] = (
    (1000, 0, 1402, 1000),
    (587_000, -114 * 1772, -299 * 1402, 587_000),
    (1000, 1772, 0, 1000),
)

_BLOCK_PIXELS: Final = 1 << 18
"""Pixels converted at a time: their wide copies are many times a Frame's size."""


def convert_colour(frame: "Buffer", image_pixel: ImagePixel, to: Literal["RGB", "YBR_FULL"]) -> bytes:
    """Convert one native Frame.

    Parameters
    ----------
    frame : bytes-like
        ``image_pixel.frame_nbytes`` bytes in RGB, YBR_FULL or YBR_FULL_422, either Planar Configuration.
    image_pixel : ImagePixel
        Describes it: 8 or 16 Bits Allocated, unsigned.
    to : {"RGB", "YBR_FULL"}
        What is wanted.

    Returns
    -------
    bytes
        ``converted_image_pixel(image_pixel, to).frame_nbytes`` bytes, Planar Configuration 0.

    Raises
    ------
    UnsupportedImageError
        kind ``photometric-interpretation`` | ``bits-allocated``.
    FrameEncodeError
        `frame` has another size.
    """
    converted_image_pixel(image_pixel, to)
    data = np.frombuffer(memoryview(frame), "<u1" if image_pixel.bits_allocated == 8 else "<u2")
    if data.nbytes != image_pixel.frame_nbytes:
        raise FrameEncodeError(f"{data.nbytes} bytes given where a Frame has {image_pixel.frame_nbytes}")
    pixels = _colour_by_pixel(data, image_pixel)
    source = image_pixel.photometric_interpretation.removesuffix("_422")
    if source == to:
        return pixels.tobytes()
    convert = rgb_to_ybr if to == "YBR_FULL" else ybr_to_rgb
    return convert(pixels, image_pixel.bits_stored).tobytes()


def converted_image_pixel(image_pixel: ImagePixel, to: Literal["RGB", "YBR_FULL"]) -> ImagePixel:
    """Return the description of what `convert_colour` returns.

    Raises
    ------
    UnsupportedImageError
        kind ``photometric-interpretation`` | ``bits-allocated``: no such conversion is defined.
    """
    source = image_pixel.photometric_interpretation
    if to not in ("RGB", "YBR_FULL") or source not in ("RGB", "YBR_FULL", "YBR_FULL_422"):
        raise UnsupportedImageError(
            f"this image cannot be converted to {to}: only RGB, YBR_FULL and YBR_FULL_422 can",
            kind="photometric-interpretation",
        )
    if image_pixel.bits_allocated not in (8, 16) or image_pixel.pixel_representation:
        raise UnsupportedImageError(
            "only unsigned samples of 8 or 16 Bits Allocated can be converted", kind="bits-allocated"
        )
    return replace(image_pixel, photometric_interpretation=to, planar_configuration=0)


def _colour_by_pixel(data: "NDArray[Any]", image_pixel: ImagePixel) -> "NDArray[Any]":
    """Return the samples as (pixels, 3), chrominance repeated where two pixels share it."""
    if image_pixel.is_subsampled:
        # C.7.6.3.1.2: Y1 Y2 CB CR for each pair; what is in between is not stated, so both get the pair's.
        pairs = data.reshape(-1, 4)
        return pairs[:, [0, 2, 3, 1, 2, 3]].reshape(-1, 3)
    if image_pixel.planar_configuration:
        return np.ascontiguousarray(data.reshape(3, -1).T)
    return data.reshape(-1, 3)


def rgb_to_ybr(pixels: "NDArray[Any]", bits_stored: int) -> "NDArray[Any]":
    """Return YBR_FULL samples for RGB ones; shape (..., 3), unsigned, same dtype."""
    return _converted(pixels, _TO_YBR, 0, _half_scale(bits_stored), bits_stored)


def ybr_to_rgb(pixels: "NDArray[Any]", bits_stored: int) -> "NDArray[Any]":
    """Return RGB samples for YBR_FULL ones; shape (..., 3), unsigned, same dtype."""
    return _converted(pixels, _TO_RGB, _half_scale(bits_stored), 0, bits_stored)


def _half_scale(bits_stored: int) -> int:
    """Return CB and CR of what has no colour: half of full scale, 128 for 8 bits (C.7.6.3.1.2)."""
    return 1 << bits_stored >> 1


def _converted(
    pixels: "NDArray[Any]", matrix: _Matrix, centre_in: int, centre_out: int, bits_stored: int
) -> "NDArray[Any]":
    flat = pixels.reshape(-1, 3)
    out = np.empty_like(flat)
    for start in range(0, len(flat), _BLOCK_PIXELS):
        first, second, third = flat[start : start + _BLOCK_PIXELS].astype(np.int64).T
        second -= centre_in
        third -= centre_in
        for index, (one, two, three, divisor) in enumerate(matrix):
            # Rounded to the nearest, halves up.
            value = (2 * (one * first + two * second + three * third) + divisor) // (2 * divisor)
            if index:
                value += centre_out
            out[start : start + _BLOCK_PIXELS, index] = np.clip(value, 0, (1 << bits_stored) - 1)
    return out.reshape(pixels.shape)
