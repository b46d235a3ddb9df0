# SPDX-License-Identifier: Apache-2.0
"""A file as what is sent of it: whose instance it is, how it is encoded, and where its Data Set lies."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from framedeflate.byte_source import ByteSource, FileSource, drive
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import DicomFormatError, UnsupportedImageError
from framedeflate.frame_index import scan_fragments
from framedeflate.part10 import read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.transcode.image_source import inflate_to_temporary
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
    RLE_LOSSLESS,
)

__all__ = ["StoredInstance", "is_directory", "read_instance"]

_UID: Final = re.compile(r"[0-9.]{1,64}")

_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
_MEDIA_STORAGE_DIRECTORY: Final = b"1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """A file that can be sent.

    Attributes
    ----------
    path : Path
        The file.
    sop_class_uid, sop_instance_uid : str
        As its Data Set says.
    transfer_syntax_uid : str
        How the Data Set is encoded; where File Meta Information is wrong about native files, what is there counts.
    has_pixel_data : bool
        Whether there are Frames that Deflated Image Frame Compression can carry.
    native_nbytes : int
        Bytes of its Pixel Data once native; 0 without any, and where that is not known.
    data_set_position, nbytes : int
        Where the Data Set starts, and the size of the file.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    has_pixel_data: bool
    native_nbytes: int
    data_set_position: int
    nbytes: int


def read_instance(path: str | os.PathLike[str], *, folder: Path | None = None) -> StoredInstance:
    """Look at a file without reading its pixels.

    Parameters
    ----------
    path : path-like
        The file.
    folder : Path, optional
        Where a Data Set that is deflated as a whole is inflated to, to see whose it is.

    Raises
    ------
    DicomFormatError, EncapsulationError
        It is no DICOM file, or cut off, or names no SOP Class or SOP Instance.
    OSError
        It cannot be read.
    """
    with FileSource.open(path) as source:
        meta = read_file_meta(source)
        uid = meta.transfer_syntax_uid
        if uid in DEFLATED_DATA_SET:
            with inflate_to_temporary(source, meta, folder) as inflated:
                layout = drive(
                    scan_data_set(0, inflated.nbytes, implicit_vr=False, big_endian=False), inflated
                )
                _check_whole(inflated, layout, EXPLICIT_VR_LITTLE_ENDIAN)
        else:
            layout = read_data_set_layout(source, meta)
            _check_whole(source, layout, uid)
        if uid in NATIVE and not layout.big_endian:
            uid = IMPLICIT_VR_LITTLE_ENDIAN if layout.implicit_vr else EXPLICIT_VR_LITTLE_ENDIAN
        has_pixel_data, native_nbytes = _pixels(layout, uid)
        return StoredInstance(
            path=Path(path),
            sop_class_uid=_uid_of(layout, Tag.SOP_CLASS_UID),
            sop_instance_uid=_uid_of(layout, Tag.SOP_INSTANCE_UID),
            transfer_syntax_uid=uid,
            has_pixel_data=has_pixel_data,
            native_nbytes=native_nbytes,
            data_set_position=meta.data_set_position,
            nbytes=source.nbytes,
        )


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a DICOMDIR (PS3.10 8.6): it belongs to the medium, and is nothing that is stored elsewhere."""
    try:
        with FileSource.open(path) as source:
            named = read_file_meta(source).elements.get(_MEDIA_STORAGE_SOP_CLASS_UID, b"")
    except (DicomFormatError, OSError):
        return False
    return named.rstrip(b"\0 ") == _MEDIA_STORAGE_DIRECTORY


def _uid_of(layout: DataSetLayout, tag: int) -> str:
    uid = layout.text(tag)
    if not _UID.fullmatch(uid):
        name = "SOP Class UID (0008,0016)" if tag == Tag.SOP_CLASS_UID else "SOP Instance UID (0008,0018)"
        raise DicomFormatError(
            f"there is no valid {name}, so the object cannot be stored anywhere",
            kind="bad-value",
            position=layout.position,
        )
    return uid


def _check_whole(source: ByteSource, layout: DataSetLayout, uid: str) -> None:
    """Refuse a file that was cut off: what a peer gets of it would be broken, and it may not notice."""
    pixel_data = layout.pixel_data
    if pixel_data is None:
        return
    if pixel_data.is_undefined_length:
        if layout.implicit_vr or uid in NATIVE:
            raise DicomFormatError(
                "Pixel Data is encapsulated, and the Transfer Syntax says that it is native (PS3.5 A.4)",
                kind="bad-structure",
                position=pixel_data.header_position,
            )
        drive(scan_fragments(layout), source)
    elif pixel_data.end_position > layout.end_position:
        raise DicomFormatError(
            "the file ends inside its Pixel Data", kind="truncated", position=layout.end_position
        )


def _pixels(layout: DataSetLayout, uid: str) -> tuple[bool, int]:
    """Whether there are Frames, and how many bytes they have once native."""
    if uid not in NATIVE | {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED, RLE_LOSSLESS}:
        return False, 0
    try:
        return True, layout.image_pixel().native_nbytes
    except UnsupportedImageError:
        # A report, Float Pixel Data, an image that is described wrongly: it goes as it is, or re-encoded as a whole.
        return False, 0
