# SPDX-License-Identifier: Apache-2.0
"""What a scan of a Data Set finds: places of Data Elements, short values, and the image they describe."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from framedeflate.errors import ImagePixelError, UnsupportedImageError
from framedeflate.image_pixel import ImagePixel

__all__ = ["DataSetLayout", "Element", "ImagePixelAttributes", "Tag", "text_value"]


class Tag:
    """Data Element Tags used here, as group << 16 | element."""

    META_GROUP_LENGTH = 0x00020000
    MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
    TRANSFER_SYNTAX_UID = 0x00020010
    IMPLEMENTATION_CLASS_UID = 0x00020012
    IMPLEMENTATION_VERSION_NAME = 0x00020013
    SPECIFIC_CHARACTER_SET = 0x00080005
    IMAGE_TYPE = 0x00080008
    SOP_CLASS_UID = 0x00080016
    SOP_INSTANCE_UID = 0x00080018
    MODALITY = 0x00080060
    DERIVATION_DESCRIPTION = 0x00082111
    STUDY_INSTANCE_UID = 0x0020000D
    SERIES_INSTANCE_UID = 0x0020000E
    IMAGE_POSITION_PATIENT = 0x00200032
    CONCATENATION_FRAME_OFFSET_NUMBER = 0x00209228
    DIMENSION_ORGANIZATION_TYPE = 0x00209311
    SAMPLES_PER_PIXEL = 0x00280002
    PHOTOMETRIC_INTERPRETATION = 0x00280004
    PLANAR_CONFIGURATION = 0x00280006
    NUMBER_OF_FRAMES = 0x00280008
    ROWS = 0x00280010
    COLUMNS = 0x00280011
    BITS_ALLOCATED = 0x00280100
    BITS_STORED = 0x00280101
    HIGH_BIT = 0x00280102
    PIXEL_REPRESENTATION = 0x00280103
    LOSSY_IMAGE_COMPRESSION = 0x00282110
    TOTAL_PIXEL_MATRIX_COLUMNS = 0x00480006
    TOTAL_PIXEL_MATRIX_ROWS = 0x00480007
    NUMBER_OF_OPTICAL_PATHS = 0x00480302
    TOTAL_PIXEL_MATRIX_FOCAL_PLANES = 0x00480303
    SEGMENTATION_TYPE = 0x00620001
    SEGMENT_SEQUENCE = 0x00620002
    MAC_PARAMETERS_SEQUENCE = 0x4FFE0001
    SHARED_FUNCTIONAL_GROUPS_SEQUENCE = 0x52009229
    PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE = 0x52009230
    PIXEL_DATA_GROUP_LENGTH = 0x7FE00000
    EXTENDED_OFFSET_TABLE = 0x7FE00001
    EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002
    ENCAPSULATED_PIXEL_DATA_VALUE_TOTAL_LENGTH = 0x7FE00003
    FLOAT_PIXEL_DATA = 0x7FE00008
    DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
    PIXEL_DATA = 0x7FE00010
    DIGITAL_SIGNATURES_SEQUENCE = 0xFFFAFFFA


class Element(NamedTuple):
    """Place of one Data Element.

    Attributes
    ----------
    tag : int
        group << 16 | element.
    vr : bytes
        Two letters; empty in Implicit VR.
    header_position, value_position : int
        In bytes from the start of the file.
    value_nbytes : int
        -1 where the length is undefined.
    depth : int
        0 at the top level of the Data Set.
    """

    tag: int
    vr: bytes
    header_position: int
    value_position: int
    value_nbytes: int
    depth: int

    @property
    def is_undefined_length(self) -> bool:
        """Whether the value ends at a delimiter, not after a stated number of bytes."""
        return self.value_nbytes < 0

    @property
    def end_position(self) -> int:
        """First byte behind a value of defined length."""
        return self.value_position + self.value_nbytes


class ImagePixelAttributes(TypedDict):
    """The attributes that `ImagePixel` takes."""

    rows: int
    columns: int
    bits_allocated: int
    number_of_frames: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_stored: int
    pixel_representation: int


@dataclass(frozen=True, slots=True)
class DataSetLayout:
    """Places and short values of the top-level Data Elements that matter here.

    Attributes
    ----------
    position, end_position : int
        First byte of the Data Set, and the first behind it (the end of the source).
    elements : mapping of int to Element
        The first of each tag of interest.
    values : mapping of int to bytes
        Their values, where short.
    encapsulated_icons : tuple of Element
        Nested Pixel Data of undefined length; found only where the scan was asked to descend.
    implicit_vr, big_endian : bool
        How the Data Set is encoded.
    """

    position: int
    end_position: int
    elements: Mapping[int, Element]
    values: Mapping[int, bytes]
    encapsulated_icons: tuple[Element, ...]
    implicit_vr: bool
    big_endian: bool

    @property
    def pixel_data(self) -> Element | None:
        """Top-level Pixel Data (7FE0,0010)."""
        return self.elements.get(Tag.PIXEL_DATA)

    def text(self, tag: int) -> str:
        """Return a value as text; empty where the element is absent."""
        return text_value(self.values.get(tag, b""))

    def unsigned_short(self, tag: int) -> int | None:
        """Return a US value, or None where it is absent or shorter than two bytes."""
        value = self.values.get(tag, b"")
        if len(value) < 2:
            return None
        number: int = struct.unpack_from(">H" if self.big_endian else "<H", value)[0]
        return number

    def unsigned_long(self, tag: int) -> int | None:
        """Return a UL value, or None where it is absent or shorter than four bytes."""
        value = self.values.get(tag, b"")
        if len(value) < 4:
            return None
        number: int = struct.unpack_from(">I" if self.big_endian else "<I", value)[0]
        return number

    def image_pixel(self) -> ImagePixel:
        """Return the Image Pixel description (PS3.3 C.7.6.3); Number of Frames is 1 where it is absent.

        Raises
        ------
        UnsupportedImageError
            kind ``no-pixel-data`` | ``float-pixel-data`` | ``image-pixel`` (attributes missing or out of range)
            | ``bits-allocated`` | ``number-of-frames``.
        """
        try:
            return ImagePixel(**self.image_pixel_attributes())
        except ImagePixelError as error:
            raise UnsupportedImageError(str(error), kind="image-pixel") from error

    def image_pixel_attributes(self) -> ImagePixelAttributes:
        """Return the attributes as they stand, which for compressed Frames need not describe native ones.

        Raises
        ------
        UnsupportedImageError
            As `image_pixel`, for what is missing or unreadable.
        """
        self._check_pixel_data()
        rows, columns = self.unsigned_short(Tag.ROWS), self.unsigned_short(Tag.COLUMNS)
        bits_allocated = self.unsigned_short(Tag.BITS_ALLOCATED)
        samples = self.unsigned_short(Tag.SAMPLES_PER_PIXEL)
        if rows is None or columns is None or bits_allocated is None or samples is None:
            raise UnsupportedImageError(
                "Rows, Columns, Samples per Pixel or Bits Allocated is missing, so the size of a Frame is unknown; "
                "complete the attributes first (PS3.3 C.7.6.3)",
                kind="image-pixel",
            )
        if bits_allocated != 1 and bits_allocated % 8:
            raise UnsupportedImageError(
                f"Bits Allocated is {bits_allocated}; it must be 1 or a multiple of 8 (PS3.5 8.1.1). Convert the "
                "image with the toolkit that made it, or deflate the whole Data Set: framedeflate compress --dataset",
                kind="bits-allocated",
            )
        return {
            "rows": rows,
            "columns": columns,
            "bits_allocated": bits_allocated,
            "number_of_frames": self.number_of_frames(),
            "samples_per_pixel": samples,
            "photometric_interpretation": self.text(Tag.PHOTOMETRIC_INTERPRETATION),
            "planar_configuration": self.unsigned_short(Tag.PLANAR_CONFIGURATION) or 0,
            "bits_stored": self.unsigned_short(Tag.BITS_STORED) or 0,
            "pixel_representation": self.unsigned_short(Tag.PIXEL_REPRESENTATION) or 0,
        }

    def _check_pixel_data(self) -> None:
        if Tag.FLOAT_PIXEL_DATA in self.elements or Tag.DOUBLE_FLOAT_PIXEL_DATA in self.elements:
            raise UnsupportedImageError(
                "Float Pixel Data cannot be carried by Deflated Image Frame Compression (PS3.5 A.4); use Deflated "
                "Explicit VR Little Endian (A.5): framedeflate compress --dataset",
                kind="float-pixel-data",
            )
        if self.pixel_data is None:
            raise UnsupportedImageError(
                "there is no Pixel Data (7FE0,0010) in this object; Deflated Explicit VR Little Endian (PS3.5 A.5) "
                "can shrink it: framedeflate compress --dataset",
                kind="no-pixel-data",
            )

    def number_of_frames(self) -> int:
        """Return the value of Number of Frames (0028,0008), 1 where it is absent; it may be out of range.

        Raises
        ------
        UnsupportedImageError
            kind ``number-of-frames``.
        """
        value = self.text(Tag.NUMBER_OF_FRAMES)
        if not value:
            return 1
        # IS allows a sign and blanks (PS3.5 6.2); int() alone would also take digits of other scripts and "1_0".
        if not (value.isascii() and value[value[0] in "+-" :].isdigit() and len(value) <= 12):
            raise UnsupportedImageError(
                "Number of Frames (0028,0008) is not a whole number, so the Frames cannot be counted",
                kind="number-of-frames",
            )
        return int(value)


def text_value(value: bytes) -> str:
    """Return a value as text, without its padding; the bytes of UIDs, IS and CS are ASCII (PS3.5 6.2)."""
    return value.decode("latin-1").rstrip("\0 ").lstrip(" ")
