# SPDX-License-Identifier: Apache-2.0
"""What negotiation needs to know of an instance; whether it can be decoded depends on what is installed here."""

from functools import lru_cache
from typing import Final

from framedeflate.errors import MissingExtraError, UnsupportedImageError
from framedeflate.image_pixel import ImagePixel
from framedeflate.pydicom_bridge import require_decoder
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    NATIVE,
    RLE_LOSSLESS,
)
from framedeflate.web.representations import StoredInstance, category_of

__all__ = ["stored_instance"]

_OURS: Final = (
    NATIVE | DEFLATED_DATA_SET | {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED, RLE_LOSSLESS}
)
_REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."


def stored_instance(
    transfer_syntax_uid: str, image_pixel: ImagePixel | None, sop_class_uid: str
) -> StoredInstance:
    """Return what the tables of representations are looked up with."""
    count = 0 if image_pixel is None else image_pixel.number_of_frames
    return StoredInstance(
        category=category_of(transfer_syntax_uid, count, text=sop_class_uid.startswith(_REPORTS)),
        transfer_syntax_uid=transfer_syntax_uid,
        frame_nbits=0 if image_pixel is None else image_pixel.frame_nbits,
        number_of_frames=count,
        decodable=image_pixel is not None and _is_decodable(transfer_syntax_uid, image_pixel.bits_stored),
    )


@lru_cache(maxsize=256)
def _is_decodable(transfer_syntax_uid: str, bits_stored: int) -> bool:
    if transfer_syntax_uid in _OURS:
        return True
    try:
        require_decoder(transfer_syntax_uid, bits_stored=bits_stored)
    except (MissingExtraError, UnsupportedImageError):
        return False
    return True
