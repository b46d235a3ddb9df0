# SPDX-License-Identifier: Apache-2.0
"""What a template says of the Segmentation to write: a Dataset with one Frame or more and all segment descriptions."""

from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from framedeflate.errors import ImagePixelError, SegmentationError
from framedeflate.image_pixel import ImagePixel
from framedeflate.pydicom_plugin.segmentation.encoded import encode
from framedeflate.pydicom_plugin.segmentation.file_parts import encode_around, shadow_of

__all__ = [
    "COLUMN",
    "DERIVATION_IMAGE",
    "FRAME_CONTENT",
    "OFFSETS",
    "PLANE_POSITION",
    "PLANE_POSITION_SLIDE",
    "POSITION",
    "ROW",
    "SEGMENT",
    "SEGMENT_IDENTIFICATION",
    "Template",
]

DERIVATION_IMAGE: Final = 0x00089124
FRAME_CONTENT: Final = 0x00209111
PLANE_POSITION: Final = 0x00209113
PLANE_POSITION_SLIDE: Final = 0x0048021A
SEGMENT_IDENTIFICATION: Final = 0x0062000A
_OWN_GROUPS: Final = (
    DERIVATION_IMAGE,
    FRAME_CONTENT,
    PLANE_POSITION,
    PLANE_POSITION_SLIDE,
    SEGMENT_IDENTIFICATION,
)
"""Functional groups that are each Frame's own; the template's others are true of every Frame (PS3.3 C.7.6.16)."""

SEGMENT: Final = 0x0062000B
POSITION: Final = 0x00200032
COLUMN: Final = 0x0048021E
ROW: Final = 0x0048021F
OFFSETS: Final = (0x0040072A, 0x0040073A, 0x0040074A)
"""Dimension Index Pointers: Referenced Segment Number, Image Position (Patient), a tile's place in its matrix, and on
the slide (X, Y and Z Offset in Slide Coordinate System)."""


@dataclass(frozen=True, slots=True)
class Template:
    """A Segmentation to pattern another one on.

    Attributes
    ----------
    data_set : Dataset
        Its attributes, those left out that are made anew.
    image_pixel : ImagePixel
        Describes a Frame.
    segment_numbers : tuple of int
        In the order of the Segment Sequence.
    is_label_map : bool
        Whether a Frame holds all segments.
    is_segment_shared : bool
        Whether the Shared Functional Groups say which segment all Frames are of.
    pointers : tuple of int
        Dimension Index Pointers (PS3.3 C.7.6.17): what each Dimension Index Value is an index of.
    groups : dict of int to bytes
        Functional groups that each Frame's Item gets as they are, by tag.
    derivation : Dataset or None
        Item of the first Frame's Derivation Image Sequence.
    """

    data_set: Dataset
    image_pixel: ImagePixel
    segment_numbers: tuple[int, ...]
    is_label_map: bool
    is_segment_shared: bool
    pointers: tuple[int, ...]
    groups: dict[int, bytes]
    derivation: Dataset | None

    @classmethod
    def of(cls, template: Dataset, sop_instance_uid: str) -> Self:
        """Return what a Dataset says, and prove that it can be written.

        Raises
        ------
        SegmentationError
            kind ``template``.
        """
        if template.original_encoding[1] is False:
            _refuse("it was read from Big Endian; write it in Little Endian first")
        kind = str(template.get("SegmentationType", ""))
        if kind not in {"BINARY", "LABELMAP"}:
            _refuse(
                "its Segmentation Type is neither BINARY nor LABELMAP; build other ones whole and write them with "
                "save_deflated"
            )
        is_label_map = kind == "LABELMAP"
        image_pixel = _image_pixel(template, is_label_map=is_label_map)
        shared, first = _functional_groups(template)
        numbers = tuple(int(segment.SegmentNumber) for segment in template.get("SegmentSequence", None) or ())
        if not numbers or len(set(numbers)) != len(numbers):
            _refuse(
                "its Segment Sequence is empty, or describes a Segment Number twice; describe each segment once"
            )
        is_shared = SEGMENT_IDENTIFICATION in shared
        if is_shared and len(numbers) > 1:
            _refuse(
                "its Shared Functional Groups say that all Frames are of one segment, but it describes several; "
                "describe all segments when it is built"
            )
        found = cls(
            data_set=shadow_of(template, sop_instance_uid),
            image_pixel=image_pixel,
            segment_numbers=numbers,
            is_label_map=is_label_map,
            is_segment_shared=is_shared,
            pointers=_pointers(template, is_label_map=is_label_map, segments=len(numbers)),
            groups={},
            derivation=next(iter(first.get("DerivationImageSequence", None) or ()), None),
        )
        for group in first:
            if group.tag not in _OWN_GROUPS:
                lone = Dataset()
                lone.add(group)
                found.groups[int(group.tag)] = encode(lone, found.character_set)
        encode_around(found.data_set, {})
        return found

    @property
    def character_set(self) -> Any:
        """Specific Character Set of its texts."""
        return self.data_set.get("SpecificCharacterSet", None) or "ISO_IR 6"

    @property
    def is_tiled(self) -> bool:
        """Whether Frames are tiles of a slide's total pixel matrix."""
        return POSITION not in self.pointers

    @property
    def plane_position(self) -> int:
        """Tag of the functional group that says where a plane is."""
        return PLANE_POSITION_SLIDE if self.is_tiled else PLANE_POSITION

    @property
    def shared(self) -> Dataset:
        """The Item of the Shared Functional Groups Sequence."""
        groups: Dataset = self.data_set.SharedFunctionalGroupsSequence[0]
        return groups

    def shared_value(self, group: str, attribute: str) -> Any:
        """Return the value of an attribute of a functional group that all Frames share.

        Raises
        ------
        SegmentationError
            kind ``template``: there is none.
        """
        value = next((found.get(attribute) for found in self.shared.get(group, None) or ()), None)
        if value is None:
            _refuse(f"its Shared Functional Groups do not say {attribute}; all planes must share it")
        return value


def _refuse(why: str) -> NoReturn:
    raise SegmentationError(f"the template cannot be used: {why}", kind="template")


def _image_pixel(template: Dataset, *, is_label_map: bool) -> ImagePixel:
    try:
        image_pixel = ImagePixel(
            rows=template.get("Rows"),
            columns=template.get("Columns"),
            bits_allocated=template.get("BitsAllocated"),
            samples_per_pixel=template.get("SamplesPerPixel"),
            photometric_interpretation=str(template.get("PhotometricInterpretation", "")),
        )
    except ImagePixelError as error:
        raise SegmentationError(f"the template cannot be used: {error}", kind="template") from error
    if image_pixel.samples_per_pixel != 1 or image_pixel.bits_allocated not in (
        (8, 16) if is_label_map else (1,)
    ):
        _refuse(
            "Bits Allocated or Samples per Pixel are not those of its Segmentation Type (PS3.3 C.8.20.2.1): 1 bit for "
            "BINARY, 8 or 16 for LABELMAP, one sample"
        )
    return image_pixel


def _functional_groups(template: Dataset) -> tuple[Dataset, Dataset]:
    shared = template.get("SharedFunctionalGroupsSequence", None)
    per_frame = template.get("PerFrameFunctionalGroupsSequence", None)
    if not shared or not per_frame:
        _refuse(
            "it needs Shared and Per-Frame Functional Groups, with an Item for one Frame at least; TILED_FULL has "
            "none: build it as TILED_SPARSE"
        )
    return shared[0], per_frame[0]


def _pointers(template: Dataset, *, is_label_map: bool, segments: int) -> tuple[int, ...]:
    sequence = template.get("DimensionIndexSequence", None) or ()
    pointers = tuple(int(index.DimensionIndexPointer) for index in sequence)
    places = set(pointers) - {SEGMENT}
    is_indexed = SEGMENT in pointers
    if (
        places - set(OFFSETS) not in ({POSITION}, {ROW, COLUMN})
        or (POSITION in places and len(places) > 1)
        or len(places) + is_indexed != len(pointers)
        or (is_indexed and is_label_map)
        or (segments > 1 and not is_indexed and not is_label_map)
    ):
        names = ", ".join(keyword_for_tag(pointer) or f"{pointer:08X}" for pointer in pointers) or "nothing"
        _refuse(
            f"its Dimension Index Sequence organizes Frames by {names}; what can be written is organized by "
            "ReferencedSegmentNumber (not for LABELMAP) and ImagePositionPatient, or for tiles by "
            "RowPositionInTotalImagePixelMatrix and ColumnPositionInTotalImagePixelMatrix, with or without offsets"
        )
    return pointers
