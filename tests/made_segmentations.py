# SPDX-License-Identifier: Apache-2.0
"""Segmentations by highdicom over a slice and over a tiled slide, and slides whose tiles are in order."""

from functools import cache
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from corpus import wheel_file

TILE_ROWS, TILE_COLUMNS, HEIGHT, WIDTH = 8, 10, 20, 27
SLIDE_STORAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def tiled_full_slide(planes: int, paths: int) -> Dataset:
    """A slide of 3 x 3 tiles for each focal plane and optical path, with what highdicom asks of a source."""
    count = 9 * planes * paths
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = SLIDE_STORAGE
    dataset.SOPInstanceUID = "2.25.77"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.78", "2.25.79"
    dataset.FrameOfReferenceUID = "2.25.80"
    dataset.Modality = "SM"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(dataset, name, "")
    for name in ("StudyDate", "StudyTime", "ReferringPhysicianName", "PositionReferenceIndicator"):
        setattr(dataset, name, "")
    dataset.ContainerIdentifier = "1"
    dataset.IssuerOfTheContainerIdentifierSequence = []
    dataset.ContainerTypeCodeSequence = []
    dataset.SpecimenDescriptionSequence = []
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = TILE_ROWS, TILE_COLUMNS, count
    dataset.TotalPixelMatrixRows, dataset.TotalPixelMatrixColumns = HEIGHT, WIDTH
    dataset.TotalPixelMatrixFocalPlanes, dataset.NumberOfOpticalPaths = planes, paths
    dataset.DimensionOrganizationType = "TILED_FULL"
    dataset.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = "1.5", "20"
    dataset.TotalPixelMatrixOriginSequence = [origin]
    dataset.OpticalPathSequence = [Dataset() for _ in range(paths)]
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.5], "1"
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes(count * TILE_ROWS * TILE_COLUMNS)
    return dataset


@cache
def segmentations() -> dict[str, Any]:
    """One of each kind, by name."""
    hd = pytest.importorskip("highdicom")
    rng = np.random.default_rng(6)
    codes = pydicom.sr.codedict.codes  # type: ignore[attr-defined]
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"organ {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in (1, 2)
    ]

    def built(source: Dataset, pixels: Any, kind: str, **options: Any) -> Any:
        names = ("maker", "model", "1", "1")
        return hd.seg.Segmentation(
            [source], pixels, kind, described, hd.UID(), 1, hd.UID(), 1, *names, **options
        )

    ct = pydicom.dcmread(wheel_file("CT_small.dcm"))
    labels = rng.integers(0, 3, (1, 128, 128)).astype(np.uint8)
    slide = tiled_full_slide(1, 1)
    matrix = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    matrix[0, 9:, 3:14] = 1
    matrix[0, 2:5, 20:] = 2
    tiled = {"tile_pixel_array": True, "tile_size": (TILE_ROWS, TILE_COLUMNS)}
    full, sparse = tiled | {"dimension_organization_type": "TILED_FULL"}, tiled | {"omit_empty_frames": True}
    return {
        "BINARY": built(ct, labels, "BINARY"),
        "FRACTIONAL": built(ct, rng.random((1, 128, 128, 2)).astype(np.float32), "FRACTIONAL"),
        "LABELMAP": built(ct, labels, "LABELMAP"),
        "TILED_SPARSE": built(slide, matrix, "BINARY", dimension_organization_type="TILED_SPARSE", **sparse),
        "TILED_FULL": built(slide, matrix, "BINARY", omit_empty_frames=False, **full),
        "TILED_LABELMAP": built(slide, matrix, "LABELMAP", omit_empty_frames=False, **full),
    }
