# SPDX-License-Identifier: Apache-2.0
"""One small file of each kind that people have, native and deflated: what other tools are tried with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage, generate_uid

from corpus import wheel_file
from framedeflate import compress_file, decompress_file

__all__ = ["FORMS", "KINDS", "slide", "write_samples"]

FORMS = ("native", "deflated", "inflated")
"""Folders: as it was made, by `compress_file`, and from that by `decompress_file`."""

ROWS, COLUMNS = 35, 33  # 1155 bits: Frames start inside a byte
_RNG = np.random.default_rng(4)


def _slices() -> list[Dataset]:
    """A CT of six slices, made of a real one's attributes."""
    found: list[Dataset] = []
    frame_of_reference = generate_uid()
    for number in range(6):
        one = pydicom.dcmread(wheel_file("CT_small.dcm"))
        one.Rows, one.Columns, one.InstanceNumber = ROWS, COLUMNS, number + 1
        one.ImagePositionPatient = [0, 0, 2.5 * number]
        one.SliceLocation, one.SliceThickness = 2.5 * number, 2.5
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.FrameOfReferenceUID = frame_of_reference
        one.PixelData = _RNG.integers(-900, 1200, (ROWS, COLUMNS)).astype("<i2").tobytes()
        del one.DataSetTrailingPadding
        found.append(one)
    return found


def _segmentation(kind: str, dtype: str, numbers: tuple[int, int]) -> Dataset:
    slices = _slices()
    labels = np.zeros((len(slices), ROWS, COLUMNS), dtype)
    labels[1:5, 5:20, 4:15] = numbers[0]
    labels[2:6, 18:30, 12:31] = numbers[1]
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"organ {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in numbers
    ]
    found: Dataset = hd.seg.Segmentation(
        slices, labels, kind, segments, hd.UID(), 1, hd.UID(), 1, "maker", "model", "1", "1"
    )
    if kind == "BINARY":
        # highdicom 0.28 pads with the character 0, which GDCM shows among the pixels.
        used = -(-found.NumberOfFrames * ROWS * COLUMNS // 8)
        found.PixelData = found.PixelData[:used] + bytes(used % 2)
    return found


def _base(sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = dataset.PatientName = None
    dataset.PatientID, dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", "1", 1, 1
    dataset.ReferringPhysicianName = None
    return dataset


def _put_rgb(dataset: Dataset, pixels: np.ndarray[Any, Any]) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.Rows, dataset.Columns = pixels.shape[-3:-1]
    value = pixels.tobytes()
    dataset.add_new(0x7FE00010, "OB", value + bytes(len(value) % 2))


def _rgb() -> Dataset:
    dataset = _base("1.2.840.10008.5.1.4.1.1.7")
    dataset.Modality, dataset.ConversionType = "OT", "WSD"
    _put_rgb(dataset, _RNG.integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8))
    return dataset


def slide() -> Dataset:
    """A level of a whole slide image: TILED_FULL, 3 by 2 tiles."""
    dataset = _base(VLWholeSlideMicroscopyImageStorage)
    dataset.Modality, dataset.ImageType = "SM", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.DimensionOrganizationType, dataset.VolumetricProperties = "TILED_FULL", "VOLUME"
    dataset.FocusMethod, dataset.ExtendedDepthOfField = "AUTO", "NO"
    dataset.ContainerIdentifier, dataset.AcquisitionDateTime = "1", "20200101000000"
    dataset.TotalPixelMatrixRows, dataset.TotalPixelMatrixColumns = 64, 96
    dataset.ImagedVolumeWidth, dataset.ImagedVolumeHeight, dataset.ImagedVolumeDepth = 0.096, 0.064, 0.001
    dataset.NumberOfOpticalPaths, dataset.TotalPixelMatrixFocalPlanes = 1, 1
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    dataset.SpecimenLabelInImage, dataset.ImageOrientationSlide = "NO", [0, 1, 0, 1, 0, 0]
    origin, path = Dataset(), Dataset()
    origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0
    dataset.TotalPixelMatrixOriginSequence = Sequence([origin])
    path.OpticalPathIdentifier = "1"
    dataset.OpticalPathSequence = Sequence([path])
    groups, measures = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.001, 0.001], 0.001
    groups.PixelMeasuresSequence = Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = Sequence([groups])
    dataset.NumberOfFrames = 6
    _put_rgb(dataset, _RNG.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8))
    return dataset


KINDS: dict[str, Callable[[], list[Dataset]]] = {
    "1-bit SEG": lambda: [_segmentation("BINARY", "u1", (1, 2))],
    "label map 8": lambda: [_segmentation("LABELMAP", "u1", (1, 2))],
    "label map 16": lambda: [_segmentation("LABELMAP", "u2", (1, 300))],
    "CT": _slices,
    "RGB": lambda: [_rgb()],
    "slide": lambda: [slide()],
}


def write_samples(folder: Path) -> dict[str, dict[str, Path]]:
    """Write all kinds in all forms, each in a folder, and return the path of the first file by kind and form."""
    paths: dict[str, dict[str, Path]] = {}
    for kind, make in KINDS.items():
        for number, dataset in enumerate(make()):
            names = {form: folder / form / kind.replace(" ", "_") / f"{number}.dcm" for form in FORMS}
            for path in names.values():
                path.parent.mkdir(parents=True, exist_ok=True)
            dataset.save_as(names["native"], enforce_file_format=True)
            compress_file(names["native"], names["deflated"])
            decompress_file(names["deflated"], names["inflated"])
            paths.setdefault(kind, names)
    return paths
