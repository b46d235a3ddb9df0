# SPDX-License-Identifier: Apache-2.0
"""What a query asks of one attribute, as a test on the forms of its values (PS3.4 C.2.2.2)."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from framedeflate.errors import SearchError
from framedeflate.web.search.attributes import DATES_WITH_TIMES, MODALITIES_IN_STUDY, MODALITY, Level, path_of
from framedeflate.web.search.forms import (
    GROUPS,
    MAX_FORM_LENGTH,
    NUMBER_VRS,
    end_of,
    name_form,
    number_form,
    start_of,
    text_form,
)

__all__ = ["Between", "Condition", "Equals", "Matches", "Test", "combined", "conditions_of"]

MAX_LISTED: Final = 1000
"""UIDs of one list."""

_MAX_WILDCARDS: Final = 16
_STARS: Final = re.compile(r"\*+")
_LIST: Final = re.compile(r"[,\\]")
_WILDCARD_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_MOMENT_VRS: Final = frozenset({"DA", "DT", "TM"})


@dataclass(frozen=True, slots=True)
class Equals:
    """One of these (Single Value and List of UID Matching, C.2.2.2.1 and C.2.2.2.2)."""

    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """A pattern in which * stands for any characters and ? for one (Wild Card Matching, C.2.2.2.4)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """From the first to the last, both included; None where it is open (Range Matching, C.2.2.2.5).

    A time given to the minute is no range, but stands for a minute.
    """

    first: str | None
    last: str | None
    is_range: bool = True


Test: TypeAlias = Equals | Matches | Between


@dataclass(frozen=True, slots=True)
class Condition:
    """A test that one value at least must pass.

    Attributes
    ----------
    level : Level
        Where the attribute is kept.
    tags : tuple of int
        Sequences from outside to inside, then the attribute. Conditions in one sequence ask for one Item that passes
        all of them (C.2.2.2.6).
    path : str
        As the index knows it.
    test : Test
    group : int or None
        Component group of a person name, from 0; None where any may match.
    """

    level: Level
    tags: tuple[int, ...]
    path: str
    test: Test
    group: int | None = None


def conditions_of(level: Level, tags: tuple[int, ...], vr: str, text: str, name: str) -> list[Condition]:
    """Return what a query's value asks for; nothing where any value will do (Universal Matching, C.2.2.2.3).

    Parameters
    ----------
    level, tags
        As `Condition`.
    vr : str
        Value Representation of the attribute.
    text : str
        The value in the query.
    name : str
        The attribute, for errors.

    Raises
    ------
    SearchError
        kind ``value`` | ``too-many`` | ``too-long``.
    """
    if not text.strip(" *"):
        return []
    if len(text) > MAX_FORM_LENGTH and vr != "UI":
        raise SearchError(f"the value of {name} is longer than {MAX_FORM_LENGTH} characters", kind="too-long")
    if "\0" in text:
        raise SearchError(f"the value of {name} has a character that no value has", kind="value")
    if vr == "PN":
        return [
            Condition(level, tags, path_of(tags), _text_test(vr, group_form, name), group)
            for group, group_form in _name_groups(text, name)
        ]
    return [Condition(level, tags, path_of(tags), _test(tags[-1], vr, text, name))]


def _test(tag: int, vr: str, text: str, name: str) -> Test:
    if vr in _MOMENT_VRS:
        return _moments(vr, text, name)
    if vr == "UI" or tag in {MODALITY, MODALITIES_IN_STUDY}:
        listed = [text_form(one) for one in _LIST.split(text) if one.strip()]
        if len(listed) > MAX_LISTED:
            raise SearchError(f"{name} lists more than {MAX_LISTED} values", kind="too-many")
        if vr == "UI" or len(listed) != 1:
            return Equals(tuple(listed))
    if vr in NUMBER_VRS:
        number = number_form(text)
        if number is None:
            raise SearchError(f"the value of {name} is no number", kind="value")
        return Equals((number,))
    return _text_test(vr, text_form(text), name)


def _text_test(vr: str, form: str, name: str) -> Test:
    if vr not in _WILDCARD_VRS or not ("*" in form or "?" in form):
        return Equals((form,))
    pattern = _STARS.sub("*", form)
    if pattern.count("*") > _MAX_WILDCARDS:
        raise SearchError(f"the value of {name} has more than {_MAX_WILDCARDS} wild cards", kind="too-many")
    return Matches(pattern)


def _name_groups(text: str, name: str) -> list[tuple[int | None, str]]:
    """Return the groups asked for: without "=" any may match, with it each in its place."""
    if "=" not in text:
        return [(None, name_form(text))]
    groups = text.split("=")
    if len(groups) > len(GROUPS):
        raise SearchError(f"the value of {name} has more than three component groups", kind="value")
    return [(number, name_form(group)) for number, group in enumerate(groups) if group.strip(" *^")]


def _moments(vr: str, text: str, name: str) -> Test:
    """Return a single value, which stands for all moments that it covers, or a range."""
    first, last = start_of(vr, text), end_of(vr, text)
    if first is not None and last is not None:
        return Equals((first,)) if first == last else Between(first, last, is_range=False)
    # Where the hyphen of a range is, the values on both sides decide: in DT one may also belong to an offset.
    cuts = [at for at, character in enumerate(text) if character == "-"]
    for at in cuts:
        before, after = text[:at].strip(), text[at + 1 :].strip()
        first = start_of(vr, before) if before else None
        last = end_of(vr, after) if after else None
        if (before or after) and (first is not None) == bool(before) and (last is not None) == bool(after):
            return Between(first, last)
    raise SearchError(f"the value of {name} is no {_KINDS[vr]} and no range of them", kind="value")


_KINDS: Final = {"DA": "date (YYYYMMDD)", "TM": "time (HHMMSS)", "DT": "date and time (YYYYMMDDHHMMSS)"}


def combined(conditions: list[Condition]) -> list[Condition]:
    """Join ranges of a date and of its time, of the same form, into one of moments (C.2.2.2.5.4)."""
    ranges = {
        one.tags: (one, one.test) for one in conditions if isinstance(one.test, Between) and one.test.is_range
    }
    for date_tag, time_tag in DATES_WITH_TIMES:
        if (date_tag,) not in ranges or (time_tag,) not in ranges:
            continue
        (date, days), (time, hours) = ranges[date_tag,], ranges[time_tag,]
        if (days.first is None, days.last is None) != (hours.first is None, hours.last is None):
            continue
        test = Between(_joined(days.first, hours.first), _joined(days.last, hours.last))
        conditions = [one for one in conditions if one not in (date, time)]
        conditions.append(Condition(date.level, date.tags, f"{date.path}+{time.path}", test))
    return conditions


def _joined(date: str | None, time: str | None) -> str | None:
    return None if date is None or time is None else date + time
