# SPDX-License-Identifier: Apache-2.0
"""A CT series, segmentations of it, and Segmentations that highdicom builds whole, to compare with."""

import copy
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from corpus import wheel_file

hd = pytest.importorskip("highdicom")
codes = pytest.importorskip("pydicom.sr.codedict").codes

SPACING = 2.5


def series(count: int, *, rows: int = 128, columns: int = 128) -> list[pydicom.Dataset]:
    """`count` slices of a CT, each above the one before."""
    first = pydicom.dcmread(wheel_file("CT_small.dcm"))
    first.Rows, first.Columns, first.SpacingBetweenSlices = rows, columns, SPACING
    first.PixelData = bytes(rows * columns * 2)
    slices: list[pydicom.Dataset] = []
    for index in range(count):
        image = copy.deepcopy(first)
        image.SOPInstanceUID = pydicom.uid.UID(f"1.2.3.4.{index + 1}")
        x, y, z = map(float, first.ImagePositionPatient)
        image.ImagePositionPatient = [x, y, z + SPACING * index]
        slices.append(image)
    return slices


def organs(count: int, *, rows: int = 128, columns: int = 128) -> NDArray[np.uint8]:
    """Labels 0 to 3 of `count` planes (6 at least): none in the last, none of 3 but in one."""
    labels = np.zeros((count, rows, columns), np.uint8)
    labels[1 : count - 1, rows // 6 : rows // 2, columns // 4 : columns // 2] = 1
    labels[2 : count - 2, rows // 2 : rows // 2 + 9, 3:-3] = 2
    labels[3, -5:, : columns // 3] = 3
    return labels


def described(number: int) -> Any:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"organ {number}",
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type="MANUAL",
    )


def built(
    images: list[pydicom.Dataset],
    pixels: NDArray[Any],
    kind: str = "BINARY",
    segments: int = 3,
    **options: Any,
) -> Any:
    """A Segmentation by highdicom."""
    descriptions = [described(number) for number in range(1, segments + 1)]
    return hd.seg.Segmentation(
        images,
        pixels,
        kind,
        descriptions,
        "1.2.3.9",
        7,
        hd.UID(),
        1,
        "maker",
        "model",
        "1",
        "2",
        **options,
    )
