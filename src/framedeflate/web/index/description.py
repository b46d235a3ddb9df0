# SPDX-License-Identifier: Apache-2.0
"""What a stored file has to say for the index, read through once in bounded memory."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from framedeflate.byte_source import ByteSource, FileSource, drive
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import EncapsulationError, ImagePixelError, InstanceError, UnsupportedImageError
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.frame_plans import NativeFrames
from framedeflate.image_pixel import ImagePixel
from framedeflate.instance_store.check import is_uid, open_data_set
from framedeflate.part10 import read_file_meta
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED
from framedeflate.web.index.decoders import stored_instance
from framedeflate.web.index.frame_table import deflated_frame_table, fragment_table
from framedeflate.web.index.records import IndexedInstance, NewInstance, PixelDataPlace
from framedeflate.web.metadata.dicom_json import attributes_of
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.search.attributes import KEPT_TAGS

__all__ = ["describe_instance"]

MAX_DATA_SET_NBYTES: Final = 8 << 30
"""The largest Data Set that is inflated as a whole, to a file without a name beside the one that is read."""

_NATIVE_WITHIN: Final = frozenset({DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED})
"""Their Items hold Frames as native ones are, once inflated."""

_BLOCK_NBYTES: Final = 1 << 20
_MAX_ATTRIBUTE_LENGTH: Final = 1 << 14
"""Of an attribute in JSON; larger ones are no use in a list of results."""


def describe_instance(path: Path, *, sop_instance_uid: str | None = None, threads: int = 1) -> NewInstance:
    """Read a file of the store through, once, and return what the index keeps of it.

    Deflated Frames are inflated against their exact size, for their checksums and the true ends of their streams.

    Parameters
    ----------
    path : Path
        A DICOM file.
    sop_instance_uid : str, optional
        Which instance it must be: that of its name, by which its frames will be read.
    threads : int
        Worker threads that inflate; 0 means all cores.

    Raises
    ------
    InstanceError
        kind ``no-uid`` | ``transfer-syntax`` | ``damaged``: another instance.
    DicomFormatError, EncapsulationError, FrameDecodeError
        What is broken, of its kind.
    OSError
        It cannot be read.
    """
    # Before it is read: a file that is replaced meanwhile then has another time, and is read again.
    mtime_ns = path.stat().st_mtime_ns
    with FileSource.open(path) as file:
        meta = read_file_meta(file)
        uid = meta.transfer_syntax_uid
        with open_data_set(file, meta, folder=path.parent, limit_nbytes=MAX_DATA_SET_NBYTES) as opened:
            source, layout = opened
            image_pixel = _image_pixel(layout, uid)
            frames = pixel_data = None
            if source is file and layout.pixel_data is not None:
                pixel_data, index = _place(file, layout, uid, image_pixel)
                if index is not None and image_pixel is not None:
                    if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
                        frames = deflated_frame_table(file, index, image_pixel, threads=threads)
                    else:
                        frames = fragment_table(index)
            attributes = _attributes(source, layout)
            uids = [_uid(attributes, tag) for tag in ("0020000D", "0020000E", "00080018", "00080016")]
            if sop_instance_uid not in {None, uids[2]}:
                raise InstanceError("the stored file holds another instance", kind="damaged")
            instance = IndexedInstance(
                study_instance_uid=uids[0],
                series_instance_uid=uids[1],
                sop_instance_uid=uids[2],
                sop_class_uid=uids[3],
                transfer_syntax_uid=uid,
                nbytes=file.nbytes,
                stored=stored_instance(uid, image_pixel, uids[3]),
                image_pixel=image_pixel,
                pixel_data=pixel_data,
                frames=frames,
                etag=_digest(file),
            )
        return NewInstance(instance=instance, attributes=attributes, mtime_ns=mtime_ns)


def _attributes(source: ByteSource, layout: DataSetLayout) -> dict[str, Any]:
    found = attributes_of(OpenedDataSet.of(source, layout), KEPT_TAGS)
    texts = {key: json.dumps(element) for key, element in found.items()}
    return {
        key: element
        for key, element in found.items()
        if len(texts[key]) <= _MAX_ATTRIBUTE_LENGTH and '"BulkDataURI":' not in texts[key]
    }


def _uid(attributes: dict[str, dict[str, list[str]]], key: str) -> str:
    values = attributes.get(key, {}).get("Value") or [""]
    if not is_uid(values[0]):
        raise InstanceError(
            "Study, Series or SOP Instance UID, or SOP Class UID, is missing or malformed (PS3.5 9.1)",
            kind="no-uid",
        )
    return values[0]


def _image_pixel(layout: DataSetLayout, uid: str) -> ImagePixel | None:
    """Return what describes the Frames; None where nothing does, or what is there are no Frames of ours."""
    pixel_data = layout.pixel_data
    if pixel_data is None:
        return None
    try:
        attributes = layout.image_pixel_attributes()
        if pixel_data.is_undefined_length and uid not in _NATIVE_WITHIN:
            # Decoded they have all samples, by pixel. Subsampling, for which a native image has even Columns, and
            # planes are matters of the codestream, which a JPEG of odd Columns may have too.
            attributes["planar_configuration"] = 0
            if attributes["photometric_interpretation"] == "YBR_FULL_422":
                attributes["photometric_interpretation"] = "YBR_FULL"
        image_pixel = ImagePixel(**attributes)
        if pixel_data.is_undefined_length:
            return image_pixel
        # As when it was stored: a Frame's worth of bytes behind the last one is none that could be told apart.
        frames = NativeFrames(layout, image_pixel)
    except (UnsupportedImageError, ImagePixelError):
        return None
    return image_pixel if frames.excess_nbytes < image_pixel.frame_nbytes else None


def _place(
    source: ByteSource, layout: DataSetLayout, uid: str, image_pixel: ImagePixel | None
) -> tuple[PixelDataPlace, FrameIndex | None]:
    """Return where Pixel Data is, and which Fragments are which Frame's where that can be told."""
    element = layout.elements[Tag.PIXEL_DATA]
    index = None
    end = element.end_position
    if element.is_undefined_length:
        strict = uid == DEFLATED_IMAGE_FRAME_COMPRESSION
        try:
            plan = index_frames(
                layout,
                1 if image_pixel is None else image_pixel.number_of_frames,
                one_fragment_per_frame=strict,
            )
            index = drive(plan, source)
            end = index.fragments.end_position
        except EncapsulationError as error:
            # Video is one stream in few Fragments; other Frames that no table tells apart are kept as they are.
            if strict or error.kind != "fragment-count":
                raise
            end = layout.end_position
    place = PixelDataPlace(
        vr=element.vr.decode("ascii"),
        header_position=element.header_position,
        position=element.value_position,
        nbytes=end - element.value_position,
        is_encapsulated=element.is_undefined_length,
    )
    return place, index


def _digest(file: ByteSource) -> str:
    hasher = hashlib.sha256()
    for start in range(0, file.nbytes, _BLOCK_NBYTES):
        hasher.update(file.get_range(start, start + _BLOCK_NBYTES))
    return hasher.hexdigest()[:40]
