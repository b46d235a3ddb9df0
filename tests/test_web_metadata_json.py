# SPDX-License-Identifier: Apache-2.0
"""DICOM JSON of stored files: judged by pydicom, over every real file and over Data Sets made by chance."""

import json
import math
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset

from corpus import corpus_files, wheel_files
from data_set_samples import Node, write
from dicom_json_judge import in_one_spelling, pydicom_json
from framedeflate.errors import DicomFormatError
from framedeflate.web.metadata.dicom_json import attributes_of, write_json
from framedeflate.web.metadata.opened_data_set import open_data_set
from made_files import file_meta

EXPLICIT, IMPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
)

# pydicom gives up on the first, we refuse the others: no Transfer Syntax, elements that are cut off.
NOT_COMPARED = {"badVR.dcm", "meta_missing_tsyntax.dcm", "rtplan_truncated.dcm", "DICOMDIR-nooffset"}


def metadata(path: Path) -> Any:
    with open_data_set(path) as opened:
        return json.loads(b"".join(write_json(opened, bulkdata_uri=str)))


def write_elements(path: Path, nodes: list[Node], *, uid: str = EXPLICIT) -> Path:
    data_set = write(nodes, implicit=uid == IMPLICIT, big=uid == BIG)
    path.write_bytes(file_meta(uid) + data_set)
    return path


def test_real_files_are_what_pydicom_says() -> None:
    compared = 0
    for file in [*corpus_files(), *wheel_files()]:
        # Of a thousand Items a second is what pydicom takes.
        if file.path.name.rpartition("__")[2] in NOT_COMPARED or file.path.stat().st_size > 1 << 20:
            continue
        ours, theirs = metadata(file.path), in_one_spelling(pydicom_json(file.path))
        assert in_one_spelling(ours) == theirs, file.name
        assert list(ours) == sorted(ours), file.name
        compared += 1
    assert compared > 100


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\\\x00\x1b=^"), max_size=12).map(str.strip)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = {
    "AE": st.sampled_from(["STORE", "A B"]),
    "AS": st.just("018M"),
    "AT": st.integers(0, 0xFFFFFFFF),
    "CS": st.sampled_from(["ONE", "TWO_2", "X Y"]),
    "DA": st.just("20260229"),
    "DS": st.floats(-1e6, 1e6).map(lambda number: f"{number:.6g}"),
    "DT": st.just("20260228101112.5+0100"),
    "FD": st.floats(allow_nan=False, allow_infinity=False),
    "FL": FLOATS,
    "IS": st.integers(-(2**31), 2**31 - 1),
    "LO": TEXTS,
    "OB": st.binary(max_size=40).map(lambda value: value + b"\0" * (len(value) % 2)),
    "OD": st.binary(max_size=5).map(lambda value: value * 8),
    "OW": st.binary(max_size=20).map(lambda value: value * 2),
    "PN": st.lists(TEXTS.filter(bool), min_size=1, max_size=3).map("=".join),
    "SH": TEXTS,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "TM": st.just("235959.123"),
    "UC": TEXTS,
    "UI": st.just("1.2.840.10008"),
    "UL": st.integers(0, 2**32 - 1),
    "UN": st.binary(max_size=20).map(lambda value: value * 2),
    "UR": st.just("https://example.org/a?b=c&d=e"),
    "US": st.integers(0, 2**16 - 1),
    "UT": TEXTS,
    "UV": st.integers(0, 2**64 - 1),
}
SINGLE = {"OB", "OD", "OW", "UN", "UR", "UT"}


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """A Data Set of private elements, since those may have any Value Representation, nested up to `depth`."""
    data_set = Dataset()
    data_set.add_new(0x00110010, "LO", "FRAMEDEFLATE TEST")
    kinds = [*VALUES, *(["SQ"] * 6 if depth else [])]
    for number, vr in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=8)), 0x1001):
        if vr == "SQ":
            value: Any = draw(st.lists(elements(depth - 1), max_size=3))
        elif vr in SINGLE:
            value = draw(VALUES[vr])
        else:
            value = draw(st.lists(VALUES[vr], max_size=3))
        data_set.add_new(0x00110000 + number, vr, value)
        if vr == "SQ":
            data_set[0x00110000 + number].is_undefined_length = draw(st.booleans())
    return data_set


@settings(max_examples=40, deadline=None)
@given(data_set=elements(), uid=st.sampled_from([EXPLICIT, BIG, DEFLATED]))
def test_chance_data_sets_are_what_pydicom_says(
    tmp_path_factory: pytest.TempPathFactory, data_set: Dataset, uid: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "chance.dcm"
    data_set.add_new(0x00080005, "CS", "ISO_IR 192")
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set.save_as(path, enforce_file_format=False)
    blob = path.read_bytes()
    if blob[128:132] != b"DICM":
        path.write_bytes(bytes(128) + b"DICM" + blob)
    ours, theirs = in_one_spelling(metadata(path)), in_one_spelling(pydicom_json(path))
    # pydicom leaves the words of OW and OD as they stand in the file.
    assert without_binary(ours, uid) == without_binary(theirs, uid)


def without_binary(model: Any, uid: str) -> Any:
    if uid != BIG:
        return model
    if isinstance(model, list):
        return [without_binary(one, uid) for one in model]
    if isinstance(model, dict):
        return {name: without_binary(one, uid) for name, one in model.items() if name != "InlineBinary"}
    return model


@pytest.mark.parametrize("uid", [EXPLICIT, IMPLICIT, BIG])
def test_standard_elements_in_each_encoding(tmp_path: Path, uid: str) -> None:
    """Implicit VR asks the dictionary, and the Pixel Representation for what is US or SS."""
    nodes = [
        Node(0x00080000, "UL", struct.pack("<I", 4)),
        Node(0x00100010, "PN", b"Yamada^Tarou"),
        Node(0x00200032, "DS", rb"-1.50\+2\.5\ "),
        Node(0x00280009, "AT", struct.pack("<HHHH", 0x18, 0x1063, 0x20, 0x13)),
        Node(0x00280103, "US", struct.pack("<H", 1)),
        Node(0x00280106, "SS", struct.pack("<h", -7)),
        Node(0x00281201, "OW", struct.pack("<HH", 1, 0xFF00)),
        Node(0x00400275, "SQ", [[Node(0x00400009, "SH", b"ID")], []]),
    ]
    assert metadata(write_elements(tmp_path / "a.dcm", nodes, uid=uid)) == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou"}]},
        "00200032": {"vr": "DS", "Value": [-1.5, 2, 0.5, None]},
        "00280009": {"vr": "AT", "Value": ["00181063", "00200013"]},
        "00280103": {"vr": "US", "Value": [1]},
        "00280106": {"vr": "SS", "Value": [-7]},
        "00281201": {"vr": "OW", "InlineBinary": "AQAA/w=="},
        "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["ID"]}}, {}]},
    }


@pytest.mark.parametrize(
    ("character_set", "value", "expected"),
    [
        # The examples of PS3.5 Annexes H, I and J.
        (
            rb"\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"},
        ),
        (
            rb"\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            {"Alphabetic": "Hong^Gildong", "Ideographic": "洪^吉洞", "Phonetic": "홍^길동"},
        ),
        (
            b"GB18030 ",
            "Wang^XiaoDong=王^小东=".encode("gb18030"),
            {"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小东"},
        ),
        (b"ISO_IR 100", "Müller^Jörg".encode("latin-1") + b" ", {"Alphabetic": "Müller^Jörg"}),
        (b"ISO_IR 192", "Ωmega^Ä".encode(), {"Alphabetic": "Ωmega^Ä"}),
    ],
)
def test_names_become_utf_8(
    tmp_path: Path, character_set: bytes, value: bytes, expected: dict[str, str]
) -> None:
    value += b" " * (len(value) % 2)
    character_set += b" " * (len(character_set) % 2)
    nodes = [Node(0x00080005, "CS", character_set), Node(0x00100010, "PN", value)]
    found = metadata(write_elements(tmp_path / "a.dcm", nodes))
    assert found["00100010"]["Value"] == [expected]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]


def test_an_item_may_have_a_character_set_of_its_own(tmp_path: Path) -> None:
    inner = [Node(0x00080005, "CS", b"ISO_IR 144"), Node(0x00080104, "LO", "ЖЩЮ".encode("iso8859_5"))]
    around = [Node(0x00080104, "LO", "Äpfel ".encode("latin-1"))]
    nodes = [
        Node(0x00080005, "CS", b"ISO_IR 100"),
        Node(0x00082112, "SQ", [inner, around], undefined_length=True),
        Node(0x00104000, "LT", "Ö\\ü".encode("latin-1") + b" "),
    ]
    found = metadata(write_elements(tmp_path / "a.dcm", nodes))
    assert [item["00080104"]["Value"] for item in found["00082112"]["Value"]] == [["ЖЩЮ"], ["Äpfel"]]
    assert found["00104000"]["Value"] == ["Ö\\ü"]


def test_a_backslash_inside_a_character_separates_nothing(tmp_path: Path) -> None:
    value = "王\\俓".encode("gb18030")
    assert value.count(b"\\") == 2
    nodes = [Node(0x00080005, "CS", b"GB18030 "), Node(0x00081030, "LO", value + b" " * (len(value) % 2))]
    assert metadata(write_elements(tmp_path / "a.dcm", nodes))["00081030"]["Value"] == ["王", "俓"]


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    nodes = [
        Node(0x00180050, "DS", rb"1e400\abc\0x1 "),
        Node(0x00200013, "IS", rb"+7\1.5\1_0"),
        Node(0x00720074, "FD", struct.pack("<ddd", math.nan, math.inf, -math.inf)),
        Node(0x00720082, "SV", struct.pack("<qq", 2**53, -(2**53) - 1)),
        Node(0x00720083, "UV", struct.pack("<Q", 2**64 - 1)),
        Node(0x00720078, "UL", b"\1\2\3\4\5\6"),
    ]
    found = metadata(write_elements(tmp_path / "a.dcm", nodes))
    assert found["00180050"]["Value"] == ["1e400", "abc", "0x1"]
    assert found["00200013"]["Value"] == [7, "1.5", "1_0"]
    assert found["00720074"]["Value"] == ["NaN", "Infinity", "-Infinity"]
    assert found["00720082"]["Value"] == [2**53, str(-(2**53) - 1)]
    assert found["00720083"]["Value"] == [str(2**64 - 1)]
    assert found["00720078"] == {"vr": "UN", "InlineBinary": "AQIDBAUG"}


def test_what_is_long_is_given_by_uri(tmp_path: Path) -> None:
    long_item = [Node(0x00660016, "OF", bytes(1028)), Node(0x00660017, "OF", bytes(1024))]
    numbers = struct.pack("<32769H", *range(32769))
    nodes = [
        Node(0x00280103, "US", b"\0\0"),
        Node(0x00283000, "SQ", [[], [Node(0x00283006, "OW", numbers)]], undefined_length=True),
        Node(0x00420011, "OB", bytes(2000)),
        Node(0x00660002, "SQ", [[Node(0x00660011, "SQ", [[], long_item])]]),
        Node(0x7FE00010, "OW", b"\1\2"),
    ]
    found = metadata(write_elements(tmp_path / "a.dcm", nodes))
    assert found["00283000"]["Value"][1]["00283006"] == {
        "vr": "OW",
        "BulkDataURI": "00283000/2/00283006",
    }
    assert found["00420011"] == {"vr": "OB", "BulkDataURI": "00420011"}
    surfaces = found["00660002"]["Value"][0]["00660011"]["Value"][1]
    assert surfaces["00660016"] == {"vr": "OF", "BulkDataURI": "00660002/1/00660011/2/00660016"}
    assert len(surfaces["00660017"]["InlineBinary"]) == 1368
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": "7FE00010"}


def test_unknown_is_read_where_the_dictionary_knows(tmp_path: Path) -> None:
    """PS3.5 6.2.2: the bytes of UN are Implicit VR Little Endian, in a Big Endian file too."""
    inner = write([Node(0x00280010, "US", struct.pack("<H", 513))], implicit=True)
    items = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    nodes = [
        Node(0x00280010, "UN", struct.pack("<H", 258)),
        Node(0x00283000, "UN", items),
        Node(0x00290010, "LO", b"NOBODY"),
        Node(0x00291001, "UN", b"abcd"),
    ]
    found = metadata(write_elements(tmp_path / "a.dcm", nodes, uid=BIG))
    assert found["00280010"] == {"vr": "US", "Value": [258]}
    assert found["00283000"]["Value"] == [{"00280010": {"vr": "US", "Value": [513]}}]
    assert found["00291001"] == {"vr": "UN", "InlineBinary": "YWJjZA=="}


def test_an_element_that_is_there_twice_is_written_once(tmp_path: Path) -> None:
    nodes = [Node(0x00100020, "LO", b"ONE "), Node(0x00100020, "LO", b"TWO ")]
    text = metadata(write_elements(tmp_path / "a.dcm", nodes))
    assert text == {"00100020": {"vr": "LO", "Value": ["ONE"]}}


def test_chosen_attributes_alone(tmp_path: Path) -> None:
    path = next(file.path for file in wheel_files() if file.path.name == "CT_small.dcm")
    chosen = [0x00080018, 0x00100010, 0x00200013, 0x00990099]
    with open_data_set(path) as opened:
        found = attributes_of(opened, chosen)
    expected = pydicom.dcmread(path).to_json_dict()
    assert found == {name: expected[name] for name in ("00080018", "00100010", "00200013")}


@pytest.mark.parametrize("cut", [1, 5, 9, 30, 61])
def test_a_file_cut_short_is_an_error(tmp_path: Path, cut: int) -> None:
    nodes = [
        Node(0x00080018, "UI", b"1.2.3\0"),
        Node(0x00283000, "SQ", [[Node(0x00280002, "US", b"\1\0")]] * 2),
    ]
    path = write_elements(tmp_path / "a.dcm", nodes)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    with pytest.raises(DicomFormatError):
        metadata(path)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_files_are_metadata_or_an_error(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = (
        "CT_small.dcm",
        "nested_priv_SQ.dcm",
        "liver_1frame.dcm",
        "UN_sequence.dcm",
        "MR_small_bigendian.dcm",
    )
    files = [file.path for file in wheel_files() if file.path.name in names]
    data = bytearray(files[seed % len(files)].read_bytes())
    for place in rng.integers(132, min(len(data), 4000), 1 + seed % 8):
        data[place] = rng.integers(256)
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    path.write_bytes(data)
    try:
        assert isinstance(metadata(path), dict)
    except DicomFormatError:
        return
