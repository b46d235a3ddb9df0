# SPDX-License-Identifier: Apache-2.0
"""A run over an archive: list, plan, work, note; begun again, it goes on where it stopped."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from framedeflate.archive.manifest import Manifest
from framedeflate.archive.manifest_file import own_files
from framedeflate.archive.one_file import (
    ArchiveJob,
    Failure,
    FileOutcome,
    Work,
    compress_entry,
    worker_died,
)
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
    moved : bool
        The manifest was made when source or destination were elsewhere.
    """

    job: ArchiveJob
    manifest: Path
    shard: Shard = field(default_factory=Shard)
    retry: tuple[str, ...] | None = None
    moved: bool = False

    def entries(self) -> Iterator[Entry]:
        """Yield the files of this part, as the source lists them.

        Raises
        ------
        ArchiveError
            kind ``folder`` | ``empty``.
        """
        apart_from = own_files(self.manifest)
        if isinstance(self.job.destination, Folder):
            apart_from.append(self.job.destination.root)
        # A destination inside its source would feed its results to the next run.
        source, destination = f"{self.job.source}/", f"{self.job.destination}/"
        inside = destination[len(source) :] if destination.startswith(source) else ""
        is_empty = True
        for entry in self.job.source.entries(apart_from=tuple(apart_from)):
            is_empty = False
            if self.shard.has(entry.path) and not (inside and entry.path.startswith(inside)):
                yield entry
        if is_empty:
            # Not mounted, likely; and were it true, there would be nothing to do either.
            raise ArchiveError(f"no file in {self.job.source}", kind="empty")

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
            kind ``locked`` | ``manifest`` | ``settings`` | ``folder`` | ``empty`` | ``destination``.
        """
        _require_two_places(self.job)
        with Manifest.create_or_open(self.manifest) as manifest:
            manifest.require_facts(
                {
                    "source": str(self.job.source),
                    "destination": str(self.job.destination),
                    "shard": str(self.shard),
                    "settings": json.dumps(self.job.settings.that_matter(), sort_keys=True),
                },
                moved=self.moved,
            )
            settings = json.dumps(asdict(self.job.settings), sort_keys=True)
            listed = 0
            for listed in manifest.plan(self.entries(), settings=settings, versions=versions()):
                if on_planned is not None:
                    on_planned(listed)
            if self.retry is not None:
                manifest.plan_failed_again(self.retry or None)
            begun = BegunRun(self.job, manifest, listed, *manifest.planned())
            if begun.planned:
                self.job.destination.make()
            yield begun


def _require_two_places(job: ArchiveJob) -> None:
    source, destination = job.source, job.destination
    same = str(source) == str(destination)
    if isinstance(source, Folder) and isinstance(destination, Folder):
        same = same or (destination.root.exists() and destination.root.samefile(source.root))
        if destination.root.exists() and not destination.root.is_dir():
            raise ArchiveError(f"{destination.root} is no folder", kind="destination")
    if same:
        raise ArchiveError(
            f"{source} is source and destination; an archive is compressed into another place",
            kind="settings",
        )


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
            kind ``no-space``: the destination takes no more. ``source``, ``destination``: it is not there any more, or
            takes nothing. What is left stays planned. ``workers``, ``cluster``.
        """
        if not self.planned:
            return
        refused: list[FileOutcome] = []
        for outcome in executor(self.job, self.manifest.work()):
            failure = outcome.failure
            if failure is not None and failure.is_about_storage:
                self._require_storage(failure)
                if failure.side == "destination":
                    # Not noted yet: if it is so with all of them, none of these files is at fault.
                    refused.append(outcome)
                    if len(refused) == MOST_REFUSED:
                        self.manifest.commit()
                        raise ArchiveError(
                            f"{MOST_REFUSED} files in a row could not be put into {self.job.destination}, the last one "
                            f"for: {failure.message}; mended, and begun again, the run goes on here",
                            kind="destination",
                        )
                    continue
            for one in (*refused, outcome):
                self.manifest.record(one)
                yield one
            refused.clear()
        for one in refused:
            self.manifest.record(one)
            yield one
        self.manifest.commit()

    def _require_storage(self, failure: Failure) -> None:
        """Stop where what befell one file would befall every other."""
        if failure.is_about_space:
            self.manifest.commit()
            raise ArchiveError(
                f"{failure.message}: the destination takes no more; begun again, the run goes on here",
                kind="no-space",
            )
        # A read that fails names no file, and may be on either side.
        for place, writing in ((self.job.source, False), (self.job.destination, True)):
            if trouble := place.trouble(writing=writing):
                self.manifest.commit()
                raise ArchiveError(
                    f"{trouble}; begun again, the run goes on here",
                    kind="destination" if writing else "source",
                )


MOST_REFUSED: Final = 20
"""So many files in a row that cannot be put are no fault of the files."""


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
