# SPDX-License-Identifier: Apache-2.0
"""Any binary file object as a source of byte ranges: io.BytesIO, a member of a ZIP file, what fsspec opened."""

import io
import threading
from typing import Any, Protocol

from framedeflate.closing import Closing
from framedeflate.errors import UnsupportedSourceError

__all__ = ["FileObjectSource", "SeekableFile"]


class SeekableFile(Protocol):
    """What a file object must offer."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes from the position on; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> Any:
        """Move the position."""

    def tell(self) -> int:
        """Return the position."""


class FileObjectSource(Closing):
    """A binary file object. It has one position, so threads take turns.

    The position is moved: whoever else reads from the object meanwhile is disturbed, and disturbs. So do a process and
    one that was forked from it, where the object reads from a file of the system.

    Parameters
    ----------
    file : binary file object
        Open for reading, seekable.
    close_file : bool
        Whether `close` closes the object too.

    Raises
    ------
    UnsupportedSourceError
        It was opened in text mode, cannot seek, or is no file object.
    """

    def __init__(self, file: SeekableFile, *, close_file: bool = False) -> None:
        _check(file)
        self._file = file
        self._close_file = close_file
        self._lock = threading.Lock()
        with self._lock:
            file.seek(0, io.SEEK_END)
            self._nbytes = file.tell()

    @property
    def nbytes(self) -> int:
        """Size of the whole in bytes, as it was when opened."""
        return self._nbytes

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive; fewer only at the end of the file."""
        # A size beyond the file's may be allocated at once by what is read from.
        stop = min(stop, self._nbytes)
        if start >= stop:
            return b""
        blocks = []
        with self._lock:
            self._file.seek(start)
            while start < stop:
                block = self._file.read(stop - start)
                if block is None:
                    raise UnsupportedSourceError(
                        "the file object has no bytes yet (it does not block); open it as an ordinary file",
                        kind="non-blocking",
                    )
                if not block:
                    break
                blocks.append(bytes(block))
                start += len(block)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def close(self) -> None:
        """Close the file object where that was asked for."""
        close = getattr(self._file, "close", None)
        if self._close_file and close is not None:
            close()


def _check(file: Any) -> None:
    if not all(callable(getattr(file, name, None)) for name in ("read", "seek", "tell")):
        raise UnsupportedSourceError(
            f"{type(file).__name__} is no file object: it cannot read, seek and tell", kind="unknown"
        )
    if isinstance(file, io.TextIOBase) or isinstance(file.read(0), str):
        raise UnsupportedSourceError(
            'the file object was opened in text mode; open it with mode "rb"', kind="text-mode"
        )
    seekable = getattr(file, "seekable", None)
    if callable(seekable) and not seekable():
        raise UnsupportedSourceError(
            "the file object cannot seek (a pipe, a socket, standard input); read it into memory and give its bytes",
            kind="unseekable",
        )
