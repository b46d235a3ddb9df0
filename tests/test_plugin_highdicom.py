# SPDX-License-Identifier: Apache-2.0
"""highdicom on deflated Segmentations: what it reads of them is what it reads of the native ones."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import framedeflate.pydicom_plugin as plugin
import judge
from corpus import corpus_files, wheel_file
from framedeflate import compress_file, verify_file

hd = pytest.importorskip("highdicom")
codes = pytest.importorskip("pydicom.sr.codedict").codes

plugin.register()

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SEGMENTATION_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


def built(kind: str) -> Any:
    """A Segmentation of two organs over a real slice, by highdicom."""
    rng = np.random.default_rng(6)
    if kind == "FRACTIONAL":
        pixels: Any = rng.random((1, 128, 128, 2)).astype(np.float32)
    else:
        pixels = rng.integers(0, 3, (1, 128, 128)).astype(np.uint8)
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"organ {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in (1, 2)
    ]
    return hd.seg.Segmentation(
        [pydicom.dcmread(wheel_file("CT_small.dcm"))],
        pixels,
        kind,
        segments,
        hd.UID(),
        1,
        hd.UID(),
        1,
        "maker",
        "model",
        "1",
        "1",
        omit_empty_frames=False,
    )


def total_pixel_matrix(segmentation: Any) -> Any:
    return segmentation.get_total_pixel_matrix()


def volume(segmentation: Any) -> Any:
    """All segments as one volume; nothing where highdicom cannot place the Frames, which it says in this way."""
    try:
        return segmentation.get_volume().array
    except (sqlite3.OperationalError, RuntimeError):
        return np.zeros(0)


def check_reading(native: Path, deflated: Path) -> None:
    """Every way in which highdicom reads a Segmentation, on both files."""
    expected = hd.seg.segread(native)
    numbers = range(1, expected.number_of_frames + 1)
    for lazy in (False, True):
        found = hd.seg.segread(deflated, lazy_frame_retrieval=lazy)
        assert found.file_meta.TransferSyntaxUID == judge.DEFLATED_FRAMES
        for number in numbers:
            assert np.array_equal(found.get_stored_frame(number), expected.get_stored_frame(number))
        whole = total_pixel_matrix if expected.is_tiled else volume
        assert np.array_equal(whole(found), whole(expected))
    with hd.io.ImageFileReader(str(deflated)) as reader:
        for number in numbers:
            frame = reader.read_frame(number - 1, correct_color=False)
            assert np.array_equal(frame.squeeze(), expected.get_stored_frame(number).squeeze())


@pytest.mark.parametrize("kind", KINDS)
def test_what_highdicom_builds(kind: str, tmp_path: Path) -> None:
    segmentation = built(kind)
    native, deflated = tmp_path / "native.dcm", tmp_path / "deflated.dcm"
    segmentation.save_as(native)
    before = segmentation.PixelData
    plugin.save_deflated(segmentation, deflated)
    assert segmentation.PixelData == before
    assert [problem for problem in verify_file(deflated) if problem.severity == "error"] == []
    assert judge.read(deflated).frames() == judge.read(native).frames()
    check_reading(native, deflated)
    with pytest.raises(FileExistsError):
        plugin.save_deflated(segmentation, deflated)
    segmentation.compress(judge.DEFLATED_FRAMES)
    segmentation.save_as(tmp_path / "itself.dcm")
    assert judge.read(tmp_path / "itself.dcm").frames() == judge.read(native).frames()


def segmentations() -> list[Path]:
    """Native Segmentations of the shared corpus, of which some are TILED_FULL."""
    found = []
    for file in corpus_files():
        read = judge.read(file.path)
        if read.uid in judge.NATIVE and read.text(0x00080016) in SEGMENTATION_CLASSES:
            found.append(file.path)
    return found


@pytest.mark.parametrize("path", segmentations(), ids=lambda path: path.name)
def test_real_segmentations(path: Path, tmp_path: Path) -> None:
    try:
        hd.seg.segread(path)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        pytest.skip(f"highdicom does not read the native file: {type(error).__name__}")
    compress_file(path, tmp_path / "deflated.dcm")
    check_reading(path, tmp_path / "deflated.dcm")
