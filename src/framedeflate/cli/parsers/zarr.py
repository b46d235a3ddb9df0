# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate zarr``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import whole
from framedeflate.cli.parsers.shared import add_json, add_overwrite

__all__ = ["COMMAND"]

_NOTES = """\
The pixels stay where they are: the references say which bytes of FILE each chunk is. Read them with

  xarray.open_zarr("reference://", storage_options={"fo": "refs.json"})

where framedeflate is installed too, with its extra zarr. docs/zarr.md has more.

--json prints one object:
  file, output, output_nbytes
  arrays                of each array its shape, chunk_shape, data_type and
                        dimension_names
  chunks                how many ranges of FILE are referred to"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a path or a URL")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="the references (default: FILE without its suffix, .refs.json)"
    )
    add_overwrite(parser, "OUT")
    parser.add_argument(
        "--url", metavar="URL", help="where readers find FILE, a URL or a path (default: its own)"
    )
    parser.add_argument(
        "--frames-per-chunk",
        type=whole,
        default=1,
        metavar="N",
        help="at most so many frames are one chunk (default: %(default)s); more for many small frames",
    )
    parser.add_argument(
        "--segment-labels",
        action="store_true",
        help="also say what segments are called: words of FILE's writer",
    )
    add_json(parser, lines=False)


COMMAND = Command(
    name="zarr",
    summary="references that make a file a Zarr array",
    usage="FILE [-o OUT] [options]",
    description="Write references (JSON, kerchunk's specification) by which zarr, xarray and dask read a file's "
    "frames where they lie.",
    examples=("seg-deflated.dcm", "seg-deflated.dcm --url https://data.example/seg-deflated.dcm"),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
