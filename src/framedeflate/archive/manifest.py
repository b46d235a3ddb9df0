# SPDX-License-Identifier: Apache-2.0
"""The manifest: an SQLite file with a row for each file of an archive. All that a run knows, and all that it needs.

Whatever ends a run, the rows say what is done: a file is noted after its result is in place, and doing it again changes
nothing. It keeps a rollback journal rather than a write-ahead log, which does not work on network file systems.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from framedeflate.archive.manifest_file import connected, create_tables, lock, require_version, translated
from framedeflate.archive.manifest_rows import (
    ENTER,
    FORGET_LISTING,
    LISTED,
    UPDATE,
    listed_values,
    row_values,
    shown_path,
    stored_path,
)
from framedeflate.archive.one_file import FileOutcome, Work
from framedeflate.archive.places import Entry
from framedeflate.archive.shard import Shard
from framedeflate.closing import Closing
from framedeflate.errors import ArchiveError

__all__ = ["Manifest", "Row"]

_PLACES: Final = frozenset({"source", "destination"})
# What could not be listed is looked at by each listing anyway.
_FAILED_AGAIN: Final = (
    "UPDATE file SET state = 'planned' WHERE state = 'failed' AND seen = ?1 AND error_kind IS NOT 'listing'"
)

_PAGE_ROWS: Final = 500
_COMMIT_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """What the manifest says of a file that stands at the destination, or of one that failed.

    Attributes
    ----------
    path, state : str
        As `Entry.path`, and what became of it.
    source_nbytes, source_mtime_ns : int
        Of the source when it was done.
    number_of_frames : int or None
        None where the file was not compressed frame by frame.
    frames_digest : str or None
        Of the native Frames, see `digest_frames`.
    result_nbytes : int or None
    result_digest : str or None
        Size and SHA-256 of the file at the destination; None where there is none.
    """

    path: str
    state: str
    source_nbytes: int
    source_mtime_ns: int
    number_of_frames: int | None
    frames_digest: str | None
    result_nbytes: int | None
    result_digest: str | None


class Manifest(Closing):
    """An opened manifest; a context. Opened by `create_or_open` for a run, by `open` for reading."""

    def __init__(self, path: Path, database: sqlite3.Connection, lock: sqlite3.Connection | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._run = 0
        self._facts: list[tuple[str, str | bytes]] = []
        self._pending: list[FileOutcome] = []
        self._committed = time.monotonic()

    @classmethod
    def create_or_open(cls, path: Path) -> Self:
        """Open a manifest for a run, alone; create it where there is none.

        Raises
        ------
        ArchiveError
            kind ``locked`` | ``manifest``.
        """
        held = lock(path)
        try:
            with translated(path), connected(path) as database:
                create_tables(database)
                require_version(path, database)
        except BaseException:
            held.close()
            raise
        return cls(path, database, held)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a manifest for reading, also while a run writes it.

        Raises
        ------
        ArchiveError
            kind ``manifest``: there is none, or it cannot be read.
        """
        if not path.is_file():
            raise ArchiveError(f"{path}: there is no such manifest", kind="manifest")
        with translated(path), connected(path) as database:
            require_version(path, database)
        return cls(path, database, None)

    def close(self) -> None:
        """Note what is still to be noted, and let others at it."""
        try:
            self.commit()
        finally:
            self._database.close()
            if self._lock is not None:
                self._lock.close()

    # What a run is of.

    @property
    def facts(self) -> dict[str, str]:
        """What all runs share: source, destination, shard, settings that matter (as JSON)."""
        with translated(self.path):
            found = self._database.execute("SELECT name, value FROM fact").fetchall()
        # A root whose name is no UTF-8 is kept as its bytes, like a path.
        return {str(name): shown_path(value) for name, value in found if isinstance(value, str | bytes)}

    def fact(self, name: str) -> str:
        """Return a fact that every manifest has whose run has begun.

        Raises
        ------
        ArchiveError
            kind ``manifest``: it has not, or somebody wrote into it what is none.
        """
        value = self.facts.get(name, "")
        try:
            # The one fact that has a form.
            Shard.of(value if name == "shard" else "1/1")
        except ValueError:
            value = ""
        if not value:
            raise ArchiveError(
                f"{self.path} does not say its {name}; no run has begun with it", kind="manifest"
            )
        return value

    def require_facts(self, facts: Mapping[str, str], *, moved: bool = False) -> None:
        """Hold what a run is of against what the manifest is of, and have `plan` note it.

        Parameters
        ----------
        moved : bool
            Source and destination are elsewhere now, and that will be noted.

        Raises
        ------
        ArchiveError
            kind ``settings``: it was made for something else.
        """
        known = self.facts
        for name, value in facts.items():
            if known.get(name, value) != value and not (moved and name in _PLACES):
                raise ArchiveError(
                    f"{self.path} was made with {name} {known[name]}, and this is {value}; say what was said then, or "
                    f"name another manifest{'; --moved, if it was moved' if name in _PLACES else ''}",
                    kind="settings",
                )
        # With the plan, not before: who mistyped a source that cannot be listed may name the right one next.
        self._facts = [(name, stored_path(value)) for name, value in facts.items()]

    # The plan.

    def plan(self, entries: Iterable[Entry], *, settings: str = "{}", versions: str = "{}") -> Iterator[int]:
        """Begin a run: enter files as planned, and yield how many they are, now and then.

        What is known and unchanged stays. Nothing is planned by halves: where listing fails, all is as it was.

        Parameters
        ----------
        settings, versions : str
            What the run is done with, as JSON.
        """
        count = 0
        batch: list[tuple[Any, ...]] = []
        # Listing may take hours. It goes into a table of this connection alone, so that others may read meanwhile.
        with self._listing():
            for entry in entries:
                batch.append(listed_values(entry))
                if len(batch) == _PAGE_ROWS:
                    count += len(batch)
                    self._list(batch)
                    batch.clear()
                    yield count
            count += len(batch)
            self._list(batch)
            self._begin_run(settings, versions)
        yield count

    @contextmanager
    def _listing(self) -> Iterator[None]:
        with translated(self.path):
            self._database.execute(LISTED)
        try:
            yield
        finally:
            with translated(self.path):
                self._database.execute("DROP TABLE temp.listed")

    def _list(self, batch: list[tuple[Any, ...]]) -> None:
        with translated(self.path):
            # One transaction for all, and none on the manifest.
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO temp.listed VALUES (?, ?, ?, ?)", batch)
            self._database.execute("COMMIT")

    def _begin_run(self, settings: str, versions: str) -> None:
        with self._transaction():
            started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            cursor = self._database.execute(
                "INSERT INTO run (started, settings, versions) VALUES (?, ?, ?)",
                (started, settings, versions),
            )
            run = cursor.lastrowid or 0
            self._database.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", self._facts)
            self._database.execute(ENTER, (run,))
            self._database.execute(FORGET_LISTING, (run,))
        self._run = run

    def plan_failed_again(self, kinds: Iterable[str] | None) -> int:
        """Plan failed files again that are still there: of some kinds or error classes, or all; return how many."""
        with self._transaction():
            if kinds is None:
                return self._database.execute(_FAILED_AGAIN, (self._run,)).rowcount
            return sum(
                self._database.execute(
                    f"{_FAILED_AGAIN} AND (error_kind = ?2 OR error = ?2)", (self._run, kind)
                ).rowcount
                for kind in kinds
            )

    def planned(self) -> tuple[int, int]:
        """Return how many files this run has to do, and their bytes."""
        with translated(self.path):
            row = self._database.execute(
                "SELECT count(*), total(source_nbytes) FROM file WHERE state = 'planned' AND seen = ?",
                (self._run,),
            ).fetchone()
        return row[0], int(row[1])

    def work(self) -> Iterator[Work]:
        """Yield what this run has to do, in the order of paths; rows may be recorded meanwhile."""
        last: Any = ""
        while True:
            with translated(self.path):
                # A page at a time: a cursor left open would see what is recorded meanwhile, or stand in its way.
                page = self._database.execute(
                    "SELECT path, source_nbytes, source_mtime_ns, coalesce(result_digest, '') FROM file "
                    "WHERE path > ? AND state = 'planned' AND seen = ? ORDER BY path LIMIT ?",
                    (last, self._run, _PAGE_ROWS),
                ).fetchall()
            for path, nbytes, mtime_ns, digest in page:
                yield Work(Entry(shown_path(path), nbytes, mtime_ns), digest)
            if len(page) < _PAGE_ROWS:
                return
            last = page[-1][0]

    # Results.

    def record(self, outcome: FileOutcome) -> None:
        """Note what became of a file; it is on disk half a second later, or at the next `commit`."""
        self._pending.append(outcome)
        if len(self._pending) >= _PAGE_ROWS or time.monotonic() - self._committed > _COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Put what was noted on disk."""
        if self._pending:
            now = time.time()
            with self._transaction():
                rows = [row_values(outcome, self._run, now) for outcome in self._pending]
                self._database.executemany(UPDATE, rows)
            self._pending.clear()
        self._committed = time.monotonic()

    # Reading.

    @property
    def last_run(self) -> int:
        """The run whose listing is the newest. Files whose `seen` is less are gone from the source."""
        return int(next(self.query("SELECT coalesce(max(number), 0) FROM run"))[0])

    def query(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a question; `sqlite3`'s own errors become ours."""
        with translated(self.path):
            yield from self._database.execute(sql, values)

    def rows(self, *states: str, still_there: bool = False) -> Iterator[Row]:
        """Yield rows in these states, in the order of paths; of files that the source has no more, or not."""
        last: Any = ""
        marks = ", ".join("?" * len(states))
        oldest = self.last_run if still_there else 0
        columns = (
            "path, state, source_nbytes, source_mtime_ns, number_of_frames, frames_digest, result_nbytes, "
            "result_digest"
        )
        while True:
            with translated(self.path):
                page = self._database.execute(
                    f"SELECT {columns} FROM file WHERE path > ? AND state IN ({marks}) AND seen >= ? "  # noqa: S608 - our own names
                    "ORDER BY path LIMIT ?",
                    (last, *states, oldest, _PAGE_ROWS),
                ).fetchall()
            for path, *values in page:
                yield Row(shown_path(path), *values)
            if len(page) < _PAGE_ROWS:
                return
            last = page[-1][0]

    def knows_result(self, path: str) -> bool:
        """Whether a file stands at the destination because of this manifest."""
        found = self.query("SELECT result_digest FROM file WHERE path = ?", stored_path(path))
        return any(digest is not None for (digest,) in found)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self.path):
            self._database.execute("BEGIN IMMEDIATE")
        try:
            with translated(self.path):
                yield
                self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
