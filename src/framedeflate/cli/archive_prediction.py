# SPDX-License-Identifier: Apache-2.0
"""``framedeflate compress --dry-run``: what an archive would become, from a sample."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from framedeflate.archive.places import Place
from framedeflate.archive.prediction import Prediction, predict
from framedeflate.archive.settings import CompressSettings
from framedeflate.archive.shard import Shard
from framedeflate.cli.archive_progress import archive_progress, spoken_seconds
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.report import human_nbytes, print_json

__all__ = ["run"]


def run(namespace: argparse.Namespace, source: Place, settings: CompressSettings) -> ExitCode:
    """Predict, and say it."""
    jobs = namespace.jobs or os.cpu_count() or 1
    apart_from = (Path(namespace.output),) if namespace.output and "://" not in namespace.output else ()
    entries = source.entries(apart_from=apart_from)
    if namespace.shard is not None:
        part = Shard(*namespace.shard)
        entries = (entry for entry in entries if part.has(entry.path))
    with archive_progress(namespace.sample, 0, verb="") as progress:

        def show(_done: int, count: int) -> None:
            progress.files = count
            progress.add(0)

        prediction = predict(source, entries, settings, draws=namespace.sample, jobs=jobs, on_file=show)
    if namespace.json:
        print_json(asdict(prediction))
    else:
        print("\n".join(_lines(prediction, jobs)))
    return ExitCode.OK


def _lines(found: Prediction, jobs: int) -> list[str]:
    saved, seconds = found.saved_nbytes, found.seconds
    percent = [100 * value / max(1, found.nbytes) for value in (saved.value, saved.low, saved.high)]
    gain = f"{'-' if saved.value < 0 else ''}{human_nbytes(round(abs(saved.value)))} ({percent[0]:.1f} %)"
    processes = f"with {jobs} processes" if jobs > 1 else "with 1 process"
    if found.is_whole:
        return [
            f"{found.files} files, {human_nbytes(found.nbytes)}; all of them were tried",
            f"saved: {gain}",
            f"time {processes}: {spoken_seconds(seconds.value / jobs)}",
        ]
    states = ", ".join(f"{100 * part:.0f} % {state}" for state, part in sorted(found.states.items()))
    return [
        f"{found.files} files, {human_nbytes(found.nbytes)}; {found.draws} draws by size met {found.drawn_files} files",
        f"saved: {gain}, 95 times in 100 between {percent[1]:.1f} % and {percent[2]:.1f} %",
        f"of the bytes: {states}",
        f"time {processes}: {spoken_seconds(seconds.value / jobs)}, between {spoken_seconds(seconds.low / jobs)} and "
        f"{spoken_seconds(seconds.high / jobs)}",
    ]
