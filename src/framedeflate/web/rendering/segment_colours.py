# SPDX-License-Identifier: Apache-2.0
"""Recommended Display CIELab Values of segments (PS3.3 C.8.20.2, C.10.7.1.1) as red, green and blue."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

__all__ = ["rgb_of_cielab", "segment_colours"]

# XYZ under D50, in which CIELab of DICOM is, to linear red, green and blue of sRGB, whose white is D65 (ICC.1 E, IEC
# 61966-2-1).
_TO_RGB: Final = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_WHITE: Final = np.array([0.9642, 1.0, 0.8249])


def segment_colours(segments: Iterable[Mapping[str, Any]]) -> dict[int, tuple[int, int, int]]:
    """Return the recommended colour of each segment that has one, by its number.

    Parameters
    ----------
    segments : iterable of mapping
        Items of the Segment Sequence in the DICOM JSON Model.
    """
    colours = {}
    for segment in segments:
        numbers = segment.get("00620004", {}).get("Value", [])
        cielab = segment.get("0062000D", {}).get("Value", [])
        if numbers and len(cielab) == 3 and all(isinstance(one, int) for one in (numbers[0], *cielab)):
            colours[numbers[0]] = rgb_of_cielab((cielab[0], cielab[1], cielab[2]))
    return colours


def rgb_of_cielab(scaled: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a colour, given as DICOM has it: L* 0 to 100, a* and b* -128 to 127, each as 0 to 65535."""
    lightness = scaled[0] / 65535 * 100
    a, b = (value / 65535 * 255 - 128 for value in scaled[1:])
    middle = (lightness + 16) / 116
    f = np.array([middle + a / 500, middle, middle - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) * 3 * (6 / 29) ** 2) * _WHITE
    linear = (_TO_RGB @ xyz).clip(0, 1)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(curve * 255).astype(int).tolist()
    return red, green, blue
