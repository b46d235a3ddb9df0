# SPDX-License-Identifier: Apache-2.0
"""``framedeflate zarr``: references that make a file a Zarr array where it lies."""

import argparse
import json
from pathlib import Path
from urllib.parse import urlsplit

from framedeflate.atomic_file import atomic_file
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import human_nbytes, print_json, shown_source
from framedeflate.zarr_store.reference_set import PIXELS, references

__all__ = ["add_parser"]

_EPILOG = """\
The pixels stay where they are: the references say which bytes of FILE each chunk is. Read them with

  xarray.open_zarr("reference://", storage_options={"fo": "refs.json"})

where framedeflate is installed too. docs/zarr.md has more.

--json prints one object:
  file, output, output_nbytes
  arrays                of each array its shape, chunk_shape, data_type and dimension_names
  chunks                how many ranges of FILE are referred to"""


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the subcommand's parser and return it."""
    parser = subparsers.add_parser(
        "zarr",
        help="references that make a file a Zarr array",
        description="Write references (JSON, kerchunk's specification) by which zarr, xarray and dask read a file's "
        "frames where they lie.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a path or a URL")
    parser.add_argument(
        "-o", "--output", metavar="REFS", help="the references (default: FILE without its suffix, .refs.json)"
    )
    parser.add_argument(
        "--url", metavar="URL", help="where readers find FILE, a URL or a path (default: its own)"
    )
    parser.add_argument(
        "--frames-per-chunk",
        type=int,
        default=1,
        metavar="N",
        help="at most so many frames are one chunk (default: 1); more for many small frames",
    )
    parser.add_argument(
        "--segment-labels",
        action="store_true",
        help="also say what segments are called: words of FILE's writer",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace REFS if it is there already")
    parser.add_argument("--json", action="store_true", help="one JSON object, see below")
    parser.set_defaults(func=run)
    return parser


def run(namespace: argparse.Namespace) -> ExitCode:
    """Write the references of one file."""
    if namespace.frames_per_chunk < 1:
        raise CommandError("--frames-per-chunk must be at least 1", exit_code=ExitCode.USAGE)
    made = references(
        namespace.file,
        url=namespace.url,
        frames_per_chunk=namespace.frames_per_chunk,
        segment_labels=namespace.segment_labels,
    )
    # Of a URL the name in its path, not what follows it.
    name = urlsplit(namespace.file).path if "://" in namespace.file else namespace.file
    output = Path(namespace.output or f"{Path(name).stem}.refs.json")
    data = json.dumps(made, separators=(",", ":")).encode("ascii")
    with atomic_file(output, overwrite=namespace.overwrite) as file:
        file.write(data)
    refs = made["refs"]
    documents = json.loads(refs["zarr.json"])["consolidated_metadata"]["metadata"]
    chunks = sum(isinstance(value, list) for value in refs.values())
    if namespace.json:
        arrays = {
            name: {
                "shape": document["shape"],
                "chunk_shape": document["chunk_grid"]["configuration"]["chunk_shape"],
                "data_type": document["data_type"],
                "dimension_names": document["dimension_names"],
            }
            for name, document in documents.items()
        }
        print_json(
            {
                "file": shown_source(namespace.file),
                "output": str(output),
                "output_nbytes": len(data),
                "arrays": arrays,
                "chunks": chunks,
            }
        )
        return ExitCode.OK
    pixels = documents[PIXELS]
    shape = " x ".join(str(length) for length in pixels["shape"])
    print(f"{output}: {shape} {pixels['data_type']} in {chunks} chunks, {human_nbytes(len(data))}")
    return ExitCode.OK
