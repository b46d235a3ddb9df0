# SPDX-License-Identifier: Apache-2.0
"""Which attributes the index keeps, by the level that searches return them at (PS3.18 10.6.1, 10.6.3)."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

__all__ = [
    "DATES_WITH_TIMES",
    "KEPT_TAGS",
    "LEVEL_TAGS",
    "MODALITIES_IN_STUDY",
    "MODALITY",
    "Level",
    "level_attributes",
    "level_of",
    "path_of",
]

MODALITY: Final = 0x00080060
MODALITIES_IN_STUDY: Final = 0x00080061


class Level(IntEnum):
    """What a search is for; a lower one knows the attributes of those above it."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


DATES_WITH_TIMES: Final = (
    (0x00080012, 0x00080013),  # Instance Creation
    (0x00080020, 0x00080030),  # Study
    (0x00080021, 0x00080031),  # Series
    (0x00080022, 0x00080032),  # Acquisition
    (0x00080023, 0x00080033),  # Content
    (0x00400244, 0x00400245),  # Performed Procedure Step Start
)
"""Dates and times that ranges match together (PS3.4 C.2.2.2.5.4)."""

_TIMEZONE_OFFSET_FROM_UTC: Final = 0x00080201

_STUDY_TAGS: Final = frozenset(
    {
        0x00080020,  # Study Date
        0x00080030,  # Study Time
        0x00080050,  # Accession Number
        0x00080051,  # Issuer of Accession Number Sequence
        0x00080090,  # Referring Physician's Name
        0x00081030,  # Study Description
        0x00081032,  # Procedure Code Sequence
        0x00081060,  # Name of Physician(s) Reading Study
        0x00100010,  # Patient's Name
        0x00100020,  # Patient ID
        0x00100021,  # Issuer of Patient ID
        0x00100030,  # Patient's Birth Date
        0x00100040,  # Patient's Sex
        0x00101001,  # Other Patient Names
        0x00101010,  # Patient's Age
        0x00101020,  # Patient's Size
        0x00101030,  # Patient's Weight
        0x00104000,  # Patient Comments
        0x0020000D,  # Study Instance UID
        0x00200010,  # Study ID
    }
)

_SERIES_TAGS: Final = frozenset(
    {
        0x00080021,  # Series Date
        0x00080031,  # Series Time
        0x00080060,  # Modality
        0x00080070,  # Manufacturer
        0x00080080,  # Institution Name
        0x00081010,  # Station Name
        0x0008103E,  # Series Description
        0x00081040,  # Institutional Department Name
        0x00081050,  # Performing Physician's Name
        0x00081070,  # Operators' Name
        0x00081090,  # Manufacturer's Model Name
        0x00180015,  # Body Part Examined
        0x00181030,  # Protocol Name
        0x0020000E,  # Series Instance UID
        0x00200011,  # Series Number
        0x00200052,  # Frame of Reference UID
        0x00200060,  # Laterality
        0x00400244,  # Performed Procedure Step Start Date
        0x00400245,  # Performed Procedure Step Start Time
        0x00400275,  # Request Attributes Sequence
    }
)

_INSTANCE_TAGS: Final = frozenset(
    {
        0x00080008,  # Image Type
        0x00080012,  # Instance Creation Date
        0x00080013,  # Instance Creation Time
        0x00080016,  # SOP Class UID
        0x00080018,  # SOP Instance UID
        0x00080022,  # Acquisition Date
        0x00080023,  # Content Date
        0x0008002A,  # Acquisition DateTime
        0x00080032,  # Acquisition Time
        0x00080033,  # Content Time
        0x00200012,  # Acquisition Number
        0x00200013,  # Instance Number
        0x00204000,  # Image Comments
        0x00280002,  # Samples per Pixel
        0x00280004,  # Photometric Interpretation
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280100,  # Bits Allocated
        0x00280101,  # Bits Stored
        0x00282110,  # Lossy Image Compression
        0x00480006,  # Total Pixel Matrix Columns
        0x00480007,  # Total Pixel Matrix Rows
        0x00620001,  # Segmentation Type
        0x00700080,  # Content Label
        0x00700081,  # Content Description
        0x0040A043,  # Concept Name Code Sequence
        0x0040A491,  # Completion Flag
        0x0040A493,  # Verification Flag
    }
)

LEVEL_TAGS: Final = {
    Level.STUDY: _STUDY_TAGS,
    Level.SERIES: _SERIES_TAGS,
    Level.INSTANCE: _INSTANCE_TAGS,
}
"""Attributes by level, without Timezone Offset From UTC, which each of them has and none is searched by."""

KEPT_TAGS: Final = _STUDY_TAGS | _SERIES_TAGS | _INSTANCE_TAGS | {_TIMEZONE_OFFSET_FROM_UTC}


def level_of(tag: int) -> Level | None:
    """Return the level of an attribute; None where it is not kept."""
    return next((level for level, tags in LEVEL_TAGS.items() if tag in tags), None)


def level_attributes(attributes: Mapping[str, Any], level: Level) -> dict[str, Any]:
    """Return those of a DICOM JSON model that belong to one level, in order of their tags."""
    tags = LEVEL_TAGS[level] | {_TIMEZONE_OFFSET_FROM_UTC}
    return {key: attributes[key] for key in sorted(attributes) if int(key, 16) in tags}


def path_of(tags: Sequence[int]) -> str:
    """Return tags of sequences and of what is in them as one key."""
    return ".".join(f"{tag:08X}" for tag in tags)
