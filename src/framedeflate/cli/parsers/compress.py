# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate compress``."""

import argparse

from framedeflate.cli.parsers import kinds
from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.shared import add_lenient, add_level
from framedeflate.cli.parsers.transcoding import JSON_NOTES, add_destination, add_speed

__all__ = ["COMMAND", "MANIFEST_SUFFIX"]

MANIFEST_SUFFIX = ".manifest.sqlite"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_destination(parser, urls=True)
    _add_choice(parser)
    _add_encoding(parser)
    add_speed(parser)
    _add_archives(parser)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which files")
    group.add_argument(
        "--policy",
        choices=("all", "bilevel"),
        default="all",
        help="which images: all, or 1-bit ones and label maps, which gain most (default: %(default)s)",
    )
    group.add_argument(
        "--min-gain",
        type=kinds.percent,
        metavar="PERCENT",
        help="leave a file as it is unless it becomes smaller by that much",
    )
    group.add_argument(
        "--dataset",
        action="store_true",
        help="deflate the whole Data Set (PS3.5 A.5) where frames cannot be: float pixels, no pixels",
    )
    add_lenient(group)


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how they are encoded")
    # None: frames and whole Data Sets have defaults of their own.
    add_level(group, default=None, note="; for whole Data Sets 6")
    group.add_argument(
        "--photometric",
        choices=("RGB", "YBR_FULL"),
        help="convert colour: not lossless, so the image gets a new SOP Instance UID",
    )
    group.add_argument("--no-check", action="store_true", help="do not decode each frame again to compare it")


def _add_archives(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "archives",
        "One folder or URL (s3, gs, az) as SOURCE and another as DEST, with --jobs or one of these: every file is "
        "noted in a manifest, and the same command goes on where it stopped. See docs/archives.md.",
    )
    group.add_argument(
        "--manifest", metavar="MANIFEST", help=f"the manifest (default: DEST{MANIFEST_SUFFIX}, beside DEST)"
    )
    group.add_argument(
        "--shard",
        type=kinds.shard,
        metavar="I/N",
        help="do part I of N, from 1; each part has its own manifest",
    )
    group.add_argument(
        "--retry-failed",
        nargs="?",
        const="",
        metavar="KIND",
        help="do failed files again, all or those of a kind or error class; several with commas",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="compress a sample, write nothing, and predict what is saved"
    )
    group.add_argument(
        "--sample",
        type=kinds.sample,
        default=200,
        metavar="N",
        help="draws of --dry-run (default: %(default)s)",
    )
    group.add_argument(
        "--dask", metavar="ADDRESS", help="work on a Dask cluster: the address of its scheduler, tcp://..."
    )
    group.add_argument(
        "--moved", action="store_true", help="SOURCE or DEST is elsewhere now than when the manifest was made"
    )


COMMAND = Command(
    name="compress",
    summary="compress files, or an archive of them, frame by frame",
    usage="SOURCE... (-o DEST | --in-place) [options]",
    description="Compress DICOM images into Deflated Image Frame Compression. Every frame is decoded again and "
    "compared before a file is put in place; pixels and all other attributes stay as they are.",
    examples=(
        "seg.dcm -o seg-deflated.dcm",
        "originals/ -o archive/ --jobs 0",
        "originals/ --dry-run",
    ),
    add_arguments=_add_arguments,
    notes=JSON_NOTES,
)
