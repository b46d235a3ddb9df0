# SPDX-License-Identifier: Apache-2.0
"""Pictures cut, flipped, scaled to a viewport and encoded (PS3.18 8.3.5.1.3, 8.7.4)."""

import io
from typing import TYPE_CHECKING, Final

import numpy as np

from framedeflate.extras import needing
from framedeflate.web.rendering.parameters import DEFAULT_QUALITY, Viewport

with needing("web", "drawing pictures"):
    from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EmptyRegionError", "encode", "fit"]

_FINE_QUALITY: Final = 90
_MIN_PART: Final = 1 / 64
"""Of a pixel: less than that of an image is no part of it."""


class EmptyRegionError(ValueError):
    """The part of the image that a viewport shows lies outside of it."""


def fit(picture: "NDArray[np.uint8]", viewport: Viewport, *, smooth: bool = True) -> "NDArray[np.uint8]":
    """Return the part of a picture that a viewport shows, as large as fits in it with the same aspect ratio.

    Parameters
    ----------
    picture : ndarray of uint8
        Shape (rows, columns) or (rows, columns, 3).
    viewport : Viewport
        What lies outside of the picture is cut off.
    smooth : bool
        Whether pixels that are enlarged run into one another; those of masks and label maps should not.

    Raises
    ------
    EmptyRegionError
    """
    rows, columns = picture.shape[:2]
    left, right = _ends(viewport.left, viewport.width, columns)
    top, bottom = _ends(viewport.top, viewport.height, rows)
    scale = min(viewport.columns / (right - left), viewport.rows / (bottom - top))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    resample = Image.Resampling.BICUBIC if smooth or scale < 1 else Image.Resampling.NEAREST
    image = Image.fromarray(picture).resize(size, resample, box=(left, top, right, bottom), reducing_gap=3.0)
    if viewport.width is not None and viewport.width < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if viewport.height is not None and viewport.height < 0:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return np.asarray(image)


def encode(picture: "NDArray[np.uint8]", media_type: str, *, quality: int = DEFAULT_QUALITY) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    picture : ndarray of uint8
        Shape (rows, columns) or (rows, columns, 3).
    media_type : str
        One of `RENDERED_TYPES`.
    quality : int
        1 to 100, of image/jpeg.
    """
    image = Image.fromarray(picture)
    buffer = io.BytesIO()
    if media_type == "image/jpeg":
        # Baseline, Huffman coded, sequential (8.7.4); colour at full resolution where quality matters.
        subsampling = 0 if quality >= _FINE_QUALITY else 2
        image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    elif media_type == "image/gif":
        image.save(buffer, "GIF")
    else:
        image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _ends(start: float, length: float | None, whole: int) -> tuple[float, float]:
    """Return where the part begins and ends, within the picture."""
    stop = whole if length is None else start + abs(length)
    first, last = max(0.0, start), min(float(whole), stop)
    if not last - first >= _MIN_PART:
        raise EmptyRegionError("the part of the image that the viewport shows lies outside of it")
    return first, last
