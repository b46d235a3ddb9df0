# SPDX-License-Identifier: Apache-2.0
"""Values of Data Elements as the DICOM JSON Model has them (PS3.18 F.2.2 to F.2.7, Table F.2.3-1)."""

import base64
import math
import re
import struct
from collections.abc import Callable
from typing import Any, Final

from framedeflate.data_set.words import WORD_NBYTES, swapped
from framedeflate.pydicom_bridge import decode_text

__all__ = ["BINARY_VRS", "MAY_BE_BULK", "attribute_of"]

BINARY_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})
"""Their values have no form in JSON but Base64 (F.2.7)."""

MAY_BE_BULK: Final = BINARY_VRS | frozenset(b"DS FL FD IS LT SL SS ST SV UC UL US UT UV".split())
"""Whose values may be given by URI (F.2.2)."""

_NUMBERS: Final = {
    b"FD": "d",
    b"FL": "f",
    b"SL": "i",
    b"SS": "h",
    b"SV": "q",
    b"UL": "I",
    b"US": "H",
    b"UV": "Q",
}
_ONE_TEXT: Final = frozenset({b"LT", b"ST", b"UR", b"UT"})
_CHARACTER_SET_MATTERS: Final = frozenset({b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"})
_LEADING_SPACES_COUNT: Final = frozenset({b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"})

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)

_MAX_EXACT: Final = 1 << 53
"""Beyond it JavaScript's numbers, and so many readers of JSON, skip integers."""


def attribute_of(vr: bytes, value: bytes, *, big_endian: bool, character_set: str) -> dict[str, Any]:
    """Return an attribute without a sequence as an object of the DICOM JSON Model.

    Parameters
    ----------
    vr : bytes
        Any but SQ; one that is not known is treated as UN.
    value : bytes
        The whole Value Field.
    big_endian : bool
        Its byte order.
    character_set : str
        Value of the Specific Character Set (0008,0005) that holds here.

    Returns
    -------
    dict
        ``vr``, and ``Value`` or ``InlineBinary`` unless the value is empty (F.2.5). A number that JSON does not have
        is a string: "NaN", "Infinity", "-Infinity". So are DS and IS that are no numbers, and integers beyond 2^53.
        Numbers that are cut off make the attribute UN, so that no byte is lost.
    """
    format_ = _NUMBERS.get(vr)
    if format_ is not None:
        return _numbers(vr, format_, value, big_endian)
    if vr == b"AT":
        return _tags(value, big_endian)
    if vr in BINARY_VRS or not value.strip(b"\0 "):
        return _binary(vr, value, big_endian)
    text = _text(vr, value, character_set)
    if not text:
        return {"vr": vr.decode("ascii")}
    values = [text] if vr in _ONE_TEXT else text.split("\\")
    convert = _CONVERTERS.get(vr, _string)
    return {"vr": vr.decode("ascii"), "Value": [convert(one) for one in values]}


def _binary(vr: bytes, value: bytes, big_endian: bool) -> dict[str, Any]:
    name = vr.decode("ascii")
    if not value or vr not in BINARY_VRS:
        return {"vr": name}
    if big_endian:
        value = swapped(value, WORD_NBYTES.get(vr, 1))
    return {"vr": name, "InlineBinary": base64.b64encode(value).decode("ascii")}


def _numbers(vr: bytes, format_: str, value: bytes, big_endian: bool) -> dict[str, Any]:
    nbytes = WORD_NBYTES[vr]
    if len(value) % nbytes:
        return _binary(b"UN", value, big_endian=False)
    if not value:
        return {"vr": vr.decode("ascii")}
    order = ">" if big_endian else "<"
    numbers: list[Any] = list(struct.unpack(f"{order}{len(value) // nbytes}{format_}", value))
    if format_ in "fd":
        numbers = [number if math.isfinite(number) else _not_finite(number) for number in numbers]
    elif nbytes == 8:
        numbers = [number if abs(number) <= _MAX_EXACT else str(number) for number in numbers]
    return {"vr": vr.decode("ascii"), "Value": numbers}


def _not_finite(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _tags(value: bytes, big_endian: bool) -> dict[str, Any]:
    if len(value) % 4:
        return _binary(b"UN", value, big_endian=False)
    if not value:
        return {"vr": "AT"}
    words = struct.unpack(f"{'>' if big_endian else '<'}{len(value) // 2}H", value)
    return {
        "vr": "AT",
        "Value": [f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)],
    }


def _text(vr: bytes, value: bytes, character_set: str) -> str:
    # Importing pydicom costs half a second, which text in ASCII need not wait for.
    if value.isascii() and b"\x1b" not in value:
        text = value.decode("ascii")
    elif vr in _CHARACTER_SET_MATTERS:
        # Decoded whole, then cut: in some character sets a byte 5C is half of a character (PS3.5 6.1.2.3).
        text = decode_text(value, character_set)
    else:
        text = value.decode("latin-1")
    return text.rstrip("\0 ") if vr in _LEADING_SPACES_COUNT else text.strip("\0 ")


def _string(text: str) -> str | None:
    return text.strip(" \0") or None


def _free_string(text: str) -> str | None:
    return text.rstrip(" \0") or None


def _person_name(text: str) -> dict[str, str] | None:
    groups = [group.rstrip(" ") for group in text.split("=", 2)]
    return {name: group for name, group in zip(_GROUPS, groups, strict=False) if group} or None


def _integer_string(text: str) -> int | str | None:
    text = text.strip(" \0")
    if not _INTEGER.fullmatch(text):
        return text or None
    number = int(text)
    return number if abs(number) <= _MAX_EXACT else text


def _decimal_string(text: str) -> int | float | str | None:
    text = text.strip(" \0")
    if not _DECIMAL.fullmatch(text):
        return text or None
    if _INTEGER.fullmatch(text) and len(text) <= 15:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else text


_CONVERTERS: Final[dict[bytes, Callable[[str], Any]]] = {
    b"DS": _decimal_string,
    b"IS": _integer_string,
    b"PN": _person_name,
    **dict.fromkeys(_LEADING_SPACES_COUNT - {b"PN"}, _free_string),
}
