# SPDX-License-Identifier: Apache-2.0
"""What ``compress`` and ``decompress`` share: arguments, the run over all files, the line per file."""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from framedeflate.archive.places import copy_file
from framedeflate.cli.batch import failure, run_tasks
from framedeflate.cli.exit_codes import CommandError, ExitCode, why_no_folder
from framedeflate.cli.progress import FrameProgress, progress_bar
from framedeflate.cli.report import Outcome, Tally, human_nbytes, ratio_text
from framedeflate.cli.sources import Task, plan_tasks
from framedeflate.errors import FrameDeflateError
from framedeflate.transcode import TranscodeResult
from framedeflate.transfer_syntax import DEFLATED_DATA_SET, DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["make_folder", "outcome_of", "run", "threads_of"]

_DEFLATED = DEFLATED_DATA_SET | {DEFLATED_IMAGE_FRAME_COMPRESSION}

TaskFunction = Callable[[argparse.Namespace, Task, FrameProgress | None], Outcome]


def threads_of(namespace: argparse.Namespace) -> int:
    """Worker threads per file: where nothing else was said, all cores, unless several files share them."""
    if namespace.threads is not None:
        return int(namespace.threads)
    # A Dask worker has as many threads as its operator gave it.
    return 0 if namespace.jobs == 1 and not getattr(namespace, "dask", None) else 1


def run(namespace: argparse.Namespace, function: TaskFunction, *, verb: str) -> ExitCode:
    """Do `function` for every file that the command line names."""
    tasks = plan_tasks(namespace.sources, output=namespace.output, in_place=namespace.in_place)
    jobs = namespace.jobs or os.cpu_count() or 1
    tally = Tally(verb=verb, as_json=namespace.json)
    with progress_bar(len(tasks)) as bar:
        for outcome in run_tasks(partial(_work, namespace, function), tasks, jobs=jobs, bar=bar):
            tally.add(outcome)
    return tally.finish()


def _work(
    namespace: argparse.Namespace, function: TaskFunction, task: Task, progress: FrameProgress | None
) -> Outcome:
    """Do one task, and copy what it skips where that was asked for."""
    if not namespace.in_place:
        make_folder(task.destination.parent)
    try:
        return function(namespace, task, progress)
    except FrameDeflateError as error:
        outcome = failure(error, task)
        if outcome.status != "skipped" or not namespace.copy_others or namespace.in_place:
            raise
    copy_file(task.source, task.destination, namespace.overwrite)
    destination = str(task.destination)
    line = outcome.line.replace(": skipped: ", f" -> {destination}  copied: ", 1)
    return replace(outcome, status="copied", destination=destination, line=line)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises
    ------
    CommandError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"cannot make the folder {folder}: {why_no_folder(error)}",
            exit_code=ExitCode.INVALID_OUTPUT_FOLDER,
        ) from error


def outcome_of(result: TranscodeResult) -> Outcome:
    """Return the line and the fields of a file that was written."""
    source, destination = str(result.source), str(result.destination)
    native, deflated = result.native_nbytes, result.deflated_nbytes
    frames = "1 frame" if result.number_of_frames == 1 else f"{result.number_of_frames} frames"
    if result.image_pixel is None:
        frames = "whole Data Set"
    uids = {result.source_transfer_syntax_uid, result.transfer_syntax_uid}
    # What was decompressed may have been JPEG.
    encoding = "encoded" if uids.isdisjoint(_DEFLATED) else "deflated"
    parts = [f"{source} -> {destination}  {frames}", f"{human_nbytes(native)} native"]
    if deflated:
        parts += [f"{human_nbytes(deflated)} {encoding}", ratio_text(native, deflated)]
    parts.append(f"{result.seconds:.2f} s")
    if result.checked:
        parts.append("checked")
    line = "\n".join([", ".join(parts), *(f"  {note}" for note in result.notes)])
    return Outcome(
        "done",
        source,
        destination,
        line=line,
        fields={
            "source_transfer_syntax_uid": result.source_transfer_syntax_uid,
            "transfer_syntax_uid": result.transfer_syntax_uid,
            "number_of_frames": result.number_of_frames,
            "native_nbytes": native,
            "deflated_nbytes": deflated,
            "source_nbytes": result.source_nbytes,
            "destination_nbytes": result.destination_nbytes,
            "excess_nbytes": result.excess_nbytes,
            "seconds": round(result.seconds, 6),
            "checked": result.checked,
            "notes": list(result.notes),
        },
        native_nbytes=native if deflated else 0,
        encoded_nbytes=deflated,
        encoding=encoding,
    )
