# SPDX-License-Identifier: Apache-2.0
"""Which images the Frames were made from: in each Frame's Derivation Image group, and for the whole instance."""

import copy
from typing import Final, NoReturn

import numpy as np
from pydicom.dataset import Dataset

from framedeflate.data_set.element import replace_elements
from framedeflate.errors import SegmentationError
from framedeflate.pydicom_plugin.segmentation.encoded import element, encode, item, sequence
from framedeflate.pydicom_plugin.segmentation.template import DERIVATION_IMAGE, Template

__all__ = ["References"]

_SOURCE_IMAGE: Final = 0x00082112
_REFERENCED_SERIES: Final = 0x00081115
_REFERENCED_INSTANCE: Final = 0x0008114A
_SOP_CLASS_UID: Final = 0x00081150
_SOP_INSTANCE_UID: Final = 0x00081155
_SERIES_INSTANCE_UID: Final = 0x0020000E
_TOLERANCE: Final = 1e-4


class References:
    """The source images of a Segmentation, one for each plane. Those that the template refers to stay."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._derivation, self._source = _patterns(template)
        self._known: set[str] = set()
        self._images = bytearray()
        self._series: dict[str, bytearray] = {}
        for image in template.data_set.get("SourceImageSequence", None) or ():
            self._known.add(str(image.ReferencedSOPInstanceUID))
            self._images += item(encode(image, template.character_set))
        for series in template.data_set.get("ReferencedSeriesSequence", None) or ():
            instances = self._series.setdefault(str(series.SeriesInstanceUID), bytearray())
            for instance in series.get("ReferencedInstanceSequence", None) or ():
                instances += item(encode(instance, template.character_set))

    @staticmethod
    def none() -> bytes:
        """Return the Derivation Image group of a plane whose source is not told; it may be empty (Type 2)."""
        return sequence(DERIVATION_IMAGE, ())

    def add(self, source: Dataset, plane_number: int) -> bytes:
        """Note the source image of the next plane; return its Derivation Image group.

        Raises
        ------
        SegmentationError
            kind ``source-image``: it lacks an attribute, or its pixels are not where the plane's are.
        """
        try:
            return self._add(source, plane_number)
        except SegmentationError:
            raise
        except (AttributeError, TypeError, ValueError):
            _fail(
                "the source image is no Dataset of an image, or its attributes cannot be read", plane_number
            )

    def _add(self, source: Dataset, plane_number: int) -> bytes:
        self._check(source, plane_number)
        uid = str(source.SOPInstanceUID)
        reference = {
            _SOP_CLASS_UID: (b"UI", str(source.SOPClassUID).encode("ascii")),
            _SOP_INSTANCE_UID: (b"UI", uid.encode("ascii")),
        }
        if uid not in self._known:
            self._known.add(uid)
            entry = item(b"".join(element(tag, *value) for tag, value in reference.items()))
            self._images += entry
            self._series.setdefault(str(source.SeriesInstanceUID), bytearray()).extend(entry)
        source_image = item(replace_elements(self._source, reference))
        return sequence(
            DERIVATION_IMAGE, [replace_elements(self._derivation, {_SOURCE_IMAGE: (b"SQ", source_image)})]
        )

    def elements(self) -> dict[int, tuple[bytes, bytes]]:
        """Return VR and value of the elements that refer to all source images, by tag (PS3.3 C.12.2, C.8.20.2)."""
        if not self._images:
            return {}
        series = b"".join(
            item(
                element(_REFERENCED_INSTANCE, b"SQ", bytes(instances))
                + element(_SERIES_INSTANCE_UID, b"UI", uid.encode("ascii"))
            )
            for uid, instances in self._series.items()
        )
        return {_SOURCE_IMAGE: (b"SQ", bytes(self._images)), _REFERENCED_SERIES: (b"SQ", series)}

    def _check(self, source: Dataset, plane_number: int) -> None:
        needed = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "ImagePositionPatient")
        missing = [name for name in needed if source.get(name, None) in (None, "")]
        if missing:
            _fail(f"the source image has no {' and no '.join(missing)}", plane_number)
        for name in ("StudyInstanceUID", "FrameOfReferenceUID"):
            if source.get(name, None) != self._template.data_set.get(name, None):
                _fail(f"the source image has another {name} than the template", plane_number)
        if (source.get("Rows"), source.get("Columns")) != self._template.image_pixel.frame_shape:
            _fail("the source image has other Rows or Columns than the template", plane_number)
        for group, name in (
            ("PlaneOrientationSequence", "ImageOrientationPatient"),
            ("PixelMeasuresSequence", "PixelSpacing"),
        ):
            expected = np.array(self._template.shared_value(group, name), np.float64)
            found = np.array(source.get(name, None) or (), np.float64)
            if found.shape != expected.shape or not np.allclose(found, expected, _TOLERANCE, _TOLERANCE):
                _fail(f"the source image has another {name} than the template", plane_number)


def _fail(message: str, plane_number: int) -> NoReturn:
    raise SegmentationError(
        f"{message}; where planes do not lie on source images, give positions instead",
        kind="source-image",
        plane_number=plane_number,
    ) from None  # messages of pydicom hold values


def _patterns(template: Template) -> tuple[bytes, bytes]:
    """Return the Item of a Derivation Image Sequence, without its sources, and that of a source, without its UIDs."""
    derivation, source = Dataset(), Dataset()
    if template.derivation is not None:
        derivation = copy.deepcopy(template.derivation)
        source = next(iter(derivation.get("SourceImageSequence", None) or ()), source)
        # True of the template's own source alone.
        for attribute in ("ReferencedFrameNumber", "ReferencedSegmentNumber"):
            if attribute in source:
                del source[attribute]
    if "DerivationCodeSequence" not in derivation:
        derivation.DerivationCodeSequence = [_code("113076", "Segmentation")]
    if "PurposeOfReferenceCodeSequence" not in source:
        source.PurposeOfReferenceCodeSequence = [
            _code("121322", "Source Image for Image Processing Operation")
        ]
    # What `_check` makes sure of.
    source.SpatialLocationsPreserved = "YES"
    derivation.SourceImageSequence = []
    return encode(derivation, template.character_set), encode(source, template.character_set)


def _code(value: str, meaning: str) -> Dataset:
    """Return a concept of PS3.16 Annex D."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
