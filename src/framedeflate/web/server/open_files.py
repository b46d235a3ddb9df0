# SPDX-License-Identifier: Apache-2.0
"""Files held open between requests, a bounded number of them; a file in use outlives its place among them."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from framedeflate.byte_source import read_exactly
from framedeflate.errors import InstanceError
from framedeflate.web.index import IndexedInstance

__all__ = ["OpenFile", "OpenFiles"]

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class OpenFile:
    """A descriptor that is closed when nobody holds it any more: neither `OpenFiles` nor a request.

    Attributes
    ----------
    descriptor : int
        Owned. For `os.pread`: no position is shared, so any number of threads may read.
    nbytes : int
        Size of the file when it was opened. Files of a store are never written again.
    """

    __slots__ = ("__weakref__", "descriptor", "nbytes")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.nbytes = os.fstat(descriptor).st_size

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file by its path."""
        return cls(os.open(path, _FLAGS))

    def __del__(self) -> None:
        # The last reference is the only one that knows. A request that is cancelled drops its own as any other does.
        descriptor = getattr(self, "descriptor", -1)
        if descriptor >= 0:
            self.descriptor = -1
            os.close(descriptor)

    def get_range(self, start: int, stop: int) -> bytes:
        """Return the bytes ``[start, stop)``; fewer only at the end of the file."""
        stop = min(stop, self.nbytes)
        if start >= stop:
            return b""
        data = _read_at(self.descriptor, stop - start, start)
        if len(data) == stop - start or not data:
            return data
        # Linux reads 2 GiB at most at a time, and a signal may cut a read short.
        pieces = [data]
        at = start + len(data)
        while at < stop and (piece := _read_at(self.descriptor, stop - at, at)):
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)

    def read_exactly(self, start: int, stop: int) -> bytes:
        """Return the bytes ``[start, stop)``.

        Raises
        ------
        DicomFormatError
            kind ``truncated``: the file is shorter than the one that was indexed.
        """
        return read_exactly(self, start, stop)


if hasattr(os, "pread"):

    def _read_at(descriptor: int, nbytes: int, position: int) -> bytes:
        return os.pread(descriptor, nbytes, position)

else:  # Windows
    _SEEKING: Final = threading.Lock()

    def _read_at(descriptor: int, nbytes: int, position: int) -> bytes:
        with _SEEKING:
            os.lseek(descriptor, position, os.SEEK_SET)
            return os.read(descriptor, nbytes)


class OpenFiles:
    """The files of a store that were asked for last, open.

    Parameters
    ----------
    path_of : callable
        The path of an instance's file, by SOP Instance UID.
    max_files : int
        How many are held; those in use beyond that are closed with the requests that use them.
    """

    def __init__(self, path_of: Callable[[str], Path], max_files: int = 128) -> None:
        self._path_of = path_of
        self._max_files = max_files
        self._files: OrderedDict[str, OpenFile] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, instance: IndexedInstance) -> OpenFile:
        """Return the file of an instance, open.

        It is found by its digest: a file that was replaced, and indexed again, is another.

        Raises
        ------
        OSError
            It cannot be opened. FileNotFoundError: it was taken away behind the index's back.
        InstanceError
            kind ``damaged``: its size is not the one that was indexed.
        """
        with self._guard:
            found = self._files.get(instance.etag)
            if found is not None:
                self._files.move_to_end(instance.etag)
                return found
        # Outside the lock, since a disk may be slow; two that open the same file both get one that is right.
        opened = OpenFile.open(self._path_of(instance.sop_instance_uid))
        if opened.nbytes != instance.nbytes:
            raise InstanceError(
                f"the file has {opened.nbytes} bytes, and {instance.nbytes} were indexed", kind="damaged"
            )
        with self._guard:
            self._files[instance.etag] = opened
            while len(self._files) > self._max_files:
                self._files.popitem(last=False)
        return opened

    def held(self, etag: str) -> OpenFile | None:
        """Return the file with this digest if it is open; no file is opened."""
        with self._guard:
            return self._files.get(etag)

    def forget(self, etag: str) -> None:
        """Let go of the file with this digest: it was deleted, and its room is wanted."""
        with self._guard:
            self._files.pop(etag, None)

    def close(self) -> None:
        """Let go of all files."""
        with self._guard:
            self._files.clear()
