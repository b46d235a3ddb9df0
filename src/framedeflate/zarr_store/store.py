# SPDX-License-Identifier: Apache-2.0
"""A DICOM file opened as a Zarr group right away: no file of references between, and no fsspec."""

import asyncio
import base64
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from framedeflate.byte_source import BytesSource, FileSource, read_exactly
from framedeflate.open_source import Openable, close_source, open_source
from framedeflate.zarr_store.codecs import register
from framedeflate.zarr_store.reference_set import location_of, references_of

# The codecs, above, say what to install where zarr is not there.
import zarr  # isort: skip
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest  # isort: skip

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, BufferPrototype
    from zarr.abc.store import ByteRequest

__all__ = ["DicomStore", "open"]


def open(  # noqa: A001 - as zarr's own and FrameReader's
    source: Openable, *, options: Mapping[str, Any] | None = None
) -> zarr.Group:
    """Open a DICOM file as a Zarr group; what it holds, and errors, as `references`.

    The file stays open as long as the group, or one of its arrays, is in use.

    Parameters
    ----------
    source : path, URL, bytes, binary file object or ByteSource
        The file.
    options : mapping, optional
        For URLs, as `open_source`.

    Returns
    -------
    zarr.Group
        Read-only. ``group["pixels"]`` is the array.

    Raises
    ------
    MissingExtraError
        zarr is not installed.
    """
    return zarr.open_group(DicomStore(source, options=options), mode="r")


class DicomStore(Store):
    """The references into a file, as the keys of a Zarr store: for ``xarray.open_zarr``, or whoever takes a store.

    Can be pickled, for dask's processes.

    Parameters
    ----------
    source, options
        As `open`; errors as `references`.
    """

    supports_writes: bool = False
    supports_deletes: bool = False
    supports_listing: bool = True

    def __init__(self, source: Openable, *, options: Mapping[str, Any] | None = None) -> None:
        register()
        super().__init__(read_only=True)
        location = location_of(source)
        self._given = source if location is None else location
        self._options = options
        self._source = open_source(source, options=options)
        # Nobody closes a store that a group holds.
        self._finalizer = weakref.finalize(self, close_source, self._source, source)
        self._values: dict[str, Any] = references_of(self._source, url="")["refs"]
        self._answers_at_once = isinstance(self._source, FileSource | BytesSource)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), options=self._options), (self._given,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DicomStore):
            return False
        return self._given is other._given or (isinstance(self._given, str) and self._given == other._given)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # A URL may hold a key; a source shows it without.
        shown = self._given if isinstance(self._source, FileSource) else self._source
        return f"DicomStore({shown!r})"

    def close(self) -> None:
        """Close the file."""
        self._finalizer()
        super().close()

    async def get(
        self, key: str, prototype: "BufferPrototype", byte_range: "ByteRequest | None" = None
    ) -> "Buffer | None":
        """Return the value of a key, or part of it; None where there is none."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, list):
            _url, position, nbytes = value
            start, stop = _part(nbytes, byte_range)
            data = await self._read(position + start, position + stop)
        else:
            whole = _inline_bytes(value)
            start, stop = _part(len(whole), byte_range)
            data = whole[start:stop]
        return prototype.buffer.from_bytes(data)

    async def _read(self, start: int, stop: int) -> bytes:
        if self._answers_at_once:
            return read_exactly(self._source, start, stop)
        return await asyncio.to_thread(read_exactly, self._source, start, stop)

    async def get_partial_values(
        self, prototype: "BufferPrototype", key_ranges: "Iterable[tuple[str, ByteRequest | None]]"
    ) -> "list[Buffer | None]":
        """Return parts of several values, as `get` does."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._values

    async def list(self) -> AsyncIterator[str]:
        """Yield every key."""
        for key in self._values:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield every key that begins so."""
        for key in self._values:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield each name directly below a prefix once."""
        folder = f"{prefix.rstrip('/')}/".lstrip("/")
        names = (key[len(folder) :].partition("/")[0] for key in self._values if key.startswith(folder))
        for name in dict.fromkeys(names):
            yield name

    async def set(self, key: str, value: "Buffer") -> None:  # noqa: ARG002
        """Refuse: the file is not written."""
        self._check_writable()

    async def delete(self, key: str) -> None:  # noqa: ARG002
        """Refuse: the file is not written."""
        self._check_writable()


def _inline_bytes(value: str) -> bytes:
    if value.startswith("base64:"):
        return base64.b64decode(value.removeprefix("base64:"))
    return value.encode("ascii")


def _part(nbytes: int, byte_range: "ByteRequest | None") -> tuple[int, int]:
    """Return (start, stop) of the asked part of a value, within it."""
    start, stop = 0, nbytes
    if isinstance(byte_range, RangeByteRequest):
        start, stop = byte_range.start, byte_range.end
    elif isinstance(byte_range, OffsetByteRequest):
        start = byte_range.offset
    elif isinstance(byte_range, SuffixByteRequest):
        start = nbytes - byte_range.suffix
    stop = min(stop, nbytes)
    return min(max(start, 0), stop), stop
