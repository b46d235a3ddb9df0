# SPDX-License-Identifier: Apache-2.0
"""Native DICOM Model (PS3.19 Annex A): XML of a stored Data Set, or of an object of the DICOM JSON Model."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from framedeflate.pydicom_bridge import keyword_of
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.metadata.walk import BulkdataUri, walk

__all__ = ["native_model_of", "write_native_model"]

_START: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xml:space="preserve">'
_END: Final = b"</NativeDicomModel>\n"

_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold (2.2); ESC, which PS3.5 allows, is one."""

_NAME_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_PRIVATE_CREATORS: Final = range(0x10, 0x100)


def write_native_model(opened: OpenedDataSet, *, bulkdata_uri: BulkdataUri) -> Iterator[bytes]:
    """Yield a Data Set as an XML document; what is given by URI, and errors, as `write_json`."""
    return walk(opened, _XmlForm(), bulkdata_uri)


def native_model_of(model: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return an object of the DICOM JSON Model as an XML document: a search result, the answer to a Store.

    Parameters
    ----------
    model : mapping
        Attributes by their tag in hexadecimal.
    """
    return b"".join([_START, *_data_set(model), _END])


def _data_set(model: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    form = _XmlForm()
    for name, attribute in model.items():
        tag = int(name, 16)
        creator = _creator(model, tag)
        if attribute["vr"] != "SQ" or not attribute.get("Value"):
            yield form.attribute(tag, creator, dict(attribute))
            continue
        yield form.sequence_start(tag, creator)
        for number, item in enumerate(attribute["Value"], 1):
            yield form.item_start(number)
            yield from _data_set(item or {})
            yield form.item_end
        yield form.sequence_end


def _creator(model: Mapping[str, Mapping[str, Any]], tag: int) -> str:
    group, number = tag >> 16, tag & 0xFFFF
    if not group & 1 or number >> 8 not in _PRIVATE_CREATORS:
        return ""
    values = model.get(f"{group:04X}{number >> 8:04X}", {}).get("Value") or [""]
    return str(values[0])


class _XmlForm:
    data_set_start = _START
    data_set_end = _END
    between_attributes = b""
    between_items = b""
    sequence_end = b"</DicomAttribute>"
    item_end = b"</Item>"

    def attribute(self, tag: int, creator: str, model: dict[str, Any]) -> bytes:
        start = _attribute_start(tag, model["vr"], creator)
        return f"{start}{''.join(_content(model))}</DicomAttribute>".encode()

    def sequence_start(self, tag: int, creator: str) -> bytes:
        return _attribute_start(tag, "SQ", creator).encode()

    def item_start(self, number: int) -> bytes:
        return b'<Item number="%d">' % number


def _attribute_start(tag: int, vr: str, creator: str) -> str:
    # Table A.1.5-2: the block that a Private Creator reserved is no part of the tag, which is 00 there.
    shown = tag & 0xFFFF00FF if creator else tag
    keyword = "" if tag >> 16 & 1 else keyword_of(tag)
    return (
        f'<DicomAttribute tag="{shown:08X}" vr="{vr}"'
        + (f' keyword="{keyword}"' if keyword else "")
        + (f" privateCreator={quoteattr(_xml_text(creator))}" if creator else "")
        + ">"
    )


def _content(model: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in model:
        yield f"<BulkData uri={quoteattr(model['BulkDataURI'])}/>"
    elif "InlineBinary" in model:
        yield f"<InlineBinary>{model['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(model.get("Value", ()), 1):
        if isinstance(value, Mapping):
            yield f'<PersonName number="{number}">{"".join(_name_groups(value))}</PersonName>'
        elif value is not None:
            yield f'<Value number="{number}">{_escaped(value)}</Value>'


def _name_groups(groups: Mapping[str, str]) -> Iterator[str]:
    for name, group in groups.items():
        parts = "".join(
            f"<{part}>{_escaped(text)}</{part}>"
            for part, text in zip(_NAME_PARTS, group.split("^", len(_NAME_PARTS) - 1), strict=False)
            if text
        )
        yield f"<{name}>{parts}</{name}>"


def _escaped(value: str | float) -> str:
    # A carriage return as it is would be read as a line feed (XML 1.0 2.11).
    return escape(_xml_text(str(value)), {"\r": "&#13;"})


def _xml_text(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
