# SPDX-License-Identifier: Apache-2.0
"""The File Meta Information of a file we write (PS3.10 7.1)."""

import struct
import uuid
from typing import Final

from framedeflate.data_set.element import explicit_header
from framedeflate.data_set.layout import Tag
from framedeflate.part10 import FileMeta

__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "encode_file_meta",
    "new_file_meta",
    "new_uid",
]

IMPLEMENTATION_CLASS_UID: Final = "2.25.203866451927348713902841516790276345198"
IMPLEMENTATION_VERSION_NAME: Final = "FRAMEDEFLATE_0_1"

_META_VERSION: Final = 0x00020001
_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002


def encode_file_meta(meta: FileMeta, transfer_syntax_uid: str, *, sop_instance_uid: str = "") -> bytes:
    """Return preamble, "DICM" and File Meta Information for a file made from one whose meta is `meta`.

    Every element is kept to the byte, but the Transfer Syntax UID, the two that name the implementation which
    wrote the file, the group's length, and the SOP Instance UID where a new one is given.
    """
    values = dict(meta.elements)
    vrs = dict(meta.vrs)
    values[Tag.TRANSFER_SYNTAX_UID] = _even(transfer_syntax_uid, b"\0")
    values[Tag.IMPLEMENTATION_CLASS_UID] = _even(IMPLEMENTATION_CLASS_UID, b"\0")
    values[Tag.IMPLEMENTATION_VERSION_NAME] = _even(IMPLEMENTATION_VERSION_NAME, b" ")
    vrs[Tag.TRANSFER_SYNTAX_UID] = vrs[Tag.IMPLEMENTATION_CLASS_UID] = b"UI"
    vrs[Tag.IMPLEMENTATION_VERSION_NAME] = b"SH"
    if sop_instance_uid:
        values[Tag.MEDIA_STORAGE_SOP_INSTANCE_UID] = _even(sop_instance_uid, b"\0")
        vrs[Tag.MEDIA_STORAGE_SOP_INSTANCE_UID] = b"UI"
    values.pop(Tag.META_GROUP_LENGTH, None)
    group = b"".join(_element(tag, vrs[tag], values[tag]) for tag in sorted(values))
    length = _element(Tag.META_GROUP_LENGTH, b"UL", struct.pack("<I", len(group)))
    return meta.preamble + b"DICM" + length + group


def new_file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, "DICM" and File Meta Information for a Data Set that came without any, from a network."""
    values = {
        _META_VERSION: b"\0\1",
        _MEDIA_STORAGE_SOP_CLASS_UID: _even(sop_class_uid, b"\0"),
        Tag.MEDIA_STORAGE_SOP_INSTANCE_UID: _even(sop_instance_uid, b"\0"),
    }
    vrs = {tag: b"OB" if tag == _META_VERSION else b"UI" for tag in values}
    return encode_file_meta(FileMeta(bytes(128), values, vrs, 0), transfer_syntax_uid)


def _even(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    return value + padding if len(value) & 1 else value


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    return explicit_header(tag, vr, len(value)) + value


def new_uid() -> str:
    """Return a UID made from a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"
