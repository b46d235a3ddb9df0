# SPDX-License-Identifier: Apache-2.0
"""Where an archive lies: a folder here, or a prefix in an object store (`store_place`), behind the same few verbs."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from framedeflate.atomic_file import TEMPORARY_SUFFIX, Overwrite, atomic_file
from framedeflate.errors import ArchiveError

__all__ = ["Entry", "Folder", "OutputFolderError", "Place", "Stored", "copy_file", "digest_file", "place_of"]

Result = TypeVar("Result")

_BLOCK_NBYTES: Final = 1 << 20


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
    """

    path: str
    nbytes: int
    mtime_ns: int


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
            kind ``folder``: one cannot be listed, so nobody knows what is in it.
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
        skipped = {os.path.realpath(path) for path in apart_from}
        # Open folders instead of lists of their files: either may be millions.
        open_folders = [self._scan(self.root)]
        root = os.fspath(self.root)
        try:
            while open_folders:
                found = next(open_folders[-1], None)
                if found is None:
                    open_folders.pop().close()
                elif found.is_dir(follow_symlinks=False):
                    if os.path.realpath(found.path) not in skipped:
                        open_folders.append(self._scan(found.path))
                elif not found.name.endswith(TEMPORARY_SUFFIX):
                    entry = _entry(found, root)
                    if entry is not None and (not skipped or os.path.realpath(found.path) not in skipped):
                        yield entry
        finally:
            for scan in open_folders:
                scan.close()

    def _scan(self, folder: str | Path) -> Any:
        try:
            return os.scandir(folder)
        except OSError as error:
            raise ArchiveError(f"cannot list {folder}: {error.strerror}", kind="folder") from error

    def local(self, path: str) -> AbstractContextManager[Path]:
        """As `Place.local`: the file itself."""
        return nullcontext(self.path_of(path))

    def path_of(self, path: str) -> Path:
        """Return where a path lies."""
        return self.root.joinpath(*PurePosixPath(path).parts)

    def put(
        self, path: str, make: Callable[[Path, Overwrite], Result], *, overwrite: bool, replaces: str
    ) -> tuple[Result, Stored]:
        """As `Place.put`."""
        final = self.path_of(path)
        try:
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
        return str(self.path_of(path))


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


def _entry(found: "os.DirEntry[str]", root: str) -> Entry | None:
    path = os.path.relpath(found.path, root).replace(os.sep, "/")
    try:
        # Links are followed; a pipe or a device is no file.
        status = found.stat() if found.is_file() else None
    except OSError:
        status = None
    if status is not None:
        return Entry(path, status.st_size, status.st_mtime_ns)
    # What a broken link names is missing: reading it fails later, by itself.
    return Entry(path, 0, 0) if found.is_symlink() else None
