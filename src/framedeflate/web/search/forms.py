# SPDX-License-Identifier: Apache-2.0
"""Values in the form in which they are compared: those of files and those of queries meet here (PS3.4 C.2.2.2)."""

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any, Final

__all__ = [
    "GROUPS",
    "MAX_FORM_LENGTH",
    "NUMBER_VRS",
    "TEXT_VRS",
    "date_form",
    "datetime_form",
    "end_of",
    "name_form",
    "number_form",
    "start_of",
    "stored_forms",
    "text_form",
    "time_form",
]

GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
"""Component groups of a person name, in order (PS3.5 6.2.1)."""

MAX_FORM_LENGTH: Final = 1024
"""Characters that are compared; no value that one would search for is longer."""

TEXT_VRS: Final = frozenset({"AE", "AS", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
NUMBER_VRS: Final = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})

_NUMBER: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?")
_DATE: Final = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
_DATETIME: Final = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?)?)?)?"
    r"(?:([+-])([0-9]{2})([0-9]{2}))?"
)
_MAX_OFFSET_HOURS: Final = 14


def text_form(text: str) -> str:
    """Return text as it is compared, with case: padding has no meaning (PS3.5 6.2)."""
    return unicodedata.normalize("NFC", text).strip(" \0")[:MAX_FORM_LENGTH]


def name_form(group: str) -> str:
    """Return a component group of a person name as it is compared: without case and empty components at its end."""
    return text_form(unicodedata.normalize("NFC", group).casefold()).rstrip("^ ")


def number_form(value: Any) -> str | None:
    """Return a number as text, equal for equal numbers; None for what is none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is None:
        return None
    try:
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    except (TypeError, ValueError, OverflowError):
        return None


def date_form(text: str) -> str | None:
    """Return YYYYMMDD; None for what is no date. The old form with dots is one (PS3.5 6.2)."""
    found = _DATE.fullmatch(text.strip())
    return None if found is None else "".join(found.groups())


def time_form(text: str, *, end: bool = False) -> str | None:
    """Return HHMMSS.FFFFFF, the first moment that a time of less precision means, or the last; None if it is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds, fraction = found.groups()
    rest = "59" if end else "00"
    return f"{hours}{minutes or rest}{seconds or rest}.{(fraction or '').ljust(6, '9' if end else '0')}"


def datetime_form(text: str, *, end: bool = False) -> str | None:
    """Return YYYYMMDDHHMMSS.FFFFFF, in UTC where the value has an offset; None for what is no date and time."""
    found = _DATETIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),
        )
        moment = moment.replace(microsecond=int((fraction or "").ljust(6, "0")))
        if end:
            moment = _end_of(moment, month, day, hour, minute, second, fraction)
        if sign:
            if int(hours) > _MAX_OFFSET_HOURS:
                return None
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            moment -= offset if sign == "+" else -offset
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y%m%d%H%M%S.%f").zfill(21)


def _end_of(moment: datetime, *parts: str | None) -> datetime:
    """Return the last moment of what was given down to the last of `parts` that is there."""
    month, day, hour, minute, second, fraction = parts
    if month is None:
        following = moment.replace(year=moment.year + 1)
    elif day is None:
        following = (moment + timedelta(days=31)).replace(day=1)
    elif fraction is not None:
        following = moment + timedelta(microseconds=10 ** (6 - len(fraction)))
    else:
        units = (("days", hour), ("hours", minute), ("minutes", second))
        unit = next((unit for unit, finer in units if finer is None), "seconds")
        following = moment + timedelta(**{unit: 1})
    return following - timedelta(microseconds=1)


def start_of(vr: str, text: str) -> str | None:
    """Return the first moment of a DA, TM or DT; None for what is none."""
    return date_form(text) if vr == "DA" else time_form(text) if vr == "TM" else datetime_form(text)


def end_of(vr: str, text: str) -> str | None:
    """Return the last moment of a DA, TM or DT; None for what is none."""
    if vr == "DA":
        return date_form(text)
    return time_form(text, end=True) if vr == "TM" else datetime_form(text, end=True)


def stored_forms(vr: str, value: Any) -> list[tuple[int, str]]:
    """Return the forms of one value of the DICOM JSON model (PS3.18 F.2), each with its component group (else 0)."""
    if vr == "PN":
        groups = value if isinstance(value, dict) else {}
        forms = ((number, name_form(str(groups.get(group) or ""))) for number, group in enumerate(GROUPS))
        return [(number, form) for number, form in forms if form]
    if vr in {"DA", "TM", "DT"}:
        form = start_of(vr, str(value))
    elif vr in NUMBER_VRS:
        form = number_form(value)
    else:
        form = text_form(str(value))
    return [(0, _storable(form))] if form else []


def _storable(form: str) -> str:
    """Return it without what no database holds: NUL, and halves of surrogate pairs."""
    return form.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
