# SPDX-License-Identifier: Apache-2.0
"""ElementScan on Data Sets that pydicom wrote, and on real files that it reads; pydicom says where the values are."""

import io
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset, Sequence
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import data_element_generator, read_partial
from pydicom.filewriter import write_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from element_headers import ENCODINGS, PIXEL_DATA, UNDEFINED, scanned


def sample() -> Dataset:
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    item = Dataset()
    item.PatientID = "nested"
    item.ReferencedImageSequence = Sequence([inner, Dataset()])
    dataset = Dataset()
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientID = "top"
    dataset.Rows = 4
    dataset.Columns = 300
    dataset.FrameIncrementPointer = 0x00181063
    dataset.SharedFunctionalGroupsSequence = Sequence([item, inner])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([])
    dataset.add_new(0x00660016, "OF", bytes(8))
    dataset.add_new(0x00080120, "UR", "http://example.org")
    dataset.add_new(PIXEL_DATA, "OW", bytes(1200))
    return dataset


def written(dataset: Dataset, implicit_vr: bool, big_endian: bool, undefined: bool) -> bytes:
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit_vr, not big_endian
    write_dataset(out, dataset)
    return out.getvalue()


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("descend", [False, True])
@pytest.mark.parametrize(("implicit_vr", "big_endian"), ENCODINGS)
def test_against_pydicom(
    core: Any, implicit_vr: bool, big_endian: bool, descend: bool, undefined: bool
) -> None:
    data = written(sample(), implicit_vr, big_endian, undefined)
    expected = {}
    for element in data_element_generator(io.BytesIO(data), implicit_vr, not big_endian):
        position = element.value_tell if hasattr(element, "value_tell") else element.file_tell
        value_nbytes = -1 if element.VR == "SQ" and undefined else getattr(element, "length", None)
        expected[int(element.tag)] = (position, value_nbytes)
    options = {"implicit_vr": implicit_vr, "big_endian": big_endian, "descend": descend}
    scan = scanned(core, data, 1000, wanted={*expected, 0x00100020}, **options)
    assert (scan.status, scan.resume, scan.defect_position) == ("done", 1000 + len(data), -1)
    assert [record[0] for record in scan.records] == list(expected)
    for tag, vr, header_position, value_position, value_nbytes, depth in scan.records:
        assert value_position - 1000 == expected[tag][0]
        assert expected[tag][1] in {None, value_nbytes}
        assert depth == 0
        assert (vr == b"") == implicit_vr
        assert value_position - header_position in ({8} if implicit_vr else {8, 12})
    for window_nbytes in (12, 13, 40, 1000):
        again = scanned(core, data, 1000, window_nbytes, wanted={*expected}, **options)
        assert again.records == scan.records
        assert again.status == "done"


PYDICOM_FILES = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))
CORPUS_FILES = sorted((Path(__file__).parents[1] / "../shared/corpus/real").glob("*.dcm"))


@pytest.mark.parametrize("path", PYDICOM_FILES + CORPUS_FILES, ids=lambda path: path.name)
def test_real_files(core: Any, path: Path) -> None:
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        try:
            meta = read_partial(file, stop_when=lambda *_: True, force=True)
        except (InvalidDicomError, EOFError):
            pytest.skip("pydicom does not read it")
        syntax = meta.file_meta.get("TransferSyntaxUID")
        if syntax is None or syntax == DeflatedExplicitVRLittleEndian:
            pytest.skip("no walk without inflating, or without knowing the Transfer Syntax")
        implicit_vr, big_endian = syntax == ImplicitVRLittleEndian, syntax == ExplicitVRBigEndian
        start = file.tell()
        elements = data_element_generator(file, implicit_vr, not big_endian)
        expected: dict[int, tuple[int, int]] = {}
        for element in elements:
            if isinstance(element, RawDataElement) and (element.tag, element.length) == (
                PIXEL_DATA,
                UNDEFINED,
            ):
                expected[int(element.tag)] = (element.value_tell, -1)
                break
            position = element.value_tell if isinstance(element, RawDataElement) else element.file_tell
            assert position is not None
            expected.setdefault(int(element.tag), (position, getattr(element, "length", -1)))
    data = path.read_bytes()
    options = {"implicit_vr": implicit_vr, "big_endian": big_endian}
    scan = scanned(core, data[start:], start, wanted=set(expected), descend=True, **options)
    found = {tag: (position, nbytes) for tag, _, _, position, nbytes, depth in scan.records if depth == 0}
    assert {tag: position for tag, (position, _) in found.items()} == {
        tag: position for tag, (position, _) in expected.items()
    }
    if "truncated" in path.name:
        assert scan.status == "truncated"
    else:
        assert scan.status == ("pixel-data" if found.get(PIXEL_DATA, (0, 0))[1] == -1 else "done")
