# SPDX-License-Identifier: Apache-2.0
"""Frames of a file, one at a time, without reading the others."""

import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from framedeflate.array import frames_to_array, pixels_to_array
from framedeflate.byte_source import ByteSource, BytesSource, FileSource
from framedeflate.errors import FrameNumberError, TransferSyntaxError
from framedeflate.fragment_inflation import inflate_pixels
from framedeflate.functional_groups import FrameMetadata, FunctionalGroups
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.pixel_memory import new_pixels, pixels_nbytes
from framedeflate.stored_frames import BATCH_NBYTES, DeflatedFrames, batches, open_frames

__all__ = ["FrameReader"]

_STEP_NBYTES: Final = 1 << 20
"""Pixels a thread that one array, and one call of the core, hold while Frames are gone through: the cache's share."""


class FrameReader:
    """Random access to the Frames of a DICOM file, deflated or native.

    Opening reads the header and the Items' headers only; each Frame is read when it is asked for. May be used
    from several threads at once.

    Parameters
    ----------
    source : ByteSource
        The file's bytes.
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
        self._opened: FileSource | None = None
        meta = read_file_meta(source)
        self.transfer_syntax_uid = meta.transfer_syntax_uid
        """Transfer Syntax UID of the file."""
        layout = read_data_set_layout(source, meta)
        self._frames = open_frames(source, layout, self.transfer_syntax_uid, threads=threads, strict=strict)
        self.functional_groups = FunctionalGroups(source, layout)
        """What the file says about its Frames; read when it is first asked for."""

    @classmethod
    def open(
        cls, source: "str | os.PathLike[str] | bytes | ByteSource", *, threads: int = 1, strict: bool = True
    ) -> Self:
        """Open a path, the bytes of a file, or a ByteSource; parameters and errors as the class."""
        if isinstance(source, bytes):
            return cls(BytesSource(source), threads=threads, strict=strict)
        if not isinstance(source, str | os.PathLike):
            return cls(source, threads=threads, strict=strict)
        file = FileSource.open(source)
        try:
            reader = cls(file, threads=threads, strict=strict)
        except BaseException:
            file.close()
            raise
        reader._opened = file
        return reader

    @property
    def image_pixel(self) -> ImagePixel:
        """The Image Pixel description of the Frames (PS3.3 C.7.6.3)."""
        return self._frames.image_pixel

    def __len__(self) -> int:
        return self.image_pixel.number_of_frames

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        """Return the Frame at `index`, from 0 or negative from the end, or those of a slice; as `decode_frames`."""
        count = len(self)
        if isinstance(index, slice):
            return self._read(range(count)[index])
        if not -count <= index < count:
            raise FrameNumberError(frame_number=index + 1, number_of_frames=count)
        frame: NDArray[Any] = self._read([index % count])[0]
        return frame

    def __iter__(self) -> Iterator[NDArray[Any]]:
        if isinstance(self._frames, DeflatedFrames):
            yield from _each(self._frames)
            return
        for index, count in batches(self.image_pixel, batch_nbytes=1 << 20):
            frames = frames_to_array(self._frames.read(index, count), self.image_pixel)
            # Native bytes are a view of what was read, which nobody may write to.
            yield from frames if frames.flags.writeable else frames.copy()

    def read(self, frame_numbers: Iterable[int]) -> NDArray[Any]:
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
        numbers = list(frame_numbers)
        for number in numbers:
            self._check(number)
        return self._read([number - 1 for number in numbers])

    def fragment(self, *, frame_number: int) -> bytes:
        """Return the value of the Fragment that holds a Frame, as stored.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        TransferSyntaxError
            The file's Frames are not deflated, so there are no Fragments.
        """
        self._check(frame_number)
        if not isinstance(self._frames, DeflatedFrames):
            raise TransferSyntaxError(
                "only a file in Deflated Image Frame Compression has a Fragment for each Frame",
                uid=self.transfer_syntax_uid,
            )
        return self._frames.fragment(frame_number - 1)

    def frame_metadata(self, *, frame_number: int) -> FrameMetadata:
        """Return segment, plane, tile and dimension indices of a Frame; errors as `FunctionalGroups`."""
        return self.functional_groups.frame_metadata(frame_number=frame_number)

    def frames_for(self, *, segment: int) -> NDArray[np.int64]:
        """Return the numbers of the Frames that show a segment, for `read`; errors as `FunctionalGroups.frames_for`."""
        return self.functional_groups.frames_for(segment=segment)

    def close(self) -> None:
        """Close the file, where `open` opened it."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, frame_number: int) -> None:
        if not 1 <= frame_number <= len(self):
            raise FrameNumberError(frame_number=frame_number, number_of_frames=len(self))

    def _read(self, indices: Sequence[int]) -> NDArray[Any]:
        if isinstance(self._frames, DeflatedFrames):
            return _read_deflated(self._frames, indices)
        empty = frames_to_array(b"", self.image_pixel)
        frames = np.empty((len(indices), *empty.shape[1:]), empty.dtype)
        for start, stop in _runs(indices, max(1, BATCH_NBYTES // self.image_pixel.frame_nbytes)):
            read = self._frames.read(indices[start], stop - start)
            frames[start:stop] = frames_to_array(read, self.image_pixel)
        return frames


def _read_deflated(frames: DeflatedFrames, indices: Sequence[int]) -> NDArray[Any]:
    """Return Frames in the order of their `indices`, inflated into the array itself."""
    image_pixel = frames.image_pixel
    frames.require_plausible(indices)
    nbytes = pixels_nbytes(image_pixel)
    pixels, zeroed = new_pixels(len(indices), image_pixel, lambda i: frames.fragment(indices[i]))
    for start, stop in _runs(indices, max(1, BATCH_NBYTES // image_pixel.frame_nbytes)):
        place = pixels[start * nbytes : stop * nbytes]
        frames.read_pixels(indices[start], stop - start, place, zeroed=zeroed)
    return pixels_to_array(pixels, image_pixel)


def _each(frames: DeflatedFrames) -> Iterator[NDArray[Any]]:
    """Yield each Frame, a few of which share memory that is still in the cache when they are looked at."""
    image_pixel = frames.image_pixel
    nbytes = pixels_nbytes(image_pixel)
    workers = frames.threads or os.cpu_count() or 1
    step = max(1, workers * _STEP_NBYTES // nbytes)
    for index, count in batches(image_pixel, batch_nbytes=1 << 20):
        fragments = frames.fragments(index, count)
        for at in range(0, count, step):
            part = fragments[at : at + step]
            pixels = np.empty(len(part) * nbytes, np.uint8)
            inflate_pixels(
                part,
                image_pixel,
                pixels,
                zeroed=False,
                threads=frames.threads,
                strict=frames.strict,
                first_frame_number=index + at + 1,
            )
            yield from pixels_to_array(pixels, image_pixel)


def _runs(indices: Sequence[int], longest: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the runs of neighbouring Frames: each is read, and inflated in threads, at once."""
    start = 0
    for at in range(1, len(indices) + 1):
        ends = at == len(indices) or indices[at] != indices[at - 1] + 1 or at - start == longest
        if ends:
            yield start, at
            start = at
