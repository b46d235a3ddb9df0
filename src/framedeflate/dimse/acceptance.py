# SPDX-License-Identifier: Apache-2.0
"""Which presentation contexts the receiver takes, and which of several Transfer Syntaxes it chooses (PS3.5 10)."""

from collections.abc import Collection
from typing import Final

from pydicom.uid import UID

from framedeflate.extras import needing
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

with needing("dimse", "DICOM's network protocol"):
    from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts
    from pynetdicom.presentation import PresentationContext, build_context

__all__ = ["STORAGE_COMMITMENT", "VERIFICATION", "is_storage", "supported_contexts"]

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"

_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
"""Under it are storage SOP Classes alone (PS3.6 A), those of editions to come too."""

_PIXEL_DATA: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",
        "1.2.840.10008.5.1.4.1.1.66.7",
        "1.2.840.10008.5.1.4.1.1.481.2",
    }
)
"""Segmentation, Label Map Segmentation and RT Dose Storage: they have Pixel Data, and their names do not say so."""

_KNOWN_STORAGE: Final = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)

_NOT_STORED: Final = DEFLATED_DATA_SET - {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN} | {
    "1.2.840.10008.1.2.4.94",
    "1.2.840.10008.1.2.4.204",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
}
"""JPIP refers to pixels that lie elsewhere, SMPTE ST 2110 is for live video: neither leaves anything to keep."""

_LOSSLESS: Final = (
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
)

_UNCOMPRESSED: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, ENCAPSULATED_UNCOMPRESSED)
_LAST_RESORT: Final = (EXPLICIT_VR_BIG_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)

_REST: Final = tuple(
    sorted(
        {str(uid) for uid in ALL_TRANSFER_SYNTAXES}
        - {DEFLATED_IMAGE_FRAME_COMPRESSION, *_LOSSLESS, *_UNCOMPRESSED, *_LAST_RESORT, *_NOT_STORED}
    )
)
"""All other compressions that pynetdicom knows: lossy ones, or such as may be."""

_OTHERS: Final = (*_UNCOMPRESSED, *_LOSSLESS, *_LAST_RESORT, *_REST)


def is_storage(uid: str, extra: Collection[str] = ()) -> bool:
    """Whether a SOP Class is one that instances are stored by; private ones only where `extra` names them."""
    return uid in _KNOWN_STORAGE or uid.startswith(_STORAGE_ROOT) or uid in extra


def supported_contexts(
    proposed: Collection[str], *, extra: Collection[str] = ()
) -> list[PresentationContext]:
    """Return what to accept of the abstract syntaxes that a peer proposes.

    The order of the Transfer Syntaxes counts where one context offers several, for then the acceptor chooses. It must
    not make a sender lose anything, or fail: deflated first where the SOP Class has Pixel Data, since who offers it
    can make it and it is lossless and smallest; uncompressed next, and lossy compressions last, since a sender might
    compress for them on the spot. Objects without Pixel Data cannot be sent deflated by frame (PS3.5 A.4), so there
    it comes last; it is accepted, though, where it is all that is offered.
    """
    contexts = []
    for uid in sorted(set(proposed)):
        if uid in {VERIFICATION, STORAGE_COMMITMENT}:
            # Not deflated as a whole: pynetdicom inflates such Data Sets in memory, however large they become.
            contexts.append(build_context(uid, [*_UNCOMPRESSED[:2], EXPLICIT_VR_BIG_ENDIAN]))
        elif is_storage(uid, extra):
            contexts.append(build_context(uid, list(_syntaxes(uid))))
    return contexts


def _syntaxes(uid: str) -> tuple[str, ...]:
    if _has_pixel_data(uid, UID(uid).name):
        return (DEFLATED_IMAGE_FRAME_COMPRESSION, *_OTHERS)
    return (*_OTHERS, DEFLATED_IMAGE_FRAME_COMPRESSION)


def _has_pixel_data(uid: str, name: str) -> bool:
    # Else by the names of PS3.6: every class that is certain to have Pixel Data says so. A class that is missed here,
    # or younger than the dictionary, only gets Explicit VR Little Endian where it leaves the choice to us.
    return uid in _PIXEL_DATA or "Image Storage" in name
