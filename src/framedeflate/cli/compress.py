# SPDX-License-Identifier: Apache-2.0
"""``framedeflate compress``: files into Deflated Image Frame Compression."""

import argparse

from framedeflate.archive.one_file import compress_either
from framedeflate.archive.settings import CompressSettings
from framedeflate.cli import archive_run, transcoding
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.progress import FrameProgress
from framedeflate.cli.report import Outcome, print_error
from framedeflate.cli.sources import Task
from framedeflate.frame_codec import DEFAULT_LEVEL

__all__ = ["add_parser"]


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
        "--min-gain",
        type=_percent,
        metavar="PERCENT",
        help="leave a file as it is unless it becomes smaller by that much",
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
    archive_run.add_arguments(parser)
    parser.set_defaults(func=run)
    return parser


def run(namespace: argparse.Namespace) -> ExitCode:
    """Compress what the command line names."""
    if archive_run.is_asked_for(namespace):
        return archive_run.run(namespace, settings_of(namespace))
    if namespace.photometric:
        print_error(
            f"warning: converting to {namespace.photometric} rounds; every converted image gets a new SOP Instance UID"
        )
    return transcoding.run(namespace, compress_task, verb="compressed")


def settings_of(namespace: argparse.Namespace) -> CompressSettings:
    """Return what the command line says of how to compress."""
    return CompressSettings(
        level=namespace.level,
        threads=transcoding.threads_of(namespace),
        policy=namespace.policy,
        min_gain=namespace.min_gain,
        whole_data_sets=namespace.dataset,
        copy_others=namespace.copy_others,
        check=not namespace.no_check,
        strict=not namespace.lenient,
        overwrite=namespace.overwrite,
    )


def compress_task(namespace: argparse.Namespace, task: Task, progress: FrameProgress | None) -> Outcome:
    """Compress one file, with --dataset as a whole where its frames cannot be."""
    result = compress_either(
        task.source,
        task.destination,
        settings_of(namespace),
        overwrite=namespace.overwrite,
        in_place=namespace.in_place,
        photometric_interpretation=namespace.photometric,
        progress=progress,
    )
    return transcoding.outcome_of(result)


def _percent(text: str) -> float:
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage from 0 to 99")
    return percent / 100
