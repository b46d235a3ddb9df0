# SPDX-License-Identifier: Apache-2.0
"""The value behind each bulk data URI: the bytes that pydicom finds under the same path."""

import json
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from corpus import corpus_files, wheel_files
from data_set_samples import Node, write
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.find_value import find_value
from framedeflate.web.metadata.opened_data_set import open_data_set
from made_files import file_meta

EXPLICIT = "1.2.840.10008.1.2.1"
REFUSED = {"meta_missing_tsyntax.dcm", "rtplan_truncated.dcm", "DICOMDIR-nooffset"}


def uris(model: Any) -> Iterator[str]:
    for attribute in model.values():
        if "BulkDataURI" in attribute:
            yield attribute["BulkDataURI"]
        if attribute["vr"] == "SQ":
            for item in attribute.get("Value", []):
                yield from uris(item)


def value_at(data_set: Any, path: str) -> bytes:
    *steps, last = path.split("/")
    for tag, number in zip(steps[::2], steps[1::2], strict=True):
        data_set = data_set[int(tag, 16)].value[int(number) - 1]
    value = data_set[int(last, 16)].value
    assert isinstance(value, bytes)
    return value


def test_each_uri_of_real_files_finds_its_value() -> None:
    compared = 0
    for file in [*corpus_files(), *wheel_files()]:
        if file.path.name.rpartition("__")[2] in REFUSED:
            continue
        with open_data_set(file.path) as opened:
            paths = list(uris(json.loads(b"".join(write_json(opened, bulkdata_uri=str)))))
            if len(paths) < 2:  # Pixel Data alone, which other tests look at
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data_set = pydicom.dcmread(file.path)
                for path in paths:
                    found = find_value(opened, path)
                    assert found is not None, (file.name, path)
                    nbytes = 4 if found.nbytes is None else found.nbytes
                    stored = opened.source.get_range(found.position, found.position + nbytes)
                    assert value_at(data_set, path).startswith(stored), (file.name, path)
                    compared += 1
    assert compared >= 10


@pytest.mark.parametrize("undefined", [False, True])
def test_values_inside_items(tmp_path: Path, undefined: bool) -> None:
    leaf = [Node(0x00660016, "OF", struct.pack("<f", 2.5)), Node(0x00660017, "OF", b"")]
    nodes = [
        Node(0x00660002, "SQ", [[Node(0x00660011, "SQ", [[], leaf], undefined)]] * 2, undefined),
        Node(0x00660003, "UL", b"\1\0\0\0"),
    ]
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(EXPLICIT) + write(nodes))
    with open_data_set(path) as opened:
        found = find_value(opened, "00660002/2/00660011/2/00660016")
        assert found is not None
        assert (found.vr, found.nbytes, found.big_endian) == ("OF", 4, False)
        assert opened.source.get_range(found.position, found.position + 4) == struct.pack("<f", 2.5)
        empty = find_value(opened, "00660002/1/00660011/2/00660017")
        assert empty is not None
        assert empty.nbytes == 0
        for absent in (
            "00660002/3/00660011/2/00660016",
            "00660002/2/00660011/1/00660016",
            "00660002/2/00660011/2/00660018",
            "00660002",
            "00660002/1/00660011",
            "00660003/1/00660011",
            "00990099",
        ):
            assert find_value(opened, absent) is None, absent


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0066",
        "00660002/0/00660011",
        "00660002/1",
        "../00660002",
        "00660002/+1/00660011",
        "00660002/1/00660011/",
        "\N{ARABIC-INDIC DIGIT ZERO}0660002",
        "00660002/1234567890/00660011",
        "00660002\n",
        "/".join(["00660002/1"] * 70 + ["00660002"]),
    ],
)
def test_paths_that_are_none(tmp_path: Path, path: str) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(file_meta(EXPLICIT) + write([Node(0x00660002, "SQ", [[]])]))
    with open_data_set(file) as opened:
        assert find_value(opened, path) is None
