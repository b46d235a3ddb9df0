# SPDX-License-Identifier: Apache-2.0
"""Write beside, flush, rename: a final name only ever holds a whole file, whatever stops the process."""

import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

try:
    import fcntl
except ImportError:  # Windows has no flock.
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "TEMPORARY_SUFFIX",
    "Overwrite",
    "atomic_file",
    "flush_folder",
    "is_named",
    "lock_file",
    "put_in_place",
]

TEMPORARY_SUFFIX: Final = ".framedeflate-partial"
"""How the names of unfinished files end; they begin with a dot. One that a killed process left may be deleted, and is
when the same final name is next written on the same machine (not on Windows)."""

Overwrite: TypeAlias = Literal["same"] | bool
"""What may stand under the final name already: nothing, anything, or with ``"same"`` the very bytes that would be
written, which then stay. So a run that was killed after a file and before it was noted can be repeated."""

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BLOCK_NBYTES: Final = 1 << 20
_OPEN_OLD: Final = (
    os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


@contextmanager
def atomic_file(
    destination: str | os.PathLike[str], *, overwrite: Overwrite = False, mode: int | None = None
) -> Iterator[BinaryIO]:
    """Yield a new file, readable and seekable, that takes `destination`'s name once the block ends without error.

    Parameters
    ----------
    destination : path-like
        The final name. Its folder must exist.
    overwrite : bool or "same"
        Whether a file of that name is replaced; it stays as it was until the very end. With ``"same"`` it stays for
        good, and must hold what was written now.
    mode : int, optional
        Permission bits for the new file, for instance those of the source. Until it is whole, only its owner may
        read it.

    Raises
    ------
    FileExistsError
        The name is taken, now or by the end, and `overwrite` is false, or other bytes are there and it is ``"same"``;
        or the name is that of no file (a folder, a device).
    OSError
        The folder cannot be written, the disk is full. Nothing is left behind.
    """
    final = Path(destination)
    if not overwrite and os.path.lexists(final):
        raise FileExistsError(
            f"{final} exists; choose another name, or say --overwrite (from Python overwrite=True)"
        )
    if final.exists() and not final.is_file():
        # Renaming replaces a device like any name: as root, "-o /dev/null" would end it for everybody.
        raise FileExistsError(f"{final} is not a regular file, so nothing can take its place")
    # Whoever may not read the source must not read its pixels in an unfinished file either.
    unfinished = _Unfinished(final, 0o666 if mode is None else 0o600)
    try:
        with unfinished.create() as file:
            yield file
            file.flush()
            is_there = overwrite == "same" and os.path.lexists(final)
            if is_there:
                _require_same(file, final)
            else:
                os.fsync(file.fileno())
                if mode is not None:
                    unfinished.path.chmod(mode & 0o7777)
                if fcntl is not None:
                    # The lock, which ends when the file is closed, keeps others off the temporary name until then.
                    is_there = not _put_or_same(file, unfinished.path, final, overwrite)
        if is_there:
            unfinished.remove()
        elif fcntl is None:
            # Windows does not rename a file that is open.
            put_in_place(unfinished.path, final, overwrite=overwrite is True)
    except BaseException:
        # Not only errors: Ctrl-C must not leave a partial file either.
        unfinished.remove()
        raise
    flush_folder(final.parent)


def _put_or_same(file: BinaryIO, temporary: Path, final: Path, overwrite: Overwrite) -> bool:
    """Give the file its final name; return False where another process just put the same bytes there."""
    try:
        put_in_place(temporary, final, overwrite=overwrite is True)
    except FileExistsError:
        if overwrite != "same":
            raise
        _require_same(file, final)
        return False
    return True


def _require_same(file: BinaryIO, final: Path) -> None:
    """Raise FileExistsError unless both files hold the same bytes."""
    file.seek(0)
    with final.open("rb") as other:
        while block := file.read(_BLOCK_NBYTES):
            if block != other.read(len(block)):
                break
        else:
            if not other.read(1):
                return
    raise FileExistsError(
        f"{final} exists and holds something else; move it away, or say --overwrite (from Python overwrite=True)"
    )


class _Unfinished:
    """The file under its temporary name.

    Ctrl-C may strike between any two calls, so what exists is noted here, step by step, and never only in the value
    that a call was about to return.
    """

    def __init__(self, final: Path, permissions: int) -> None:
        # The name is always the same for the same final name and machine, so that what a killed process left there
        # is found without a search.
        self.path = _temporary(final, "")
        self._other_path = _temporary(final, f".{secrets.token_hex(6)}")
        self._permissions = permissions
        self._descriptor: int | None = None
        self._is_ours = False

    def create(self) -> BinaryIO:
        """Create the file; locked, where there are locks."""
        descriptor = -1
        if fcntl is not None:
            _remove_abandoned(self.path)
            with suppress(FileExistsError):
                self._descriptor = descriptor = os.open(self.path, _CREATE, self._permissions)
                self._is_ours = lock_file(descriptor) is not False and is_named(descriptor, self.path)
        if not self._is_ours:
            # The shared name is in use or cannot be locked: this one is nobody else's.
            self._close()
            self.path = self._other_path
            self._is_ours = True
            descriptor = os.open(self.path, _CREATE, self._permissions)
        return open(descriptor, "w+b")  # noqa: PTH123 - by descriptor; the caller's with closes it

    def remove(self) -> None:
        """Remove the file, unless it has its final name or was never made."""
        if self._is_ours:
            # Not closed here: whoever has the file does that, and closing twice might hit another thread's file.
            self.path.unlink(missing_ok=True)
        elif fcntl is not None:
            # Interrupted before it was known to be ours. If it is, then nobody holds its lock once it is closed.
            self._close()
            _remove_abandoned(self.path)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _temporary(final: Path, own: str) -> Path:
    # Machines that share a folder may not see each other's locks, so each has names of its own.
    digest = hashlib.sha256(os.fsencode(f"{platform.node()}/{final.name}")).hexdigest()
    # 48 characters are 192 bytes at most, and a name may have 255.
    return final.parent / f".{final.name[:48]}.{digest[:12]}{own}{TEMPORARY_SUFFIX}"


def _remove_abandoned(temporary: Path) -> None:
    """Remove what a process that is no more left under this name; its lock ended with it."""
    with suppress(OSError):
        descriptor = os.open(temporary, _OPEN_OLD)
        try:
            # Unlinked, never truncated: after a kill at the wrong moment, the final name may be the same file.
            if lock_file(descriptor) and is_named(descriptor, temporary):
                temporary.unlink()
        finally:
            os.close(descriptor)


def lock_file(descriptor: int) -> bool | None:
    """Return whether the lock was got, rather than another process having it; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_named(descriptor: int, path: Path) -> bool:
    """Whether the name still belongs to the opened file: another process may have removed it before it was locked."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def put_in_place(temporary: Path, final: Path, *, overwrite: bool) -> None:
    """Give a whole, flushed file its final name, on the same disk.

    Raises
    ------
    FileExistsError
        The name is taken and `overwrite` is false; the temporary file stays.
    """
    if overwrite:
        temporary.replace(final)
        return
    try:
        # A link fails where the name was taken meanwhile; a rename would silently replace that file.
        os.link(temporary, final)
    except FileExistsError:
        raise FileExistsError(f"{final} appeared while it was being written; nothing was replaced") from None
    except OSError:
        # A file system without links: look again and rename.
        if os.path.lexists(final):
            raise FileExistsError(
                f"{final} appeared while it was being written; nothing was replaced"
            ) from None
        temporary.rename(final)
    else:
        temporary.unlink()


def flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where folders can be flushed (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
