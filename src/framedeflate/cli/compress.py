# SPDX-License-Identifier: Apache-2.0
"""``framedeflate compress``: files into Deflated Image Frame Compression."""

import argparse

from framedeflate.cli import transcoding
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.progress import FrameProgress
from framedeflate.cli.report import Outcome, print_error
from framedeflate.cli.sources import Task
from framedeflate.errors import TransferSyntaxError, UnsupportedImageError
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.transcode import compress_data_set_file, compress_file

__all__ = ["add_parser"]

_FOR_DATA_SET = frozenset({"float-pixel-data", "no-pixel-data", "bits-allocated"})
"""Why an object cannot be deflated frame by frame though nothing is wrong with it."""


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str = "compress"
) -> argparse.ArgumentParser:
    """Add the subcommand's parser and return it."""
    parser = subparsers.add_parser(
        name,
        help="compress files, frame by frame",
        description="Compress DICOM images into Deflated Image Frame Compression. Every frame is decoded again and "
        "compared before a file is put in place; pixels and all other attributes stay as they are.",
        epilog=transcoding.JSON_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    transcoding.add_arguments(parser)
    parser.add_argument(
        "--level",
        type=int,
        choices=range(1, 10),
        metavar="1-9",
        help=f"1 is fastest, 9 smallest (default: {DEFAULT_LEVEL}; for whole Data Sets 6)",
    )
    parser.add_argument(
        "--policy",
        choices=("all", "bilevel"),
        default="all",
        help="which images: all, or 1-bit ones and label maps, which gain most (default: %(default)s)",
    )
    parser.add_argument(
        "--photometric",
        choices=("RGB", "YBR_FULL"),
        help="convert colour: not lossless, so the image gets a new SOP Instance UID",
    )
    parser.add_argument(
        "--dataset",
        action="store_true",
        help="deflate the whole Data Set (PS3.5 A.5) where frames cannot be: float pixels, no pixels",
    )
    parser.add_argument(
        "--no-check", action="store_true", help="do not decode each frame again to compare it"
    )
    parser.set_defaults(func=run)
    return parser


def run(namespace: argparse.Namespace) -> ExitCode:
    """Compress what the command line names."""
    if namespace.photometric:
        print_error(
            f"warning: converting to {namespace.photometric} rounds; every converted image gets a new SOP Instance UID"
        )
    return transcoding.run(namespace, compress_task, verb="compressed")


def compress_task(namespace: argparse.Namespace, task: Task, progress: FrameProgress | None) -> Outcome:
    """Compress one file, with --dataset as a whole where its frames cannot be."""
    try:
        result = compress_file(
            task.source,
            task.destination,
            level=namespace.level or DEFAULT_LEVEL,
            threads=transcoding.threads_of(namespace),
            check=not namespace.no_check,
            overwrite=namespace.overwrite,
            in_place=namespace.in_place,
            policy=namespace.policy,
            photometric_interpretation=namespace.photometric,
            strict=not namespace.lenient,
            progress=progress,
        )
    except UnsupportedImageError as error:
        if not namespace.dataset or error.kind not in _FOR_DATA_SET:
            raise
        try:
            result = compress_data_set_file(
                task.source,
                task.destination,
                **({} if namespace.level is None else {"level": namespace.level}),
                check=not namespace.no_check,
                overwrite=namespace.overwrite,
                in_place=namespace.in_place,
            )
        except TransferSyntaxError:
            # Deflated as a whole already: what stands in the way of deflating its frames is the news.
            raise error from None
    return transcoding.outcome_of(result)
