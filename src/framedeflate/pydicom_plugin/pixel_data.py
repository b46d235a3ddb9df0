# SPDX-License-Identifier: Apache-2.0
"""A Dataset's Pixel Data deflated frame by frame, and back, in place."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from framedeflate.array import array_to_frames
from framedeflate.data_set.layout import Tag
from framedeflate.encapsulation import MAX_BASIC_OFFSET, Items, offset_tables
from framedeflate.errors import TransferSyntaxError, UnsupportedImageError
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import FrameJoiner, native_vr
from framedeflate.pydicom_plugin.byte_order import make_little_endian
from framedeflate.pydicom_plugin.dataset_frames import (
    image_layout,
    stored_frames,
    transfer_syntax_of,
)
from framedeflate.stored_frames import StoredFrames, batches
from framedeflate.transcode.checked_items import deflate_items
from framedeflate.transcode.colour_source import (
    ColourSpace,
    ConvertedFrames,
    conversion_description,
    derived_image_type,
)
from framedeflate.transcode.compress import check_photometric
from framedeflate.transcode.decompress import check_native_nbytes
from framedeflate.transcode.file_meta import new_uid
from framedeflate.transcode.surroundings import ENCODING_TAGS
from framedeflate.transfer_syntax import (
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    EXPLICIT_VR_BIG_ENDIAN,
    NATIVE,
    shown_uid,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset
    from typing_extensions import Buffer

__all__ = ["compress", "decompress"]


def compress(
    dataset: "Dataset",
    array: "NDArray[Any] | None" = None,
    *,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
    encapsulate_ext: bool = False,
    generate_instance_uid: bool = False,
    photometric_interpretation: ColourSpace | None = None,
) -> "Dataset":
    """Deflate a Dataset's Pixel Data in place (PS3.5 A.4.13); each Frame is inflated again and compared.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With native Pixel Data, in any native Transfer Syntax. It is left as it was if an error is raised.
    array : ndarray, optional
        Pixels of shape (frames, rows, columns[, samples]), or of one Frame, that take the place of what Pixel Data
        holds; its Image Pixel attributes must describe them.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        Worker threads; 0 means all cores.
    encapsulate_ext : bool
        Write the Extended Offset Table even where the Basic one would do.
    generate_instance_uid : bool
        Give it a new SOP Instance UID. Nothing is lost, so it stays the same instance otherwise (PS3.3 C.7.6.1.1.2).
    photometric_interpretation : {"RGB", "YBR_FULL"}, optional
        Convert colour Frames first. That rounds: it warns, and the SOP Instance UID is new.

    Returns
    -------
    pydicom.Dataset
        `dataset`.

    Raises
    ------
    UnsupportedImageError
        The object cannot be carried by this Transfer Syntax; the message says what to do.
    TransferSyntaxError
        Pixel Data is compressed already, or the Transfer Syntax is not known.
    FrameEncodeError
        `array` does not fit the Dataset's attributes.
    RoundTripError
        A Frame did not decode to its native bytes: a defect of this package.
    """
    frames = _native_frames(dataset, array)
    check_photometric(frames.image_pixel)
    before = frames.image_pixel
    if photometric_interpretation not in (None, before.photometric_interpretation):
        frames = ConvertedFrames(frames, photometric_interpretation)
    items = Items([], [])
    for index, count in batches(frames.image_pixel):
        items += deflate_items(
            frames.read(index, count),
            frames.image_pixel,
            level=level,
            threads=threads,
            check=True,
            first_frame_number=index + 1,
        )
    was_big_endian = array is None and transfer_syntax_of(dataset) == EXPLICIT_VR_BIG_ENDIAN
    _put_items(dataset, items, encapsulate_ext=encapsulate_ext)
    if was_big_endian:
        make_little_endian(dataset)
    if frames.image_pixel != before:
        _tell_conversion(dataset, before, frames.image_pixel)
    if frames.image_pixel != before or generate_instance_uid:
        _new_instance(dataset)
    return dataset


def decompress(
    dataset: "Dataset", *, threads: int = 1, strict: bool = True, generate_instance_uid: bool = False
) -> "Dataset":
    """Inflate a Dataset's Pixel Data in place; it becomes Explicit VR Little Endian.

    Native bytes come back as they were: 1-bit Frames are joined bit by bit (PS3.5 8.2), no colour is converted.

    Parameters
    ----------
    dataset : pydicom.Dataset
        In Deflated Image Frame Compression. It is left as it was if an error is raised.
    threads : int
        Worker threads; 0 means all cores.
    strict : bool
        Whether bytes behind a stream's end, beyond the pad, are an error.
    generate_instance_uid : bool
        Give it a new SOP Instance UID.

    Returns
    -------
    pydicom.Dataset
        `dataset`.

    Raises
    ------
    TransferSyntaxError
        The Dataset is in another Transfer Syntax.
    UnsupportedImageError
        kind ``too-large``: native Pixel Data would pass 2^32-2 bytes.
    EncapsulationError, FrameDecodeError
        Pixel Data is broken.
    """
    uid = transfer_syntax_of(dataset)
    if uid != DEFLATED_IMAGE_FRAME_COMPRESSION:
        raise TransferSyntaxError(
            f"the Dataset is in Transfer Syntax {shown_uid(uid)}, not in Deflated Image Frame Compression",
            uid=uid,
        )
    frames = stored_frames(dataset, uid, threads=threads, strict=strict)
    image_pixel = frames.image_pixel
    check_native_nbytes(image_pixel)
    joiner = FrameJoiner(image_pixel)
    pieces = [joiner.join(frames.read(index, count), count) for index, count in batches(image_pixel)]
    native = b"".join((*pieces, joiner.finish(), bytes(image_pixel.native_nbytes % 2)))
    _put_pixel_data(dataset, native_vr(image_pixel), native, UID(ExplicitVRLittleEndian))
    _remove_encoding(dataset)
    if generate_instance_uid:
        _new_instance(dataset)
    return dataset


@dataclass(slots=True)
class _ArrayFrames:
    """Frames of an array, as `StoredFrames` has them."""

    array: "NDArray[Any]"
    image_pixel: ImagePixel
    index: None = None
    is_shareable: bool = True

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":  # noqa: ARG002
        """Return `count` Frames from `index` (from 0) on, in one piece; `memory` is not used."""
        return array_to_frames(self.array[index : index + count], self.image_pixel)


def _native_frames(dataset: "Dataset", array: "NDArray[Any] | None") -> StoredFrames:
    if array is None:
        uid = transfer_syntax_of(dataset)
        if uid not in NATIVE:
            raise TransferSyntaxError(
                f"Pixel Data is compressed already, as {shown_uid(uid)}; call the Dataset's decompress() first",
                uid=uid,
            )
        return stored_frames(dataset, uid)
    image_pixel = _described(dataset)
    if array.shape == image_pixel.frame_shape:
        array = array[None]
    if len(array) != image_pixel.number_of_frames:
        raise UnsupportedImageError(
            f"an array of {len(array)} Frames, where Number of Frames says {image_pixel.number_of_frames}",
            kind="number-of-frames",
        )
    return _ArrayFrames(array, image_pixel)


def _described(dataset: "Dataset") -> ImagePixel:
    """Return the Image Pixel description of a Dataset that may have no Pixel Data yet."""
    if Tag.PIXEL_DATA in dataset:
        return image_layout(dataset, encapsulated=True)[0].image_pixel()
    dataset.PixelData = b""
    try:
        return image_layout(dataset, encapsulated=True)[0].image_pixel()
    finally:
        del dataset.PixelData


def _put_items(dataset: "Dataset", items: Items, *, encapsulate_ext: bool) -> None:
    limit = -1 if encapsulate_ext else MAX_BASIC_OFFSET
    tables = offset_tables(items.stream_nbytes, max_basic_offset=limit)
    value = b"".join((tables.item, *items.pieces))
    _put_pixel_data(dataset, "OB", value, UID(DEFLATED_IMAGE_FRAME_COMPRESSION), undefined_length=True)
    _remove_encoding(dataset)
    if tables.extended:
        dataset.ExtendedOffsetTable = tables.extended
        dataset.ExtendedOffsetTableLengths = tables.lengths


def _put_pixel_data(
    dataset: "Dataset", vr: str, value: bytes, uid: UID, *, undefined_length: bool = False
) -> None:
    element = DataElement(Tag.PIXEL_DATA, vr, value)
    element.is_undefined_length = undefined_length
    dataset[Tag.PIXEL_DATA] = element
    # What pixel_array gave before belongs to the old bytes.
    dataset._pixel_array = None
    dataset._pixel_id = {}
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid


def _remove_encoding(dataset: "Dataset") -> None:
    """Remove what was true of the earlier encoding of Pixel Data only: offset tables and lengths."""
    for tag in ENCODING_TAGS:
        if tag in dataset:
            del dataset[tag]


def _tell_conversion(dataset: "Dataset", before: ImagePixel, after: ImagePixel) -> None:
    """Make the attributes true of converted pixels: another, derived instance (PS3.3 C.7.6.1.1.2)."""
    dataset.PhotometricInterpretation = after.photometric_interpretation
    dataset.PlanarConfiguration = 0
    image_type = dataset.get("ImageType", None) or []
    dataset.ImageType = derived_image_type([image_type] if isinstance(image_type, str) else list(image_type))
    earlier = str(dataset.get("DerivationDescription", "") or "")
    dataset.DerivationDescription = conversion_description(earlier, after)
    warnings.warn(
        f"colours were converted from {before.photometric_interpretation} to "
        f"{after.photometric_interpretation}, which rounds; the SOP Instance UID is new",
        UserWarning,
        stacklevel=3,
    )


def _new_instance(dataset: "Dataset") -> None:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(new_uid())
