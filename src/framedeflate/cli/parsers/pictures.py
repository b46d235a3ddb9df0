# SPDX-License-Identifier: Apache-2.0
"""The parsers of ``framedeflate extract`` and ``framedeflate render``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import local_path, whole
from framedeflate.cli.parsers.shared import add_lenient, add_overwrite

__all__ = ["EXTRACT", "RENDER"]


def _add_file(parser: argparse.ArgumentParser, *, output_help: str) -> None:
    parser.add_argument("file", type=local_path, metavar="FILE", help="a DICOM image")
    parser.add_argument("-o", "--output", metavar="OUT", help=output_help)
    add_overwrite(parser, "OUT")
    add_lenient(parser)


def _add_extract(parser: argparse.ArgumentParser) -> None:
    _add_file(parser, output_help="ends in .png, .npy or .raw (default: FILE-frameN.png)")
    parser.add_argument(
        "--frame", type=whole, default=1, metavar="N", help="frame number, from 1 (default: %(default)s)"
    )


def _add_render(parser: argparse.ArgumentParser) -> None:
    _add_file(parser, output_help="ends in .png (default: FILE.png)")
    parser.add_argument(
        "--tiles", type=whole, default=40, metavar="N", help="frames shown at most (default: %(default)s)"
    )
    parser.add_argument(
        "--size", type=whole, metavar="PIXELS", help="longer side of a tile (default: by their number)"
    )
    parser.add_argument(
        "--merge", action="store_true", help="lay segments in the same place over one another"
    )


EXTRACT = Command(
    name="extract",
    summary="one frame as .png, .npy or .raw",
    usage="FILE [--frame N] [-o OUT] [options]",
    description="Write one frame: as a picture for the eye (.png, windowed to 8 bits), as an array of the exact "
    "values (.npy), or as its native bytes (.raw; a 1-bit frame starts at a byte).",
    examples=("seg.dcm --frame 17", "ct.dcm --frame 3 -o slice.npy"),
    add_arguments=_add_extract,
)

RENDER = Command(
    name="render",
    summary="a contact sheet of the frames",
    usage="FILE [-o OUT] [options]",
    description="Draw a contact sheet: 1-bit frames in the colour of their segment over black, grey frames in one "
    "window, colour as it is meant. Of many frames an even choice is shown, those with most to see first.",
    examples=("seg.dcm -o sheet.png", "seg.dcm --merge --tiles 12"),
    add_arguments=_add_render,
)
