# SPDX-License-Identifier: Apache-2.0
"""A search as its URL says it: target, conditions, what to return and how much of it (PS3.18 8.3.4, 10.6.1)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from framedeflate.errors import SearchError
from framedeflate.pydicom_bridge import dictionary_tag, dictionary_vr
from framedeflate.web.search.attributes import (
    MODALITIES_IN_STUDY,
    MODALITY,
    Level,
    level_of,
)
from framedeflate.web.search.conditions import Condition, combined, conditions_of

__all__ = ["MAX_RESULTS", "Query", "parse_query"]

MAX_RESULTS: Final = 5000
"""Results of one answer; the rest is asked for by offset."""

_MAX_PARAMETERS: Final = 256
_MAX_QUERY_LENGTH: Final = 1 << 16
_MAX_DEPTH: Final = 3
_MAX_NAMED: Final = 8
_MAX_IN_SEQUENCE: Final = 8
"""Conditions in one sequence: each is a join, and databases allow few."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NAME: Final = re.compile(r"[A-Za-z0-9.]{1,128}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")

_NOT_ATTRIBUTES: Final = frozenset(
    {"accept", "charset", "fuzzymatching", "includefield", "limit", "offset"}
    | {"emptyvaluematching", "multiplevaluematching"}
)
_NOT_SUPPORTED: Final = {
    "fuzzymatching": "The fuzzymatching parameter is not supported. Only literal matching has been performed.",
    "emptyvaluematching": "The emptyvaluematching parameter is not supported. Empty Value Matching has not been "
    "performed.",
    "multiplevaluematching": "The multiplevaluematching parameter is not supported. Multiple Value Matching has not "
    "been performed.",
}
"""Sentences of PS3.18 8.3.4.2, 8.3.4.5 and 8.3.4.6."""

# Found with every study, and matched through its series.
_WITH_STUDY: Final = {MODALITIES_IN_STUDY: MODALITY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to search for.

    Attributes
    ----------
    level : Level
        What a result is.
    study_instance_uid, series_instance_uid : str or None
        Those of the path.
    conditions : tuple of Condition
        All must be met.
    included : frozenset of int
        Attributes to return beside the usual ones.
    include_all : bool
        Whether all attributes of the level are returned.
    limit, offset : int
        How many results to return at most, and how many to pass over.
    is_capped : bool
        Whether `limit` is our own: what is left is then said in a warning (8.3.4.4).
    warnings : tuple of str
        What of the query was not followed.
    """

    level: Level
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    conditions: tuple[Condition, ...] = ()
    included: frozenset[int] = frozenset()
    include_all: bool = False
    limit: int = MAX_RESULTS
    offset: int = 0
    is_capped: bool = True
    warnings: tuple[str, ...] = ()


def parse_query(
    level: Level,
    query_string: str,
    *,
    study_instance_uid: str | None = None,
    series_instance_uid: str | None = None,
    max_results: int = MAX_RESULTS,
) -> Query:
    """Read the query part of a URL.

    Attributes that are not matched here, and parameters that are none, are left out with a warning.

    Parameters
    ----------
    level : Level
    query_string : str
        Percent-encoded, without the question mark.
    study_instance_uid, series_instance_uid : str, optional
        Those of the path.
    max_results : int
        The greatest limit.

    Raises
    ------
    SearchError
        kind ``syntax`` | ``duplicate`` | ``value`` | ``limit`` | ``too-many`` | ``too-long``.
    """
    parameters = _decoded(query_string)
    given: dict[str, str] = {}
    includes: list[str] = []
    conditions: list[Condition] = []
    included: set[int] = set()
    unknown: list[str] = []
    met: set[tuple[int, ...]] = set()
    for name, value in parameters:
        if name == "includefield":
            includes += [one.strip() for one in value.split(",") if one.strip()]
            continue
        if name in _NOT_ATTRIBUTES:
            given.setdefault(name, value)
            continue
        tags = _tags(name)
        if tags is not None and tags in met:
            raise SearchError(f"{_shown(name)} is given twice (PS3.18 8.3.4.1)", kind="duplicate")
        target = None if tags is None else _target(level, tags)
        if tags is None or target is None:
            unknown.append(name)
            continue
        met.add(tags)
        included.add(tags[0])
        conditions += conditions_of(*target, value, _shown(name))
    for name in includes:
        tags = _tags(name)
        if tags is not None and _is_returned(level, tags[0]):
            included.add(tags[0])
        elif name != "all":
            unknown.append(name)
    in_sequences = Counter(one.tags[0] for one in conditions if len(one.tags) > 1)
    if any(count > _MAX_IN_SEQUENCE for count in in_sequences.values()):
        raise SearchError(
            f"there are more than {_MAX_IN_SEQUENCE} conditions in one sequence", kind="too-many"
        )
    limit, is_capped = _limit(given.get("limit"), max_results)
    return Query(
        level=level,
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        conditions=tuple(combined(conditions)),
        included=frozenset(included),
        include_all="all" in includes,
        limit=limit,
        offset=_number("offset", given.get("offset"), 0),
        is_capped=is_capped,
        warnings=tuple(_warnings(given, unknown)),
    )


def _decoded(query_string: str) -> list[tuple[str, str]]:
    if len(query_string) > _MAX_QUERY_LENGTH:
        raise SearchError("the query is too long", kind="too-long")
    pieces = [piece for piece in query_string.split("&") if piece]
    if len(pieces) > _MAX_PARAMETERS:
        raise SearchError(f"the query has more than {_MAX_PARAMETERS} parameters", kind="too-many")
    try:
        pairs = [piece.partition("=") for piece in pieces]
        return [
            (unquote_plus(name, errors="strict"), unquote_plus(text, errors="strict"))
            for name, _, text in pairs
        ]
    except UnicodeDecodeError:
        raise SearchError("the query is not UTF-8 in percent-encoding", kind="syntax") from None


def _tags(name: str) -> tuple[int, ...] | None:
    """Return the tags of a path of tags or keywords; None where one of them is neither, or the path leads too deep."""
    parts = name.split(".")
    if len(parts) > _MAX_DEPTH:
        return None
    tags = [int(part, 16) if _TAG.fullmatch(part) else dictionary_tag(part) for part in parts]
    return tuple(tag for tag in tags if tag is not None) if None not in tags else None


def _target(level: Level, tags: tuple[int, ...]) -> tuple[Level, tuple[int, ...], str] | None:
    """Return level, tags and VR of an attribute that is matched here; None where it is not."""
    kept = tuple(_WITH_STUDY.get(tag, tag) for tag in tags)
    at = Level.STUDY if kept != tags else level_of(tags[0])
    vr = dictionary_vr(tags[-1])
    if at is None or at > level or vr in {"SQ", "UN"}:
        return None
    if any(dictionary_vr(tag) != "SQ" for tag in tags[:-1]):
        return None
    return at, tags, vr


def _is_returned(level: Level, tag: int) -> bool:
    at = level_of(tag)
    return tag in _ALWAYS_KNOWN or (at is not None and at <= level)


# Not in any file of ours, and returned without being asked for.
_ALWAYS_KNOWN: Final = frozenset(
    {
        0x00080005,
        0x00080056,
        0x00080061,
        0x00080201,
        0x00081190,
        0x00083002,
        0x00201206,
        0x00201208,
        0x00201209,
    }
)


def _limit(text: str | None, max_results: int) -> tuple[int, bool]:
    limit = _number("limit", text, max_results)
    return min(limit, max_results), text is None or limit > max_results


def _number(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    if _NUMBER.fullmatch(text) is None:
        raise SearchError(f"{name} must be a whole number (PS3.18 8.3.4.4)", kind="limit")
    return int(text)


def _warnings(given: dict[str, str], unknown: list[str]) -> Iterator[str]:
    yield from (sentence for name, sentence in _NOT_SUPPORTED.items() if given.get(name) == "true")
    if unknown:
        names = ", ".join(_shown(name) for name in unknown[:_MAX_NAMED])
        more = f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
        yield f"These parameters are not supported in this search and were ignored: {names}{more}."


def _shown(name: str) -> str:
    """Return a parameter's name where it looks like one: it goes into a header field."""
    return name if _NAME.fullmatch(name) else "(no attribute)"
