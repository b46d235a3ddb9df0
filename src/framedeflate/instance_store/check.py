# SPDX-License-Identifier: Apache-2.0
"""Whether a file is an instance that can be kept: its UIDs, its structure, and every Frame against its exact size."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from framedeflate import engine
from framedeflate.byte_source import ByteSource, FileSource, drive, sequential_reader
from framedeflate.data_set.deflated import inflate_data_set
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import EncapsulationError, InstanceError, UnsupportedImageError
from framedeflate.frame_index import scan_fragments
from framedeflate.frame_plans import DeflatedFrames, NativeFrames, UncompressedFragments
from framedeflate.image_pixel import ImagePixel
from framedeflate.instance_store.frames import check_deflated_frames, check_uncompressed_frames
from framedeflate.part10 import FileMeta, read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.stored_frames import open_frames
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

__all__ = ["InstanceFacts", "check_instance", "is_uid", "open_data_set"]

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")

_MAX_FRAGMENTS: Final = 1 << 22
"""Their places are held in memory, 12 bytes each."""

_MIN_ITEM_NBYTES: Final = 8

_KEPT_UNREAD: Final = frozenset({"no-pixel-data", "float-pixel-data", "bits-allocated", "number-of-frames"})
"""Why native Pixel Data is no Frames of ours, though nothing need be wrong with the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What a check found.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        Of the Data Set.
    study_instance_uid, series_instance_uid : str
        As they stand there, whatever they are; empty where they are missing.
    transfer_syntax_uid : str
        Of the file.
    image_pixel : ImagePixel or None
        Describes the Frames, where they are native, deflated or in uncompressed Fragments.
    recoded_nbytes : int
        Bytes before Pixel Data that deflating would have to encode anew, in memory; 0 in Explicit VR Little Endian.
    is_signed : bool
        Whether there are Digital Signatures, which encoding anew might break (PS3.4 B.4.1.4).
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    image_pixel: ImagePixel | None
    recoded_nbytes: int
    is_signed: bool


def is_uid(text: str) -> bool:
    """Whether this is digits and dots as a UID has them (PS3.5 9.1), and so may become the name of a file."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def check_instance(
    path: Path, *, folder: Path, limit_nbytes: int, check_disk: Callable[[int], None] = lambda _nbytes: None
) -> InstanceFacts:
    """Read a file through, in bounded memory.

    Frames that are deflated are inflated against their exact size, native ones must all be there, and the Items of
    other compressions must end where they say: those are kept as they are, not decoded.

    Parameters
    ----------
    path : Path
        A DICOM file.
    folder : Path
        Where a Data Set that is deflated as a whole is inflated to.
    limit_nbytes : int
        The largest such Data Set.
    check_disk : callable
        Raises where the disk has no room for so many bytes more.

    Raises
    ------
    InstanceError
        kind ``no-uid`` | ``transfer-syntax`` | ``image-pixel`` | ``disk-left``.
    DicomFormatError, EncapsulationError, FrameDecodeError, UnsupportedImageError
        What is broken, of its kind.
    """
    with FileSource.open(path) as file:
        meta = read_file_meta(file)
        with open_data_set(
            file, meta, folder=folder, limit_nbytes=limit_nbytes, check_disk=check_disk
        ) as opened:
            source, layout = opened
            uids = layout.text(Tag.SOP_CLASS_UID), layout.text(Tag.SOP_INSTANCE_UID)
            if not all(map(is_uid, uids)):
                raise InstanceError(
                    "SOP Class UID or SOP Instance UID is missing or malformed (PS3.5 9.1)", kind="no-uid"
                )
            parents = layout.text(Tag.STUDY_INSTANCE_UID), layout.text(Tag.SERIES_INSTANCE_UID)
            image_pixel, tail = _check_pixels(source, layout, meta.transfer_syntax_uid)
            recoded_nbytes = _recoded_nbytes(layout)
            signed = [at for at in (layout, tail) if at and Tag.DIGITAL_SIGNATURES_SEQUENCE in at.elements]
    return InstanceFacts(
        sop_class_uid=uids[0],
        sop_instance_uid=uids[1],
        study_instance_uid=parents[0],
        series_instance_uid=parents[1],
        transfer_syntax_uid=meta.transfer_syntax_uid,
        image_pixel=image_pixel,
        recoded_nbytes=recoded_nbytes,
        is_signed=bool(signed),
    )


@contextmanager
def open_data_set(
    file: ByteSource,
    meta: FileMeta,
    *,
    folder: Path,
    limit_nbytes: int,
    check_disk: Callable[[int], None] = lambda _nbytes: None,
) -> Iterator[tuple[ByteSource, DataSetLayout]]:
    """Yield a source and where things are in its Data Set; one deflated as a whole is inflated first (PS3.5 A.5).

    Raises
    ------
    InstanceError
        kind ``transfer-syntax``: pixels that lie elsewhere (JPIP), or a Data Set encoded otherwise than stated.
    """
    uid = meta.transfer_syntax_uid
    if uid in DEFLATED_DATA_SET:
        if uid != DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            raise InstanceError(
                "the pixels lie on another server (JPIP), so there is nothing to keep", kind="transfer-syntax"
            )
        with TemporaryFile(dir=folder) as inflated:

            def write(block: bytes) -> None:
                check_disk(len(block))
                inflated.write(block)

            read = sequential_reader(file, meta.data_set_position)
            inflate_data_set(read, write, limit_nbytes=limit_nbytes, position=meta.data_set_position)
            inflated.flush()
            source = FileSource(inflated)
            plan = scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False, descend=True)
            yield source, drive(plan, source)
        return
    layout = read_data_set_layout(file, meta, descend=True)
    if layout.implicit_vr != (uid == IMPLICIT_VR_LITTLE_ENDIAN):
        raise InstanceError(
            "the Data Set is not encoded in the Transfer Syntax it is said to have", kind="transfer-syntax"
        )
    yield file, layout


def _check_pixels(
    source: ByteSource, layout: DataSetLayout, uid: str
) -> tuple[ImagePixel | None, DataSetLayout | None]:
    """Return the Image Pixel description, and what follows encapsulated Pixel Data."""
    if uid in NATIVE or uid in DEFLATED_DATA_SET:
        return _check_native(layout), None
    if layout.pixel_data is None:
        if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
            raise InstanceError(
                "there is no Pixel Data, which this Transfer Syntax is for (PS3.5 A.4)",
                kind="transfer-syntax",
            )
        return None, None
    _check_number_of_items(source, layout)
    table = drive(scan_fragments(layout), source)
    tail = drive(
        scan_data_set(
            table.end_position, layout.end_position, implicit_vr=False, big_endian=False, descend=True
        ),
        source,
    )
    if not table.is_delimited or not len(table):
        # We would read such Frames, others would not; and what else was cut off, nobody knows.
        raise EncapsulationError(
            "the Pixel Data does not end with a Sequence Delimitation Item: it was cut (PS3.5 A.4)",
            kind="truncated",
            position=table.end_position,
        )
    if uid not in {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED}:
        return None, tail
    try:
        frames = open_frames(source, layout, uid).plans
    except UnsupportedImageError as error:
        raise _contradiction(error) from error
    if isinstance(frames, DeflatedFrames):
        check_deflated_frames(source, frames)
    elif isinstance(frames, UncompressedFragments):
        check_uncompressed_frames(frames)
    return frames.image_pixel, tail


def _check_native(layout: DataSetLayout) -> ImagePixel | None:
    try:
        image_pixel = layout.image_pixel()
        frames = NativeFrames(layout, image_pixel)
    except UnsupportedImageError as error:
        if error.kind in _KEPT_UNREAD:
            return None
        raise _contradiction(error) from error
    # A Frame's worth of bytes behind the last one: which Frames they are is not for us to say.
    return image_pixel if frames.excess_nbytes < image_pixel.frame_nbytes else None


def _recoded_nbytes(layout: DataSetLayout) -> int:
    if layout.pixel_data is None or not (layout.implicit_vr or layout.big_endian):
        return 0
    return layout.pixel_data.header_position - layout.position


def _contradiction(error: UnsupportedImageError) -> Exception:
    return error if error.kind == "short-pixel-data" else InstanceError(str(error), kind="image-pixel")


def _check_number_of_items(source: ByteSource, layout: DataSetLayout) -> None:
    """Refuse more Items than their places can be held for, before any are."""
    pixel_data = layout.pixel_data
    if (
        pixel_data is None
        or layout.end_position - pixel_data.value_position < _MAX_FRAGMENTS * _MIN_ITEM_NBYTES
    ):
        return
    position, count = pixel_data.value_position, 0
    while position < layout.end_position:
        window = source.get_range(position, position + (1 << 16))
        values, _lengths, ahead, status = engine.scan_items(window, 0)
        count += len(values)
        if status or not ahead:
            # The end, or a defect that the scan names.
            return
        if count > _MAX_FRAGMENTS:
            raise EncapsulationError(
                f"Pixel Data has more than {_MAX_FRAGMENTS} Fragments", kind="too-large", position=position
            )
        position += ahead
