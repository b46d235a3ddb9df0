# SPDX-License-Identifier: Apache-2.0
"""Objects that the frame syntax cannot carry: the whole Data Set as one deflate stream, and back (PS3.5 A.5)."""

import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from framedeflate.atomic_file import TEMPORARY_SUFFIX, Overwrite
from framedeflate.byte_source import ByteSource, BytesSource, FileSource, sequential_reader
from framedeflate.data_set.deflated import deflate_data_set, inflate_data_set
from framedeflate.data_set.encoding import to_explicit_little, to_implicit_little
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.errors import RoundTripError, TransferSyntaxError, UnsupportedImageError
from framedeflate.part10 import FileMeta, read_data_set_layout, read_file_meta
from framedeflate.transcode.decompress import decompress_file
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transcode.job import Job
from framedeflate.transcode.result import TranscodeResult
from framedeflate.transcode.segments import MAX_HEADER_NBYTES, read_segments
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

__all__ = ["DATA_SET_LEVEL", "compress_data_set_file", "decompress_data_set_file"]

DATA_SET_LEVEL: Final = 6
"""zlib's own default."""


def compress_data_set_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    *,
    level: int = DATA_SET_LEVEL,
    check: bool = True,
    overwrite: Overwrite = False,
    in_place: bool = False,
    min_gain: float | None = None,
) -> TranscodeResult:
    """Write any object in Deflated Explicit VR Little Endian (PS3.5 A.5): parametric maps, reports, plans.

    Parameters
    ----------
    source : path-like
        A DICOM file; a compressed image is decompressed first.
    destination : path-like, optional
        The file to write.
    level : int
        1 (fastest) to 9 (smallest), those of zlib.
    check : bool
        Inflate what was written and compare its length and CRC-32 with those of the Data Set.
    overwrite, in_place, min_gain
        As `compress_file`.

    Returns
    -------
    TranscodeResult
        ``native_nbytes`` and ``deflated_nbytes`` are those of the Data Set and of its stream.

    Raises
    ------
    TransferSyntaxError
        The Data Set is deflated already.
    DicomFormatError, UnsupportedImageError, RoundTripError, OSError
        As `compress_file`.
    """
    job = Job.begin(source, destination, in_place=in_place, overwrite=overwrite)
    with FileSource.open(job.source) as file_source:
        meta = read_file_meta(file_source)
        with (
            _explicit_little(job.source, file_source, meta, job.destination.parent) as (data_set, start),
            job.output() as file,
        ):
            original = _Measured(sequential_reader(data_set, start))
            file.write(encode_file_meta(meta, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN))
            position = file.tell()
            stream_nbytes = deflate_data_set(original.read, file.write, level=level)
            if check:
                _check(file, position, original)
            job.require_gain(file, min_gain)
            # Windows cannot replace a file that is open.
            file_source.close()
    return job.result_of_data_set(
        meta.transfer_syntax_uid,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        native_nbytes=original.nbytes,
        deflated_nbytes=stream_nbytes,
        checked=check,
    )


def decompress_data_set_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    *,
    implicit_vr: bool = False,
    overwrite: bool = False,
    in_place: bool = False,
) -> TranscodeResult:
    """Write an object held as one deflate stream (PS3.5 A.5) in Explicit VR Little Endian, to the byte.

    Parameters
    ----------
    source : path-like
        A file in Deflated Explicit VR Little Endian.
    destination : path-like, optional
        The file to write.
    implicit_vr : bool
        Write Implicit VR Little Endian instead; the Data Set is held in memory then, 512 MiB of it at most.
    overwrite, in_place : bool
        As `compress_file`.

    Raises
    ------
    TransferSyntaxError
        The file is in another Transfer Syntax.
    DicomFormatError
        The stream is broken or longer than 8 GiB.
    OSError
        As `compress_file`.
    """
    job = Job.begin(source, destination, in_place=in_place, overwrite=overwrite)
    with FileSource.open(job.source) as file_source:
        meta = read_file_meta(file_source)
        if meta.transfer_syntax_uid != DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            uid = meta.transfer_syntax_uid
            raise TransferSyntaxError(
                f"the Data Set is not deflated as a whole; its syntax is {uid}", uid=uid
            )
        uid = IMPLICIT_VR_LITTLE_ENDIAN if implicit_vr else EXPLICIT_VR_LITTLE_ENDIAN
        with job.output() as file:
            file.write(encode_file_meta(meta, uid))
            read = sequential_reader(file_source, meta.data_set_position)
            if implicit_vr:
                explicit = bytearray()
                inflated = inflate_data_set(
                    read, explicit.extend, limit_nbytes=MAX_HEADER_NBYTES, position=meta.data_set_position
                )
                file.write(to_implicit_little(bytes(explicit)))
            else:
                inflated = inflate_data_set(read, file.write, position=meta.data_set_position)
            file_source.close()
    return job.result_of_data_set(
        meta.transfer_syntax_uid,
        uid,
        native_nbytes=inflated.nbytes,
        deflated_nbytes=inflated.stream_nbytes,
        checked=False,
    )


@contextmanager
def _explicit_little(
    path: Path, source: ByteSource, meta: FileMeta, folder: Path
) -> Iterator[tuple[ByteSource, int]]:
    """Yield the Data Set in Explicit VR Little Endian, native: bytes that answer ranges, and where it starts."""
    uid = meta.transfer_syntax_uid
    if uid in DEFLATED_DATA_SET:
        raise TransferSyntaxError("the Data Set is deflated already", uid=uid)
    layout = read_data_set_layout(source, meta)
    if uid == EXPLICIT_VR_LITTLE_ENDIAN and not layout.implicit_vr:
        yield source, meta.data_set_position
        return
    if uid in NATIVE and not _is_image(layout):
        data = read_segments(source, [(layout.position, layout.end_position)])
        explicit = to_explicit_little(data, implicit_vr=layout.implicit_vr, big_endian=layout.big_endian)
        yield BytesSource(explicit), 0
        return
    with tempfile.TemporaryDirectory(prefix=".", suffix=TEMPORARY_SUFFIX, dir=folder) as temporary:
        # In the target's folder, which has room for it; the system's own for temporary files may be memory.
        native = Path(temporary) / f"native{TEMPORARY_SUFFIX}"
        decompress_file(path, native)
        with FileSource.open(native) as native_source:
            yield native_source, read_file_meta(native_source).data_set_position


def _is_image(layout: DataSetLayout) -> bool:
    """Whether there are Frames that can be streamed, rather than a Data Set that is encoded anew as one."""
    try:
        layout.image_pixel()
    except UnsupportedImageError:
        return False
    return True


class _Measured:
    """Length and CRC-32 of all that passes through."""

    def __init__(self, read: Callable[[int], bytes] | None = None) -> None:
        self._read = read
        self.nbytes = 0
        self.crc = 0

    def read(self, nbytes: int) -> bytes:
        block = self._read(nbytes) if self._read is not None else b""
        self.take(block)
        return block

    def take(self, block: bytes) -> None:
        self.nbytes += len(block)
        self.crc = zlib.crc32(block, self.crc)


def _check(file: BinaryIO, position: int, original: _Measured) -> None:
    file.seek(position)
    inflated = _Measured()
    inflate_data_set(file.read, inflated.take)
    if (inflated.nbytes, inflated.crc) != (original.nbytes, original.crc):
        raise RoundTripError(
            "what was deflated does not inflate to the Data Set; please report this as a bug",
            frame_number=None,
        )
