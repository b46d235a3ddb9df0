# SPDX-License-Identifier: Apache-2.0
"""What a Data Set or an Item says about how its elements are to be read."""

from dataclasses import dataclass, field
from typing import Final, Literal

from framedeflate.data_set.element import KNOWN_VRS, DataElement
from framedeflate.data_set.implicit_vr import US_OR_SS, vr_of
from framedeflate.data_set.layout import Tag, text_value

__all__ = ["Scope"]

_LUT_DESCRIPTOR: Final = 0x00283002


@dataclass(slots=True)
class Scope:
    """What holds for the elements of one Data Set or Item; an Item begins with what holds around it.

    Attributes
    ----------
    character_set : str
        Value of (0008,0005).
    pixel_representation : int
        Value of (0028,0103).
    path : str
        That of an attribute in here begins so.
    depth : int
        Sequences around it.
    creators : dict of int to str
        Private Creators by group << 16 | block.
    is_single_entry_lut : bool
        What the LUT Descriptor (0028,3002) says.
    """

    character_set: str
    pixel_representation: int
    path: str = ""
    depth: int = 0
    creators: dict[int, str] = field(default_factory=dict)
    is_single_entry_lut: bool = False

    def inner(self, tag: int, number: int) -> "Scope":
        """Return the scope of an Item, by its number from 1."""
        return Scope(
            self.character_set, self.pixel_representation, f"{self.path}{tag:08X}/{number}/", self.depth + 1
        )

    def remember(self, tag: int, value: bytes, *, big_endian: bool) -> None:
        """Take in what says how other elements are to be read."""
        order: Literal["big", "little"] = "big" if big_endian else "little"
        if tag == Tag.SPECIFIC_CHARACTER_SET:
            self.character_set = text_value(value)
        elif tag == Tag.PIXEL_REPRESENTATION and len(value) >= 2:
            self.pixel_representation = int.from_bytes(value[:2], order)
        elif tag == _LUT_DESCRIPTOR:
            self.is_single_entry_lut = int.from_bytes(value[:2], order) == 1
        elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            self.creators[tag] = text_value(value)

    def creator(self, tag: int) -> str:
        """Return the Private Creator of an element, empty where it has none."""
        if not tag >> 16 & 1 or tag & 0xFFFF <= 0xFF:
            return ""
        return self.creators.get(tag >> 16 << 16 | (tag & 0xFFFF) >> 8, "")

    def vr_of(self, element: DataElement) -> bytes:
        """Return how a value is to be understood: by the dictionary where the file does not say."""
        vr = element.vr
        if vr not in (b"", b"UN"):
            return vr if vr in KNOWN_VRS else b"UN"
        vr = vr_of(element.tag, self.creators, is_single_entry_lut=self.is_single_entry_lut)
        if vr == US_OR_SS:
            return b"SS" if self.pixel_representation else b"US"
        return vr
