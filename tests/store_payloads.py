# SPDX-License-Identifier: Apache-2.0
"""Payloads of a Store, put together by hand: PS3.10 files in parts, and metadata with its bulk data."""

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import pydicom
from pydicom.dataset import Dataset

__all__ = ["Part", "dicom_part", "file_bytes", "json_part", "metadata_of", "multipart", "native_model_of"]


@dataclass(frozen=True)
class Part:
    content: bytes
    media_type: str | None = "application/dicom"
    location: str | None = None
    more: tuple[str, ...] = field(default=())

    def written(self) -> bytes:
        fields = [*self.more]
        if self.media_type is not None:
            fields.append(f"Content-Type: {self.media_type}")
        if self.location is not None:
            fields.append(f"Content-Location: {self.location}")
        return "".join(f"{one}\r\n" for one in fields).encode() + b"\r\n" + self.content


def multipart(parts: Iterable[Part], boundary: str = "a boundary") -> bytes:
    delimiter = f"--{boundary}".encode()
    return b"".join(b"\r\n" + delimiter + b"\r\n" + part.written() for part in parts) + (
        b"\r\n" + delimiter + b"--\r\n"
    )


def file_bytes(dataset: Dataset) -> bytes:
    """The dataset as a PS3.10 file, by pydicom."""
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom_part(dataset: Dataset) -> Part:
    return Part(file_bytes(dataset))


def metadata_of(dataset: Dataset, *, bulk: dict[str, str]) -> dict[str, Any]:
    """DICOM JSON of a dataset by pydicom; values of these keywords become BulkDataURIs."""
    found: dict[str, Any] = json.loads(dataset.to_json(suppress_invalid_tags=True))
    for keyword, uri in bulk.items():
        element = dataset[keyword]
        found[f"{element.tag:08X}"] = {"vr": element.VR, "BulkDataURI": uri}
    return found


def json_part(*metadata: dict[str, Any]) -> Part:
    return Part(json.dumps(list(metadata)).encode(), "application/dicom+json")


def read(path: Any) -> Dataset:
    return pydicom.dcmread(path)


def native_model_of(dataset: Dataset, *, bulk: dict[str, str]) -> bytes:
    """Native DICOM Model of a dataset, written by hand from pydicom's DICOM JSON."""
    root = ElementTree.Element("NativeDicomModel", xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM")
    _add_attributes(root, metadata_of(dataset, bulk=bulk))
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def _add_attributes(parent: ElementTree.Element, attributes: dict[str, Any]) -> None:
    for tag, attribute in attributes.items():
        element = ElementTree.SubElement(parent, "DicomAttribute", {"tag": tag, "vr": attribute["vr"]})
        if "InlineBinary" in attribute:
            ElementTree.SubElement(element, "InlineBinary").text = attribute["InlineBinary"]
        if "BulkDataURI" in attribute:
            ElementTree.SubElement(element, "BulkData", uri=attribute["BulkDataURI"])
        for number, value in enumerate(attribute.get("Value", []), 1):
            if attribute["vr"] == "SQ":
                _add_attributes(ElementTree.SubElement(element, "Item", number=str(number)), value or {})
            elif attribute["vr"] == "PN":
                name = ElementTree.SubElement(element, "PersonName", number=str(number))
                for group, text in value.items():
                    components = ElementTree.SubElement(name, group)
                    for kind, part in zip(_NAME_PARTS, text.split("^"), strict=False):
                        ElementTree.SubElement(components, kind).text = part
            elif value is not None:
                ElementTree.SubElement(element, "Value", number=str(number)).text = str(value)
            else:
                ElementTree.SubElement(element, "Value", number=str(number))
