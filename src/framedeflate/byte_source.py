# SPDX-License-Identifier: Apache-2.0
"""Where bytes come from: anything that answers ranges, and the driver that answers a sans-I/O plan from it."""

import errno
import os
import stat
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO, Final, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

from framedeflate.closing import Closing
from framedeflate.errors import DicomFormatError

__all__ = [
    "FIRST_NBYTES",
    "AsyncByteSource",
    "ByteSource",
    "BytesSource",
    "FileSource",
    "Plan",
    "RangesSource",
    "became_shorter",
    "drive",
    "read_exactly",
    "read_ranges",
    "sequential_reader",
]

T = TypeVar("T")

FIRST_NBYTES: Final = 32 << 10
"""The first request to a server: most headers without per-frame functional groups fit."""

Plan: TypeAlias = Generator[tuple[int, int], bytes, T]
"""Asks for byte ranges (start, stop), is sent their bytes (fewer only at the end of the source), returns T."""


class ByteSource(Protocol):
    """Bytes that can be read by range, from several threads at once."""

    @property
    def nbytes(self) -> int:
        """Size of the whole in bytes."""

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive; fewer only where the source ends before."""


@runtime_checkable
class RangesSource(Protocol):
    """A ByteSource that answers many ranges better than one by one; `read_ranges` finds out."""

    def get_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range, in their order; each as `ByteSource.get_range` does."""


@runtime_checkable
class AsyncByteSource(Protocol):
    """Bytes that can be read by range from a coroutine, whichever event loop runs it."""

    @property
    def nbytes(self) -> int:
        """Size of the whole in bytes."""

    async def get_range_async(self, start: int, stop: int) -> bytes:
        """As `ByteSource.get_range`."""

    async def get_ranges_async(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """As `RangesSource.get_ranges`."""


def read_ranges(source: ByteSource, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return the bytes of each range, in their order: at once where the source can, else one by one."""
    at_once: RangesSource | None = source if hasattr(source, "get_ranges") else None  # type: ignore[assignment]
    if at_once is not None:
        return at_once.get_ranges(ranges)
    return [source.get_range(start, stop) for start, stop in ranges]


def drive(plan: Plan[T], source: ByteSource) -> T:
    """Answer every request of `plan` from `source` and return what the plan returns."""
    try:
        request = next(plan)
        while True:
            request = plan.send(source.get_range(*request))
    except StopIteration as done:
        result: T = done.value
        return result


def sequential_reader(source: ByteSource, position: int) -> Callable[[int], bytes]:
    """Return a function that reads on from `position`, as a file's ``read`` does; errors as `read_exactly`."""

    def read(nbytes: int) -> bytes:
        nonlocal position
        block = read_exactly(source, position, min(position + nbytes, source.nbytes))
        position += len(block)
        return block

    return read


def read_exactly(source: ByteSource, start: int, stop: int) -> bytes:
    """Return bytes start to stop of a range that was there when the source was scanned.

    Raises
    ------
    DicomFormatError
        kind ``truncated``: the source became shorter since. Copied without this, a part would silently be missing.
    """
    data = source.get_range(start, stop)
    if len(data) != stop - start:
        raise became_shorter(start + len(data))
    return data


def became_shorter(position: int) -> DicomFormatError:
    """Return the error for a source that ends at `position`, where more was when it was scanned."""
    return DicomFormatError(
        "the file became shorter while it was read; try again once its writer is done",
        kind="truncated",
        position=position,
    )


class BytesSource:
    """Bytes in memory.

    Parameters
    ----------
    data : bytes-like
        Kept, not copied.
    """

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(data).cast("B")

    @property
    def nbytes(self) -> int:
        """Size of the whole in bytes."""
        return len(self._view)

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive."""
        return bytes(self._view[start:stop])

    def close(self) -> None:
        """Nothing to close: the bytes are the caller's."""


class FileSource(Closing):
    """A file on disk, read without a shared position so that threads do not disturb each other.

    Parameters
    ----------
    file : binary file
        Open for reading, with a descriptor.
    close_file : bool
        Whether `close` closes it too.
    """

    def __init__(self, file: IO[bytes], *, close_file: bool = True) -> None:
        self._file = file
        self._close_file = close_file
        self._lock = threading.Lock()
        self._nbytes = os.fstat(file.fileno()).st_size

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a file by its path.

        Raises
        ------
        OSError
            It cannot be read, or is a folder, a pipe or a device: reading those may never end.
        """
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder, where a file is needed", os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        return cls(Path(path).open("rb", buffering=0))

    @property
    def nbytes(self) -> int:
        """Size of the file in bytes, as it was when opened."""
        return self._nbytes

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive; fewer only at the end of the file.

        Raises
        ------
        OSError
            It cannot be read; `filename` says which file.
        """
        blocks = []
        # Room for all that is asked for is made before anything is read.
        stop = min(stop, self._nbytes)
        # One read may return less than asked (2 GiB at most on Linux): a short answer is not yet the end.
        while start < stop:
            try:
                block = self._read_at(start, stop - start)
            except OSError as error:
                # Whoever reads one file and writes another has to know which of the two failed.
                error.filename = error.filename or self._file.name
                raise
            if not block:
                break
            blocks.append(block)
            start += len(block)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _read_at(self, start: int, nbytes: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), nbytes, start)
        with self._lock:
            self._file.seek(start)
            return self._file.read(nbytes)

    def close(self) -> None:
        """Close the file, where that was asked for."""
        if self._close_file:
            self._file.close()
