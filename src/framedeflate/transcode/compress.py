# SPDX-License-Identifier: Apache-2.0
"""A DICOM file into Deflated Image Frame Compression."""

import os
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from framedeflate.atomic_file import Overwrite
from framedeflate.data_set.label_map import is_label_map
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.encapsulation import Items
from framedeflate.errors import UnsupportedImageError
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.image_pixel import NATIVE_PHOTOMETRIC_INTERPRETATIONS, ImagePixel, samples_meant
from framedeflate.transcode.checked_items import deflate_items
from framedeflate.transcode.colour_source import ColourSpace
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transcode.fragment_writer import FragmentWriter
from framedeflate.transcode.frame_batches import BatchPlan, FrameBatch, SpareMemory
from framedeflate.transcode.frame_digest import digest_each_frame
from framedeflate.transcode.image_source import ImageSource, open_image_source
from framedeflate.transcode.job import Job
from framedeflate.transcode.result import Progress, TranscodeResult
from framedeflate.transcode.segments import copy_segments
from framedeflate.transcode.stages import Stages
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Policy", "check_photometric", "compress_file"]

Policy: TypeAlias = Literal["all", "bilevel"]
"""Which images are worth it: every one, or 1-bit images and label maps."""


def compress_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    *,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
    check: bool = True,
    overwrite: Overwrite = False,
    in_place: bool = False,
    policy: Policy = "all",
    photometric_interpretation: ColourSpace | None = None,
    strict: bool = True,
    min_gain: float | None = None,
    digest: bool = False,
    progress: Progress | None = None,
) -> TranscodeResult:
    """Write an image in Deflated Image Frame Compression (PS3.5 A.4.13), proven lossless before it is put in place.

    Every attribute but the Transfer Syntax, the implementation's names and the offset tables stays, to the byte
    where the source is Explicit VR Little Endian; the SOP Instance UID stays too (PS3.3 C.7.6.1.1.2). Frames are
    streamed: memory does not grow with their number.

    Parameters
    ----------
    source : path-like
        A DICOM file in any Transfer Syntax whose Frames can be read.
    destination : path-like, optional
        The file to write.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        Worker threads; 0 means all cores. The bytes written do not depend on it.
    check : bool
        Decode every Frame again and compare it with its native bytes.
    overwrite : bool or "same"
        Replace an existing destination. With ``"same"`` it stays, and must hold what would have been written: so a
        call can be repeated, whatever became of the one before.
    in_place : bool
        Replace the source.
    policy : {"all", "bilevel"}
        Which images to accept.
    photometric_interpretation : {"RGB", "YBR_FULL"}, optional
        Convert colour Frames. That rounds, so the result is another instance: its SOP Instance UID is new, Image
        Type says DERIVED, and Derivation Description says what was done (PS3.3 C.7.6.1.1.2).
    strict : bool
        As `decode_frame`, for sources that are deflated already.
    min_gain : float, optional
        Leave an image as it is unless its file becomes smaller by this part of its size: 0.1 is a tenth.
    digest : bool
        Compute the digest of the native Frames (`digest_frames`).
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    TranscodeResult

    Raises
    ------
    UnsupportedImageError
        The object cannot be carried by this Transfer Syntax; the message says what to do.
    DicomFormatError, EncapsulationError, FrameDecodeError
        The source is broken.
    ValueError
        `policy`, `photometric_interpretation`, `level` or `threads` is none of the values named.
    RoundTripError
        A Frame did not decode to its native bytes. As after every error, no file is left under the final name.
    OSError
        The source cannot be read or the destination not written.
    """
    if policy not in get_args(Policy):
        raise ValueError(f"policy must be one of {', '.join(get_args(Policy))}")
    if photometric_interpretation not in (None, *get_args(ColourSpace)):
        raise ValueError(
            f"photometric_interpretation must be one of {', '.join(get_args(ColourSpace))}, or None"
        )
    job = Job.begin(source, destination, in_place=in_place, overwrite=overwrite)
    with open_image_source(job.source, strict=strict, folder=job.destination.parent) as image:
        _check_policy(image.layout, image.image_pixel, policy)
        check_photometric(image.image_pixel)
        if in_place and image.excess_nbytes >= image.image_pixel.frame_nbytes:
            raise UnsupportedImageError(
                f"{image.excess_nbytes} bytes behind the last Frame, as much as a Frame or more, would be lost for "
                "good; correct Number of Frames, or write to another file",
                kind="number-of-frames",
            )
        if photometric_interpretation is not None:
            image.convert_colour(photometric_interpretation)
        with job.output() as file:
            meta = encode_file_meta(
                image.meta, DEFLATED_IMAGE_FRAME_COMPRESSION, sop_instance_uid=image.sop_instance_uid
            )
            file.write(meta)
            copy_segments(image.head, image.source, file)
            writer = FragmentWriter(file, image.image_pixel.number_of_frames)
            digests = sha256() if digest else None
            _write_frames(
                image, writer, level=level, threads=threads, check=check, digests=digests, progress=progress
            )
            writer.finish()
            copy_segments(image.tail, image.source, file)
            image.close()
            job.require_gain(file, min_gain)
        return job.result_of_image(
            image,
            DEFLATED_IMAGE_FRAME_COMPRESSION,
            deflated_nbytes=writer.fragments_nbytes,
            checked=check,
            frames_digest="" if digests is None else digests.hexdigest(),
        )


def _check_policy(layout: DataSetLayout, image_pixel: ImagePixel, policy: Policy) -> None:
    if policy == "bilevel" and not (image_pixel.is_bilevel or is_label_map(layout)):
        raise UnsupportedImageError(
            "neither a 1-bit image nor a label map, and the policy accepts only those", kind="policy"
        )


def check_photometric(image_pixel: ImagePixel) -> None:
    """Refuse attributes that cannot be true of native Frames.

    Raises
    ------
    UnsupportedImageError
        kind ``photometric-interpretation``.
    """
    photometric = image_pixel.photometric_interpretation
    if photometric not in NATIVE_PHOTOMETRIC_INTERPRETATIONS:
        raise UnsupportedImageError(
            "the Photometric Interpretation belongs to another compression, so these native bytes have no meaning "
            "(PS3.5 8.2); correct the attribute first",
            kind="photometric-interpretation",
        )
    if image_pixel.samples_per_pixel != samples_meant(photometric):
        # One of the two is wrong. With too few samples, two planes in three would be left out as excess bytes.
        raise UnsupportedImageError(
            "Photometric Interpretation and Samples per Pixel contradict each other (PS3.3 C.7.6.3.1.2); correct the "
            "attributes first",
            kind="photometric-interpretation",
        )


def _write_frames(
    image: ImageSource,
    writer: FragmentWriter,
    *,
    level: int,
    threads: int,
    check: bool,
    digests: "_Hash | None",
    progress: Progress | None,
) -> None:
    image_pixel = image.image_pixel
    plan = BatchPlan.of(image.frames, threads=threads)

    spare = SpareMemory()

    def encode(batch: FrameBatch) -> tuple[Items, bytes]:
        items = Items([], [])
        digest_of_each = b""
        for part in batch.parts(spare):
            stages.raise_if_stopped()
            items += deflate_items(
                part.native,
                image_pixel,
                level=level,
                threads=plan.threads,
                check=check,
                first_frame_number=part.index + 1,
            )
            if digests is not None:
                digest_of_each += digest_each_frame(part.native, image_pixel)
            spare.give(part.native)
        return items, digest_of_each

    with Stages(encode, workers=plan.workers) as stages:
        for items, digest_of_each in stages.results(plan):
            writer.write(items)
            if digests is not None:
                digests.update(digest_of_each)
            if progress is not None:
                progress(len(writer.stream_nbytes), image_pixel.number_of_frames)
