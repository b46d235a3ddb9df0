# SPDX-License-Identifier: Apache-2.0
"""The manifest's tables, and how a file's outcome becomes a row."""

import os
from typing import Final

from framedeflate.archive.one_file import FileOutcome
from framedeflate.archive.places import Entry

__all__ = [
    "ENTER",
    "FORGET_LISTING",
    "LISTED",
    "SCHEMA",
    "UPDATE",
    "listed_values",
    "row_values",
    "shown_path",
    "stored_path",
]

SCHEMA: Final = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    settings TEXT NOT NULL,
    versions TEXT NOT NULL
);
CREATE TABLE file (
    path PRIMARY KEY,                -- relative to the root; bytes where the name is no UTF-8
    source_nbytes INTEGER NOT NULL,
    source_mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL,             -- planned, done, copied, skipped, failed
    seen INTEGER NOT NULL,           -- the last run that found it at the source
    run INTEGER,                     -- the run that did it
    finished REAL,                   -- seconds since 1970
    seconds REAL,
    error TEXT,                      -- class of the exception
    error_kind TEXT,
    error_side TEXT,
    message TEXT,
    sop_class_uid TEXT,
    modality TEXT,
    source_transfer_syntax_uid TEXT,
    transfer_syntax_uid TEXT,
    number_of_frames INTEGER,
    native_nbytes INTEGER,
    deflated_nbytes INTEGER,
    result_nbytes INTEGER,
    frames_digest TEXT,              -- of all native Frames
    result_digest TEXT               -- SHA-256 of the file at the destination
) WITHOUT ROWID;
"""

LISTED: Final = "CREATE TEMP TABLE listed (path, nbytes INTEGER, mtime_ns INTEGER, problem TEXT)"
"""What a listing found, before it is the plan."""

# In the order of paths, so that the manifest is written from its first page to its last.
ENTER: Final = """
INSERT INTO file (path, source_nbytes, source_mtime_ns, state, seen, error, error_kind, error_side, message)
SELECT path, nbytes, mtime_ns, iif(problem = '', 'planned', 'failed'), ?1, iif(problem = '', NULL, 'ListingError'),
    iif(problem = '', NULL, 'listing'), iif(problem = '', NULL, 'source'), nullif(problem, '')
FROM temp.listed WHERE true ORDER BY path
ON CONFLICT (path) DO UPDATE SET
    state = CASE
        WHEN excluded.state = 'failed' THEN 'failed'
        WHEN source_nbytes = excluded.source_nbytes AND source_mtime_ns = excluded.source_mtime_ns
            AND error_kind IS NOT 'listing' THEN state
        ELSE 'planned' END,
    source_nbytes = excluded.source_nbytes,
    source_mtime_ns = excluded.source_mtime_ns,
    seen = excluded.seen,
    error = iif(excluded.state = 'failed', excluded.error, error),
    error_kind = iif(excluded.state = 'failed', excluded.error_kind, error_kind),
    error_side = iif(excluded.state = 'failed', excluded.error_side, error_side),
    message = iif(excluded.state = 'failed', excluded.message, message)
"""
FORGET_LISTING: Final = (
    "DELETE FROM file WHERE error_kind = 'listing' AND seen < ?1 AND result_digest IS NULL"
)
"""What could not be listed once, and can be now."""

_RESULT: Final = (
    "source_transfer_syntax_uid",
    "transfer_syntax_uid",
    "number_of_frames",
    "native_nbytes",
    "deflated_nbytes",
    "result_nbytes",
    "frames_digest",
    "result_digest",
)
_NOTED: Final = (
    "state",
    "run",
    "finished",
    "seconds",
    "error",
    "error_kind",
    "error_side",
    "message",
    "sop_class_uid",
    "modality",
)
# What stands at the destination stays noted where a later run put nothing there.
UPDATE: Final = (
    "UPDATE file SET "  # noqa: S608 - our own names
    + ", ".join(f"{name} = :{name}" for name in _NOTED)
    + ", "
    + ", ".join(f"{name} = CASE WHEN :has_result THEN :{name} ELSE {name} END" for name in _RESULT)
    + " WHERE path = :path"
)


def listed_values(entry: Entry) -> tuple[str | bytes, int, int, str]:
    """Return what the table `LISTED` takes for an entry."""
    return stored_path(entry.path), entry.nbytes, entry.mtime_ns, _text(entry.problem)


def row_values(outcome: FileOutcome, run: int, now: float) -> dict[str, object]:
    """Return what `UPDATE` takes for what became of a file."""
    failure, result, stored = outcome.failure, outcome.result, outcome.stored
    is_image = result is not None and result.image_pixel is not None
    return {
        "path": stored_path(outcome.entry.path),
        "state": outcome.state,
        "run": run,
        "finished": now,
        "seconds": round(outcome.seconds, 6),
        "error": None if failure is None else failure.error,
        "error_kind": None if failure is None else failure.kind,
        "error_side": None if failure is None else failure.side,
        "message": None if failure is None else _text(failure.message),
        "sop_class_uid": outcome.sop_class_uid or None,
        "modality": outcome.modality or None,
        "has_result": stored is not None,
        "source_transfer_syntax_uid": None if result is None else result.source_transfer_syntax_uid,
        "transfer_syntax_uid": None if result is None else result.transfer_syntax_uid,
        "number_of_frames": result.number_of_frames if result is not None and is_image else None,
        "native_nbytes": None if result is None else result.native_nbytes,
        "deflated_nbytes": None if result is None else result.deflated_nbytes,
        "result_nbytes": None if stored is None else stored.nbytes,
        "frames_digest": (result.frames_digest or None) if result is not None else None,
        "result_digest": None if stored is None else stored.digest,
    }


def stored_path(path: str) -> str | bytes:
    """Return a path as SQLite takes it: a name that is no UTF-8 is kept as its bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def shown_path(stored: str | bytes) -> str:
    """Return a path as Python has it."""
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored


def _text(message: str) -> str:
    return message.encode("utf-8", "backslashreplace").decode("utf-8")
