# SPDX-License-Identifier: Apache-2.0
"""Frames of a file, one at a time, without reading the others."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from framedeflate.byte_source import ByteSource
from framedeflate.closing import Closing
from framedeflate.frame_arrays import Run
from framedeflate.functional_groups import FrameMetadata
from framedeflate.image_pixel import ImagePixel
from framedeflate.open_source import Openable, close_source, open_source
from framedeflate.opened_image import plan_image
from framedeflate.range_plan import RangePlan, drive_ranges

__all__ = ["FrameReader"]

T = TypeVar("T")

_AHEAD: Final = 2
"""Requests that are under way while the Frames of the one before are looked at."""


class FrameReader(Closing):
    """Random access to the Frames of a DICOM file, deflated or native, on disk or on a server.

    Opening reads the header and the tables only; each Frame is read when it is asked for. May be used from
    several threads at once.

    Parameters
    ----------
    source : ByteSource
        The file's bytes. Where it has a true ``is_remote``, little is asked for, seldom: the end of the header is
        guessed, and a filled offset table is believed until an Item that is read contradicts it. Elsewhere all Items
        are walked over first.
    threads : int
        Worker threads that inflate many Frames; 0 means all cores.
    strict : bool
        Whether bytes behind a stream's end, beyond the pad, are an error.

    Raises
    ------
    DicomFormatError, UnsupportedImageError, EncapsulationError, TransferSyntaxError
        The file is no DICOM file, holds no image, or its Frames cannot be told apart or decoded here.

    Examples
    --------
    >>> with FrameReader.open("seg.dcm") as reader:  # doctest: +SKIP
    ...     mask = reader[17]
    """

    def __init__(self, source: ByteSource, *, threads: int = 1, strict: bool = True) -> None:
        self._source = source
        self._given: object = source
        self._image = drive_ranges(plan_image(source, threads=threads, strict=strict), source)
        self.functional_groups = self._image.functional_groups(source)
        """What the file says about its Frames; read when it is first asked for."""

    @classmethod
    def open(
        cls,
        source: Openable,
        *,
        threads: int = 1,
        strict: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open a path, a URL (http, https, s3, gs, az), bytes, a binary file object, or a ByteSource.

        Parameters
        ----------
        source : path, str, bytes-like, binary file object, or ByteSource
            What the reader opens itself, it closes: paths and URLs. Those of object stores need the extra ``remote``.
        threads, strict
            As the class.
        options : mapping, optional
            For URLs, as `framedeflate.remote_source.RemoteSource.open` takes them.

        Raises
        ------
        OSError, RemoteSourceError, MissingExtraError, UnsupportedSourceError
            The source cannot be read. Further errors as the class.
        """
        opened = open_source(source, options=options)
        try:
            reader = cls(opened, threads=threads, strict=strict)
        except BaseException:
            close_source(opened, source)
            raise
        reader._given = source
        return reader

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

    def __getitem__(self, index: SupportsIndex | slice) -> NDArray[Any]:
        """Return the Frame at `index`, from 0 or negative from the end, or those of a slice; as `decode_frames`."""
        return self._drive(self._image.read_item(index))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield each Frame; from a server, the next few are fetched meanwhile."""
        for run, fetched in self._fetched_in_turn():
            yield from self._image.arrays_of(run, fetched)

    def read(self, frame_numbers: Iterable[SupportsIndex]) -> NDArray[Any]:
        """Return the named Frames, from 1, in the order given.

        Returns
        -------
        ndarray
            Shape (len(frame_numbers), rows, columns[, samples]); type as `decode_frames`.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        FrameDecodeError
            A Frame is broken.
        """
        return self._drive(self._image.read_numbers(frame_numbers))

    def fragment(self, *, frame_number: SupportsIndex) -> bytes:
        """Return the value of the Fragment that holds a Frame, as stored.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        TransferSyntaxError
            The file's Frames are not deflated, so there are no Fragments.
        """
        return self._drive(self._image.fragment(frame_number))

    def frame_metadata(self, *, frame_number: int) -> FrameMetadata:
        """Return segment, plane, tile and dimension indices of a Frame; errors as `FunctionalGroups`."""
        return self.functional_groups.frame_metadata(frame_number=frame_number)

    def frames_for(self, *, segment: int) -> NDArray[np.int64]:
        """Return the numbers of the Frames that show a segment, for `read`; errors as `FunctionalGroups.frames_for`."""
        return self.functional_groups.frames_for(segment=segment)

    def close(self) -> None:
        """Close the file, where `open` opened it."""
        close_source(self._source, self._given)

    def _drive(self, plan: RangePlan[T]) -> T:
        return drive_ranges(plan, self._source)

    def _fetched_in_turn(self) -> Iterator[tuple[Run, Any]]:
        image = self._image
        if image.memory is None:
            for run in image.runs_in_turn():
                yield run, self._drive(image.fetch(run))
            return
        ahead: deque[tuple[Run, Future[Any]]] = deque()
        pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="framedeflate-fetch")
        try:
            for run in image.runs_in_turn():
                ahead.append((run, pool.submit(self._drive, image.fetch(run))))
                if len(ahead) > _AHEAD:
                    first, future = ahead.popleft()
                    yield first, future.result()
            for last, future in ahead:
                yield last, future.result()
        finally:
            # Whoever stops half way must find the source unused when the iterator is gone.
            pool.shutdown(wait=True, cancel_futures=True)
