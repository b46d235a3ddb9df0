# SPDX-License-Identifier: Apache-2.0
"""``framedeflate render``: a contact sheet of a file's frames."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framedeflate.atomic_file import atomic_file
from framedeflate.cli.contact_sheet import Tile, choose_frames, draw_sheet, resize_blocks
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.file_facts import sop_class_name
from framedeflate.data_set.layout import Tag
from framedeflate.pictures.display import Window, choose_window, label_colour, label_picture, to_rgb
from framedeflate.pictures.display_facts import DisplayFacts, read_display_facts
from framedeflate.pictures.image_file import ImageFile, open_image_file
from framedeflate.pictures.png import encode_png

__all__ = ["run", "sheet_of", "tiles_of"]

_TILE_SIZE = 512
"""No tile is larger, where nothing else was said."""

_LOOKS_PER_TILE = 6
_MAX_SIDE = 4096
"""Rows and columns that are looked at; of more, each second, third ... is."""

_KEPT_NBYTES = 64 << 20
"""Frames that are kept between the choice of their window and their drawing; larger ones are read twice."""


def run(namespace: argparse.Namespace) -> ExitCode:
    """Draw one file."""
    source = Path(namespace.file)
    output = Path(namespace.output) if namespace.output else Path(f"{source.stem}.png")
    if output.suffix.lower() != ".png":
        raise CommandError(f"{output} does not end in .png", exit_code=ExitCode.USAGE)
    if namespace.tiles < 1 or not 16 <= (namespace.size or 192) <= 2048:
        raise CommandError("--tiles is at least 1, --size 16 to 2048", exit_code=ExitCode.USAGE)
    sheet, shown = sheet_of(
        source,
        count=namespace.tiles,
        tile_size=namespace.size,
        merge=namespace.merge,
        strict=not namespace.lenient,
    )
    with atomic_file(output, overwrite=namespace.overwrite) as file:
        file.write(encode_png(sheet))
    print(f"{output}: {shown}")
    return ExitCode.OK


def sheet_of(
    path: Path, *, count: int = 40, tile_size: int | None = None, merge: bool = False, strict: bool = True
) -> tuple[NDArray[np.uint8], str]:
    """Draw the contact sheet of a file; return it and the sentence below its title."""
    with open_image_file(path, strict=strict) as image:
        tiles = list(_tiles(image, count=count, tile_size=tile_size or _TILE_SIZE, merge=merge))
        shown = _sentence(image, len(tiles))
    return draw_sheet(tiles, title=path.name, subtitle=shown, tile_size=tile_size), shown


def _sentence(image: ImageFile, tiles: int) -> str:
    name = sop_class_name(image.layout.text(Tag.SOP_CLASS_UID))
    pixel = image.image_pixel
    size = f"{pixel.rows} \N{MULTIPLICATION SIGN} {pixel.columns}, {pixel.bits_allocated} bit"
    if pixel.number_of_frames == 1:
        return f"{name}, {size}"
    whole = f"{name}, {pixel.number_of_frames} frames of {size}"
    return whole if tiles == pixel.number_of_frames else f"{whole}, {tiles} tiles"


def tiles_of(
    path: Path, *, count: int, tile_size: int = _TILE_SIZE, merge: bool = False, strict: bool = True
) -> list[Tile]:
    """Draw some frames of a file.

    Parameters
    ----------
    path : Path
        The file.
    count : int
        Tiles at most.
    tile_size : int
        The longer side of a picture at most, in pixels.
    merge : bool
        One tile for all frames in the same place, each segment in its colour.
    strict : bool
        As `FrameReader`.

    Returns
    -------
    list of Tile
    """
    with open_image_file(path, strict=strict) as image:
        return list(_tiles(image, count=count, tile_size=tile_size, merge=merge))


def _tiles(image: ImageFile, *, count: int, tile_size: int, merge: bool) -> Iterator[Tile]:
    display = read_display_facts(image)
    weights = _weights(image, display, count)
    if merge and display.positions and image.image_pixel.is_bilevel:
        return _merged(image, display, weights, count, tile_size)
    return _single(image, display, choose_frames(weights, count), tile_size)


def _weights(image: ImageFile, display: DisplayFacts, count: int) -> list[int]:
    """Say how much there is to see in every frame, as far as that is cheaply known."""
    if not (image.image_pixel.is_bilevel or display.is_label_map):
        # Of other images the size would tell how noisy a frame is.
        return [0] * len(image)
    index = image.frames.index
    if index is not None:
        return [sum(stop - start for start, stop in index.byte_ranges(at)) for at in range(len(image))]
    # Native frames are all of one size: look into a few of each stretch.
    weights = [0] * len(image)
    for at in range(0, len(image), max(1, len(image) // (count * _LOOKS_PER_TILE))):
        weights[at] = int(np.count_nonzero(image.frame(at)))
    return weights


def _single(image: ImageFile, display: DisplayFacts, chosen: Sequence[int], tile_size: int) -> Iterator[Tile]:
    pixel = image.image_pixel
    # One after another: a hundred large frames at once would fill memory.
    read = cache(image.frame) if len(chosen) * pixel.frame_nbytes <= _KEPT_NBYTES else image.frame
    window: Window | None = None
    if pixel.samples_per_pixel == 1 and not pixel.is_bilevel:
        window = choose_window((read(index) for index in chosen), len(chosen))
    for index in chosen:
        segment = display.segment_number(index + 1)
        draw = partial(
            to_rgb,
            image_pixel=pixel,
            window=window,
            palette=display.palette,
            labels=display.is_label_map,
            segment_number=segment,
        )
        note = f"segment {segment}" if display.segment_numbers else ""
        yield Tile(_shrunk(read(index), draw, tile_size), f"frame {index + 1}", note, label_colour(segment))


def _thinned(frame: NDArray[Any]) -> NDArray[Any]:
    """Return each n-th row and column of a frame so large that looking at all of it would take minutes."""
    step = -(-max(frame.shape[:2]) // _MAX_SIDE)
    return frame[::step, ::step]


def _shrunk(
    frame: NDArray[Any], draw: Callable[[NDArray[Any]], NDArray[np.uint8]], tile_size: int
) -> NDArray[np.uint8]:
    """Draw a frame no larger than a tile, never the whole of it at once."""
    frame = _thinned(frame)
    rows, columns = frame.shape[:2]
    scale = tile_size / max(rows, columns)
    if scale >= 1:
        return draw(frame)
    # A frame of one pixel height must not vanish.
    target = max(1, round(rows * scale)), max(1, round(columns * scale))
    return resize_blocks(lambda start, stop: draw(frame[start:stop]), (rows, columns), target)


def _merged(
    image: ImageFile, display: DisplayFacts, weights: Sequence[int], count: int, tile_size: int
) -> Iterator[Tile]:
    """Lay the frames of each place over one another; later segments lie on top."""
    indices_at: dict[tuple[float, ...], list[int]] = {}
    for index, position in enumerate(display.positions):
        indices_at.setdefault(position, []).append(index)
    axis = _stacking_axis(list(indices_at))
    places = sorted(indices_at, key=lambda position: position[axis])
    for place in choose_frames(
        [sum(weights[index] for index in indices_at[place]) for place in places], count
    ):
        position = places[place]
        indices = indices_at[position]
        labels = np.zeros(_thinned(image.frame(indices[0])).shape, np.uint16)
        for index in indices:
            labels[_thinned(image.frame(index))] = display.segment_number(index + 1)
        note = "1 segment" if len(indices) == 1 else f"{len(indices)} segments"
        picture = _shrunk(labels, label_picture, tile_size)
        yield Tile(picture, f"{'xyz'[axis]} = {position[axis]:.0f} mm", note)


def _stacking_axis(positions: Sequence[tuple[float, ...]]) -> int:
    """Return the axis, 0 to 2, along which the places differ most."""
    spread = np.ptp(np.array(positions), axis=0)
    # Of equal ones the last: a single slice counts as axial.
    return 2 - int(np.argmax(spread[::-1]))
