# SPDX-License-Identifier: Apache-2.0
"""The one table of C-STORE statuses: which failure is answered with which, and by what clause."""

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

__all__ = ["STATUSES", "SopClassNotSupportedError", "StoreStatus", "status_of"]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """A status of a C-STORE response.

    Attributes
    ----------
    code : int
        Status (0000,0900).
    meaning : str
        What the standard calls it.
    comment : str
        Our Error Comment (0000,0902), 64 characters at most.
    clause : str
        Where it is defined.
    """

    code: int
    meaning: str
    comment: str
    clause: str


_B_2_3: Final = "PS3.4 B.2.3"
_ANNEX_C: Final = "PS3.7 C"
_STORE: Final = "PS3.7 9.1.1.1.9"

_REFUSED: Final = "Refused: Out of Resources"
_MISMATCH: Final = "Error: Data Set does not match SOP Class"
_UNKNOWN: Final = "Error: Cannot understand"

STATUSES: Final[dict[str, StoreStatus]] = {
    "success": StoreStatus(0x0000, "Success", "", _B_2_3),
    "disk-left": StoreStatus(0xA700, _REFUSED, "Too little of the disk is left", _B_2_3),
    "too-large": StoreStatus(0xA701, _REFUSED, "The instance is larger than the limit", _B_2_3),
    "memory": StoreStatus(0xA702, _REFUSED, "Not enough memory", _B_2_3),
    "interrupted": StoreStatus(0xA703, _REFUSED, "The receiver is being stopped", _B_2_3),
    "sop-class": StoreStatus(0xA900, _MISMATCH, "Data Set is of another SOP Class than the command", _B_2_3),
    "sop-instance": StoreStatus(
        0xA901, _MISMATCH, "Data Set is another SOP Instance than the command", _B_2_3
    ),
    "image-pixel": StoreStatus(0xA902, _MISMATCH, "Attributes do not describe the Pixel Data", _B_2_3),
    "data-set": StoreStatus(0xC000, _UNKNOWN, "The Data Set cannot be walked, or was cut", _B_2_3),
    "pixel-data": StoreStatus(
        0xC001, _UNKNOWN, "Pixel Data is cut, or its Frames cannot be told apart", _B_2_3
    ),
    "frame": StoreStatus(0xC002, _UNKNOWN, "A Frame does not inflate to its exact size", _B_2_3),
    "transfer-syntax": StoreStatus(
        0xC003, _UNKNOWN, "Data Set is not in the accepted Transfer Syntax", _B_2_3
    ),
    "no-uid": StoreStatus(0xC004, _UNKNOWN, "SOP Class or Instance UID is missing or malformed", _B_2_3),
    "processing": StoreStatus(0x0110, "Processing failure", "The instance could not be stored", _ANNEX_C),
    "damaged": StoreStatus(
        0x0110, "Processing failure", "What is stored under this UID cannot be read", _ANNEX_C
    ),
    "duplicate": StoreStatus(
        0x0111, "Duplicate SOP Instance", "Another instance has this SOP Instance UID", _ANNEX_C
    ),
    "context": StoreStatus(
        0x0122, "Refused: SOP Class not supported", "Not the SOP Class of this presentation context", _STORE
    ),
}
"""By the name of the failure; an InstanceError's kind is one of them. 0124 (not authorized) is never sent: who is not
allowed to store is turned away before there is an association."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SopClassNotSupportedError(Exception):
    """The command names another SOP Class than its presentation context."""


_BY_CLASS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (SopClassNotSupportedError, "context"),
    (FrameDecodeError, "frame"),
    (EncapsulationError, "pixel-data"),
    (UnsupportedImageError, "pixel-data"),
    (DicomFormatError, "data-set"),
    (MemoryError, "memory"),
)


def status_of(error: Exception) -> StoreStatus:
    """Return the status for what kept an instance from being stored."""
    return STATUSES[_name_of(error)]


def _name_of(error: Exception) -> str:
    if isinstance(error, InstanceError):
        return error.kind if error.kind in STATUSES else "processing"
    if isinstance(error, DicomFormatError) and error.kind == "too-large":
        return "too-large"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "disk-left"
    return next((name for kind, name in _BY_CLASS if isinstance(error, kind)), "processing")
