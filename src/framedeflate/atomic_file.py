# SPDX-License-Identifier: Apache-2.0
"""Write beside, flush, rename: a final name only ever holds a whole file, whatever stops the process."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["TEMPORARY_SUFFIX", "atomic_file"]

TEMPORARY_SUFFIX = ".framedeflate-partial"
"""How the names of unfinished files end. They begin with a dot; one that a killed process left may be deleted."""


@contextmanager
def atomic_file(
    destination: str | os.PathLike[str], *, overwrite: bool = False, mode: int | None = None
) -> Iterator[BinaryIO]:
    """Yield a new file, readable and seekable, that takes `destination`'s name once the block ends without error.

    Parameters
    ----------
    destination : path-like
        The final name. Its folder must exist.
    overwrite : bool
        Whether a file of that name is replaced; it stays as it was until the very end.
    mode : int, optional
        Permission bits for the new file, for instance those of the source.

    Raises
    ------
    FileExistsError
        The name is taken, now or by the end, and `overwrite` is false.
    OSError
        The folder cannot be written, the disk is full. Nothing is left behind.
    """
    final = Path(destination)
    if not overwrite and os.path.lexists(final):
        raise FileExistsError(f"{final} exists; choose another name or ask to overwrite it")
    temporary = final.parent / f".{final.name[:64]}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode & 0o7777)
        _put_in_place(temporary, final, overwrite=overwrite)
    except BaseException:
        # Not only errors: Ctrl-C must not leave a partial file either.
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(final.parent)


def _put_in_place(temporary: Path, final: Path, *, overwrite: bool) -> None:
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


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where folders can be flushed (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
