# SPDX-License-Identifier: Apache-2.0
"""Where instances lie while they arrive: a folder for each process, cleared away once that process is no more."""

import os
import secrets
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from framedeflate.atomic_file import is_named, lock_file
from framedeflate.errors import InstanceError

__all__ = ["ARRIVING", "Arrival", "ArrivalsFolder"]

ARRIVING: Final = ".arriving"
"""The folder inside the store, on the same disk: what is whole only needs a new name."""

_LOCK: Final = "lock"
_DISK_CHECK_NBYTES: Final = 16 << 20
"""So many bytes may be written between two looks at what is left of the disk."""

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class ArrivalsFolder:
    """The folder of this process; its lock ends with the process, however that ends.

    Parameters
    ----------
    store : Path
        The store's folder.
    max_object_nbytes : int
        The largest file that may arrive.
    min_free_nbytes : int
        What must be left of the disk.
    """

    def __init__(self, store: Path, *, max_object_nbytes: int, min_free_nbytes: int) -> None:
        self.max_object_nbytes = max_object_nbytes
        self.min_free_nbytes = min_free_nbytes
        self._root = store / ARRIVING
        self._root.mkdir(exist_ok=True)
        self._counter = 0
        self._guard = threading.Lock()
        self.path, self._descriptor = self._create()

    def _create(self) -> tuple[Path, int]:
        while True:
            path = self._root / secrets.token_hex(8)
            path.mkdir()
            # Another process that clears away may see the folder before its lock is held: then take another name.
            try:
                descriptor = os.open(path / _LOCK, _CREATE, 0o600)
            except FileNotFoundError:
                continue
            if lock_file(descriptor) is not False and is_named(descriptor, path / _LOCK):
                return path, descriptor
            os.close(descriptor)

    def clear_abandoned(self) -> int:
        """Remove what processes that are no more left behind (not on Windows); return how many files that were."""
        removed = 0
        for folder in list(self._root.iterdir()):
            if folder != self.path:
                with suppress(OSError):
                    removed += _clear(folder)
        return removed

    def new(self) -> "Arrival":
        """Return a new, empty file.

        Raises
        ------
        InstanceError
            kind ``disk-left`` | ``interrupted``.
        OSError
            It cannot be made.
        """
        if self._descriptor < 0:
            raise InstanceError("the store is closed", kind="interrupted")
        self.check_disk()
        with self._guard:
            self._counter += 1
            number = self._counter
        return Arrival(self, self.path / f"{number}.dcm")

    def check_disk(self, nbytes: int = 0) -> None:
        """Refuse where less than the limit would be left after `nbytes` more.

        Raises
        ------
        InstanceError
            kind ``disk-left``.
        """
        free = shutil.disk_usage(self.path).free
        if free - nbytes < self.min_free_nbytes:
            raise InstanceError(
                f"{free} bytes are left of the disk, and {self.min_free_nbytes} are kept free",
                kind="disk-left",
            )

    def close(self) -> None:
        """Remove the folder and all that is still in it."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(descriptor)
            with suppress(OSError):
                # Only where it is empty: other processes have theirs in there.
                self._root.rmdir()


def _clear(folder: Path) -> int:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        # Killed before it had a lock. A folder that is being set up is empty too, and its owner tries again.
        folder.rmdir()
        return 0
    try:
        if not lock_file(descriptor) or not is_named(descriptor, folder / _LOCK):
            return 0
        left = [path for path in folder.iterdir() if path.name != _LOCK]
        for path in left:
            path.unlink()
        # Last: while the lock has its name, nobody else takes this folder for abandoned.
        (folder / _LOCK).unlink()
        folder.rmdir()
        return len(left)
    finally:
        os.close(descriptor)


class Arrival:
    """A file that is being written; a context manager that removes it, unless it was put in place.

    Attributes
    ----------
    path : Path
        Where it lies for now.
    deflated_path : Path
        Where its Frames may be deflated to; removed with it.
    nbytes : int
        Bytes written.
    """

    def __init__(self, folder: ArrivalsFolder, path: Path) -> None:
        self.path = path
        self.deflated_path = path.with_suffix(".deflated")
        self.nbytes = 0
        self._folder = folder
        self._unchecked_nbytes = 0
        self._error: OSError | None = None
        # By descriptor: one name, one owner. Buffered, for what comes in small pieces.
        self._file: BinaryIO | None = open(os.open(path, _CREATE, 0o666), "w+b", buffering=1 << 20)  # noqa: PTH123, SIM115

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append.

        Raises
        ------
        InstanceError
            kind ``too-large`` | ``disk-left``.
        OSError
            The disk is full, or fails.
        """
        if self._file is None:
            raise InstanceError("the store was closed meanwhile", kind="interrupted")
        if self.nbytes + len(data) > self._folder.max_object_nbytes:
            limit = self._folder.max_object_nbytes
            raise InstanceError(f"the instance is larger than the limit of {limit} bytes", kind="too-large")
        self._unchecked_nbytes += len(data)
        if self._unchecked_nbytes > _DISK_CHECK_NBYTES:
            self._unchecked_nbytes = 0
            self._folder.check_disk()
        self._file.write(data)
        self.nbytes += len(data)

    def finish(self) -> None:
        """Hand all bytes to the system, so that the file can be read by its name.

        Raises
        ------
        OSError
            The disk is full, or fails; every time from then on, since the file lacks its end.
        """
        if self._error is not None:
            raise self._error
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                self._error = error
                raise

    def discard(self) -> None:
        """Remove the file; nothing where it is gone already."""
        with suppress(OSError):
            # A full disk makes closing fail too; the descriptor is free all the same.
            self.finish()
        self.path.unlink(missing_ok=True)
        self.deflated_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
