# SPDX-License-Identifier: Apache-2.0
"""One file made from another: where it goes, how it gets there, and what is said of it."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from framedeflate.atomic_file import Overwrite, atomic_file
from framedeflate.data_set.layout import Tag
from framedeflate.errors import DicomFormatError, UnsupportedImageError
from framedeflate.transcode.image_source import ImageSource
from framedeflate.transcode.result import TranscodeResult

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """A transcoding that was begun.

    Attributes
    ----------
    source, destination : Path
        The file that is read, and the final name of the one that is written.
    """

    source: Path
    destination: Path
    _replace: Overwrite
    _source_status: os.stat_result
    _started: float

    @classmethod
    def begin(
        cls,
        source: str | os.PathLike[str],
        destination: str | os.PathLike[str] | None,
        *,
        in_place: bool,
        overwrite: Overwrite,
    ) -> Self:
        """Settle the destination.

        Raises
        ------
        ValueError
            Neither a destination nor `in_place`, or both.
        shutil.SameFileError
            The destination is the source and `in_place` was not asked for.
        OSError
            There is no such source.
        """
        path = Path(source)
        final, replace = _resolve_destination(path, destination, in_place=in_place, overwrite=overwrite)
        return cls(path, final, replace, path.stat(), time.monotonic())

    @contextmanager
    def output(self) -> Iterator[BinaryIO]:
        """Open the file that becomes the destination once it is whole; it takes the source's mode.

        Raises
        ------
        DicomFormatError
            kind ``changed``: at the end, the source is not the file any more that it was at the beginning.
        """
        mode = self._source_status.st_mode
        with atomic_file(self.destination, overwrite=self._replace, mode=mode) as file:
            yield file
            self._check_source()

    def require_gain(self, file: BinaryIO, min_gain: float | None) -> None:
        """Refuse a result that is not smaller than the source by that part of it.

        Raises
        ------
        UnsupportedImageError
            kind ``min-gain``.
        """
        if min_gain is None:
            return
        before, now = self._source_status.st_size, file.seek(0, os.SEEK_END)
        if before - now < min_gain * before:
            raise UnsupportedImageError(
                f"{before} bytes would become {now}, which gains less than was asked for", kind="min-gain"
            )

    def _check_source(self) -> None:
        """Refuse a source that was written meanwhile: in place, what is new in it would be lost."""
        before, now = self._source_status, self.source.stat()
        if (before.st_size, before.st_mtime_ns) != (now.st_size, now.st_mtime_ns) or not os.path.samestat(
            before, now
        ):
            raise DicomFormatError(
                "the file was changed while it was read; try again once its writer is done",
                kind="changed",
                position=0,
            )

    def result_of_image(
        self,
        image: ImageSource,
        transfer_syntax_uid: str,
        *,
        deflated_nbytes: int,
        checked: bool,
        frames_digest: str = "",
    ) -> TranscodeResult:
        """Return what came of an image whose file is in place."""
        return TranscodeResult(
            source=self.source,
            destination=self.destination,
            source_transfer_syntax_uid=image.meta.transfer_syntax_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            image_pixel=image.image_pixel,
            number_of_frames=image.image_pixel.number_of_frames,
            native_nbytes=image.image_pixel.native_nbytes,
            deflated_nbytes=deflated_nbytes,
            source_nbytes=self._source_status.st_size,
            destination_nbytes=self.destination.stat().st_size,
            excess_nbytes=image.excess_nbytes,
            checked=checked,
            seconds=time.monotonic() - self._started,
            notes=image.notes,
            sop_class_uid=image.layout.text(Tag.SOP_CLASS_UID),
            modality=image.layout.text(Tag.MODALITY),
            frames_digest=frames_digest,
        )

    def result_of_data_set(
        self,
        source_transfer_syntax_uid: str,
        transfer_syntax_uid: str,
        *,
        native_nbytes: int,
        deflated_nbytes: int,
        checked: bool,
    ) -> TranscodeResult:
        """Return what came of a whole Data Set whose file is in place."""
        return TranscodeResult(
            source=self.source,
            destination=self.destination,
            source_transfer_syntax_uid=source_transfer_syntax_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            image_pixel=None,
            number_of_frames=0,
            native_nbytes=native_nbytes,
            deflated_nbytes=deflated_nbytes,
            source_nbytes=self._source_status.st_size,
            destination_nbytes=self.destination.stat().st_size,
            excess_nbytes=0,
            checked=checked,
            seconds=time.monotonic() - self._started,
            notes=(),
        )


def _resolve_destination(
    source: Path, destination: str | os.PathLike[str] | None, *, in_place: bool, overwrite: Overwrite
) -> tuple[Path, Overwrite]:
    """Return the final name and whether a file of that name is replaced.

    Raises
    ------
    ValueError
        Neither a destination nor `in_place`, or both.
    shutil.SameFileError
        The destination is the source and `in_place` was not asked for.
    """
    if in_place:
        if destination is not None and not _is_same(source, Path(destination)):
            raise ValueError("in_place replaces the source; it cannot be combined with another destination")
        # The source may be a link: the file it names is replaced, not the link.
        return source.resolve(), True
    if destination is None:
        raise ValueError("name a destination, or ask for in_place=True")
    final = Path(destination)
    if _is_same(source, final):
        raise shutil.SameFileError(f"{final} is the source itself; in_place=True replaces it")
    return final, overwrite


def _is_same(source: Path, destination: Path) -> bool:
    return destination.exists() and source.exists() and source.samefile(destination)
