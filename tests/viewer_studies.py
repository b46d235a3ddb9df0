# SPDX-License-Identifier: Apache-2.0
"""Studies of our own making for the viewer: a CT phantom with segmentations, a slide with tiles; and their pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import framedeflate

SLICES, SIZE = 12, 96
NAMES = ("body", "lung", "spine")
# Recommended Display CIELab Values: unsigned shorts of L*, a*, b* (PS3.3 C.10.7.1.1).
LABS = ((45000, 45000, 48000), (40000, 28000, 20000), (56000, 33000, 56000))
TILE, ACROSS = 64, 16
MATRIX = TILE * ACROSS
JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"
CT, SEG = "2.25.1001", "2.25.1002"
FRACTIONAL, LABELMAP = "2.25.1003", "2.25.1004"
PATIENT_STUDY, SLIDE_STUDY = "2.25.1000", "2.25.2000"
SLIDE, SLIDE_SEG, SLIDE_SPARSE = "2.25.2001", "2.25.2002", "2.25.2003"


def _meta(dataset: Dataset) -> Dataset:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def phantom() -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Hounsfield units of a body with lungs and a spine, and the labels 1, 2, 3: (SLICES, SIZE, SIZE) each."""
    z, y, x = np.mgrid[0:SLICES, 0:SIZE, 0:SIZE].astype(np.float64)
    y, x = (y - SIZE / 2) / (SIZE / 2), (x - SIZE / 2) / (SIZE / 2)
    narrow = 1 - 0.25 * np.abs(z - SLICES / 2) / SLICES
    body = (x / (0.82 * narrow)) ** 2 + (y / (0.6 * narrow)) ** 2 < 1
    lung = np.zeros_like(body)
    for side in (-1, 1):
        lung |= ((x - side * 0.36) / (0.24 * narrow)) ** 2 + ((y + 0.06) / (0.38 * narrow)) ** 2 < 1
    lung &= z > 1
    spine = (x / 0.11) ** 2 + ((y - 0.36) / 0.12) ** 2 < 1
    labels = np.zeros(body.shape, np.uint8)
    for number, part in enumerate((body, lung, spine), start=1):
        labels[part] = number
    labels[0] = 0
    noise = np.random.default_rng(7).normal(0, 18, body.shape)
    units = np.choose(labels, [-1000.0, 45.0, -780.0, 420.0]) + np.where(body, noise, noise / 4)
    units[0][body[0]] = 45
    return units.astype(np.int16), labels


def ct_series(units: NDArray[np.int16]) -> list[Dataset]:
    """One instance a slice, 2.5 mm apart, pixels of 1.5 mm; the slices' numbers run against their places."""
    series = []
    for index, slice_units in enumerate(units):
        dataset = Dataset()
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{CT}.{index + 1}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = PATIENT_STUDY, CT
        dataset.FrameOfReferenceUID = "2.25.1009"
        dataset.PatientName, dataset.PatientID = JAPANESE, "PH-0001"
        dataset.PatientBirthDate, dataset.PatientSex = "19700131", "O"
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20261030", "091500", "1"
        dataset.StudyDescription, dataset.SeriesDescription = "Thorax phantom", "CT 2.5 mm"
        dataset.AccessionNumber, dataset.ReferringPhysicianName = "A-17", ""
        dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PositionReferenceIndicator = ""
        dataset.SeriesNumber, dataset.InstanceNumber = 2, SLICES - index
        dataset.ImagePositionPatient = [-72.0, -72.0, 100 + 2.5 * index]
        dataset.ImageOrientationPatient, dataset.PixelSpacing = [1, 0, 0, 0, 1, 0], [1.5, 1.5]
        dataset.SliceThickness = 2.5
        dataset.Rows = dataset.Columns = SIZE
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = (
            16,
            12,
            11,
            0,
        )
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
        dataset.PixelData = (slice_units + 1024).clip(0, 4095).astype("<u2").tobytes()
        series.append(_meta(dataset))
    return series


def slide() -> tuple[Dataset, NDArray[np.uint8]]:
    """A whole slide image in 16 x 16 tiles, TILED_FULL, and its Total Pixel Matrix (MATRIX, MATRIX, 3)."""
    y, x = np.mgrid[0:MATRIX, 0:MATRIX]
    waves = np.sin(x / 37) + np.sin(y / 53) + np.sin((x + y) / 71)
    cells = ((x % 24 - 12) ** 2 + (y % 24 - 12) ** 2 < 30) & (waves > 0)
    matrix = np.stack(
        [240 - 30 * (waves > -1), 225 - 70 * (waves > -1) - 8 * (x % 3), 236 - 25 * (waves > -1)], -1
    )
    matrix[cells] = (96, 60, 140)
    matrix[:, ::TILE, 1] -= 12
    pixels = matrix.clip(0, 255).astype(np.uint8)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", f"{SLIDE}.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = SLIDE_STUDY, SLIDE
    dataset.FrameOfReferenceUID = "2.25.2009"
    dataset.PatientName, dataset.PatientID = "Müller^Jörg^^Dr.", "PH-0002"
    dataset.PatientBirthDate, dataset.PatientSex = "19610502", "M"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20261101", "143000", "2"
    dataset.StudyDescription, dataset.SeriesDescription = "Synthetic tissue", "Slide"
    for name in ("AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"):
        setattr(dataset, name, "")
    dataset.Modality, dataset.ImageType = "SM", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.ContainerIdentifier, dataset.IssuerOfTheContainerIdentifierSequence = "1", []
    dataset.ContainerTypeCodeSequence, dataset.SpecimenDescriptionSequence = [], []
    dataset.Rows = dataset.Columns = TILE
    dataset.NumberOfFrames = ACROSS * ACROSS
    dataset.TotalPixelMatrixRows = dataset.TotalPixelMatrixColumns = MATRIX
    dataset.TotalPixelMatrixFocalPlanes, dataset.NumberOfOpticalPaths = 1, 1
    dataset.DimensionOrganizationType = "TILED_FULL"
    dataset.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = "20", "40"
    dataset.TotalPixelMatrixOriginSequence = [origin]
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    dataset.OpticalPathSequence = [path]
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.001, 0.001], "0.001"
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    tiles = pixels.reshape(ACROSS, TILE, ACROSS, TILE, 3).swapaxes(1, 2)
    dataset.PixelData = tiles.tobytes()
    return _meta(dataset), pixels


def slide_labels() -> NDArray[np.uint8]:
    """Labels 1 and 2 in the matrix: a disc, and a ring around it; (MATRIX, MATRIX)."""
    y, x = np.mgrid[0:MATRIX, 0:MATRIX]
    radius = np.hypot(x - 420, y - 560)
    return np.where(radius < 180, 1, np.where((radius > 240) & (radius < 330), 2, 0)).astype(np.uint8)


def segmentation(
    sources: Sequence[Dataset], pixels: NDArray[Any], kind: str, series: str, number: int, **options: Any
) -> Dataset:
    """A Segmentation by highdicom, its segments named and coloured as NAMES and LABS."""
    hd = pytest.importorskip("highdicom")
    codes = pydicom.sr.codedict.codes  # type: ignore[attr-defined]
    labels = options.pop("labels", NAMES)
    described = [
        hd.seg.SegmentDescription(
            segment_number=index,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Lung if label == "lung" else codes.SCT.Tissue,
            algorithm_type="MANUAL",
            display_color=hd.color.CIELabColor(*_lab(LABS[index - 1])),
        )
        for index, label in enumerate(labels, start=1)
    ]
    names = ("maker", "model", "1", "1")
    options["specific_character_set"] = "ISO_IR 192"
    made = hd.seg.Segmentation(
        list(sources), pixels, kind, described, series, number, f"{series}.1", 1, *names, **options
    )
    # highdicom takes the source's own element, and would encode it by the source's character set, or spoil it there.
    name = str(sources[0].PatientName)
    del made.PatientName
    made.PatientName = name
    made.SeriesDescription = f"{kind.title()} segments"
    for item, lab in zip(made.SegmentSequence[-len(labels) :], LABS, strict=False):
        item.RecommendedDisplayCIELabValue = list(lab)
    return made  # type: ignore[no-any-return]


def _lab(shorts: tuple[int, ...]) -> tuple[float, ...]:
    light, *others = shorts
    return (light / 65535 * 100, *(one / 65535 * 255 - 128 for one in others))


def write_studies(folder: Path) -> Path:
    """Write both studies: sources as they are, Segmentations deflated; return the folder."""
    units, labels = phantom()
    series = ct_series(units)
    stack = (labels[..., None] == np.arange(1, 4)).astype(np.uint8)
    weights = stack[2:8] * np.linspace(0.2, 1, SIZE)[:, None, None]
    made = [
        segmentation(series, stack, "BINARY", SEG, 3),
        segmentation(series[2:8], weights, "FRACTIONAL", FRACTIONAL, 4, max_fractional_value=200),
        segmentation(series, labels, "LABELMAP", LABELMAP, 5),
    ]
    image, _ = slide()
    tiled: dict[str, Any] = {
        "tile_pixel_array": True,
        "tile_size": (TILE, TILE),
        "labels": ("tumour", "margin"),
    }
    matrix = slide_labels()[None]
    full = {"dimension_organization_type": "TILED_FULL", "omit_empty_frames": False}
    sparse = {"dimension_organization_type": "TILED_SPARSE"}
    made += [
        segmentation([image], matrix, "LABELMAP", SLIDE_SEG, 2, **tiled, **full),
        segmentation([image], matrix, "BINARY", SLIDE_SPARSE, 3, **tiled, **sparse),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in made:
        native = folder / f"{dataset.SOPInstanceUID}.native"
        dataset.save_as(native, enforce_file_format=True)
        framedeflate.compress_file(native, native.with_suffix(".dcm"))
        native.unlink()
    for dataset in (*series, image):
        dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    return folder
