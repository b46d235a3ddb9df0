# SPDX-License-Identifier: Apache-2.0
"""Segments, planes and tiles as coordinates of the Frames: what pydicom and highdicom find in the same files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_writer import data_set, deflate, image, open_sequence, padded, part10, pixel_data
from framedeflate import compress_file, zarr_store
from made_segmentations import segmentations
from zarr_readers import pixels_of, through_xarray, through_zarr

zarr_store.register()

KINDS = ("BINARY", "FRACTIONAL", "LABELMAP", "TILED_SPARSE", "TILED_FULL", "TILED_LABELMAP")


@pytest.fixture(params=KINDS)
def segmentation(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Dataset, Path]:
    """A Segmentation as highdicom built it, and its file, deflated."""
    dataset = segmentations()[request.param]
    dataset.save_as(tmp_path / "native.dcm")
    compress_file(tmp_path / "native.dcm", tmp_path / "seg.dcm")
    return pydicom.dcmread(tmp_path / "native.dcm"), tmp_path / "seg.dcm"


def of_each(dataset: Dataset, sequence: str, name: str) -> list[Any] | None:
    """What each Frame's own Item, or else the shared one, says; None where that is nothing."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    items = dataset.get("PerFrameFunctionalGroupsSequence") or [shared] * int(dataset.NumberOfFrames)
    groups = [item if sequence in item else shared for item in items]
    return [group.get(sequence)[0].get(name) for group in groups] if sequence in groups[0] else None


def test_they_are_what_the_file_says(segmentation: tuple[Dataset, Path]) -> None:
    dataset, path = segmentation
    segments = of_each(dataset, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
    positions = of_each(dataset, "PlanePositionSequence", "ImagePositionPatient")
    rows = of_each(dataset, "PlanePositionSlideSequence", "RowPositionInTotalImagePixelMatrix")
    columns = of_each(dataset, "PlanePositionSlideSequence", "ColumnPositionInTotalImagePixelMatrix")
    if dataset.get("DimensionOrganizationType") == "TILED_FULL":
        hd = pytest.importorskip("highdicom")
        places = list(hd.spatial.iter_tiled_full_frame_data(dataset))
        segments = None if dataset.SegmentationType == "LABELMAP" else [place[0] for place in places]
        columns, rows = [place[2] for place in places], [place[3] for place in places]
    expected = {
        "frame_number": list(range(1, int(dataset.NumberOfFrames) + 1)),
        "segment_number": segments,
        "image_position": positions,
        "tile_row": rows,
        "tile_column": columns,
    }
    with through_xarray(json.loads(json.dumps(zarr_store.references(path), allow_nan=False))) as opened:
        found = {str(name): array.values.tolist() for name, array in opened.coords.items()}
        assert found == {name: values for name, values in expected.items() if values is not None}
        pixels = opened.pixels.values
    assert np.array_equal(np.squeeze(pixels), np.squeeze(segmentation_pixels(dataset)))


def segmentation_pixels(dataset: Dataset) -> Any:
    return dataset.pixel_array


def test_a_segment_is_chosen_by_its_number(tmp_path: Path) -> None:
    dataset = segmentations()["BINARY"]
    dataset.save_as(tmp_path / "seg.dcm")
    with through_xarray(zarr_store.references(tmp_path / "seg.dcm")) as opened:
        organ = opened.set_xindex("segment_number").pixels.sel(segment_number=[2]).values
    numbers = [
        item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for item in dataset.PerFrameFunctionalGroupsSequence
    ]
    assert np.array_equal(organ, dataset.pixel_array.reshape(-1, 128, 128)[np.array(numbers) == 2])


def test_labels_are_words_of_the_file_and_asked_for(tmp_path: Path) -> None:
    segmentations()["BINARY"].save_as(tmp_path / "seg.dcm")
    plain = zarr_store.references(tmp_path / "seg.dcm")
    assert "organ" not in json.dumps(plain)
    labelled = through_zarr(zarr_store.references(tmp_path / "seg.dcm", segment_labels=True))
    assert labelled.attrs["segment_labels"] == {"1": "organ 1", "2": "organ 2"}


def test_groups_that_cannot_be_read_cost_no_pixel(tmp_path: Path) -> None:
    # Two Items where there are three Frames: nobody can tell whose is missing.
    groups = open_sequence(0x52009230, b"", b"")
    streams = [padded(deflate(bytes(19)))] * 3
    (tmp_path / "seg.dcm").write_bytes(part10(data_set(image()) + groups + pixel_data(streams)))
    with pytest.warns(UserWarning, match="no coordinates"):
        references = zarr_store.references(tmp_path / "seg.dcm")
    group = through_zarr(references)
    assert sorted(group.array_keys()) == ["frame_number", "pixels"]
    assert not np.any(pixels_of(group)[:])
