# SPDX-License-Identifier: Apache-2.0
"""Native DICOM Model (PS3.19 A.1) read as DICOM JSON, which says the same."""

from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree
from xml.parsers import expat

from framedeflate.data_set.element import MAX_DEPTH
from framedeflate.web.ingest.json_data_set import JsonObject, read_tag
from framedeflate.web.ingest.json_values import refused

__all__ = ["read_native_model"]

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_FIRST_BLOCK: Final = 0x10
_MAX_DEPTH: Final = 3 * MAX_DEPTH
"""A sequence is three elements deep."""


def read_native_model(data: bytes | bytearray) -> list[JsonObject]:
    """Read a metadata part: one instance (PS3.18 10.5.1.4).

    Raises
    ------
    InstanceError
        kind ``metadata``; also for a document type, whose entities could grow without a limit.
    """
    root = _parse(bytes(data))
    if _name(root) != "NativeDicomModel":
        raise refused("it is no NativeDicomModel")
    return [_attributes(root)]


def _parse(data: bytes) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise refused("elements are nested too deep")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def no_document_type(*_: object) -> None:
        raise refused("it has a document type")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = no_document_type
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise refused("it is not XML") from None
    return builder.close()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _attributes(parent: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    blocks: dict[tuple[int, str], int] = {}
    for element in parent:
        if _name(element) != "DicomAttribute":
            raise refused("it has an element that is no DicomAttribute")
        tag = read_tag(element.get("tag", ""))
        creator = element.get("privateCreator")
        if creator and not tag >> 8 & 0xFF:
            tag = _in_block(tag, creator, blocks, found)
        found[f"{tag:08X}"] = _attribute(element)
    return found


def _in_block(tag: int, creator: str, blocks: dict[tuple[int, str], int], found: dict[str, Any]) -> int:
    """Return the tag of a private element in the block of its creator, which the model leaves open (PS3.5 7.8.1)."""
    group = tag >> 16
    if (group, creator) not in blocks:
        taken = {name for name in found if name.startswith(f"{group:04X}00")}
        block = next(
            (block for block in range(_FIRST_BLOCK, 0x100) if f"{group:04X}00{block:02X}" not in taken), None
        )
        if block is None:
            raise refused("a group has more private creators than blocks")
        blocks[group, creator] = block
        found[f"{group:04X}00{block:02X}"] = {"vr": "LO", "Value": [creator]}
    return tag | blocks[group, creator] << 8


def _attribute(element: ElementTree.Element) -> dict[str, Any]:
    vr = element.get("vr")
    attribute: dict[str, Any] = {"vr": vr}
    values: list[object] = []
    for child in element:
        match _name(child):
            case "Value":
                values.append(child.text)
            case "PersonName":
                values.append(_person_name(child))
            case "Item":
                values.append(_attributes(child))
            case "InlineBinary":
                attribute["InlineBinary"] = child.text or ""
            case "BulkData":
                attribute["BulkDataURI"] = child.get("uri")
            case _:
                raise refused("a DicomAttribute has an element that is unknown")
    if values:
        attribute["Value"] = values
    return attribute


def _person_name(element: ElementTree.Element) -> dict[str, str]:
    return {group: name for group, name in _groups(element) if name}


def _groups(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for group in element:
        if _name(group) in _GROUPS:
            parts = {_name(component): component.text or "" for component in group}
            yield _name(group), "^".join(parts.get(name, "") for name in _COMPONENTS).rstrip("^")
