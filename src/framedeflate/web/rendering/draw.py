# SPDX-License-Identifier: Apache-2.0
"""A Frame as a picture of 8 bits, grey or red, green and blue."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from framedeflate.errors import UnsupportedImageError
from framedeflate.image_pixel import ImagePixel
from framedeflate.pictures.display import colour_picture, label_picture
from framedeflate.web.rendering.facts import PictureFacts
from framedeflate.web.rendering.grey import grey_picture, stored_values
from framedeflate.web.rendering.lookup_table import LookupTable
from framedeflate.web.rendering.parameters import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw"]

_BLOCK_PIXELS: Final = 1 << 18
_COLOURS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422"})


def draw(
    frame: "NDArray[Any]", image_pixel: ImagePixel, facts: PictureFacts, window: Window | None = None
) -> "NDArray[np.uint8]":
    """Draw a Frame.

    One bit a pixel is a mask, white over black (MONOCHROME1: black over white). A label map gets a colour for each
    segment, the recommended one where there is one; PALETTE COLOR what its tables say.

    Parameters
    ----------
    frame : ndarray
        Shape (rows, columns) or (rows, columns, 3), as `FrameReader` gives it.
    image_pixel : ImagePixel
        What its samples mean.
    facts : PictureFacts
    window : Window, optional
        Takes the place of the image's own, where it is grey.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns), or (rows, columns, 3).

    Raises
    ------
    UnsupportedImageError
        kind ``photometric-interpretation``.
    """
    photometric = image_pixel.photometric_interpretation
    if frame.ndim == 3:
        if photometric not in _COLOURS:
            raise UnsupportedImageError(
                "only RGB, YBR_FULL and YBR_FULL_422 are rendered of those with several samples a pixel",
                kind="photometric-interpretation",
            )
        return _by_blocks(frame, lambda rows: colour_picture(rows, image_pixel))
    if facts.palette is not None:
        red, green, blue = facts.palette
        scaled = red.scaled(), green.scaled(), blue.scaled()
        return _by_blocks(frame, lambda rows: _looked_up(rows, image_pixel, red, scaled))
    if image_pixel.is_bilevel:
        inverse = photometric == "MONOCHROME1"
        return np.where(frame.astype(bool) != inverse, np.uint8(255), np.uint8(0))
    if facts.is_label_map:
        return _by_blocks(frame, lambda rows: label_picture(stored_values(rows, image_pixel), facts.colours))
    return grey_picture(frame, image_pixel, facts, window)


def _looked_up(
    rows: "NDArray[Any]",
    image_pixel: ImagePixel,
    red: LookupTable,
    scaled: "tuple[NDArray[np.uint8], ...]",
) -> "NDArray[np.uint8]":
    # The three descriptors are alike (PS3.3 C.7.6.3.1.5).
    places = stored_values(rows, image_pixel).astype(np.int64) - red.first_mapped
    return np.stack([table[places.clip(0, len(table) - 1)] for table in scaled], axis=-1)


def _by_blocks(frame: "NDArray[Any]", draw_rows: Any) -> "NDArray[np.uint8]":
    """Draw some rows at a time: on its way to a picture a pixel takes ten times the memory that it has in it."""
    picture = np.empty((*frame.shape[:2], 3), np.uint8)
    step = max(1, _BLOCK_PIXELS // max(1, frame.shape[1]))
    for start in range(0, len(frame), step):
        picture[start : start + step] = draw_rows(frame[start : start + step])
    return picture
