# SPDX-License-Identifier: Apache-2.0
"""What searches match, as rows: one for each value of an attribute, in the form in which it is compared."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from framedeflate.web.search.attributes import DATES_WITH_TIMES, path_of
from framedeflate.web.search.forms import GROUPS, stored_forms

__all__ = ["KEY_LENGTH", "value_rows"]

KEY_LENGTH: Final = 64
"""So much of a value is in the database's index: PostgreSQL refuses rows there of more than 2704 bytes."""

_MAX_VALUES: Final = 64
"""Of one attribute, and Items of one sequence; more are not matched."""

_DIRECT: Final = frozenset({0x0020000D, 0x0020000E, 0x00080018})
"""These have columns of their own."""

Row = dict[str, Any]


def value_rows(attributes: Mapping[str, Any], owner_id: int) -> list[Row]:
    """Return the rows of one study, series or instance.

    Parameters
    ----------
    attributes : mapping
        DICOM JSON model of its level.
    owner_id : int
        Its row.
    """
    rows = list(_rows(attributes, (), (-1, -1)))
    there = {(row["path"], row["position"]): row["value"] for row in rows}
    for date_tag, time_tag in DATES_WITH_TIMES:
        date, time = there.get((path_of([date_tag]), 0)), there.get((path_of([time_tag]), 0))
        if date is not None and time is not None:
            rows.append(_row(f"{path_of([date_tag])}+{path_of([time_tag])}", (-1, -1), 0, date + time))
    for row in rows:
        row["owner_id"] = owner_id
    return rows


def _rows(attributes: Mapping[str, Any], above: tuple[int, ...], items: tuple[int, int]) -> Iterator[Row]:
    for key, element in attributes.items():
        tag, vr = int(key, 16), element.get("vr", "UN")
        if tag in _DIRECT:
            continue
        values = list(islice(element.get("Value") or (), _MAX_VALUES))
        if vr == "SQ":
            if len(above) == len(items):
                continue
            for number, item in enumerate(values):
                at = (number, -1) if not above else (items[0], number)
                yield from _rows(item or {}, (*above, tag), at)
            continue
        path = path_of((*above, tag))
        for number, value in enumerate(values):
            for group, form in stored_forms(vr, value) if value is not None else ():
                yield _row(path, items, number * len(GROUPS) + group, form)


def _row(path: str, items: tuple[int, int], position: int, value: str) -> Row:
    return {
        "path": path,
        "item": items[0],
        "inner": items[1],
        "position": position,
        "key": value[:KEY_LENGTH],
        "value": value,
    }
