# SPDX-License-Identifier: Apache-2.0
"""Where planes are: in the patient, or as tiles of a slide; each place is given once, and decides the Frames' order."""

import copy
import math
import struct
from array import array
from collections.abc import Iterable
from typing import Any, Final, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from framedeflate.errors import SegmentationError
from framedeflate.pydicom_plugin.segmentation.encoded import element, sequence
from framedeflate.pydicom_plugin.segmentation.template import (
    COLUMN,
    OFFSETS,
    PLANE_POSITION,
    PLANE_POSITION_SLIDE,
    POSITION,
    ROW,
    Template,
)

__all__ = ["PatientPlaces", "Places", "TilePlaces", "places_of"]

_SPACING_TOLERANCE: Final = 0.01
"""Part of the spacing by which planes of a regular stack may be out of place: what highdicom allows."""
_DIGITS: Final = 6
"""Places are the same where they differ by less than a nanometre, whatever computed them."""


class Places(Protocol):
    """The places of the planes so far."""

    def add(self, position: Iterable[float], plane_number: int) -> bytes:
        """Note where the next plane is; return its Plane Position group.

        Raises
        ------
        SegmentationError
            kind ``position``: no such place, or one that another plane has.
        """
        ...

    def along(self, pointer: int) -> NDArray[np.float64]:
        """Return what planes are sorted by for a Dimension Index Pointer; shape (planes,)."""
        ...

    def attributes(self, included: NDArray[np.intp]) -> dict[str, Any]:
        """Return what all planes together say of the whole image, by keyword; None for what is not true of it.

        Parameters
        ----------
        included : ndarray of int
            Indices of the planes that have a Frame.
        """
        ...


def places_of(template: Template) -> Places:
    """Return where to note the planes of a Segmentation like `template`."""
    return TilePlaces(template) if template.is_tiled else PatientPlaces(template)


class PatientPlaces:
    """Planes by their Image Position (Patient) (PS3.3 C.7.6.16.2.3), sorted along the normal of the stack."""

    def __init__(self, template: Template) -> None:
        orientation = template.shared_value("PlaneOrientationSequence", "ImageOrientationPatient")
        rows, columns = np.array(orientation, np.float64).reshape(2, 3)
        # Which of both ways is up, the standard leaves open; this is the way of highdicom.
        self._normal = np.cross(columns, rows)
        self._template = template
        self._positions = array("d")
        self._taken: dict[float, int] = {}

    def add(self, position: Iterable[float], plane_number: int) -> bytes:
        """As `Places.add`, for three coordinates in mm."""
        values = _numbers(position, 3, "Image Position (Patient): x, y and z in mm", plane_number)
        distance = round(float(self._normal @ values), _DIGITS)
        _take(self._taken, distance, plane_number, "its distance along the normal of the stack")
        self._positions.extend(values)
        return sequence(PLANE_POSITION, [_decimals(POSITION, values)])

    def along(self, pointer: int) -> NDArray[np.float64]:  # noqa: ARG002 - there is one
        """As `Places.along`."""
        return self._distances(self._array())

    def attributes(self, included: NDArray[np.intp]) -> dict[str, Any]:
        """As `Places.attributes`: the spacing, and whether Frames are a volume."""
        positions = self._array()
        is_one_frame_a_plane = self._template.is_label_map or len(self._template.segment_numbers) == 1
        found: dict[str, Any] = {}
        if is_one_frame_a_plane and len(included) > 1 and self._spacing(positions[included]) is not None:
            found["DimensionOrganizationType"] = "3D"
        elif self._template.data_set.get("DimensionOrganizationType", None) == "3D":
            # It was true of the template's Frames.
            found["DimensionOrganizationType"] = None
        if len(positions) < 2:
            return found
        groups = copy.deepcopy(self._template.shared)
        measures = (groups.get("PixelMeasuresSequence", None) or [None])[0]
        if measures is not None:
            _tell_spacing(measures, self._spacing(positions))
        found["SharedFunctionalGroupsSequence"] = [groups]
        return found

    def _array(self) -> NDArray[np.float64]:
        return np.array(self._positions, np.float64).reshape(-1, 3)

    def _distances(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        distances: NDArray[np.float64] = positions @ self._normal
        return distances

    def _spacing(self, positions: NDArray[np.float64]) -> float | None:
        """Return the distance between planes, or None where they are no regular upright stack."""
        positions = positions[np.argsort(self._distances(positions))]
        span = positions[-1] - positions[0]
        spacing = float(self._distances(span[None])[0]) / (len(positions) - 1)
        steps = positions[0] + np.arange(len(positions))[:, None] * (spacing * self._normal)
        is_regular = np.linalg.norm(positions - steps, axis=1).max() <= _SPACING_TOLERANCE * spacing
        return spacing if is_regular else None


class TilePlaces:
    """Planes as tiles, by the row and the column of their first pixel in the total pixel matrix, from 1.

    What Plane Position (Slide) says besides (PS3.3 C.8.12.6.1), follows from the origin of that matrix.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        orientation = template.data_set.get("ImageOrientationSlide", None)
        origin = next(iter(template.data_set.get("TotalPixelMatrixOriginSequence", None) or ()), None)
        if orientation is None or origin is None:
            raise SegmentationError(
                "the template cannot be used: its tiles have no place without Image Orientation (Slide) and Total "
                "Pixel Matrix Origin Sequence",
                kind="template",
            )
        spacing = np.array(template.shared_value("PixelMeasuresSequence", "PixelSpacing"), np.float64)
        along_row, along_column = np.array(orientation, np.float64).reshape(2, 3)
        # Pixel Spacing has the distance between rows first (PS3.3 10.7.1.3).
        self._steps = np.stack([along_column * spacing[0], along_row * spacing[1]])
        self._origin = np.array(
            [float(origin.get(f"{axis}OffsetInSlideCoordinateSystem", None) or 0) for axis in "XYZ"]
        )
        self._positions = array("q")
        self._taken: dict[tuple[int, int], int] = {}

    def add(self, position: Iterable[float], plane_number: int) -> bytes:
        """As `Places.add`, for a row and a column."""
        values = _numbers(position, 2, "a tile: row and column in the total pixel matrix", plane_number)
        row, column = map(int, values)
        if (row, column) != tuple(values) or not (1 <= row < 2**31 and 1 <= column < 2**31):
            _fail("row and column of a tile are whole numbers from 1 on", plane_number)
        _take(self._taken, (row, column), plane_number, "its row and column")
        self._positions.extend((row, column))
        offsets = self._offsets(np.array([[row, column]]))[0]
        return sequence(
            PLANE_POSITION_SLIDE,
            [
                b"".join(_decimals(tag, [offset]) for tag, offset in zip(OFFSETS, offsets, strict=True))
                + element(COLUMN, b"SL", struct.pack("<i", column))
                + element(ROW, b"SL", struct.pack("<i", row))
            ],
        )

    def along(self, pointer: int) -> NDArray[np.float64]:
        """As `Places.along`."""
        if pointer in OFFSETS:
            found: NDArray[np.float64] = self._offsets(self._array())[:, OFFSETS.index(pointer)].round(
                _DIGITS
            )
            return found
        return self._array()[:, 0 if pointer == ROW else 1].astype(np.float64)

    def attributes(self, included: NDArray[np.intp]) -> dict[str, Any]:  # noqa: ARG002 - of all
        """As `Places.attributes`: the total pixel matrix reaches to its last tile at least."""
        rows, columns = self._array().max(axis=0)
        image_pixel, data_set = self._template.image_pixel, self._template.data_set
        return {
            "TotalPixelMatrixRows": max(
                int(rows) + image_pixel.rows - 1, int(data_set.get("TotalPixelMatrixRows", None) or 0)
            ),
            "TotalPixelMatrixColumns": max(
                int(columns) + image_pixel.columns - 1,
                int(data_set.get("TotalPixelMatrixColumns", None) or 0),
            ),
        }

    def _offsets(self, tiles: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return where tiles are on the slide in mm; shape (tiles, 3)."""
        offsets: NDArray[np.float64] = self._origin + (tiles - 1) @ self._steps
        return offsets

    def _array(self) -> NDArray[np.int64]:
        return np.array(self._positions, np.int64).reshape(-1, 2)


def _tell_spacing(measures: Dataset, spacing: float | None) -> None:
    """Make Spacing Between Slices true of the planes: a template of one plane may say any."""
    said = measures.get("SpacingBetweenSlices", None)
    if spacing is None:
        if said is not None:
            del measures.SpacingBetweenSlices
    elif said is None or abs(float(said) - spacing) > _SPACING_TOLERANCE * spacing:
        measures.SpacingBetweenSlices = format_number_as_ds(spacing)


def _fail(message: str, plane_number: int) -> NoReturn:
    raise SegmentationError(message, kind="position", plane_number=plane_number)


def _numbers(position: Iterable[float], count: int, what: str, plane_number: int) -> list[float]:
    try:
        values = [float(value) for value in position]
    except (TypeError, ValueError):
        values = []
    if len(values) != count or not all(map(math.isfinite, values)):
        _fail(f"a position is {what}", plane_number)
    return values


def _take(taken: dict[Any, int], place: Any, plane_number: int, what: str) -> None:
    other = taken.setdefault(place, plane_number)
    if other != plane_number:
        _fail(f"{what} is that of plane {other}; give each position once", plane_number)


def _decimals(tag: int, values: Iterable[float]) -> bytes:
    text = "\\".join(format_number_as_ds(float(value)) for value in values)
    return element(tag, b"DS", text.encode("ascii"))
