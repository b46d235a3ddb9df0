# SPDX-License-Identifier: Apache-2.0
"""One plane's pixels cut into Frames: a mask for each segment that is there, or the label map itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from framedeflate import engine
from framedeflate.errors import SegmentationError
from framedeflate.pydicom_plugin.segmentation.template import Template

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = ["PlaneCutter"]

_BYTE: Final = 255


class PlaneCutter:
    """Cuts planes into Frames.

    Attributes
    ----------
    overlap : bool
        Whether a pixel of any plane so far was in two segments.
    """

    def __init__(self, template: Template) -> None:
        self.overlap = False
        self._numbers = template.segment_numbers
        self._index = {number: index for index, number in enumerate(self._numbers)}
        self._image_pixel = template.image_pixel
        self._is_label_map = template.is_label_map
        self._greatest = max(self._numbers)
        self._are_counted = sorted(self._index) == list(range(1, len(self._numbers) + 1))

    def frames(self, plane: "NDArray[Any]", plane_number: int) -> "Iterator[tuple[int, Buffer]]":
        """Yield the Frames of a plane that are not empty: index of the segment (0 for a label map), native bytes.

        Parameters
        ----------
        plane : ndarray
            Segment numbers of shape (rows, columns), 0 for none; or, where segments overlap, 0 and 1 of shape (rows,
            columns, segments), in the order of the Segment Sequence.

        Raises
        ------
        SegmentationError
            kind ``plane`` | ``label``.
        """
        plane = np.asarray(plane)
        shape = self._image_pixel.frame_shape
        stack = (*shape, len(self._numbers))
        if plane.shape != shape and (plane.shape != stack or self._is_label_map):
            allowed = f"{shape}" if self._is_label_map else f"{shape} (segment numbers) or {stack} (masks)"
            _fail(
                f"its shape is {plane.shape}, and the template's planes are {allowed}", "plane", plane_number
            )
        if plane.dtype.kind not in "biu":
            _fail("its values are no whole numbers; give it as integers or bool", "plane", plane_number)
        if plane.dtype.kind == "b":
            plane = plane.view(np.uint8)
        if plane.ndim == 3:
            yield from self._masks(plane, plane_number)
        elif self._is_label_map:
            yield from self._label_map(plane, plane_number)
        else:
            yield from self._segments(plane, plane_number)

    def _masks(self, plane: "NDArray[Any]", plane_number: int) -> "Iterator[tuple[int, Buffer]]":
        if plane.max() > 1 or plane.min() < 0:
            _fail("masks of (rows, columns, segments) hold 0 and 1 alone", "plane", plane_number)
        if not self.overlap and len(self._numbers) > 1:
            self.overlap = bool((plane.sum(axis=2, dtype=np.intp) > 1).any())
        for index in range(plane.shape[2]):
            mask = np.ascontiguousarray(plane[:, :, index], np.uint8)
            if mask.any():
                yield index, self._packed(mask)

    def _segments(self, plane: "NDArray[Any]", plane_number: int) -> "Iterator[tuple[int, Buffer]]":
        labels, there = self._labels(plane, plane_number)
        for index, number in enumerate(self._numbers):
            if number in there:
                yield index, self._packed((labels == number).view(np.uint8))

    def _label_map(self, plane: "NDArray[Any]", plane_number: int) -> "Iterator[tuple[int, Buffer]]":
        labels, there = self._labels(plane, plane_number)
        if there:
            yield 0, labels.astype(f"<u{self._image_pixel.sample_nbytes}").tobytes()

    def _labels(self, plane: "NDArray[Any]", plane_number: int) -> "tuple[NDArray[Any], set[int]]":
        """Return a plane in as few bytes as it needs, and the segment numbers in it."""
        least, greatest = int(plane.min()), int(plane.max())
        if least < 0 or greatest > self._greatest:
            self._refuse_label(least if least < 0 else greatest, plane_number)
        if greatest <= _BYTE and self._are_counted:
            labels = np.ascontiguousarray(plane, np.uint8)
            native = labels.tobytes()
            # Looking for one byte after the other takes a fraction of the time that counting all of them does.
            return labels, {n for n in range(1, greatest + 1) if native.find(n) >= 0}
        labels = np.ascontiguousarray(plane, np.min_scalar_type(greatest))
        there = set(np.flatnonzero(np.bincount(labels.ravel().astype(np.intp))).tolist()) - {0}
        for number in there - self._index.keys():
            self._refuse_label(number, plane_number)
        return labels, there

    def _packed(self, mask: "NDArray[np.uint8]") -> "Buffer":
        return engine.pack_bits(mask, self._image_pixel.frame_nbits, 1)

    def _refuse_label(self, label: int, plane_number: int) -> NoReturn:
        _fail(
            f"the label {label} is no Segment Number of the template; describe it there, or make it 0",
            "label",
            plane_number,
        )


def _fail(message: str, kind: str, plane_number: int) -> NoReturn:
    raise SegmentationError(message, kind=kind, plane_number=plane_number)
