# SPDX-License-Identifier: Apache-2.0
"""A pydicom Dataset's Pixel Data as Frames: native, or in Deflated Image Frame Compression."""

import struct
from typing import TYPE_CHECKING, Final

from framedeflate.byte_source import BytesSource
from framedeflate.data_set.layout import DataSetLayout, Element, Tag
from framedeflate.errors import TransferSyntaxError, UnsupportedImageError
from framedeflate.stored_frames import StoredFrames, open_frames
from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["image_layout", "stored_frames", "transfer_syntax_of"]

_US: Final = (
    Tag.SAMPLES_PER_PIXEL,
    Tag.PLANAR_CONFIGURATION,
    Tag.ROWS,
    Tag.COLUMNS,
    Tag.BITS_ALLOCATED,
    Tag.BITS_STORED,
    Tag.PIXEL_REPRESENTATION,
)
_TEXT: Final = (Tag.PHOTOMETRIC_INTERPRETATION, Tag.NUMBER_OF_FRAMES)


def transfer_syntax_of(dataset: "Dataset") -> str:
    """Return the Transfer Syntax UID by which the Dataset's Pixel Data is encoded.

    Raises
    ------
    TransferSyntaxError
        The File Meta Information does not name one.
    """
    meta = getattr(dataset, "file_meta", None)
    uid = "" if meta is None else str(meta.get("TransferSyntaxUID", ""))
    if not uid:
        raise TransferSyntaxError(
            "the Dataset names no Transfer Syntax, so what its Pixel Data holds is unknown; set "
            "file_meta.TransferSyntaxUID first",
            uid="",
        )
    # A Dataset whose file was deflated as a whole (PS3.5 A.5) is inflated once it was read.
    return EXPLICIT_VR_LITTLE_ENDIAN if uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN else uid


def stored_frames(dataset: "Dataset", uid: str, *, threads: int = 1, strict: bool = True) -> StoredFrames:
    """Return the Frames that a Dataset holds, native or deflated as `uid` says: what `transfer_syntax_of` gave.

    Raises
    ------
    UnsupportedImageError
        No Pixel Data, or attributes that do not describe it.
    EncapsulationError
        Its Items are broken.
    """
    layout, source = image_layout(
        dataset, encapsulated=uid not in NATIVE, big_endian=uid == EXPLICIT_VR_BIG_ENDIAN
    )
    return open_frames(source, layout, uid, threads=threads, strict=strict)


def image_layout(
    dataset: "Dataset", *, encapsulated: bool, big_endian: bool = False
) -> tuple[DataSetLayout, BytesSource]:
    """Return Pixel Data and its offset tables as if they were read from a file, and the bytes they lie in.

    The same code then reads Datasets and files.
    """
    values = {tag: _short_value(dataset, tag, ">H" if big_endian else "<H") for tag in (*_US, *_TEXT)}
    pieces: list[bytes] = []
    elements: dict[int, Element] = {}
    position = 0
    for tag in (Tag.PIXEL_DATA, Tag.EXTENDED_OFFSET_TABLE, Tag.EXTENDED_OFFSET_TABLE_LENGTHS):
        if tag not in dataset:
            continue
        vr, value = _bytes_of(dataset, tag)
        nbytes = -1 if tag == Tag.PIXEL_DATA and encapsulated else len(value)
        elements[tag] = Element(tag, vr, position, position, nbytes, 0)
        pieces.append(value)
        position += len(value)
        if tag == Tag.PIXEL_DATA and not encapsulated:
            break
    for tag in (Tag.FLOAT_PIXEL_DATA, Tag.DOUBLE_FLOAT_PIXEL_DATA):
        if tag in dataset:
            elements[tag] = Element(tag, b"", position, position, 0, 0)
    end = len(pieces[0]) if pieces else 0
    layout = DataSetLayout(
        position=0,
        end_position=end,
        elements=elements,
        values={tag: value for tag, value in values.items() if value},
        encapsulated_icons=(),
        implicit_vr=False,
        big_endian=big_endian,
    )
    # Pixel Data alone needs no copy; tables are small.
    return layout, BytesSource(pieces[0] if len(pieces) == 1 else b"".join(pieces))


def _bytes_of(dataset: "Dataset", tag: int) -> tuple[bytes, bytes]:
    element = dataset[tag]
    value = element.value
    if value is None:
        raise UnsupportedImageError(
            "Pixel Data or an offset table is empty in this Dataset", kind="no-pixel-data"
        )
    if hasattr(value, "read"):
        # pydicom lets Pixel Data be a file object, which is written from where it stands.
        position = value.tell()
        data = value.read()
        value.seek(position)
        value = data
    return str(element.VR).encode("ascii"), value


def _short_value(dataset: "Dataset", tag: int, us: str) -> bytes:
    element = dataset.get(tag)
    if element is None or element.value is None or element.value == "":
        return b""
    if tag in _TEXT:
        return str(element.value).encode("ascii", "replace")
    try:
        return struct.pack(us, element.value)
    except struct.error as error:
        raise UnsupportedImageError(
            f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is not one number of 16 bits", kind="image-pixel"
        ) from error
