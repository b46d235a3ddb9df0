# SPDX-License-Identifier: Apache-2.0
"""Turn frames into pictures for the eye: window, palette, YBR to RGB, one colour per segment."""

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framedeflate.colour import ybr_to_rgb
from framedeflate.image_pixel import ImagePixel

__all__ = ["Palette", "Window", "choose_window", "colour_picture", "label_colour", "label_picture", "to_rgb"]

_LABEL_COLOURS = (
    (255, 179, 71), (64, 196, 255), (105, 220, 120), (255, 105, 140), (186, 140, 255), (255, 225, 90),
    (70, 220, 200), (255, 140, 90), (120, 160, 255), (200, 230, 110), (240, 130, 220), (150, 210, 230),
)  # fmt: skip
_GOLDEN_ANGLE = 0.61803398875
_SAMPLED_PIXELS = 1 << 18


@dataclass(frozen=True, slots=True)
class Palette:
    """A Palette Color Lookup Table (PS3.3 C.7.6.3.1.5).

    Attributes
    ----------
    first_mapped : int
        The pixel value of the first entry; smaller values map to it, too large ones to the last.
    colours : ndarray of uint8
        Shape (entries, 3).
    """

    first_mapped: int
    colours: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Window:
    """Pixel values shown as black (and below) and as white (and above)."""

    black: float
    white: float


def label_colour(label: int) -> tuple[int, int, int]:
    """Colour of a segment or label, red, green, blue; 0 is the background, black."""
    if label <= 0:
        return (0, 0, 0)
    if label <= len(_LABEL_COLOURS):
        return _LABEL_COLOURS[label - 1]
    # The golden angle keeps neighbouring labels far apart in hue, however many there are.
    red, green, blue = colorsys.hsv_to_rgb(label * _GOLDEN_ANGLE % 1, (0.45, 0.6, 0.72)[label % 3], 0.94)
    return round(red * 255), round(green * 255), round(blue * 255)


def label_picture(
    labels: NDArray[Any], recommended: Mapping[int, tuple[int, int, int]] | None = None
) -> NDArray[np.uint8]:
    """Give every label its colour, a recommended one first; shape (rows, columns) becomes (rows, columns, 3)."""
    known = recommended or {}
    if labels.dtype.kind == "u" and labels.dtype.itemsize <= 2:
        # Counted, not sorted: twenty times as fast.
        values = np.flatnonzero(np.bincount(labels.ravel(), minlength=1))
        places = labels
        colours = np.zeros((int(values.max(initial=0)) + 1, 3), np.uint8)
        chosen = values
    else:
        values, inverse = np.unique(labels, return_inverse=True)
        places = inverse.reshape(labels.shape)
        colours = np.zeros((len(values), 3), np.uint8)
        chosen = np.arange(len(values))
    for place, value in zip(chosen.tolist(), values.tolist(), strict=True):
        colours[place] = known.get(value) or label_colour(value)
    return np.asarray(colours[places])


def choose_window(frames: Iterable[NDArray[Any]], count: int = 1) -> Window:
    """Choose a window that shows most of what is in some frames.

    Parameters
    ----------
    frames : iterable of ndarray
        Grey frames; the same window serves all of them, so that they can be compared.
    count : int
        How many these are: the more, the fewer values of each are looked at.

    Returns
    -------
    Window
        From the 1st to the 99.5th percentile, a padding value (the lowest one, where a twentieth of all
        pixels have it) not counted.
    """
    values = np.concatenate([_some_values(frame, _SAMPLED_PIXELS // count) for frame in frames])
    inside = values[values > values.min()]
    # Of two values alone neither is a padding: nothing would be left to tell apart.
    if inside.size and np.ptp(inside) and values.size - inside.size >= values.size / 20:
        values = inside
    black, white = np.percentile(values, (1, 99.5))
    if not white > black:
        black, white = float(values.min()), float(values.max())
    return Window(float(black), float(white))


def _some_values(frame: NDArray[Any], count: int) -> NDArray[np.float64]:
    values = frame.ravel()
    return values[:: max(1, values.size // max(1, count))].astype(np.float64)


def to_rgb(
    frame: NDArray[Any],
    image_pixel: ImagePixel,
    *,
    window: Window | None = None,
    palette: Palette | None = None,
    labels: bool = False,
    segment_number: int = 1,
) -> NDArray[np.uint8]:
    """Turn one frame into a picture.

    Parameters
    ----------
    frame : ndarray
        Shape (rows, columns) or (rows, columns, 3), as `FrameReader` gives it.
    image_pixel : ImagePixel
        What the frame's samples mean.
    window : Window, optional
        For grey frames; None chooses one.
    palette : Palette, optional
        For PALETTE COLOR; None shows the pixel values as grey.
    labels : bool
        Whether pixel values are labels: one colour each.
    segment_number : int
        Whose colour the set pixels of a 1-bit frame get.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns, 3).
    """
    if frame.ndim == 3:
        return colour_picture(frame, image_pixel)
    if image_pixel.is_bilevel:
        return _bilevel(frame.astype(bool), image_pixel, segment_number)
    if palette is not None:
        last = len(palette.colours) - 1
        places = (frame.astype(np.int64) - palette.first_mapped).clip(0, last)
        return np.asarray(palette.colours[places])
    if labels:
        return label_picture(frame)
    window = window or choose_window([frame])
    scale = 255 / (window.white - window.black) if window.white > window.black else 0.0
    grey = ((frame.astype(np.float64) - window.black) * scale).clip(0, 255).astype(np.uint8)
    if image_pixel.photometric_interpretation == "MONOCHROME1":
        grey = 255 - grey
    return np.repeat(grey[:, :, None], 3, axis=2)


def _bilevel(frame: NDArray[np.bool_], image_pixel: ImagePixel, segment_number: int) -> NDArray[np.uint8]:
    picture = np.zeros((*frame.shape, 3), np.uint8)
    # MONOCHROME1: a set bit is black (C.7.6.3.1.2).
    shown = ~frame if image_pixel.photometric_interpretation == "MONOCHROME1" else frame
    picture[shown] = label_colour(max(1, segment_number))
    return picture


def colour_picture(frame: NDArray[Any], image_pixel: ImagePixel) -> NDArray[np.uint8]:
    """Turn a Frame in RGB or YBR_FULL, shape (rows, columns, 3), into red, green and blue of 8 bits."""
    stored = image_pixel.bits_stored
    samples = frame
    if stored > 16:
        # More does not show, and 64 bits would be too many to count with.
        samples, stored = samples >> (stored - 16), 16
    if image_pixel.photometric_interpretation.startswith("YBR_FULL"):
        samples = ybr_to_rgb(samples, stored)
    if stored == 8 and samples.dtype == np.uint8:
        return samples
    scaled = samples.astype(np.float64) * (255 / ((1 << stored) - 1))
    return np.rint(scaled).clip(0, 255).astype(np.uint8)
