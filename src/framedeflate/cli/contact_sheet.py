# SPDX-License-Identifier: Apache-2.0
"""Lay pictures out as a contact sheet: which frames to show, tiles of one size, captions."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framedeflate.cli.lettering import LINE_HEIGHT, text_width, write_text

__all__ = ["Tile", "choose_frames", "draw_sheet", "resize", "resize_blocks"]

_PAPER = (18, 20, 24)
_FRAME_EDGE = (44, 48, 56)
_TITLE = (232, 234, 238)
_CAPTION = (150, 156, 166)
_MARGIN = 16
_GAP = 12
_BLOCK_PIXELS = 1 << 18


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
    if picture.shape[:2] == (rows, columns):
        return picture
    return resize_blocks(lambda start, stop: picture[start:stop], picture.shape[:2], (rows, columns))


def resize_blocks(
    draw: Callable[[int, int], NDArray[np.uint8]], source: tuple[int, ...], target: tuple[int, int]
) -> NDArray[np.uint8]:
    """As `resize`, of a picture that is drawn a block of rows at a time, so that it never is in memory as a whole.

    Parameters
    ----------
    draw : callable
        Returns the rows from `start` up to `stop`, shape (stop - start, columns, 3).
    source, target : tuple of int
        Rows and columns of the picture and of the result.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns, 3).
    """
    rows, columns = target
    step = max(1, _BLOCK_PIXELS // source[1])
    edges = np.linspace(0, source[0], rows + 1)
    sums = np.zeros((rows, columns, 3))
    for start in range(0, source[0], step):
        stop = min(start + step, source[0])
        block = draw(start, stop).astype(np.float64)
        narrow = _area_sums(block.swapaxes(0, 1), columns).swapaxes(0, 1)
        # The rows of the result that the block reaches into, and how much of each of its rows each of them gets.
        first, last = np.searchsorted(edges, start, "right") - 1, np.searchsorted(edges, stop, "left")
        at = np.arange(start, stop)
        shares = np.minimum(edges[first + 1 : last + 1, None], at + 1) - np.maximum(
            edges[first:last, None], at
        )
        sums[first:last] += np.tensordot(shares.clip(0, 1), narrow, axes=1)
    area = source[0] * source[1] / (rows * columns)
    return np.asarray(np.rint(sums / area).clip(0, 255), np.uint8)


def _area_sums(samples: NDArray[np.float64], target: int) -> NDArray[np.float64]:
    """Sum the first axis over `target` equal stretches; a sample on the edge between two is shared by its parts."""
    source = len(samples)
    running = np.zeros((source + 1, *samples.shape[1:]))
    np.cumsum(samples, axis=0, out=running[1:])
    edges = np.linspace(0, source, target + 1)
    whole = np.minimum(edges.astype(int), source - 1)
    part = (edges - whole)[:, None, None]
    at_edges = running[whole] * (1 - part) + running[whole + 1] * part
    return np.asarray(np.diff(at_edges, axis=0))


def draw_sheet(
    tiles: Sequence[Tile],
    *,
    title: str,
    subtitle: str = "",
    tile_size: int | None = None,
    per_row: int | None = None,
) -> NDArray[np.uint8]:
    """Draw the sheet.

    Parameters
    ----------
    tiles : sequence of Tile
        At least one.
    title, subtitle : str
        Above the tiles.
    tile_size : int or None
        The longer side of a picture on the sheet, in pixels; None chooses more for few pictures. They keep their
        shape.
    per_row : int or None
        Tiles in a row; None chooses a sheet about half as wide again as high.

    Returns
    -------
    ndarray of uint8
        Shape (rows, columns, 3).
    """
    if tile_size is None:
        tile_size = 512 if len(tiles) == 1 else 320 if len(tiles) <= 4 else 192
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
