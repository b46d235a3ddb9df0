# SPDX-License-Identifier: Apache-2.0
"""Pixel Data that came as bulk data: which Transfer Syntax it becomes, and what its streams tell (PS3.18 10.5.2)."""

from dataclasses import dataclass, replace
from typing import Final

from framedeflate.byte_source import ByteSource
from framedeflate.errors import InstanceError
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from framedeflate.web.ingest.bulk_parts import BulkPart
from framedeflate.web.ingest.image_attributes import completed, require_described, with_number_of_frames
from framedeflate.web.ingest.json_data_set import JsonDataSet
from framedeflate.web.ingest.picture_frames import PICTURE_TYPES, decode_pictures
from framedeflate.web.ingest.stream_headers import (
    HEADER_NBYTES,
    StreamFacts,
    codestream_position,
    read_jpeg,
    read_jpeg_2000,
)
from framedeflate.web.representations import COMPRESSED_BULKDATA, Category

__all__ = ["PixelStreams", "read_pixel_streams"]

_ALIASES: Final = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "video/mpeg2": "video/mpeg",
}
_ROWS: Final = {**COMPRESSED_BULKDATA[Category.MULTI_FRAME], **COMPRESSED_BULKDATA[Category.VIDEO]}
_LOSSLESS: Final = frozenset(
    f"1.2.840.10008.1.2.4.{last}" for last in ("57", "70", "80", "90", "92", "201", "202")
)
_JPEG_FAMILY: Final = frozenset({"image/jpeg", "image/jls"})
_DESCRIBED: Final = frozenset({*_JPEG_FAMILY, "image/jp2", "image/jpx", "image/jphc"})


@dataclass(frozen=True, slots=True)
class PixelStreams:
    """What becomes of the parts.

    Attributes
    ----------
    transfer_syntax_uid : str
        Explicit VR Little Endian for native Pixel Data.
    parts : list of BulkPart
        A Frame each where it is encapsulated; of JP2 files the codestream.
    data_set : JsonDataSet
        With the attributes of the Image Pixel Description Macro that were left out.
    decoded : list of bytes or None
        Native Frames, of pictures that no Transfer Syntax is for; they stand for the parts.
    """

    transfer_syntax_uid: str
    parts: list[BulkPart]
    data_set: JsonDataSet
    decoded: list[bytes] | None = None


def read_pixel_streams(data_set: JsonDataSet, parts: list[BulkPart], source: ByteSource) -> PixelStreams:
    """Look at the parts that are an instance's Pixel Data.

    Raises
    ------
    InstanceError
        kind ``transfer-syntax``: a media type that no Transfer Syntax is for, or one named that the stream is not in;
        ``bulkdata``: parts of several types; ``image-pixel``: attributes missing, or other than the stream's.
    """
    names = {_ALIASES.get(part.media_type.name, part.media_type.name) for part in parts}
    if len(names) > 1:
        raise InstanceError("the Frames of one image came in several media types", kind="bulkdata")
    name = names.pop()
    stated = {part.media_type.get("transfer-syntax") for part in parts} - {None}
    if len(stated) > 1:
        raise InstanceError("the Frames of one image name several Transfer Syntaxes", kind="transfer-syntax")
    uid = stated.pop() if stated else None
    if name == "application/octet-stream":
        if uid not in {None, EXPLICIT_VR_LITTLE_ENDIAN}:
            raise InstanceError(
                "application/octet-stream is uncompressed (Table 8.7.3-4)", kind="transfer-syntax"
            )
        return PixelStreams(EXPLICIT_VR_LITTLE_ENDIAN, parts, data_set)
    if name in PICTURE_TYPES and uid is None:
        facts, decoded = decode_pictures(name, parts, source)
        data_set = completed(with_number_of_frames(data_set, len(decoded)), facts, is_lossy=False)
        return PixelStreams(EXPLICIT_VR_LITTLE_ENDIAN, [], data_set, decoded)
    if name not in _ROWS or (uid is not None and uid not in _ROWS[name]):
        raise InstanceError(
            "a part's media type and Transfer Syntax are no row of Table 8.7.3-5", kind="transfer-syntax"
        )
    if not name.startswith("video/"):
        # A film is one stream, however many Frames are in it.
        data_set = with_number_of_frames(data_set, len(parts))
    if name not in _DESCRIBED:
        require_described(data_set)
        default = next(one for one, is_default in _ROWS[name].items() if is_default)
        return PixelStreams(uid or default, parts, data_set)
    if name not in _JPEG_FAMILY:
        parts = [_codestream(part, source) for part in parts]
    described = [_facts(name, part, source) for part in parts]
    facts = described[0]
    if any(one != facts for one in described):
        raise InstanceError("the Frames of one image differ in size or kind", kind="image-pixel")
    if uid is not None and uid not in facts.transfer_syntaxes:
        raise InstanceError("a part is not in the Transfer Syntax that it names", kind="transfer-syntax")
    uid = uid or next(one for one in facts.transfer_syntaxes if one in _ROWS[name])
    return PixelStreams(uid, parts, completed(data_set, facts, is_lossy=uid not in _LOSSLESS))


def _header(part: BulkPart, source: ByteSource) -> bytes:
    return source.get_range(part.start, min(part.stop, part.start + HEADER_NBYTES))


def _codestream(part: BulkPart, source: ByteSource) -> BulkPart:
    return replace(part, start=part.start + codestream_position(_header(part, source)))


def _facts(name: str, part: BulkPart, source: ByteSource) -> StreamFacts:
    header = _header(part, source)
    if name in _JPEG_FAMILY:
        facts = read_jpeg(header)
        if not any(uid in _ROWS[name] for uid in facts.transfer_syntaxes):
            raise InstanceError("a part is not what its media type says", kind="transfer-syntax")
        return facts
    return read_jpeg_2000(header, high_throughput=name == "image/jphc", part_2=name == "image/jpx")
