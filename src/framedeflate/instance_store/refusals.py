# SPDX-License-Identifier: Apache-2.0
"""Why an instance was not stored, as a code that peers are told: the same by DIMSE (PS3.4 B.2.3) and the web."""

import errno
from dataclasses import dataclass
from typing import Final

from framedeflate.errors import (
    DicomFormatError,
    EncapsulationError,
    FrameDecodeError,
    InstanceError,
    UnsupportedImageError,
)

__all__ = ["REFUSALS", "StoreRefusal", "refusal_name"]


@dataclass(frozen=True, slots=True)
class StoreRefusal:
    """One reason.

    Attributes
    ----------
    code : int
        Status (0000,0900), Failure Reason (0008,1197).
    meaning : str
        What the standard calls it.
    comment : str
        Ours, 64 characters at most.
    """

    code: int
    meaning: str
    comment: str


_RESOURCES: Final = "Refused: Out of Resources"
_MISMATCH: Final = "Error: Data Set does not match SOP Class"
_UNKNOWN: Final = "Error: Cannot understand"
_PROCESSING: Final = "Processing failure"

REFUSALS: Final[dict[str, StoreRefusal]] = {
    "disk-left": StoreRefusal(0xA700, _RESOURCES, "Too little of the disk is left"),
    "too-large": StoreRefusal(0xA701, _RESOURCES, "The instance is larger than the limit"),
    "memory": StoreRefusal(0xA702, _RESOURCES, "Not enough memory"),
    "interrupted": StoreRefusal(0xA703, _RESOURCES, "The receiver is being stopped"),
    "sop-class": StoreRefusal(0xA900, _MISMATCH, "Data Set is of another SOP Class than the command"),
    "sop-instance": StoreRefusal(0xA901, _MISMATCH, "Data Set is another SOP Instance than the command"),
    "image-pixel": StoreRefusal(0xA902, _MISMATCH, "Attributes do not describe the Pixel Data"),
    "data-set": StoreRefusal(0xC000, _UNKNOWN, "The Data Set cannot be walked, or was cut"),
    "pixel-data": StoreRefusal(0xC001, _UNKNOWN, "Pixel Data is cut, or its Frames cannot be told apart"),
    "frame": StoreRefusal(0xC002, _UNKNOWN, "A Frame does not inflate to its exact size"),
    "transfer-syntax": StoreRefusal(0xC003, _UNKNOWN, "Data Set is not in the accepted Transfer Syntax"),
    "no-uid": StoreRefusal(0xC004, _UNKNOWN, "SOP Class or Instance UID is missing or malformed"),
    "processing": StoreRefusal(0x0110, _PROCESSING, "The instance could not be stored"),
    "damaged": StoreRefusal(0x0110, _PROCESSING, "What is stored under this UID cannot be read"),
    "duplicate": StoreRefusal(0x0111, "Duplicate SOP Instance", "Another instance has this SOP Instance UID"),
}
"""By the name of the failure; an InstanceError's kind is one of them."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_BY_CLASS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (FrameDecodeError, "frame"),
    (EncapsulationError, "pixel-data"),
    (UnsupportedImageError, "pixel-data"),
    (DicomFormatError, "data-set"),
    (MemoryError, "memory"),
)


def refusal_name(error: Exception) -> str:
    """Return which of `REFUSALS` says what kept an instance from being stored."""
    if isinstance(error, InstanceError):
        return error.kind if error.kind in REFUSALS else "processing"
    if isinstance(error, DicomFormatError) and error.kind == "too-large":
        return "too-large"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "disk-left"
    return next((name for kind, name in _BY_CLASS if isinstance(error, kind)), "processing")
