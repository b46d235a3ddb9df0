# SPDX-License-Identifier: Apache-2.0
"""A DICOM file opened as a Zarr group right away: no file of references between, and no fsspec."""

import asyncio
import base64
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from framedeflate.byte_source import BytesSource, FileSource, read_exactly
from framedeflate.encapsulation import join_items
from framedeflate.frame_plans import DeflatedFrames
from framedeflate.open_source import Openable, close_source, open_source
from framedeflate.range_plan import drive_ranges
from framedeflate.zarr_store.chunk_ranges import chunk_ranges
from framedeflate.zarr_store.codecs import register
from framedeflate.zarr_store.pixel_chunks import plan_chunks
from framedeflate.zarr_store.reference_set import chunk_keys, describe, location_of, open_image

# The codecs, above, say what to install where zarr is not there.
import zarr  # isort: skip
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest  # isort: skip

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, BufferPrototype
    from zarr.abc.store import ByteRequest

__all__ = ["DicomStore", "open"]


def open(  # noqa: A001 - as zarr's own and FrameReader's
    source: Openable, *, frames_per_chunk: int = 1, options: Mapping[str, Any] | None = None
) -> zarr.Group:
    """Open a DICOM file as a Zarr group; what it holds, and errors, as `references`.

    The file stays open as long as the group, or one of its arrays, is in use. On a server a filled offset table is
    believed, as `FrameReader` believes it, until an Item that is read contradicts it; references are made of the Items.

    Parameters
    ----------
    source : path, URL, bytes, binary file object or ByteSource
        The file.
    frames_per_chunk : int
        As `references`: more than 1 for many small Frames at once.
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
    return zarr.open_group(DicomStore(source, frames_per_chunk=frames_per_chunk, options=options), mode="r")


class DicomStore(Store):
    """The references into a file, as the keys of a Zarr store: for ``xarray.open_zarr``, or whoever takes a store.

    Can be pickled, for dask's processes.

    Parameters
    ----------
    source, frames_per_chunk, options
        As `open`; errors as `references`.
    """

    supports_writes: bool = False
    supports_deletes: bool = False
    supports_listing: bool = True

    def __init__(
        self, source: Openable, *, frames_per_chunk: int = 1, options: Mapping[str, Any] | None = None
    ) -> None:
        register()
        super().__init__(read_only=True)
        location = location_of(source)
        self._given = source if location is None else location
        self._settings: dict[str, Any] = {"frames_per_chunk": frames_per_chunk, "options": options}
        self._source = open_source(source, options=options)
        # Nobody closes a store that a group holds.
        self._finalizer = weakref.finalize(self, close_source, self._source, source)
        self._image = open_image(self._source)
        chunks = plan_chunks(self._image.frames, frames_per_chunk=frames_per_chunk)
        self._values: dict[str, str] = describe(self._image, self._source, chunks)
        self._per_chunk = chunks.frames_per_chunk
        self._chunks = {key: number for number, key in enumerate(chunk_keys(chunks))}
        ranges = chunk_ranges(self._image.frames, chunks)
        self._ranges = ranges or []
        # Where a table was believed, Fragments are read as FrameReader reads them, their Items held against it.
        frames = self._image.frames
        self._tabled = frames.fragments if ranges is None and isinstance(frames, DeflatedFrames) else None
        self._answers_at_once = isinstance(self._source, FileSource | BytesSource)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._settings), (self._given,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DicomStore):
            return False
        same = self._given is other._given or (isinstance(self._given, str) and self._given == other._given)
        return same and self._settings == other._settings

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
        if key in self._values:
            data = _inline_bytes(self._values[key])
        elif key not in self._chunks:
            return None
        elif self._answers_at_once:
            data = self._read(self._chunks[key])
        else:
            data = await asyncio.to_thread(self._read, self._chunks[key])
        start, stop = _part(len(data), byte_range)
        return prototype.buffer.from_bytes(data[start:stop])

    def _read(self, number: int) -> bytes:
        if self._tabled is None:
            return read_exactly(self._source, *self._ranges[number])
        index = number * self._per_chunk
        count = min(self._per_chunk, len(self._image) - index)
        fragments = drive_ranges(self._tabled.fetch(index, count), self._source)
        return bytes(fragments[0]) if self._per_chunk == 1 else join_items(fragments)

    async def get_partial_values(
        self, prototype: "BufferPrototype", key_ranges: "Iterable[tuple[str, ByteRequest | None]]"
    ) -> "list[Buffer | None]":
        """Return parts of several values, as `get` does."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._values or key in self._chunks

    def _keys(self) -> Iterable[str]:
        return chain(self._values, self._chunks)

    async def list(self) -> AsyncIterator[str]:
        """Yield every key."""
        for key in self._keys():
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield every key that begins so."""
        for key in self._keys():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield each name directly below a prefix once."""
        folder = f"{prefix.rstrip('/')}/".lstrip("/")
        names = (key[len(folder) :].partition("/")[0] for key in self._keys() if key.startswith(folder))
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
