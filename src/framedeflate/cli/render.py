# SPDX-License-Identifier: Apache-2.0
"""``framedeflate render``: a contact sheet of a file's frames."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framedeflate.atomic_file import atomic_file
from framedeflate.cli.contact_sheet import Tile, choose_frames, draw_sheet
from framedeflate.cli.display import Window, choose_window, label_colour, label_picture, to_rgb
from framedeflate.cli.display_facts import DisplayFacts, read_display_facts
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.file_facts import FileFacts, read_facts, sop_class_name
from framedeflate.cli.png import encode_png
from framedeflate.image_pixel import ImagePixel
from framedeflate.reader import FrameReader

__all__ = ["add_parser", "sheet_of", "tiles_of"]

_LOOKS_PER_TILE = 6


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand's parser."""
    parser = subparsers.add_parser(
        "render",
        help="a contact sheet of the frames",
        description="Draw a contact sheet: 1-bit frames in the colour of their segment over black, grey frames in one "
        "window, colour as it is meant. Of many frames an even choice is shown, those with most to see first.",
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT.png", help="where to (default: FILE.png)")
    parser.add_argument("--tiles", type=int, default=40, help="frames shown at most (default: %(default)s)")
    parser.add_argument("--size", type=int, help="longer side of a tile in pixels (default: by their number)")
    parser.add_argument(
        "--merge", action="store_true", help="lay segments in the same place over one another"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT.png if it is there already")
    parser.add_argument("--lenient", action="store_true", help="accept frames with bytes behind their end")
    parser.set_defaults(func=run)


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
    facts = read_facts(str(path))
    tiles = tiles_of(path, facts, count=count, merge=merge, strict=strict)
    shown = _sentence(facts, len(tiles))
    return draw_sheet(tiles, title=path.name, subtitle=shown, tile_size=tile_size), shown


def _sentence(facts: FileFacts, tiles: int) -> str:
    name = sop_class_name(facts.sop_class_uid)
    pixel = facts.image_pixel
    if pixel is None:
        return name
    size = f"{pixel.rows} \N{MULTIPLICATION SIGN} {pixel.columns}, {pixel.bits_allocated} bit"
    if pixel.number_of_frames == 1:
        return f"{name}, {size}"
    whole = f"{name}, {pixel.number_of_frames} frames of {size}"
    return whole if tiles == pixel.number_of_frames else f"{whole}, {tiles} tiles"


def tiles_of(
    path: Path, facts: FileFacts, *, count: int, merge: bool = False, strict: bool = True
) -> list[Tile]:
    """Draw some frames of a file.

    Parameters
    ----------
    path : Path
        The file.
    facts : FileFacts
        Of the same file.
    count : int
        Tiles at most.
    merge : bool
        One tile for all frames in the same place, each segment in its colour.
    strict : bool
        As `FrameReader`.

    Returns
    -------
    list of Tile
    """
    with FrameReader.open(path, strict=strict) as reader:
        display = read_display_facts(path)
        weights = _weights(reader, facts, display, count)
        if merge and display.positions and reader.image_pixel.is_bilevel:
            return list(_merged(reader, display, weights, count))
        chosen = choose_frames(weights, count)
        frames = [reader[index] for index in chosen]
        return list(_single(frames, chosen, reader.image_pixel, display))


def _weights(reader: FrameReader, facts: FileFacts, display: DisplayFacts, count: int) -> list[int]:
    """Say how much there is to see in every frame, as far as that is cheaply known."""
    if not (reader.image_pixel.is_bilevel or display.is_label_map):
        # Of other images the size would tell how noisy a frame is.
        return [0] * len(reader)
    if facts.index is not None:
        return [nbytes for _, _, nbytes in facts.frames()]
    # Native frames are all of one size: look into a few of each stretch.
    weights = [0] * len(reader)
    for index in range(0, len(reader), max(1, len(reader) // (count * _LOOKS_PER_TILE))):
        weights[index] = int(np.count_nonzero(reader[index]))
    return weights


def _single(
    frames: Sequence[NDArray[Any]], chosen: Sequence[int], pixel: ImagePixel, display: DisplayFacts
) -> Iterator[Tile]:
    window: Window | None = None
    if pixel.samples_per_pixel == 1 and not pixel.is_bilevel:
        window = choose_window(frames)
    for index, frame in zip(chosen, frames, strict=True):
        segment = display.segment_number(index + 1)
        picture = to_rgb(
            frame,
            pixel,
            window=window,
            palette=display.palette,
            labels=display.is_label_map,
            segment_number=segment,
        )
        note = f"segment {segment}" if display.segment_numbers else ""
        yield Tile(picture, f"frame {index + 1}", note, label_colour(segment))


def _merged(reader: FrameReader, display: DisplayFacts, weights: Sequence[int], count: int) -> Iterator[Tile]:
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
        labels = np.zeros((reader.image_pixel.rows, reader.image_pixel.columns), np.uint16)
        for index in indices:
            labels[reader[index]] = display.segment_number(index + 1)
        note = "1 segment" if len(indices) == 1 else f"{len(indices)} segments"
        yield Tile(label_picture(labels), f"{'xyz'[axis]} = {position[axis]:.0f} mm", note)


def _stacking_axis(positions: Sequence[tuple[float, ...]]) -> int:
    """Return the axis, 0 to 2, along which the places differ most."""
    spread = np.ptp(np.array(positions), axis=0)
    # Of equal ones the last: a single slice counts as axial.
    return 2 - int(np.argmax(spread[::-1]))
