# SPDX-License-Identifier: Apache-2.0
"""Data Elements, Items and sequences of defined length, as bytes in Explicit VR Little Endian."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from framedeflate.data_set.element import ITEM, explicit_header, implicit_header

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["element", "encode", "item", "sequence"]


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return a Data Element; a value of odd length is padded as its VR asks (PS3.5 6.2)."""
    if len(value) & 1:
        value += b"\0" if vr == b"UI" else b" "
    return explicit_header(tag, vr, len(value)) + value


def item(data_set: bytes) -> bytes:
    """Return an Item that holds `data_set` (PS3.5 7.5)."""
    return implicit_header(ITEM, b"", len(data_set)) + data_set


def sequence(tag: int, data_sets: Iterable[bytes]) -> bytes:
    """Return a sequence with an Item for each of `data_sets`."""
    return element(tag, b"SQ", b"".join(map(item, data_sets)))


def encode(data_set: "Dataset", character_set: str | list[str]) -> bytes:
    """Return a nested Data Set's bytes; texts are in the Specific Character Set of what holds it."""
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, data_set, character_set)
    return bytes(file.getvalue())
