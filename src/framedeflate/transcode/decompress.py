# SPDX-License-Identifier: Apache-2.0
"""A deflated DICOM file back into native Pixel Data."""

import os
from typing import BinaryIO, Final

from framedeflate.errors import UnsupportedImageError
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import FrameJoiner
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transcode.frame_batches import BatchPlan, FrameBatch, Part, SpareMemory
from framedeflate.transcode.image_source import ImageSource, open_image_source
from framedeflate.transcode.job import Job
from framedeflate.transcode.native_form import native_surroundings, pixel_data_header
from framedeflate.transcode.result import Progress, TranscodeResult
from framedeflate.transcode.segments import copy_segments
from framedeflate.transcode.stages import Stages
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

__all__ = ["check_native_nbytes", "decompress_file"]

MAX_NATIVE_NBYTES: Final = 2**32 - 2
"""What the 32-bit length of native Pixel Data can state (PS3.5 7.1)."""


def decompress_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    *,
    implicit_vr: bool = False,
    threads: int = 1,
    overwrite: bool = False,
    in_place: bool = False,
    strict: bool = True,
    progress: Progress | None = None,
) -> TranscodeResult:
    """Write an image with native Pixel Data, in Explicit (or Implicit) VR Little Endian.

    1-bit Frames are joined bit by bit (PS3.5 8.2); deflated icons are inflated too. Pixel Data of more than 8 bits
    is OW, else OB; in Implicit VR always OW (PS3.5 A.1, A.2). Frames are streamed.

    Parameters
    ----------
    source : path-like
        A file in Deflated Image Frame Compression, or any other whose Frames can be read.
    destination : path-like, optional
        The file to write.
    implicit_vr : bool
        Write Implicit VR Little Endian, DICOM's default Transfer Syntax.
    threads : int
        Worker threads; 0 means all cores.
    overwrite : bool
        Replace an existing destination.
    in_place : bool
        Replace the source.
    strict : bool
        As `decode_frame`.
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    TranscodeResult

    Raises
    ------
    UnsupportedImageError
        kind ``too-large``: native Pixel Data would pass 2^32-2 bytes; others as `compress_file`.
    FrameDecodeError
        A Frame is broken. As after every error, no file is left under the final name.
    DicomFormatError, EncapsulationError, OSError
        As `compress_file`.
    """
    job = Job.begin(source, destination, in_place=in_place, overwrite=overwrite)
    uid = IMPLICIT_VR_LITTLE_ENDIAN if implicit_vr else EXPLICIT_VR_LITTLE_ENDIAN
    with open_image_source(job.source, strict=strict, folder=job.destination.parent) as image:
        check_native_nbytes(image.image_pixel)
        head, tail = native_surroundings(image, implicit_vr=implicit_vr)
        with job.output() as file:
            file.write(encode_file_meta(image.meta, uid))
            copy_segments(head, image.source, file)
            _write_pixel_data(image, file, implicit_vr=implicit_vr, threads=threads, progress=progress)
            copy_segments(tail, image.source, file)
            image.close()
        return job.result_of_image(image, uid, deflated_nbytes=image.fragments_nbytes, checked=False)


def check_native_nbytes(image_pixel: ImagePixel) -> None:
    """Refuse Frames that native Pixel Data cannot hold together.

    Raises
    ------
    UnsupportedImageError
        kind ``too-large``.
    """
    if image_pixel.native_nbytes > MAX_NATIVE_NBYTES:
        raise UnsupportedImageError(
            f"native Pixel Data would have {image_pixel.native_nbytes} bytes, more than the {MAX_NATIVE_NBYTES} "
            "that its 32-bit length can state; keep the file deflated and read Frames one at a time",
            kind="too-large",
        )


def _write_pixel_data(
    image: ImageSource, file: BinaryIO, *, implicit_vr: bool, threads: int, progress: Progress | None
) -> None:
    image_pixel = image.image_pixel
    file.write(pixel_data_header(image_pixel, implicit_vr=implicit_vr))
    joiner = FrameJoiner(image_pixel)
    plan = BatchPlan.of(image.frames, threads=threads)

    spare = SpareMemory()

    def read(batch: FrameBatch) -> list[Part]:
        parts = []
        for part in batch.parts(spare):
            stages.raise_if_stopped()
            parts.append(part)
        return parts

    done = 0
    with Stages(read, workers=plan.workers) as stages:
        for parts in stages.results(plan):
            for part in parts:
                file.write(joiner.join(part.native, part.count))
                spare.give(part.native)
                done += part.count
            if progress is not None:
                progress(done, image_pixel.number_of_frames)
    file.write(joiner.finish())
    file.write(bytes(image_pixel.native_nbytes % 2))
