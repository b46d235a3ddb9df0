# SPDX-License-Identifier: Apache-2.0
"""DICOM JSON and its bulk data as a Data Set in Explicit VR Little Endian, in pieces (PS3.18 F.2, PS3.5 7)."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from framedeflate.data_set.element import ITEM, MAX_DEPTH, SHORT_VRS, explicit_header, implicit_header
from framedeflate.data_set.layout import Tag
from framedeflate.errors import InstanceError
from framedeflate.transcode.segments import Segment
from framedeflate.web.ingest.json_values import BINARY_VRS, TEXT_VRS, encode_inline, encode_value, refused

__all__ = [
    "BulkDataPlaces",
    "JsonDataSet",
    "JsonObject",
    "bulk_value",
    "by_tag",
    "encode_data_set",
    "nbytes_of",
    "read_json",
    "read_tag",
    "text_of",
]

JsonObject: TypeAlias = Mapping[str, object]
"""Attributes by tag; numbers are texts in the sender's spelling, so that 1.50 stays 1.50."""

JsonDataSet: TypeAlias = dict[int, JsonObject]
"""The same by tag as a number."""

BulkDataPlaces: TypeAlias = Callable[[str], tuple[int, int]]

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_MAX_VALUE_NBYTES: Final = 0xFFFFFFFE
_MAX_SHORT_NBYTES: Final = 0xFFFE


def read_json(data: bytes | bytearray) -> list[JsonObject]:
    """Read a metadata part: an array of objects, or one (PS3.18 F.2.1).

    Raises
    ------
    InstanceError
        kind ``metadata``.
    """
    try:
        read = json.loads(data, parse_int=str, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise refused("it is not JSON") from None
    objects = read if isinstance(read, list) else [read]
    if not objects or not all(isinstance(one, dict) for one in objects):
        raise refused("it is not an array of objects")
    return objects


def _no_number(_text: str) -> str:
    raise ValueError


def read_tag(text: str) -> int:
    """Return a tag's number.

    Raises
    ------
    InstanceError
        kind ``metadata``.
    """
    if not _TAG.fullmatch(text):
        raise refused("an attribute's name is not a tag of eight hexadecimal digits")
    return int(text, 16)


def by_tag(attributes: object) -> JsonDataSet:
    """Return attributes by tag, without group 0002 and group lengths, which a Data Set does not have."""
    if not isinstance(attributes, Mapping):
        raise refused("an Item is no object")
    found: JsonDataSet = {}
    for name, attribute in attributes.items():
        tag = read_tag(name)
        if tag >> 16 <= 2 or not tag & 0xFFFF:
            continue
        if not isinstance(attribute, Mapping):
            raise refused(f"{tag:08X} is no object")
        found[tag] = attribute
    return found


def text_of(data_set: JsonDataSet, tag: int) -> str:
    """Return the first value of an attribute as text; empty where it is missing, or none."""
    values = data_set.get(tag, {}).get("Value")
    first = values[0] if isinstance(values, list) and values else ""
    return first.strip("\0 ") if isinstance(first, str) else ""


def encode_data_set(
    data_set: JsonDataSet, bulkdata: BulkDataPlaces, pixel_data: list[Segment]
) -> list[Segment]:
    """Return the elements in their order.

    All text becomes UTF-8, and Specific Character Set says so where it matters: JSON has no other (F.2.2).

    Parameters
    ----------
    data_set : JsonDataSet
        Of one instance.
    bulkdata : callable
        Returns where the value of a BulkDataURI lies, start and stop; raises where there is none.
    pixel_data : list of bytes or (int, int)
        Stands in the place of Pixel Data.

    Returns
    -------
    list of bytes or (int, int)
        The latter are ranges of the bulk data.

    Raises
    ------
    InstanceError
        kind ``metadata`` | ``bulkdata``.
    """
    elements = {tag: attribute for tag, attribute in data_set.items() if tag != Tag.PIXEL_DATA}
    if Tag.SPECIFIC_CHARACTER_SET in elements or not _is_ascii(elements):
        elements[Tag.SPECIFIC_CHARACTER_SET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    before = {tag: elements[tag] for tag in elements if tag < Tag.PIXEL_DATA}
    behind = {tag: elements[tag] for tag in elements if tag > Tag.PIXEL_DATA}
    return [*_encode_elements(before, bulkdata, 0), *pixel_data, *_encode_elements(behind, bulkdata, 0)]


def _is_ascii(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, Mapping):
        return all(map(_is_ascii, value.values()))
    return not isinstance(value, list) or all(map(_is_ascii, value))


def _encode_elements(data_set: JsonDataSet, bulkdata: BulkDataPlaces, depth: int) -> list[Segment]:
    if depth > MAX_DEPTH:
        raise refused(f"sequences are nested more than {MAX_DEPTH} deep")
    segments: list[Segment] = []
    for tag in sorted(data_set):
        if depth == 0 or tag != Tag.SPECIFIC_CHARACTER_SET:
            segments += _encode_element(tag, data_set[tag], bulkdata, depth)
    return segments


def nbytes_of(segments: Iterable[Segment]) -> int:
    """Return how long segments are together."""
    return sum(len(one) if isinstance(one, bytes) else one[1] - one[0] for one in segments)


def _encode_element(tag: int, attribute: JsonObject, bulkdata: BulkDataPlaces, depth: int) -> list[Segment]:
    vr = attribute.get("vr")
    if not isinstance(vr, str) or vr not in {*BINARY_VRS, *TEXT_VRS, "SQ", *_NUMERIC}:
        raise refused(f"{tag:08X} has no Value Representation that is known")
    value = _value(tag, vr, attribute, bulkdata, depth)
    nbytes = nbytes_of(value)
    if nbytes > (_MAX_SHORT_NBYTES if vr.encode() in SHORT_VRS else _MAX_VALUE_NBYTES):
        raise refused(f"{tag:08X} has a value too long for its Value Representation")
    return [explicit_header(tag, vr.encode(), nbytes), *value]


_NUMERIC: Final = ("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV")


def _value(tag: int, vr: str, attribute: JsonObject, bulkdata: BulkDataPlaces, depth: int) -> list[Segment]:
    if vr != "SQ" and "BulkDataURI" in attribute:
        return bulk_value(tag, vr, attribute, bulkdata)
    if vr in BINARY_VRS:
        return [encode_inline(tag, attribute["InlineBinary"])] if "InlineBinary" in attribute else []
    values = attribute.get("Value", [])
    if not isinstance(values, list):
        raise refused(f"{tag:08X} has a Value that is no array")
    if vr != "SQ":
        return [encode_value(tag, vr, values)]
    segments: list[Segment] = []
    for item in values:
        content = _encode_elements(by_tag(item or {}), bulkdata, depth + 1)
        nbytes = nbytes_of(content)
        if nbytes > _MAX_VALUE_NBYTES:
            raise refused(f"{tag:08X} has an Item too long for its length to be written")
        segments += [implicit_header(ITEM, b"", nbytes), *content]
    return segments


def bulk_value(tag: int, vr: str, attribute: JsonObject, bulkdata: BulkDataPlaces) -> list[Segment]:
    """Return a value that came as bulk data, padded to an even length.

    Raises
    ------
    InstanceError
        kind ``metadata`` | ``bulkdata``.
    """
    uri = attribute["BulkDataURI"]
    if not isinstance(uri, str):
        raise InstanceError(f"metadata: {tag:08X} has a BulkDataURI that is no text", kind="metadata")
    start, stop = bulkdata(uri)
    padding = b" " if vr in TEXT_VRS and vr != "UI" else b"\0"
    return [(start, stop), padding] if (stop - start) % 2 else [(start, stop)]
