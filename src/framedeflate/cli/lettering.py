# SPDX-License-Identifier: Apache-2.0
"""Short captions in pictures: a 5 by 7 dot alphabet and one function that writes with it."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINE_HEIGHT", "text_width", "write_text"]

LINE_HEIGHT = 7
_ADVANCE = 6

# Seven rows of five dots a letter, each row one base 32 digit: "L" is #.... six times and #####.
_ROWS = {
    "A": "ehhvhhh", "B": "uhhuhhu", "C": "ehggghe", "D": "uhhhhhu", "E": "vgguggv", "F": "vgguggg",
    "G": "ehgnhhf", "H": "hhhvhhh", "I": "e44444e", "J": "72222ic", "K": "hikokih", "L": "ggggggv",
    "M": "hrllhhh", "N": "hhpljhh", "O": "ehhhhhe", "P": "uhhuggg", "Q": "ehhhlid", "R": "uhhukih",
    "S": "fgge11u", "T": "v444444", "U": "hhhhhhe", "V": "hhhhha4", "W": "hhhllla", "X": "hha4ahh",
    "Y": "hha4444", "Z": "v1248gv", "0": "ehjlphe", "1": "4c4444e", "2": "eh1248v", "3": "v2421he",
    "4": "26aiv22", "5": "vgu11he", "6": "68guhhe", "7": "v124888", "8": "ehhehhe", "9": "ehhf12c",
    ".": "00000cc", ",": "0000c48", ":": "0cc0cc0", ";": "0cc0c48", "-": "000e000", "_": "000000v", "/": "01248g0",
    "(": "2488842", ")": "8422248", "%": "op248j3", "+": "044v440", "#": "aavavaa", "=": "00v0v00",
    "\N{MULTIPLICATION SIGN}": "00ha4ah",
}  # fmt: skip

_DOTS = {
    letter: np.array([[int(row, 32) >> (4 - dot) & 1 for dot in range(5)] for row in rows], bool)
    for letter, rows in _ROWS.items()
}


def text_width(text: str, scale: int = 1) -> int:
    """Width of a text in pixels."""
    return max(0, len(text) * _ADVANCE - 1) * scale


def write_text(
    picture: NDArray[np.uint8],
    text: str,
    *,
    row: int,
    column: int,
    colour: tuple[int, int, int],
    scale: int = 1,
) -> None:
    """Write capitals, digits and a few signs into an RGB picture; other characters become a gap.

    Parameters
    ----------
    picture : ndarray of uint8
        Shape (rows, columns, 3); written in place, and what does not fit is cut off.
    text : str
        Written in capitals.
    row, column : int
        Upper left corner.
    colour : tuple of int
        Red, green, blue.
    scale : int
        Pixels per dot.
    """
    for place, letter in enumerate(text.upper()):
        dots = _DOTS.get(letter)
        if dots is None:
            continue
        left = column + place * _ADVANCE * scale
        area = picture[row : row + LINE_HEIGHT * scale, left : left + 5 * scale]
        shape = dots.repeat(scale, 0).repeat(scale, 1)[: area.shape[0], : area.shape[1]]
        area[shape] = colour
