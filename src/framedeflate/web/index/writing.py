# SPDX-License-Identifier: Apache-2.0
"""Records to rows. Each function is part of its caller's transaction."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from framedeflate.extras import needing
from framedeflate.image_pixel import ImagePixel
from framedeflate.web.index.records import IndexedInstance, NewInstance
from framedeflate.web.index.schema import FRAME_TABLES, INSTANCES, LEVEL_VALUES, SERIES, STUDIES
from framedeflate.web.index.values import value_rows
from framedeflate.web.search.attributes import Level, level_attributes

with needing("web", "the index of a store"):
    from sqlalchemy import Connection, Row, Table, delete, select, update
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["add", "clear", "remove"]

_CHUNK_FRAMES: Final = 1 << 14
_MAX_IN_LIST: Final = 500
_LAST: Final = 1 << 31
"""Series and instances without a number go last; IS has 32 bits."""

_IMAGE_PIXEL_FIELDS: Final = tuple(field.name for field in fields(ImagePixel) if field.init)


def add(connection: Connection, new: Sequence[NewInstance], *, replace: bool) -> list[NewInstance]:
    """Put instances in; return those that were not there in just this form."""
    unique = {one.instance.sop_instance_uid: one for one in new}
    columns = INSTANCES.c.etag, INSTANCES.c.mtime_ns
    there = {row.uid: (row.etag, row.mtime_ns) for row in _of_uids(connection, columns, list(unique))}
    # In one order, whoever writes: two transactions never wait for each other's rows.
    changed = [
        one
        for uid, one in sorted(unique.items(), key=_order)
        if replace or there.get(uid) != (one.instance.etag, one.mtime_ns)
    ]
    for one in changed:
        if one.instance.sop_instance_uid in there:
            remove(connection, one.instance.sop_instance_uid)
    levels = _Levels(connection)
    rows = [_instance_row(one, levels.series_of(one)) for one in changed]
    _insert_all(connection, INSTANCES, rows)
    ids = dict(map(tuple, _of_uids(connection, (INSTANCES.c.id,), [row["uid"] for row in rows])))
    for table, make in ((LEVEL_VALUES[Level.INSTANCE], _value_rows), (FRAME_TABLES, _frame_rows)):
        _insert_all(
            connection,
            table,
            [row for one in changed for row in make(one, ids[one.instance.sop_instance_uid])],
        )
    return changed


def _of_uids(connection: Connection, columns: Sequence[Any], uids: Sequence[str]) -> Iterator[Row[Any]]:
    query = select(INSTANCES.c.uid, *columns)
    for at in range(0, len(uids), _MAX_IN_LIST):
        yield from connection.execute(query.where(INSTANCES.c.uid.in_(uids[at : at + _MAX_IN_LIST])))


def _insert_all(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, but those that another transaction has just made of the same file."""
    if rows:
        connection.execute(_insert(connection)(table).on_conflict_do_nothing(), rows)


def _instance_row(one: NewInstance, series_id: int) -> dict[str, Any]:
    instance = one.instance
    return {
        "series_id": series_id,
        "uid": instance.sop_instance_uid,
        "number": _number(one.attributes, "00200013"),
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "nbytes": instance.nbytes,
        "mtime_ns": one.mtime_ns,
        "etag": instance.etag,
        "description": _description(instance),
        "attributes": _json(one.attributes),
    }


def _value_rows(one: NewInstance, instance_id: int) -> list[dict[str, Any]]:
    return value_rows(level_attributes(one.attributes, Level.INSTANCE), instance_id)


def _frame_rows(one: NewInstance, instance_id: int) -> list[dict[str, Any]]:
    frames = one.instance.frames
    if frames is None:
        return []
    return [
        {"instance_id": instance_id, "first_index": at, "packed": frames[at : at + _CHUNK_FRAMES].tobytes()}
        for at in range(0, len(frames), _CHUNK_FRAMES)
    ]


class _Levels:
    """Rows of studies and series that one transaction has met: asked for once, and locked from then on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._met: dict[tuple[Level, int, str], tuple[int, str]] = {}

    def series_of(self, one: NewInstance) -> int:
        """Return the row of the series of an instance, which is in that of its study."""
        instance = one.instance
        study_id = self._row(Level.STUDY, STUDIES, {"uid": instance.study_instance_uid}, one)
        key = {"study_id": study_id, "uid": instance.series_instance_uid}
        return self._row(Level.SERIES, SERIES, key, one)

    def _row(self, level: Level, table: Table, key: dict[str, Any], one: NewInstance) -> int:
        """Return a row; the instance with the least UID says what its attributes are."""
        name = level, key.get("study_id", 0), key["uid"]
        found = self._met.get(name)
        if found is None:
            insert = _insert(self._connection)(table)
            # Updated even where nothing changes: the row is then locked, and nobody takes it away before this ends.
            statement = insert.values(**key, speaker="", attributes="{}").on_conflict_do_update(
                index_elements=list(key), set_={"uid": insert.excluded.uid}
            )
            row = self._connection.execute(statement.returning(table.c.id, table.c.speaker)).one()
            found = int(row.id), row.speaker
        row_id, speaker = found
        uid = one.instance.sop_instance_uid
        if not speaker or uid < speaker:
            _say(self._connection, level, table, row_id, _columns(level, uid, one.attributes))
            speaker = uid
        self._met[name] = row_id, speaker
        return row_id


def remove(connection: Connection, sop_instance_uid: str) -> tuple[str, str, str] | None:
    """Take an instance out with what is left empty; return its three UIDs."""
    row = connection.execute(
        select(STUDIES.c.id, STUDIES.c.uid, SERIES.c.id, SERIES.c.uid, INSTANCES.c.id)
        .join(SERIES, SERIES.c.study_id == STUDIES.c.id)
        .join(INSTANCES, INSTANCES.c.series_id == SERIES.c.id)
        .where(INSTANCES.c.uid == sop_instance_uid)
    ).one_or_none()
    if row is None:
        return None
    study_id, study_uid, series_id, series_uid, instance_id = row
    # Who adds to them meanwhile waits, and then makes them anew.
    connection.execute(select(STUDIES.c.id).where(STUDIES.c.id == study_id).with_for_update())
    connection.execute(select(SERIES.c.id).where(SERIES.c.id == series_id).with_for_update())
    connection.execute(delete(FRAME_TABLES).where(FRAME_TABLES.c.instance_id == instance_id))
    _forget(connection, Level.INSTANCE, INSTANCES, instance_id)
    in_series = select(INSTANCES).where(INSTANCES.c.series_id == series_id)
    in_study = select(INSTANCES).join(SERIES).where(SERIES.c.study_id == study_id)
    for level, table, owner_id, members in (
        (Level.SERIES, SERIES, series_id, in_series),
        (Level.STUDY, STUDIES, study_id, in_study),
    ):
        speaker = connection.execute(members.order_by(INSTANCES.c.uid).limit(1)).one_or_none()
        if speaker is None:
            _forget(connection, level, table, owner_id)
        else:
            said = _columns(level, speaker.uid, json.loads(speaker.attributes))
            _say(connection, level, table, owner_id, said)
    return study_uid, series_uid, sop_instance_uid


def _forget(connection: Connection, level: Level, table: Table, row_id: int) -> None:
    values = LEVEL_VALUES[level]
    connection.execute(delete(values).where(values.c.owner_id == row_id))
    connection.execute(delete(table).where(table.c.id == row_id))


def clear(connection: Connection) -> None:
    """Take everything out."""
    for table in (*LEVEL_VALUES.values(), FRAME_TABLES, INSTANCES, SERIES, STUDIES):
        connection.execute(delete(table))


def _say(connection: Connection, level: Level, table: Table, row_id: int, said: dict[str, Any]) -> None:
    """Give a study or series the attributes of one of its instances."""
    model = said["model"]
    columns = {name: value for name, value in said.items() if name != "model"}
    connection.execute(update(table).where(table.c.id == row_id).values(attributes=_json(model), **columns))
    values = LEVEL_VALUES[level]
    connection.execute(delete(values).where(values.c.owner_id == row_id))
    _insert_all(connection, values, value_rows(model, row_id))


def _columns(level: Level, speaker: str, attributes: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"speaker": speaker, "model": level_attributes(attributes, level)}
    if level is Level.SERIES:
        said["number"] = _number(attributes, "00200011")
    return said


def _insert(connection: Connection) -> Any:
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def _order(named: tuple[str, NewInstance]) -> tuple[str, str, str]:
    instance = named[1].instance
    return instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid


def _description(instance: IndexedInstance) -> str:
    image_pixel, place = instance.image_pixel, instance.pixel_data
    return _json(
        {
            "sop_class_uid": instance.sop_class_uid,
            "image_pixel": None
            if image_pixel is None
            else {name: getattr(image_pixel, name) for name in _IMAGE_PIXEL_FIELDS},
            "pixel_data": None if place is None else asdict(place),
        }
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(attributes: dict[str, Any], key: str) -> int:
    value = (attributes.get(key, {}).get("Value") or [None])[0]
    return value if isinstance(value, int) and -_LAST <= value < _LAST else _LAST
