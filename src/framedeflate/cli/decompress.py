# SPDX-License-Identifier: Apache-2.0
"""``framedeflate decompress``: files back to native Pixel Data."""

import argparse

from framedeflate.cli import transcoding
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.progress import FrameProgress
from framedeflate.cli.report import Outcome
from framedeflate.cli.sources import Task
from framedeflate.errors import TransferSyntaxError, UnsupportedImageError
from framedeflate.transcode import decompress_data_set_file, decompress_file

__all__ = ["run"]


def run(namespace: argparse.Namespace) -> ExitCode:
    """Decompress what the command line names."""
    return transcoding.run(namespace, decompress_task, verb="decompressed")


def decompress_task(namespace: argparse.Namespace, task: Task, progress: FrameProgress | None) -> Outcome:
    """Decompress one file, or inflate it where it was deflated as a whole."""
    try:
        result = decompress_file(
            task.source,
            task.destination,
            implicit_vr=namespace.implicit_vr,
            threads=transcoding.threads_of(namespace),
            overwrite=namespace.overwrite,
            in_place=namespace.in_place,
            strict=not namespace.lenient,
            progress=progress,
        )
    except UnsupportedImageError as error:
        try:
            result = decompress_data_set_file(
                task.source,
                task.destination,
                implicit_vr=namespace.implicit_vr,
                overwrite=namespace.overwrite,
                in_place=namespace.in_place,
            )
        except TransferSyntaxError:
            if error.kind in {"no-pixel-data", "float-pixel-data"}:
                # The error says how to compress such an object.
                raise UnsupportedImageError("not deflated: nothing to decompress", kind=error.kind) from None
            raise error from None
    return transcoding.outcome_of(result)
