# SPDX-License-Identifier: Apache-2.0
"""Values of DICOM JSON as the bytes of Explicit VR Little Endian (PS3.18 F.2, PS3.5 6.2)."""

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from typing import Final

from framedeflate.data_set.element import KNOWN_VRS
from framedeflate.errors import InstanceError

__all__ = ["BINARY_VRS", "TEXT_VRS", "encode_inline", "encode_value"]

_NUMBERS: Final = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
_ONE_VALUE: Final = frozenset({"LT", "ST", "UT", "UR"})
"""A backslash in these is a letter like any other."""
BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
TEXT_VRS: Final = frozenset(vr.decode() for vr in KNOWN_VRS) - {*BINARY_VRS, *_NUMBERS, "AT", "SQ"}
_MAX_DS_LENGTH: Final = 16
_PN_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def refused(message: str) -> InstanceError:
    """Return the error for metadata that cannot be read; the message repeats no value."""
    return InstanceError(f"metadata: {message} (PS3.18 F.2)", kind="metadata")


def encode_value(tag: int, vr: str, values: Sequence[object]) -> bytes:
    """Return the value of an element that is neither binary nor a sequence, padded to an even length.

    Parameters
    ----------
    tag : int
        For the message of an error.
    vr : str
        Its Value Representation.
    values : sequence
        As JSON has them: texts, numbers (as texts in the sender's spelling), None where one is empty.

    Raises
    ------
    InstanceError
        kind ``metadata``.
    """
    if vr in TEXT_VRS:
        encoded = _encode_text(tag, vr, values)
        return encoded + (b"\0" if vr == "UI" else b" ") * (len(encoded) % 2)
    if vr == "AT":
        return b"".join(_numbers(tag, values, _attribute_tag))
    if vr in _NUMBERS:
        convert = float if vr in {"FD", "FL"} else int
        code = f"<{_NUMBERS[vr]}"
        return b"".join(_numbers(tag, values, lambda text: struct.pack(code, convert(text))))
    raise refused(f"{tag:08X} has no Value Representation that is known")


def encode_inline(tag: int, text: object) -> bytes:
    """Return an InlineBinary (F.2.7), padded to an even length.

    Raises
    ------
    InstanceError
        kind ``metadata``.
    """
    try:
        value = base64.b64decode("".join(_text(tag, text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise refused(f"{tag:08X} has an InlineBinary that is not Base64") from None
    return value + bytes(len(value) % 2)


def _numbers(tag: int, values: Sequence[object], pack: Callable[[str], bytes]) -> list[bytes]:
    try:
        return [pack(_text(tag, value)) for value in values]
    except (ValueError, OverflowError, struct.error):
        raise refused(f"{tag:08X} has a value that does not fit its Value Representation") from None


def _attribute_tag(text: str) -> bytes:
    number = int(text, 16)
    return struct.pack("<HH", number >> 16, number & 0xFFFF)


def _encode_text(tag: int, vr: str, values: Sequence[object]) -> bytes:
    if vr in _ONE_VALUE and len(values) > 1:
        raise refused(f"{tag:08X} has several values where its Value Representation has one")
    texts = [_person_name(tag, value) if vr == "PN" else _text(tag, value) for value in values]
    if vr == "DS":
        texts = [_decimal(tag, text) for text in texts]
    if vr not in _ONE_VALUE and any("\\" in text for text in texts):
        raise refused(f"{tag:08X} has a backslash within a value, where it would begin another")
    try:
        return "\\".join(texts).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON can spell what is no character.
        raise refused(f"{tag:08X} has a character that is none") from None


def _text(tag: int, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refused(f"{tag:08X} has a value that is no text")
    return value


def _person_name(tag: int, value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, dict):
        raise refused(f"{tag:08X} has a value that is no person name")
    return "=".join(_text(tag, value.get(group)) for group in _PN_GROUPS).rstrip("=")


def _decimal(tag: int, text: str) -> str:
    """Return a number in the 16 characters that a DS has (PS3.5 6.2); JSON may spell it in more."""
    if len(text) <= _MAX_DS_LENGTH:
        return text
    try:
        number = float(text)
    except ValueError:
        raise refused(f"{tag:08X} has a value that is no number") from None
    spellings = (format(number, f".{digits}g") for digits in range(16, 0, -1))
    return next(spelling for spelling in spellings if len(spelling) <= _MAX_DS_LENGTH)
