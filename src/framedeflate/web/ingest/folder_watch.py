# SPDX-License-Identifier: Apache-2.0
"""Files that somebody puts into a folder, copied into the store once they are whole."""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from framedeflate.errors import DicomFormatError
from framedeflate.instance_store import Arrival
from framedeflate.web.ingest.failure_reasons import UNAVAILABLE, failure_name
from framedeflate.web.ingest.ingest import INGEST_ERRORS, Ingest, PlacedInstance
from framedeflate.web.ingest.polling import Polling

__all__ = ["FolderWatch", "WatchCounts"]

_LOG: Final = logging.getLogger(__name__)
_BLOCK_NBYTES: Final = 1 << 20
_PREAMBLE_NBYTES: Final = 128
_RETRY_SECONDS: Final = 60.0
_OPEN: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class _Signature(NamedTuple):
    """What changes when a file does; its permissions too, so that a file made readable is tried again."""

    nbytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(slots=True)
class _Seen:
    """One file: since when it has been like this, and whether it was dealt with."""

    signature: _Signature
    since: float
    done: bool = False


@dataclass(slots=True)
class WatchCounts:
    """What came of the files so far.

    Attributes
    ----------
    stored, stored_before : int
        New instances, and those that were there.
    failed : int
        Files that are no instance, or were refused.
    """

    stored: int = 0
    stored_before: int = 0
    failed: int = 0


class FolderWatch(Polling):
    """Stores what is put into a folder and those below it.

    A file is taken once it has stayed the same for a while. It is copied, so that the folder's owner can do with it
    what he likes. One that cannot be stored is tried again only when it has changed, or when the disk or the index was
    at fault. Names that begin with a dot, links and what is no file are passed over: other programs write under
    such names what is not whole yet.

    Parameters
    ----------
    ingest : Ingest
        Where instances go.
    folder : path-like
        Which; not the store, nor in it or around it.
    remove : bool
        Whether a file is removed once its instance is safe.
    seconds : float
        Between two looks.
    settle_seconds : float
        For so long a file must stay the same.
    on_stored : callable
        Called with a file and its instance, once it is safe.
    on_failure : callable
        Called with a file and why it was not stored.

    Raises
    ------
    ValueError
        The folder and the store overlap.
    NotADirectoryError
        There is no such folder.
    """

    def __init__(
        self,
        ingest: Ingest,
        folder: str | os.PathLike[str],
        *,
        remove: bool = False,
        seconds: float = 2.0,
        settle_seconds: float = 2.0,
        on_stored: Callable[[Path, PlacedInstance], None] = lambda _path, _placed: None,
        on_failure: Callable[[Path, Exception], None] | None = None,
    ) -> None:
        super().__init__(seconds=seconds, name="folder watch")
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise NotADirectoryError(20, "no such folder", str(self.folder))
        one, other = self.folder.resolve(), ingest.store.folder.resolve()
        if one.is_relative_to(other) or other.is_relative_to(one):
            raise ValueError("the folder that is watched and the store must lie apart")
        self.counts = WatchCounts()
        self._ingest = ingest
        self._remove = remove
        self._settle_seconds = settle_seconds
        self._on_stored = on_stored
        self._on_failure = on_failure or _log_failure
        self._seen: dict[str, _Seen] = {}

    def look(self) -> float:
        """Look once, and store what is whole; return the seconds that storing took.

        Raises
        ------
        OSError
            The folder cannot be listed.
        """
        worked = 0.0
        seen: dict[str, _Seen] = {}
        try:
            for name, signature in _files(self.folder):
                self.check_stopped()
                now = time.monotonic()
                one = self._seen.get(name)
                if one is None or one.signature != signature:
                    one = _Seen(signature, now)
                seen[name] = one
                if not one.done and now - one.since >= self._settle_seconds:
                    self._take(Path(name), one)
                    worked += time.monotonic() - now
        except BaseException:
            # What was not looked at is not forgotten, or it would all be read again.
            self._seen.update(seen)
            raise
        self._seen = seen
        return worked

    def _take(self, path: Path, one: _Seen) -> None:
        try:
            placed = self._store(path, one.signature)
        except INGEST_ERRORS as error:
            self.counts.failed += 1
            one.done = failure_name(error) not in UNAVAILABLE or isinstance(error, PermissionError)
            one.since = time.monotonic() + _RETRY_SECONDS
            self._on_failure(path, error)
            return
        if placed is None:
            one.since = time.monotonic()
            return
        one.done = True
        self.counts.stored += placed.is_new
        self.counts.stored_before += not placed.is_new
        self._on_stored(path, placed)

    def _store(self, path: Path, signature: _Signature) -> PlacedInstance | None:
        """Store a file; None where it changed meanwhile."""
        with self._ingest.arrival() as arrival:
            if not _copy(path, signature, arrival):
                return None
            placed = self._ingest.put(arrival)
        if self._remove:
            with suppress(FileNotFoundError):
                # Not what somebody has put in its place meanwhile.
                if _signature(path.lstat()) == signature:
                    path.unlink()
        return placed


def _copy(path: Path, signature: _Signature, arrival: Arrival) -> bool:
    """Copy a file that stays the same meanwhile; False where it did not."""
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if _signature(os.fstat(descriptor)) != signature:
            return False
        start = file.read(_BLOCK_NBYTES)
        if start[_PREAMBLE_NBYTES : _PREAMBLE_NBYTES + 4] != b"DICM":
            # Known before gigabytes of a film are copied.
            raise DicomFormatError(
                "not a DICOM file (PS3.10 7.1)", kind="not-part10", position=_PREAMBLE_NBYTES
            )
        block = start
        while block:
            arrival.write(block)
            block = file.read(_BLOCK_NBYTES)
        return _signature(os.fstat(descriptor)) == signature


def _signature(status: os.stat_result) -> _Signature:
    return _Signature(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _files(folder: Path) -> Iterator[tuple[str, _Signature]]:
    # Texts, not paths: making those would cost more than all the rest.
    folders = [str(folder)]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                found = sorted(
                    (entry for entry in entries if not entry.name.startswith(".")), key=lambda one: one.name
                )
        except (FileNotFoundError, PermissionError):
            if here == str(folder):
                raise
            continue
        for entry in found:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.path)
                elif stat.S_ISREG(status.st_mode):
                    yield entry.path, _signature(status)


def _log_failure(path: Path, error: Exception) -> None:
    _LOG.warning("%s: %s", path, getattr(error, "strerror", None) or error)
