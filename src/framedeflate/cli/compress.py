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

__all__ = ["run"]


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
