# SPDX-License-Identifier: Apache-2.0
"""Grey Frames as 8 bits: Modality LUT, VOI LUT, polarity (PS3.4 N.2, PS3.3 C.11.1, C.11.2)."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from framedeflate.image_pixel import ImagePixel
from framedeflate.pictures.display import choose_window
from framedeflate.web.rendering.facts import PictureFacts
from framedeflate.web.rendering.parameters import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grey_picture", "modality_values", "stored_values", "windowed"]

_BLOCK_PIXELS: Final = 1 << 18
_MAX_TABLE_BITS: Final = 16


def grey_picture(
    frame: "NDArray[Any]", image_pixel: ImagePixel, facts: PictureFacts, window: Window | None
) -> "NDArray[np.uint8]":
    """Return a grey Frame as a picture.

    Parameters
    ----------
    frame : ndarray
        Stored values, shape (rows, columns).
    image_pixel : ImagePixel
    facts : PictureFacts
    window : Window, optional
        Takes the place of what the image says of its VOI.

    Returns
    -------
    ndarray of uint8
        Same shape.
    """
    window = window or facts.window
    if window is None and facts.voi_table is None:
        window = _own_window(frame, image_pixel, facts)
    if image_pixel.bits_stored <= _MAX_TABLE_BITS:
        # A table of the values there may be: each pixel then costs a look into it.
        values = stored_values(frame, image_pixel)
        low = int(values.min())
        table = _shown(np.arange(low, int(values.max()) + 1), image_pixel, facts, window)
        picture = np.empty(frame.shape, np.uint8)
        for rows in _row_blocks(frame):
            picture[rows] = table[values[rows].astype(np.int32) - low]
        return picture
    picture = np.empty(frame.shape, np.uint8)
    for rows in _row_blocks(frame):
        picture[rows] = _shown(stored_values(frame[rows], image_pixel), image_pixel, facts, window)
    return picture


def stored_values(frame: "NDArray[Any]", image_pixel: ImagePixel) -> "NDArray[Any]":
    """Return pixel values without what stands in the bits above High Bit (PS3.5 8.1.1)."""
    unused = image_pixel.bits_allocated - image_pixel.bits_stored
    if not unused or frame.dtype == np.bool_:
        return frame
    values = frame << unused
    # A signed shift brings the sign along.
    values >>= unused
    return values


def modality_values(values: "NDArray[Any]", facts: PictureFacts) -> "NDArray[np.float64]":
    """Return stored values in the units that the Modality LUT or rescaling gives them."""
    if facts.modality_table is not None:
        return facts.modality_table.map(values)
    return values.astype(np.float64) * facts.slope + facts.intercept


def windowed(values: "NDArray[np.float64]", window: Window) -> "NDArray[np.float64]":
    """Return values as 0 to 255 (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
    if window.function == "sigmoid":
        exponent = np.clip(-4 * (values - window.center) / window.width, -700, 700)
        return 255 / (1 + np.exp(exponent))
    center, width = window.center, window.width
    if window.function == "linear":
        center, width = center - 0.5, width - 1
    if width <= 0:
        return np.where(values <= center, 0.0, 255.0)
    return np.clip(((values - center) / width + 0.5) * 255, 0, 255)


def _shown(
    stored: "NDArray[Any]", image_pixel: ImagePixel, facts: PictureFacts, window: Window | None
) -> "NDArray[np.uint8]":
    values = modality_values(stored, facts)
    if window is not None:
        grey = windowed(values, window)
    elif facts.voi_table is not None:
        grey = facts.voi_table.map(values) * (255 / ((1 << facts.voi_table.bits) - 1))
    else:
        grey = np.clip(values, 0, 255)
    if facts.is_inverse != (image_pixel.photometric_interpretation == "MONOCHROME1"):
        grey = 255 - grey
    if facts.padding is not None:
        low, high = facts.padding
        # No part of the image (PS3.3 C.7.5.1.1.2): black, whatever the polarity.
        grey = np.where((stored >= low) & (stored <= high), 0, grey)
    return np.rint(grey).clip(0, 255).astype(np.uint8)


def _own_window(frame: "NDArray[Any]", image_pixel: ImagePixel, facts: PictureFacts) -> Window:
    """Return a window for an image that says nothing of its VOI."""
    low, high = _range(image_pixel)
    if facts.maximum_fractional_value:
        return _between(0, facts.maximum_fractional_value)
    if image_pixel.bits_stored <= 8 and facts.is_plain:
        return _between(low, high)
    values = stored_values(frame[:: -(-len(frame) // 1024), :: -(-frame.shape[1] // 1024)], image_pixel)
    if facts.padding is not None:
        inside = values[(values < facts.padding[0]) | (values > facts.padding[1])]
        values = inside if inside.size else values
    chosen = choose_window([modality_values(values.ravel(), facts)])
    return _between(chosen.black, chosen.white)


def _between(black: float, white: float) -> Window:
    return Window((black + white) / 2, max(white - black, 1e-9), "linear-exact")


def _range(image_pixel: ImagePixel) -> tuple[int, int]:
    """Return the smallest and the largest stored value there can be."""
    count = 1 << image_pixel.bits_stored
    return (-count // 2, count // 2 - 1) if image_pixel.pixel_representation else (0, count - 1)


def _row_blocks(frame: "NDArray[Any]") -> "list[slice]":
    step = max(1, _BLOCK_PIXELS // max(1, frame.shape[1]))
    return [slice(start, start + step) for start in range(0, len(frame), step)]
