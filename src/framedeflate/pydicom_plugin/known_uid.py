# SPDX-License-Identifier: Apache-2.0
"""Makes the Transfer Syntax known to pydicom 3.0, which does not have its UID; later versions do."""

import pydicom.uid
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["make_uid_known"]

_NAME = "Deflated Image Frame Compression"
_KEYWORD = "DeflatedImageFrameCompression"


def make_uid_known() -> None:
    """Enter the UID where pydicom looks for it (PS3.6 Annex A); nothing where it is there already.

    ``register_transfer_syntax`` cannot do this in pydicom 3.0: it has no effect on public UIDs. pynetdicom enters
    the same line when it is imported.
    """
    uid = UID(DEFLATED_IMAGE_FRAME_COMPRESSION)
    UID_dictionary.setdefault(uid, (_NAME, "Transfer Syntax", "", "", _KEYWORD))
    if not hasattr(pydicom.uid, _KEYWORD):
        setattr(pydicom.uid, _KEYWORD, uid)
    if uid not in pydicom.uid.AllTransferSyntaxes:
        pydicom.uid.AllTransferSyntaxes.append(uid)
