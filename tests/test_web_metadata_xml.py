# SPDX-License-Identifier: Apache-2.0
"""Native DICOM Model of stored files: judged by dcmtk's dcm2xml where it is installed, and by the JSON of the same."""

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from corpus import wheel_files
from data_set_samples import Node, write
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.native_model import native_model_of, write_native_model
from framedeflate.web.metadata.opened_data_set import open_data_set
from made_files import file_meta

EXPLICIT = "1.2.840.10008.1.2.1"
FILES = ["CT_small.dcm", "rtplan.dcm", "liver_1frame.dcm", "test-SR.dcm", "MR_small_implicit.dcm"]


def both(path: Path) -> tuple[Any, bytes]:
    with open_data_set(path) as opened:
        model = json.loads(b"".join(write_json(opened, bulkdata_uri=str)))
        return model, b"".join(write_native_model(opened, bulkdata_uri=str))


def plain(element: ElementTree.Element) -> Any:
    """A document as tuples: what binary values are given as, and blanks between elements, left out."""
    if element.tag in {"BulkData", "InlineBinary"}:
        return ("binary",)
    attributes = tuple(sorted((name, text) for name, text in element.attrib.items() if "space" not in name))
    # dcmtk names the character set of the file, which is not that of the document.
    children = tuple(plain(child) for child in element if child.get("tag") != "00080005")
    return (element.tag, attributes, children or number_or_text(element.text or ""))


def number_or_text(text: str) -> float | str:
    """DICOM has 1.0 and 1.000000e+00 for the same."""
    try:
        return float(text)
    except ValueError:
        return text.strip()


@pytest.mark.skipif(shutil.which("dcm2xml") is None, reason="dcmtk is not installed")
@pytest.mark.parametrize("name", ["liver_1frame.dcm", "test-SR.dcm", "reportsi.dcm", "SC_rgb_small_odd.dcm"])
def test_dcmtk_writes_the_same(name: str) -> None:
    path = next(file.path for file in wheel_files() if file.path.name == name)
    theirs = subprocess.run(["dcm2xml", "-nat", str(path)], capture_output=True, check=True).stdout
    expected = plain(ElementTree.fromstring(theirs))  # noqa: S314 - written by dcmtk here
    assert plain(ElementTree.fromstring(both(path)[1])) == expected  # noqa: S314 - our own


@pytest.mark.parametrize("name", FILES)
def test_the_walk_and_the_json_give_one_document(name: str) -> None:
    path = next(file.path for file in wheel_files() if file.path.name == name)
    model, text = both(path)
    assert native_model_of(model) == text


def test_names_private_creators_and_what_xml_cannot_hold(tmp_path: Path) -> None:
    nodes = [
        Node(0x00080005, "CS", b"ISO_IR 192"),
        Node(0x00090010, "LO", b'A"B<C>'),
        Node(0x00091005, "LO", b"one\\\\three"),
        Node(0x00100010, "PN", "Müller & Co^Jörg^^Dr.=山^太郎".encode() + b" "),
        Node(0x00104000, "LT", b"a\x0cb\r\nc\x1bd<"),
        Node(0x00283000, "SQ", [[], [Node(0x00283006, "US", struct.pack("<HH", 1, 2))]]),
        Node(0x00420011, "OB", bytes(2000)),
    ]
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(EXPLICIT) + write(nodes))
    text = both(path)[1]
    document = ElementTree.fromstring(text)  # noqa: S314 - our own
    found = {(one.get("tag"), one.get("privateCreator")): one for one in document}
    private = found["00090005", 'A"B<C>']
    assert [(value.get("number"), value.text) for value in private] == [("1", "one"), ("3", "three")]
    name = found["00100010", None][0]
    assert name.findtext("Alphabetic/FamilyName") == "Müller & Co"
    assert name.findtext("Alphabetic/NamePrefix") == "Dr."
    assert name.find("Alphabetic/MiddleName") is None
    assert name.findtext("Ideographic/GivenName") == "太郎"
    assert found["00104000", None].findtext("Value") == "a\ufffdb\r\nc\ufffdd<"
    items = found["00283000", None].findall("Item")
    assert [item.get("number") for item in items] == ["1", "2"]
    assert [value.text for value in items[1][0]] == ["1", "2"]
    bulk = found["00420011", None].find("BulkData")
    assert bulk is not None
    assert bulk.get("uri") == "00420011"
    assert b'xml:space="preserve"' in text
