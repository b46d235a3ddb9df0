# SPDX-License-Identifier: Apache-2.0
"""One instance of metadata and bulk data, written as a PS3.10 file (PS3.18 10.5.2)."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from framedeflate.byte_source import FileSource, read_exactly
from framedeflate.data_set.element import (
    ITEM,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    explicit_header,
    implicit_header,
)
from framedeflate.data_set.layout import Tag
from framedeflate.errors import InstanceError
from framedeflate.instance_store import Arrival
from framedeflate.transcode.file_meta import new_file_meta
from framedeflate.transcode.segments import Segment
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from framedeflate.web.ingest.bulk_parts import BulkPart, BulkParts
from framedeflate.web.ingest.image_streams import read_pixel_streams
from framedeflate.web.ingest.json_data_set import JsonDataSet, encode_data_set, nbytes_of
from framedeflate.web.ingest.json_values import BINARY_VRS, encode_inline, refused

__all__ = ["write_instance"]

_BLOCK_NBYTES: Final = 1 << 20
_MAX_OFFSET: Final = 0xFFFFFFFF


def write_instance(
    data_set: JsonDataSet, uids: tuple[str, str], bulk: BulkParts, source: FileSource, arrival: Arrival
) -> None:
    """Write a DICOM file.

    Parameters
    ----------
    data_set : JsonDataSet
        All attributes; those of the Image Pixel Description Macro may be missing where a stream tells them.
    uids : (str, str)
        SOP Class UID, SOP Instance UID.
    bulk : BulkParts
        What came with it.
    source : FileSource
        The file it lies in.
    arrival : Arrival
        Written to.

    Raises
    ------
    InstanceError
        kind ``metadata`` | ``bulkdata`` | ``transfer-syntax`` | ``image-pixel`` | ``too-large`` | ``disk-left``.
    OSError
    """
    uid, pixels = EXPLICIT_VR_LITTLE_ENDIAN, []
    attribute = data_set.get(Tag.PIXEL_DATA)
    if attribute is not None and "BulkDataURI" in attribute:
        uri = attribute["BulkDataURI"]
        if not isinstance(uri, str):
            raise refused("7FE00010 has a BulkDataURI that is no text")
        streams = read_pixel_streams(data_set, bulk.of(uri), source)
        uid, data_set = streams.transfer_syntax_uid, streams.data_set
        is_native = uid == EXPLICIT_VR_LITTLE_ENDIAN
        if streams.decoded is not None:
            pixels = _element("OW", _padded(streams.decoded))
        elif is_native:
            pixels = _native(data_set, streams.parts)
        else:
            pixels = _encapsulated(streams.parts)
    elif attribute is not None:
        pixels = _inline(attribute)
    segments: list[Segment] = [new_file_meta(*uids, uid)]
    segments += encode_data_set(data_set, bulk.value, pixels)
    for block in _blocks(segments, source):
        arrival.write(block)


def _native(data_set: JsonDataSet, parts: list[BulkPart]) -> list[Segment]:
    if len(parts) > 1:
        raise InstanceError(
            "native Pixel Data comes in one part, all Frames joined (PS3.18 10.5.1.4)", kind="bulkdata"
        )
    (part,) = parts
    vr = data_set[Tag.PIXEL_DATA].get("vr")
    return _element(vr if vr in {"OB", "OW"} else "OW", _padded([(part.start, part.stop)]))


def _padded(value: Sequence[Segment]) -> list[Segment]:
    return [*value, bytes(nbytes_of(value) % 2)]


def _inline(attribute: object) -> list[Segment]:
    if not isinstance(attribute, dict) or attribute.get("vr") not in BINARY_VRS:
        raise refused("7FE00010 is neither InlineBinary nor a BulkDataURI")
    vr = attribute["vr"]
    return _element(
        vr if vr in {"OB", "OW"} else "OW", [encode_inline(Tag.PIXEL_DATA, attribute.get("InlineBinary", ""))]
    )


def _element(vr: str, value: list[Segment]) -> list[Segment]:
    nbytes = nbytes_of(value)
    if nbytes >= UNDEFINED_LENGTH - 1:
        raise InstanceError(
            "native Pixel Data of 4 GiB or more cannot be written (PS3.5 7.1)", kind="too-large"
        )
    return [explicit_header(Tag.PIXEL_DATA, vr.encode(), nbytes), *value]


def _encapsulated(parts: list[BulkPart]) -> list[Segment]:
    """Return Pixel Data with a Fragment for each part, and the table that tells where they are (PS3.5 A.4)."""
    table: list[int] = []
    items: list[Segment] = []
    offset = 0
    for part in parts:
        nbytes = part.stop - part.start
        if nbytes >= UNDEFINED_LENGTH - 1:
            raise InstanceError("a Frame of 4 GiB or more cannot be written (PS3.5 A.4)", kind="too-large")
        table.append(offset)
        padding = nbytes % 2
        items += [implicit_header(ITEM, b"", nbytes + padding), (part.start, part.stop), bytes(padding)]
        offset += 8 + nbytes + padding
    # Without a table, where its 32 bits do not reach: the Items say it themselves.
    basic = struct.pack(f"<{len(table)}I", *table) if table[-1] <= _MAX_OFFSET else b""
    return [
        explicit_header(Tag.PIXEL_DATA, b"OB", UNDEFINED_LENGTH),
        implicit_header(ITEM, b"", len(basic)) + basic,
        *items,
        implicit_header(SEQUENCE_DELIMITATION, b"", 0),
    ]


def _blocks(segments: list[Segment], source: FileSource) -> Iterator[bytes]:
    for segment in segments:
        if isinstance(segment, bytes):
            yield segment
        else:
            start, stop = segment
            for position in range(start, stop, _BLOCK_NBYTES):
                yield read_exactly(source, position, min(position + _BLOCK_NBYTES, stop))
