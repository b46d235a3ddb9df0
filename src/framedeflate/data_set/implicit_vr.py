# SPDX-License-Identifier: Apache-2.0
"""The Value Representation that Implicit VR leaves to the reader's dictionaries (PS3.5 6.2.2, 7.8)."""

from collections.abc import Mapping
from typing import Final

from framedeflate.pydicom_bridge import dictionary_vr, private_dictionary_vr

__all__ = ["US_OR_SS", "vr_of"]

US_OR_SS: Final = b"??"
"""It is US or SS by the Pixel Representation (0028,0103), which is for the caller to look up."""


def vr_of(tag: int, creators: Mapping[int, str], *, is_single_entry_lut: bool = False) -> bytes:
    """Return the two letters; pydicom's rules where PS3.6 leaves a choice, UN where nothing is known.

    Parameters
    ----------
    tag : int
        group << 16 | element.
    creators : mapping of int to str
        Private Creators of the same Data Set by group << 16 | block.
    is_single_entry_lut : bool
        Whether the LUT Descriptor (0028,3002) of the same Data Set says one entry.
    """
    group, number = tag >> 16, tag & 0xFFFF
    if not group & 1:
        name = dictionary_vr(tag)
    elif 0x10 <= number <= 0xFF:
        name = "LO"
    elif creator := creators.get(group << 16 | number >> 8):
        name = private_dictionary_vr(tag, creator)
    else:
        name = "UN"
    if len(name) == 2:
        return name.encode("ascii")
    # The bytes are the same either way.
    if name == "US or SS":
        return US_OR_SS
    if name == "US or OW":
        return b"US" if is_single_entry_lut else b"OW"
    return b"OW" if "OW" in name else b"UN"
