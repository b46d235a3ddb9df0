# SPDX-License-Identifier: Apache-2.0
"""``framedeflate extract``: one frame as a picture, an array or its native bytes."""

import argparse
import io
from pathlib import Path

import numpy as np

from framedeflate.atomic_file import atomic_file
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import human_nbytes
from framedeflate.pictures.display import choose_window, to_rgb
from framedeflate.pictures.display_facts import read_display_facts
from framedeflate.pictures.image_file import open_image_file
from framedeflate.pictures.png import encode_png

__all__ = ["run"]

_SUFFIXES = (".png", ".npy", ".raw")
_BLOCK_PIXELS = 1 << 18


def run(namespace: argparse.Namespace) -> ExitCode:
    """Write one frame of one file."""
    source = Path(namespace.file)
    number = namespace.frame
    output = Path(namespace.output) if namespace.output else Path(f"{source.stem}-frame{number}.png")
    suffix = output.suffix.lower()
    if suffix not in _SUFFIXES:
        raise CommandError(f"{output} ends in none of {', '.join(_SUFFIXES)}", exit_code=ExitCode.USAGE)
    encode = {".png": _picture, ".npy": _array, ".raw": _native}[suffix]
    data = encode(source, number, strict=not namespace.lenient)
    with atomic_file(output, overwrite=namespace.overwrite) as file:
        file.write(data)
    print(f"{output}: frame {number}, {human_nbytes(len(data))}")
    return ExitCode.OK


def _picture(path: Path, number: int, *, strict: bool) -> bytes:
    with open_image_file(path, strict=strict) as image:
        frame, pixel = image.frame(number - 1), image.image_pixel
        facts = read_display_facts(image)
    picture = np.empty((*frame.shape[:2], 3), np.uint8)
    window = choose_window([frame]) if frame.ndim == 2 and not pixel.is_bilevel else None
    # By blocks of rows: on the way to a picture a pixel takes ten times the memory that it has in it.
    step = max(1, _BLOCK_PIXELS // pixel.columns)
    for start in range(0, len(frame), step):
        picture[start : start + step] = to_rgb(
            frame[start : start + step],
            pixel,
            window=window,
            palette=facts.palette,
            labels=facts.is_label_map,
            segment_number=facts.segment_number(number),
        )
    return encode_png(picture)


def _array(path: Path, number: int, *, strict: bool) -> bytes:
    with open_image_file(path, strict=strict) as image:
        buffer = io.BytesIO()
        np.save(buffer, image.frame(number - 1))
        return buffer.getvalue()


def _native(path: Path, number: int, *, strict: bool) -> bytes:
    """Return the bytes alone: a Frame of 24 bits a sample has them too, though numpy has no such integer."""
    with open_image_file(path, strict=strict) as image:
        return bytes(image.native(number - 1))
