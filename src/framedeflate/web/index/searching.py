# SPDX-License-Identifier: Apache-2.0
"""Searches as SQL: every value is a bound parameter, every answer has a limit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from framedeflate.extras import needing
from framedeflate.web.index.matches import matches
from framedeflate.web.index.schema import INSTANCES, LEVEL_VALUES, SERIES, STUDIES
from framedeflate.web.index.values import KEY_LENGTH
from framedeflate.web.search.attributes import MODALITIES_IN_STUDY, MODALITY, Level, path_of
from framedeflate.web.search.conditions import Between, Condition, Equals, Matches
from framedeflate.web.search.forms import GROUPS
from framedeflate.web.search.page import Page
from framedeflate.web.search.query import Query

with needing("web", "the index of a store"):
    from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

__all__ = ["search"]

_TABLES: Final = {Level.STUDY: STUDIES, Level.SERIES: SERIES, Level.INSTANCE: INSTANCES}
_UIDS: Final = {0x0020000D: STUDIES.c.uid, 0x0020000E: SERIES.c.uid, 0x00080018: INSTANCES.c.uid}


def search(connection: Connection, query: Query) -> Page:
    """Return what meets all conditions of a query, from its offset on."""
    columns = [table.c.id for level, table in _TABLES.items() if level <= query.level]
    statement = _joined(select(*columns), query.level).where(
        *_conditions(query, is_sqlite=connection.dialect.name == "sqlite")
    )
    # One row more than asked for tells whether the whole must be counted.
    page = statement.order_by(*_order(query)).limit(query.limit + 1).offset(query.offset)
    rows = connection.execute(page).all()
    if len(rows) <= query.limit and (rows or query.offset == 0):
        total = query.offset + len(rows)
    else:
        total = connection.execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    return Page(matches(connection, query, [tuple(row) for row in rows[: query.limit]]), total)


def _joined(statement: Select[Any], level: Level) -> Select[Any]:
    if level is Level.STUDY:
        return statement.select_from(STUDIES)
    if level is Level.SERIES:
        return statement.select_from(SERIES.join(STUDIES))
    return statement.select_from(INSTANCES.join(SERIES).join(STUDIES))


def _order(query: Query) -> list[ColumnElement[Any]]:
    """Return an order in which pages follow each other: that of a study where one is given, else that of arrival."""
    if query.level is Level.SERIES and query.study_instance_uid is not None:
        return [SERIES.c.number, SERIES.c.uid]
    if query.level is Level.INSTANCE and query.series_instance_uid is not None:
        return [INSTANCES.c.number, INSTANCES.c.uid]
    if query.level is Level.INSTANCE and query.study_instance_uid is not None:
        return [SERIES.c.number, SERIES.c.uid, INSTANCES.c.number, INSTANCES.c.uid]
    return [_TABLES[query.level].c.id]


def _conditions(query: Query, *, is_sqlite: bool) -> Iterable[ColumnElement[bool]]:
    if query.study_instance_uid is not None:
        yield STUDIES.c.uid == query.study_instance_uid
    if query.series_instance_uid is not None:
        yield SERIES.c.uid == query.series_instance_uid
    in_sequences: defaultdict[tuple[Level, int], list[Condition]] = defaultdict(list)
    for condition in query.conditions:
        column = _UIDS.get(condition.tags[0])
        if column is not None and isinstance(condition.test, Equals):
            yield column.in_(condition.test.forms)
        elif condition.tags == (MODALITIES_IN_STUDY,):
            values = LEVEL_VALUES[Level.SERIES].alias()
            found = _owners(values).join(SERIES, SERIES.c.id == values.c.owner_id)
            found = found.with_only_columns(SERIES.c.study_id)
            passes = _passes(values, condition, is_sqlite=is_sqlite)
            yield STUDIES.c.id.in_(found.where(values.c.path == path_of([MODALITY]), passes))
        elif len(condition.tags) > 1:
            in_sequences[condition.level, condition.tags[0]].append(condition)
        else:
            values = LEVEL_VALUES[condition.level].alias()
            owner = _TABLES[condition.level].c.id
            yield owner.in_(_owners(values).where(*_of(values, condition, is_sqlite=is_sqlite)))
    for (level, _sequence), conditions in in_sequences.items():
        yield _TABLES[level].c.id.in_(_in_one_item(level, conditions, is_sqlite=is_sqlite))


def _owners(values: Any) -> Select[Any]:
    return select(values.c.owner_id)


def _of(values: Any, condition: Condition, *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    return [values.c.path == condition.path, _passes(values, condition, is_sqlite=is_sqlite)]


def _in_one_item(level: Level, conditions: Sequence[Condition], *, is_sqlite: bool) -> Select[Any]:
    """Return whose sequence has an Item that passes all conditions; in sequences inside it again one Item each."""
    first = LEVEL_VALUES[level].alias()
    statement = _owners(first).where(*_of(first, conditions[0], is_sqlite=is_sqlite))
    inner = {conditions[0].tags[:-1]: first}
    for condition in conditions[1:]:
        values = LEVEL_VALUES[level].alias()
        same = and_(values.c.owner_id == first.c.owner_id, values.c.item == first.c.item)
        sibling = inner.setdefault(condition.tags[:-1], values)
        if sibling is not values:
            same = and_(same, values.c.inner == sibling.c.inner)
        statement = statement.join(values, same).where(*_of(values, condition, is_sqlite=is_sqlite))
    return statement


def _passes(values: Any, condition: Condition, *, is_sqlite: bool) -> ColumnElement[bool]:
    tests: list[ColumnElement[bool]] = []
    match condition.test:
        case Equals(forms):
            tests.append(values.c.key.in_([form[:KEY_LENGTH] for form in forms]))
            if any(len(form) >= KEY_LENGTH for form in forms):
                tests.append(values.c.value.in_(forms))
        case Matches(pattern):
            tests.append(_like(values.c.value, pattern, is_sqlite=is_sqlite))
        case Between(first, last):
            if first is not None:
                tests.append(values.c.key >= first)
            if last is not None:
                tests.append(values.c.key <= last)
    if condition.group is not None:
        tests.append(values.c.position % len(GROUPS) == condition.group)
    return and_(*tests)


def _like(column: ColumnElement[str], pattern: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """Return a test against wild cards, with case: LIKE has none in SQLite, where GLOB's wild cards are DICOM's own."""
    if is_sqlite:
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    for character in ("\\", "%", "_"):
        pattern = pattern.replace(character, f"\\{character}")
    return column.like(pattern.replace("*", "%").replace("?", "_"), escape="\\")
