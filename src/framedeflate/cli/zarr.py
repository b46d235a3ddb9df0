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

__all__ = ["run"]


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
