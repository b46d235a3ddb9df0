# SPDX-License-Identifier: Apache-2.0
"""Where an archive lies: a folder here, or a prefix in an object store (`store_place`), behind the same few verbs."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from framedeflate.atomic_file import TEMPORARY_SUFFIX, Overwrite, atomic_file
from framedeflate.errors import ArchiveError

__all__ = ["Entry", "Folder", "OutputFolderError", "Place", "Stored", "copy_file", "digest_file", "place_of"]

Result = TypeVar("Result")

_BLOCK_NBYTES: Final = 1 << 20
_LEAST_NS, _MOST_NS = -(1 << 63), (1 << 63) - 1


class OutputFolderError(OSError):
    """A folder of the destination cannot be made: a file has its name, or nobody may."""


class Entry(NamedTuple):
    """A file of an archive.

    Attributes
    ----------
    path : str
        Relative to the archive's root, parts separated by "/" on every system.
    nbytes, mtime_ns : int
        Size, and time of the last change: together they tell whether it is still the same file.
    problem : str
        Why nobody knows what is there, though something is: a folder (its path ends in "/") that cannot be listed, a
        file that cannot be looked at, a link to a folder. "" for a file.
    """

    path: str
    nbytes: int
    mtime_ns: int
    problem: str = ""


class Stored(NamedTuple):
    """A file that stands at its place.

    Attributes
    ----------
    nbytes : int
        Its size.
    digest : str
        SHA-256 of its bytes.
    """

    nbytes: int
    digest: str


class Place(Protocol):
    """A folder, or what looks like one."""

    def entries(self, *, apart_from: tuple[Path, ...] = ()) -> Iterator[Entry]:
        """Yield every file, to any depth, in no order; memory does not grow with their number.

        Raises
        ------
        ArchiveError
            kind ``folder``: the root cannot be listed. Any other folder is an entry with a problem.
        """

    def trouble(self, *, writing: bool) -> str:
        """Say why no file at all can be read here, or written; "" where nothing is known against it."""

    def make(self) -> None:
        """See to it that the place is there, so that files can be put.

        Raises
        ------
        ArchiveError
            kind ``destination``.
        """

    def local(self, path: str) -> AbstractContextManager[Path]:
        """Return a context with a file of this machine that holds what lies under this path."""

    def put(
        self, path: str, make: Callable[[Path, Overwrite], Result], *, overwrite: bool, replaces: str
    ) -> tuple[Result, Stored]:
        """Have a file made and put in place, all of it or nothing.

        Parameters
        ----------
        make : callable
            Given a path of this machine and what may stand there, writes the file.
        overwrite : bool
            Whether whatever stands under this path is replaced.
        replaces : str
            Digest of a file that may be replaced; "" for none. Any other that is there must hold the bytes that are
            put, and then stays.
        """

    def stored(self, path: str) -> Stored | None:
        """Return size and digest of what lies under this path; None where there is nothing."""

    def shown(self, path: str) -> str:
        """Return the path as a person is told it."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine's file system.

    Attributes
    ----------
    root : Path
        The folder.
    """

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    def entries(self, *, apart_from: tuple[Path, ...] = ()) -> Iterator[Entry]:
        """As `Place.entries`; what a killed run left behind is left out, and so are these paths."""
        # By their names first: asking the system about each of millions would take its time.
        skipped = [Path(way(path)) for path in apart_from for way in (os.path.realpath, os.path.abspath)]
        names = {path.name.casefold() for path in skipped}
        # Open folders instead of lists of their files: either may be millions.
        open_folders = [("", self._scan_root())]
        try:
            while open_folders:
                prefix, scan = open_folders[-1]
                try:
                    found = next(scan, None)
                except OSError as error:
                    if not prefix:
                        raise self._root_error(error) from error
                    open_folders.pop()[1].close()
                    yield _unlisted(prefix, error)
                    continue
                if found is None:
                    open_folders.pop()[1].close()
                elif not found.name.endswith(TEMPORARY_SUFFIX) and not (
                    found.name.casefold() in names and _is_one_of(skipped, found)
                ):
                    path = prefix + found.name
                    try:
                        if found.is_dir(follow_symlinks=False):
                            path += "/"
                            open_folders.append((path, os.scandir(found.path)))
                        elif entry := _entry(found, path):
                            yield entry
                    except OSError as error:
                        yield _unlisted(path, error)
        finally:
            for _prefix, scan in open_folders:
                scan.close()

    def _scan_root(self) -> Any:
        try:
            return os.scandir(self.root)
        except OSError as error:
            raise self._root_error(error) from error

    def _root_error(self, error: OSError) -> ArchiveError:
        return ArchiveError(f"cannot list {self.root}: {error.strerror}", kind="folder")

    def trouble(self, *, writing: bool) -> str:
        """As `Place.trouble`. A folder that others are mounted on is there without them, and empty."""
        try:
            with os.scandir(self.root) as scan:
                is_empty = next(scan, None) is None
        except OSError as error:
            return f"{self.root}: {error.strerror}"
        if writing:
            return "" if os.access(self.root, os.W_OK | os.X_OK) else f"{self.root}: nobody may write there"
        return f"{self.root} is empty; is it mounted?" if is_empty else ""

    def make(self) -> None:
        """As `Place.make`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = "is no folder" if isinstance(error, FileExistsError) else error.strerror
            raise ArchiveError(f"{self.root}: {message}", kind="destination") from error
        if trouble := self.trouble(writing=True):
            raise ArchiveError(trouble, kind="destination")

    def local(self, path: str) -> AbstractContextManager[Path]:
        """As `Place.local`: the file itself."""
        return nullcontext(self.path_of(path))

    def path_of(self, path: str) -> Path:
        """Return where a path lies.

        Raises
        ------
        OSError
            Not below the root: what a listing or a manifest names is not always of our making.
        """
        parts = PurePosixPath(path).parts
        if any(part == ".." or Path(part).name != part for part in parts):
            raise OSError(errno.EINVAL, "the path leads out of the archive")
        return self.root.joinpath(*parts)

    def put(
        self, path: str, make: Callable[[Path, Overwrite], Result], *, overwrite: bool, replaces: str
    ) -> tuple[Result, Stored]:
        """As `Place.put`."""
        final = self.path_of(path)
        try:
            # Never the root itself: where what was mounted there is gone, another disk would be filled.
            self.root.stat()
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder: {error.strerror}"
            raise OutputFolderError(error.errno, message, str(final.parent)) from error
        mode: Overwrite = True if overwrite else "same"
        if replaces and not overwrite and final.is_file() and digest_file(final).digest == replaces:
            mode = True
        result = make(final, mode)
        return result, digest_file(final)

    def stored(self, path: str) -> Stored | None:
        """As `Place.stored`."""
        try:
            return digest_file(self.path_of(path))
        except FileNotFoundError:
            return None

    def shown(self, path: str) -> str:
        """As `Place.shown`."""
        return str(self.root.joinpath(*PurePosixPath(path).parts))


def place_of(text: str, *, options: dict[str, Any] | None = None) -> Place:
    """Return the place that a path or URL names.

    Parameters
    ----------
    options : dict, optional
        For object stores, as `RemoteSource.open` takes them.

    Raises
    ------
    RemoteSourceError
        A URL of a scheme that cannot be listed.
    MissingExtraError
        An object store, and the extra "remote" is not installed.
    """
    if "://" in text:
        # Imported here: local files need no HTTP client.
        from framedeflate.archive.store_place import StorePrefix
        from framedeflate.remote_source import is_url

        if is_url(text):
            return StorePrefix.of(text, options or {})
    # As a whole, so that a run begun again in another folder is known to be the same.
    return Folder(Path(os.path.abspath(text)))  # noqa: PTH100 - resolve() would follow links


def digest_file(path: Path) -> Stored:
    """Return size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stored(file.tell(), digest)


def copy_file(source: Path, destination: Path, overwrite: Overwrite) -> None:
    """Copy a file with its mode, as a whole or not at all."""
    mode = source.stat().st_mode
    with source.open("rb") as original, atomic_file(destination, overwrite=overwrite, mode=mode) as copy:
        shutil.copyfileobj(original, copy, _BLOCK_NBYTES)


def _is_one_of(paths: list[Path], found: "os.DirEntry[str]") -> bool:
    """Whether an entry is one of some paths; other links to them are not."""
    for path in paths:
        with suppress(OSError):
            if os.path.samestat(os.lstat(found.path), path.lstat()):
                return True
    return False


def _entry(found: "os.DirEntry[str]", path: str) -> Entry | None:
    try:
        # Links are followed.
        status = found.stat()
    except OSError:
        if not found.is_symlink():
            raise
        # What a broken link names is missing: reading it fails later, by itself.
        return Entry(path, 0, 0)
    if stat.S_ISREG(status.st_mode):
        # Some clocks are centuries ahead, further than 63 bits of nanoseconds reach.
        return Entry(path, status.st_size, max(_LEAST_NS, min(status.st_mtime_ns, _MOST_NS)))
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, 0, 0, "a link to a folder, which is not followed; compress that folder by itself")
    # A pipe or a device is no file.
    return None


def _unlisted(path: str, error: OSError) -> Entry:
    return Entry(path, 0, 0, f"cannot be listed: {error.strerror}")
