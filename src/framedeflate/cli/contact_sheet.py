# SPDX-License-Identifier: Apache-2.0
"""Lay pictures out as a contact sheet: which frames to show, tiles of one size, captions."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framedeflate.cli.lettering import LINE_HEIGHT, text_width, write_text

__all__ = ["Tile", "choose_frames", "draw_sheet", "resize"]

_PAPER = (18, 20, 24)
_FRAME_EDGE = (44, 48, 56)
_TITLE = (232, 234, 238)
_CAPTION = (150, 156, 166)
_MARGIN = 16
_GAP = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of the sheet and what stands below it.

    Attributes
    ----------
    picture : ndarray of uint8
        Shape (rows, columns, 3).
    caption : str
        Below the picture, on the left.
    note : str
        Below the picture, on the right.
    note_colour : tuple of int
        Red, green, blue of the note.
    """

    picture: NDArray[np.uint8]
    caption: str
    note: str = ""
    note_colour: tuple[int, int, int] = _CAPTION


def choose_frames(weights: Sequence[int], count: int) -> list[int]:
    """Choose which frames to show: evenly spread, and of each stretch the one with most to see.

    Parameters
    ----------
    weights : sequence of int
        For every frame how much is in it, such as the size of its Fragment: an empty frame deflates to
        next to nothing. Equal weights choose the middle of each stretch.
    count : int
        How many frames at most.

    Returns
    -------
    list of int
        Indices, ascending, from 0.
    """
    total = len(weights)
    if total <= count:
        return list(range(total))
    bounds = [total * place // count for place in range(count + 1)]
    chosen = []
    for start, stop in itertools.pairwise(bounds):
        middle = (start + stop - 1) / 2
        chosen.append(max(range(start, stop), key=lambda index: (weights[index], -abs(index - middle))))
    return chosen


def resize(picture: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Resize by area: thin structures grow dim instead of vanishing, and enlarged pixels stay square.

    Parameters
    ----------
    picture : ndarray of uint8
        Shape (rows, columns, 3).
    rows, columns : int
        New size.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns, 3).
    """
    down = _area_weights(picture.shape[0], rows)
    across = _area_weights(picture.shape[1], columns)
    # One channel at a time as two matrix products: quick, and a 512 x 512 RGB picture needs few megabytes.
    channels = [down @ picture[:, :, channel].astype(np.float32) @ across.T for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).clip(0, 255).astype(np.uint8)


def _area_weights(source: int, target: int) -> NDArray[np.float32]:
    """Share of each source pixel in each target pixel, shape (target, source); every row sums to 1."""
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = overlap.clip(0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def draw_sheet(
    tiles: Sequence[Tile], *, title: str, subtitle: str = "", tile_size: int = 192, per_row: int | None = None
) -> NDArray[np.uint8]:
    """Draw the sheet.

    Parameters
    ----------
    tiles : sequence of Tile
        At least one.
    title, subtitle : str
        Above the tiles.
    tile_size : int
        The longer side of a picture on the sheet, in pixels. Pictures keep their shape.
    per_row : int or None
        Tiles in a row; None chooses a sheet about half as wide again as high.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns, 3).
    """
    pictures = [_fit(tile.picture, tile_size) for tile in tiles]
    cell_rows = max(picture.shape[0] for picture in pictures)
    captions = [text_width(f"{tile.caption}  {tile.note}") for tile in tiles]
    cell_columns = max(*captions, *(picture.shape[1] for picture in pictures))
    step_rows = cell_rows + 6 + LINE_HEIGHT + _GAP
    step_columns = cell_columns + _GAP
    if per_row is None:
        per_row = round(math.sqrt(len(tiles) * 1.5 * step_rows / step_columns))
    per_row = max(1, min(per_row, len(tiles)))
    title_scale = 2
    head = _MARGIN + LINE_HEIGHT * title_scale + (8 + LINE_HEIGHT if subtitle else 0) + _MARGIN
    height = head + math.ceil(len(tiles) / per_row) * step_rows - _GAP + _MARGIN
    width = max(
        2 * _MARGIN + per_row * step_columns - _GAP,
        2 * _MARGIN + text_width(title, title_scale),
        2 * _MARGIN + text_width(subtitle),
    )
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = _PAPER
    write_text(sheet, title, row=_MARGIN, column=_MARGIN, colour=_TITLE, scale=title_scale)
    if subtitle:
        below = _MARGIN + LINE_HEIGHT * title_scale + 8
        write_text(sheet, subtitle, row=below, column=_MARGIN, colour=_CAPTION)
    for place, (tile, picture) in enumerate(zip(tiles, pictures, strict=True)):
        top = head + place // per_row * step_rows
        left = _MARGIN + place % per_row * step_columns
        _put(sheet, picture, top + (cell_rows - picture.shape[0]) // 2, left)
        caption_row = top + cell_rows + 6
        write_text(sheet, tile.caption, row=caption_row, column=left, colour=_CAPTION)
        right = left + picture.shape[1] - text_width(tile.note)
        right = max(right, left + text_width(f"{tile.caption}  "))
        write_text(sheet, tile.note, row=caption_row, column=right, colour=tile.note_colour)
    return sheet


def _fit(picture: NDArray[np.uint8], tile_size: int) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    scale = tile_size / max(rows, columns)
    # A frame of one pixel height must not vanish.
    return resize(picture, max(1, round(rows * scale)), max(1, round(columns * scale)))


def _put(sheet: NDArray[np.uint8], picture: NDArray[np.uint8], top: int, left: int) -> None:
    rows, columns = picture.shape[:2]
    # A hairline around the picture: black frames would flow into the paper otherwise.
    sheet[top - 1 : top + rows + 1, left - 1 : left + columns + 1] = _FRAME_EDGE
    sheet[top : top + rows, left : left + columns] = picture
