# SPDX-License-Identifier: Apache-2.0
"""Frames of a file from a coroutine: FrameReader's plans, driven without blocking the event loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from framedeflate.byte_source import AsyncByteSource, ByteSource, BytesSource, read_ranges
from framedeflate.frame_arrays import Run
from framedeflate.functional_groups import FrameMetadata, FunctionalGroups
from framedeflate.image_pixel import ImagePixel
from framedeflate.open_source import Openable, close_source, open_source
from framedeflate.opened_image import OpenedImage, plan_image
from framedeflate.range_plan import RangePlan, drive_ranges_async

__all__ = ["AsyncFrameReader"]

T = TypeVar("T")


class AsyncFrameReader:
    """Random access to the Frames of a DICOM file from coroutines; made by `open`. Otherwise as `FrameReader`.

    Examples
    --------
    >>> async with await AsyncFrameReader.open("https://host/seg.dcm") as reader:  # doctest: +SKIP
    ...     mask = await reader[17]
    ...     async for frame in reader:
    ...         ...
    """

    def __init__(self, source: AsyncByteSource, image: OpenedImage, close: Callable[[], None]) -> None:
        self._source = source
        self._image = image
        self._close = close
        # It reads nothing itself once it was prepared.
        self._groups = FunctionalGroups(BytesSource(b""), image.layout)

    @classmethod
    async def open(
        cls,
        source: "Openable | AsyncByteSource",
        *,
        threads: int = 1,
        strict: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open what `FrameReader.open` opens, or an AsyncByteSource; parameters and errors as there."""
        if isinstance(source, AsyncByteSource):
            opened: AsyncByteSource = source
            close: Callable[[], None] = _nothing
        else:
            here = await _open(source, options)
            opened = here if isinstance(here, AsyncByteSource) else _ThreadedSource(here)
            close = partial(close_source, here, source)
        try:
            image = await drive_ranges_async(plan_image(opened, threads=threads, strict=strict), opened)
        except BaseException:
            close()
            raise
        return cls(opened, image, close)

    @property
    def image_pixel(self) -> ImagePixel:
        """The Image Pixel description of the Frames (PS3.3 C.7.6.3)."""
        return self._image.image_pixel

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer Syntax UID of the file."""
        return self._image.transfer_syntax_uid

    def __len__(self) -> int:
        return len(self._image)

    async def __getitem__(self, index: SupportsIndex | slice) -> NDArray[Any]:
        """As `FrameReader.__getitem__`; to be awaited."""
        return await self._drive(self._image.read_item(index))

    async def __aiter__(self) -> AsyncIterator[NDArray[Any]]:
        """Yield each Frame, while the next ones are fetched."""
        image = self._image
        ahead: asyncio.Task[tuple[Run, Any]] | None = None
        try:
            for run in image.runs_in_turn():
                before, ahead = ahead, asyncio.create_task(self._fetch(run))
                if before is not None:
                    for frame in await self._arrays(*await before):
                        yield frame
            if ahead is not None:
                for frame in await self._arrays(*await ahead):
                    yield frame
        finally:
            if ahead is not None:
                ahead.cancel()

    async def read(self, frame_numbers: Iterable[SupportsIndex]) -> NDArray[Any]:
        """As `FrameReader.read`."""
        return await self._drive(self._image.read_numbers(frame_numbers))

    async def fragment(self, *, frame_number: SupportsIndex) -> bytes:
        """As `FrameReader.fragment`."""
        return await self._drive(self._image.fragment(frame_number))

    async def functional_groups(self) -> FunctionalGroups:
        """Return what the file says about its Frames, all of it read."""
        await self._drive(self._image.answer(self._groups.prepare()))
        return self._groups

    async def frame_metadata(self, *, frame_number: int) -> FrameMetadata:
        """As `FrameReader.frame_metadata`."""
        return (await self.functional_groups()).frame_metadata(frame_number=frame_number)

    async def frames_for(self, *, segment: int) -> NDArray[np.int64]:
        """As `FrameReader.frames_for`."""
        return (await self.functional_groups()).frames_for(segment=segment)

    async def close(self) -> None:
        """Close the file, where `open` opened it."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _drive(self, plan: RangePlan[T]) -> T:
        return await drive_ranges_async(plan, self._source)

    async def _fetch(self, run: Run) -> tuple[Run, Any]:
        return run, await self._drive(self._image.fetch(run))

    async def _arrays(self, run: Run, fetched: Any) -> list[NDArray[Any]]:
        return await asyncio.to_thread(lambda: list(self._image.arrays_of(run, fetched)))


async def _open(source: Openable, options: Mapping[str, Any] | None) -> ByteSource:
    """As `open_source`, in a thread. It cannot be stopped: what it opens when nobody waits any more, it closes."""
    opened: list[ByteSource] = []
    abandoned = threading.Event()

    def close() -> None:
        for one in opened:
            close_source(one, source)

    def work() -> ByteSource:
        opened.append(open_source(source, options=options))
        if abandoned.is_set():
            close()
        return opened[0]

    try:
        return await asyncio.to_thread(work)
    except BaseException:
        # Whichever of the two comes last sees what the other did.
        abandoned.set()
        close()
        raise


class _ThreadedSource:
    """A source that blocks, asked from a thread so that the event loop does not."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.is_remote: bool = getattr(source, "is_remote", False)

    @property
    def nbytes(self) -> int:
        return self._source.nbytes

    async def get_range_async(self, start: int, stop: int) -> bytes:
        return await asyncio.to_thread(self._source.get_range, start, stop)

    async def get_ranges_async(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return await asyncio.to_thread(read_ranges, self._source, ranges)


def _nothing() -> None:
    """Close nothing: the source is the caller's."""
