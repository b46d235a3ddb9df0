# SPDX-License-Identifier: Apache-2.0
"""A run over an archive: list, plan, work, note; begun again, it goes on where it stopped."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from framedeflate.archive.manifest import LOCK_SUFFIX, Manifest
from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work, compress_entry, worker_died
from framedeflate.archive.places import Entry, Folder
from framedeflate.archive.shard import Shard
from framedeflate.archive.versions import versions
from framedeflate.errors import ArchiveError
from framedeflate.worker_pool import Lost, WorkerPool, WorkersError

__all__ = ["ArchiveRun", "Executor", "in_processes"]


class Executor(Protocol):
    """Does work somewhere, and gives the outcomes as they come."""

    def __call__(self, job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        """Yield what became of each file, in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRun:
    """What to compress, and where it is noted.

    Attributes
    ----------
    job : ArchiveJob
        Source, destination, settings.
    manifest : Path
        The manifest; created where there is none.
    shard : Shard
        Which part of the archive; each has a manifest of its own.
    retry : tuple of str or None
        Kinds or classes of errors whose files are done again; () is all, None is none.
    """

    job: ArchiveJob
    manifest: Path
    shard: Shard = field(default_factory=Shard)
    retry: tuple[str, ...] | None = None

    def entries(self) -> Iterator[Entry]:
        """Yield the files of this part, as the source lists them."""
        apart_from = [self.manifest.with_name(self.manifest.name + ending) for ending in _OURS]
        if isinstance(self.job.destination, Folder):
            apart_from.append(self.job.destination.root)
        # A destination inside its source would feed its results to the next run.
        source, destination = f"{self.job.source}/", f"{self.job.destination}/"
        inside = destination[len(source) :] if destination.startswith(source) else ""
        for entry in self.job.source.entries(apart_from=tuple(apart_from)):
            if self.shard.has(entry.path) and not (inside and entry.path.startswith(inside)):
                yield entry

    @contextmanager
    def begin(self, *, on_planned: Callable[[int], None] | None = None) -> Iterator["BegunRun"]:
        """Lock the manifest and plan; the lock is held until the context is left, or the process ends.

        Parameters
        ----------
        on_planned : callable, optional
            Called with the number of files listed so far.

        Raises
        ------
        ArchiveError
            kind ``locked`` | ``manifest`` | ``settings`` | ``folder`` | ``empty``.
        """
        with Manifest.create_or_open(self.manifest) as manifest:
            manifest.require_facts(
                {
                    "source": str(self.job.source),
                    "destination": str(self.job.destination),
                    "shard": str(self.shard),
                    "settings": json.dumps(self.job.settings.that_matter(), sort_keys=True),
                }
            )
            settings = json.dumps(asdict(self.job.settings), sort_keys=True)
            manifest.begin_run(settings=settings, versions=versions())
            listed = 0
            for listed in manifest.plan(self.entries()):
                if on_planned is not None:
                    on_planned(listed)
            if not listed and self.shard.count == 1:
                raise ArchiveError(f"no file in {self.job.source}", kind="empty")
            if self.retry is not None:
                manifest.plan_failed_again(self.retry or None)
            yield BegunRun(self.job, manifest, listed, *manifest.planned())


_OURS = ("", "-journal", LOCK_SUFFIX, f"{LOCK_SUFFIX}-journal")
"""Endings of a manifest's own files: where it lies in the source's folder, they are none of that."""


@dataclass(frozen=True, slots=True)
class BegunRun:
    """A run whose plan is made.

    Attributes
    ----------
    manifest : Manifest
        Locked.
    listed, planned, planned_nbytes : int
        Files at the source; how many of them are to be done, and their bytes.
    """

    job: ArchiveJob
    manifest: Manifest
    listed: int
    planned: int
    planned_nbytes: int

    def outcomes(self, executor: Executor) -> Iterator[FileOutcome]:
        """Do what is planned; yield each outcome once it is with the manifest.

        Raises
        ------
        ArchiveError
            kind ``no-space``: the destination takes no more, and what is left stays planned. ``workers``, ``cluster``.
        """
        if not self.planned:
            return
        for outcome in executor(self.job, self.manifest.work()):
            if outcome.failure is not None and outcome.failure.is_about_space:
                self.manifest.commit()
                raise ArchiveError(
                    f"{outcome.failure.message}: the destination takes no more; begun again, the run goes on here",
                    kind="no-space",
                )
            self.manifest.record(outcome)
            yield outcome
        self.manifest.commit()


def in_processes(count: int) -> Executor:
    """Return what does the work in so many processes of this machine."""

    def execute(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        with WorkerPool(partial(compress_entry, job), count) as pool:
            try:
                for done, outcome in pool.results(work):
                    yield worker_died(done.entry, str(outcome)) if isinstance(outcome, Lost) else outcome
            except WorkersError as error:
                raise ArchiveError(str(error), kind="workers") from error

    return execute
