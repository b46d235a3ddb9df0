# SPDX-License-Identifier: Apache-2.0
"""Metadata of files that are large, or made to be costly: memory that does not grow with them, and errors in time."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from child import run_child
from data_set_samples import Node, write
from framedeflate.errors import DicomFormatError
from framedeflate.web.metadata import walk
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.opened_data_set import open_data_set
from made_files import EXPLICIT, IMPLICIT, SEQUENCE_END, file_meta, write_sparse

SETUP = """
from pathlib import Path
from framedeflate.web.metadata.coded_text import code
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.opened_data_set import open_data_set
from framedeflate.pydicom_bridge import dictionary_vr
dictionary_vr(0x00100010)
"""
WORK = """
with open_data_set(Path(arguments[0])) as opened:
    outcome = code(write_json(opened, bulkdata_uri=str)).nbytes
"""


def coded(path: Path) -> tuple[int, int]:
    """Length of the text, and the most memory that it took to write it."""
    report = run_child(WORK, path, setup=SETUP)
    assert not report.error
    return report.outcome, report.peak_nbytes


def written(path: Path) -> Any:
    with open_data_set(path) as opened:
        return json.loads(b"".join(write_json(opened, bulkdata_uri=str)))


def frame_items(count: int) -> Iterator[list[Node]]:
    for number in range(count):
        yield [Node(0x00209113, "SQ", [[Node(0x00200032, "DS", rb"%10d\%10d\%10d " % (number, 1, 2))]])]


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    items = b"".join(write([Node(0x52009230, "SQ", [item], True)])[12:-8] for item in frame_items(1000))
    header = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(EXPLICIT) + header + 20 * items + SEQUENCE_END)
    nbytes, memory = coded(path)
    assert nbytes > 20_000 * 70
    assert memory < 8 << 20


def test_values_of_gigabytes_are_not_read(tmp_path: Path) -> None:
    nbytes = 3 << 30
    before = file_meta(EXPLICIT) + write([Node(0x00290010, "LO", b"NOBODY")])
    header = struct.pack("<HH2sHI", 0x0029, 0x1001, b"OB", 0, nbytes)
    after = write([Node(0x00400009, "SH", b"ID")])
    path = write_sparse(tmp_path / "a.dcm", before + header, nbytes, after)
    found = written(path)  # 3 GiB would not fit in many a machine
    assert found["00291001"] == {"vr": "OB", "BulkDataURI": "00291001"}
    assert found["00400009"]["Value"] == ["ID"]


def test_text_that_is_too_long_for_its_kind_is_unknown(tmp_path: Path) -> None:
    """Implicit VR has room for a UI of megabytes; its value has no URI of its own (F.2.2), unknown bytes have."""
    nodes = [Node(0x00080018, "UI", b"1" * 100_000), Node(0x00200032, "DS", b"1\\" * 50_000)]
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(IMPLICIT) + write(nodes, implicit=True))
    found = written(path)
    assert found["00080018"] == {"vr": "UN", "BulkDataURI": "00080018"}
    assert found["00200032"] == {"vr": "DS", "BulkDataURI": "00200032"}


def test_more_attributes_than_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_ATTRIBUTES", 100)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(EXPLICIT) + write([Node(0x52009230, "SQ", list(frame_items(99)))]))
    with pytest.raises(DicomFormatError) as caught:
        written(path)
    assert caught.value.kind == "too-large"


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_nested_too_deep(tmp_path: Path, undefined: bool) -> None:
    nodes: list[Node] = []
    for _ in range(70):
        nodes = [Node(0x00400275, "SQ", [nodes], undefined)]
    path = tmp_path / "a.dcm"
    path.write_bytes(file_meta(EXPLICIT) + write(nodes))
    with pytest.raises(DicomFormatError) as caught:
        written(path)
    assert caught.value.kind == "too-deep"
