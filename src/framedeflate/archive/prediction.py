# SPDX-License-Identifier: Apache-2.0
"""What compressing an archive would bring, told from a sample of it that is compressed and thrown away."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work, compress_entry
from framedeflate.archive.places import Entry, Folder, Place
from framedeflate.archive.sampling import Estimate, draw, estimate
from framedeflate.archive.settings import CompressSettings
from framedeflate.errors import ArchiveError
from framedeflate.worker_pool import Lost, WorkerPool, WorkersError

__all__ = ["Prediction", "predict"]

_SEED: Final = 244
"""Always the same, so that asking again gives the same answer."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run is expected to bring.

    Attributes
    ----------
    files, nbytes : int
        Of the archive.
    draws, drawn_files : int
        How many draws, and how many different files they met.
    saved_nbytes : Estimate
        Bytes by which the archive becomes smaller; files that are left as they are, and those that fail, save none.
    seconds : Estimate
        Time of one process over all of it, reading and writing included.
    states : dict
        Part of the archive's bytes that would end in each state, from 0 to 1.
    is_whole : bool
        Every file was compressed, since there are no more than draws: no estimate but the sum.
    """

    files: int
    nbytes: int
    draws: int
    drawn_files: int
    saved_nbytes: Estimate
    seconds: Estimate
    states: dict[str, float]
    is_whole: bool = False


def predict(
    source: Place,
    entries: Iterator[Entry],
    settings: CompressSettings,
    *,
    draws: int,
    jobs: int = 1,
    on_file: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Compress a sample into a temporary folder, and say what it tells of all; see `sampling` for how.

    Parameters
    ----------
    source : Place
        Where the files are.
    entries : iterator of Entry
        All of them.
    draws : int
        How many to draw; an archive of no more files is compressed as a whole.
    jobs : int
        Processes.
    on_file : callable, optional
        Called with files done and of all drawn.

    Raises
    ------
    ArchiveError
        kind ``empty`` | ``folder`` | ``workers``.
    """
    first: list[Entry] = []

    def noting() -> Iterator[tuple[Entry, int]]:
        for entry in entries:
            if len(first) <= draws:
                first.append(entry)
            yield entry, entry.nbytes

    sample = draw(noting(), draws, Random(_SEED))  # noqa: S311 - nothing secret hangs on it
    if not sample.count:
        raise ArchiveError(f"no file in {source}", kind="empty")
    # Nothing is drawn where all files are empty.
    is_whole = sample.count <= draws or not sample.draws
    chosen = first if is_whole else sorted(set(sample.draws))
    outcomes: dict[Entry, FileOutcome] = {}
    with TemporaryDirectory(prefix="framedeflate-") as folder:
        # What is copied saves nothing, so nothing is copied here.
        job = ArchiveJob(source, Folder(Path(folder)), replace(settings, copy_others=False))
        for outcome in _compress(job, chosen, jobs):
            outcomes[outcome.entry] = outcome
            if on_file is not None:
                on_file(len(outcomes), len(chosen))
    drawn = [outcomes[entry] for entry in (first if is_whole else sample.draws)]
    return _told(drawn, sample.count, sample.nbytes, len(outcomes), is_whole=is_whole)


def _told(drawn: list[FileOutcome], files: int, nbytes: int, different: int, *, is_whole: bool) -> Prediction:
    states: Counter[str] = Counter()
    for outcome in drawn:
        states[outcome.state] += outcome.entry.nbytes if is_whole else 1
    total = sum(states.values()) or 1
    if is_whole:
        saved = sum(outcome.saved_nbytes for outcome in drawn)
        seconds = sum(outcome.seconds for outcome in drawn)
        estimates = (Estimate(saved, saved, saved), Estimate(seconds, seconds, seconds))
    else:
        ratios = [1 - outcome.saved_nbytes / outcome.entry.nbytes for outcome in drawn]
        left = estimate(ratios).scaled(nbytes)
        paces = [outcome.seconds / outcome.entry.nbytes for outcome in drawn]
        estimates = (
            Estimate(nbytes - left.value, nbytes - left.high, nbytes - left.low),
            estimate(paces, most=max(paces)).scaled(nbytes),
        )
    shares = {state: count / total for state, count in states.items()}
    return Prediction(files, nbytes, len(drawn), different, *estimates, shares, is_whole)


def _compress(job: ArchiveJob, entries: list[Entry], jobs: int) -> Iterator[FileOutcome]:
    with WorkerPool(partial(_compress_and_forget, job), jobs) as pool:
        try:
            for entry, outcome in pool.results(entries):
                yield FileOutcome(entry, "failed") if isinstance(outcome, Lost) else outcome
        except WorkersError as error:
            raise ArchiveError(str(error), kind="workers") from error


def _compress_and_forget(job: ArchiveJob, entry: Entry) -> FileOutcome:
    outcome = compress_entry(job, Work(entry))
    if isinstance(job.destination, Folder):
        job.destination.path_of(entry.path).unlink(missing_ok=True)
    return outcome
