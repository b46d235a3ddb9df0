# SPDX-License-Identifier: Apache-2.0
"""The file of a manifest, and the lock beside it: made, opened, held by one run alone, and errors in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from framedeflate.archive.manifest_rows import SCHEMA
from framedeflate.errors import ArchiveError

__all__ = ["connected", "create_tables", "lock", "own_files", "require_version", "translated"]

_LOCK_SUFFIX: Final = ".lock"
"""Of the file beside a manifest that a run locks. It stays, and is empty."""

_APPLICATION_ID: Final = 0x46444631
_VERSION: Final = 1
_BUSY_SECONDS: Final = 600.0


def own_files(path: Path) -> list[Path]:
    """Return the manifest's file and those that may lie beside it: none of them is of the archive."""
    endings = ("", "-journal", _LOCK_SUFFIX, f"{_LOCK_SUFFIX}-journal")
    # SQLite's, and the lock, lie beside the file that a link leads to.
    real = os.path.realpath(path)
    return [path, *(Path(real + ending) for ending in endings)]


def lock(path: Path) -> sqlite3.Connection:
    """Lock a manifest, by a second database: that works on every system, and ends with the process.

    Raises
    ------
    ArchiveError
        kind ``locked`` | ``manifest``.
    """
    # Whatever the manifest is called by a link, there is one lock.
    beside = Path(os.path.realpath(path) + _LOCK_SUFFIX)
    try:
        held = sqlite3.connect(beside, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise ArchiveError(f"cannot create {beside}: {error}", kind="manifest") from error
    try:
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        held.close()
        if "locked" in str(error):
            raise ArchiveError(
                f"another run holds {path}; wait for it, or end it first", kind="locked"
            ) from error
        raise ArchiveError(f"cannot lock {beside}: {error}", kind="manifest") from error
    return held


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect; what fails before the block ends closes again, and otherwise it stays open."""
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        yield database
    except BaseException:
        database.close()
        raise


def create_tables(database: sqlite3.Connection) -> None:
    """Make a manifest of an empty file."""
    if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        # All or nothing: a kill in between leaves an empty file, which is begun again.
        database.executescript(
            f"BEGIN; PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={_VERSION};{SCHEMA} COMMIT;"
        )


def require_version(path: Path, database: sqlite3.Connection) -> None:
    """Refuse what is no manifest, or one of another version.

    Raises
    ------
    ArchiveError
        kind ``manifest``.
    """
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application == _APPLICATION_ID and version == _VERSION:
        return
    if application == _APPLICATION_ID:
        raise ArchiveError(
            f"{path} is a manifest of version {version}, and this is framedeflate for version {_VERSION}",
            kind="manifest",
        )
    raise ArchiveError(f"{path} is no manifest of framedeflate", kind="manifest")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Have errors of SQLite become ours.

    Raises
    ------
    ArchiveError
        kind ``no-space`` | ``manifest``.
    """
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise ArchiveError(f"{path}: no space is left for the manifest", kind="no-space") from error
        message = f"{path}: the manifest cannot be used: {error}"
        if not isinstance(error, sqlite3.OperationalError):
            message += "; with a new one, results that are in place are found to be the same and stay"
        raise ArchiveError(message, kind="manifest") from error
