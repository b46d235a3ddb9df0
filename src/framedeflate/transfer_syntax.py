# SPDX-License-Identifier: Apache-2.0
"""Transfer Syntax UIDs (PS3.6 Table A-1) and what each says about the encoding of a file."""

import re
from typing import Final

__all__ = [
    "DEFAULT_LEVEL",
    "DEFLATED_DATA_SET",
    "DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN",
    "DEFLATED_IMAGE_FRAME_COMPRESSION",
    "ENCAPSULATED_UNCOMPRESSED",
    "EXPLICIT_VR_BIG_ENDIAN",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "NATIVE",
    "RLE_LOSSLESS",
    "shown_uid",
]

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED: Final = "1.2.840.10008.1.2.1.98"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"
DEFLATED_IMAGE_FRAME_COMPRESSION: Final = "1.2.840.10008.1.2.8.1"

DEFAULT_LEVEL: Final = 1
"""Of deflate: the fastest; docs/performance.md says what the others gain."""

JPIP_REFERENCED_DEFLATE: Final = "1.2.840.10008.1.2.4.95"
JPIP_HTJ2K_REFERENCED_DEFLATE: Final = "1.2.840.10008.1.2.4.205"

NATIVE: Final = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN})
"""Pixel Data is native and the Data Set is not deflated."""

DEFLATED_DATA_SET: Final = frozenset(
    {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, JPIP_REFERENCED_DEFLATE, JPIP_HTJ2K_REFERENCED_DEFLATE}
)
"""The whole Data Set after the File Meta Information is one deflate stream (PS3.5 A.5)."""

_UID: Final = re.compile(r"[0-9.]{1,64}")


def shown_uid(uid: str) -> str:
    """Return what a file gives as a UID, or "(no UID)" where it has other characters than digits and dots.

    Such a value may hold anything, a patient's name or a terminal's escape sequences, and must not reach a message.
    """
    return uid if not uid or _UID.fullmatch(uid) else "(no UID)"
