# SPDX-License-Identifier: Apache-2.0
"""Records to rows. Each function is part of its caller's transaction."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from framedeflate.image_pixel import ImagePixel
from framedeflate.web.index.records import IndexedInstance, NewInstance
from framedeflate.web.index.schema import FRAME_TABLES, INSTANCES, LEVEL_VALUES, SERIES, STUDIES
from framedeflate.web.index.values import value_rows
from framedeflate.web.search.attributes import Level, level_attributes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["add", "clear", "remove"]

_CHUNK_FRAMES: Final = 1 << 14
_LAST: Final = 1 << 31
"""Series and instances without a number go last; IS has 32 bits."""

_IMAGE_PIXEL_FIELDS: Final = tuple(field.name for field in fields(ImagePixel) if field.init)


def add(connection: Connection, new: Sequence[NewInstance], *, replace: bool) -> list[NewInstance]:
    """Put instances in; return those that were not there in just this form."""
    changed = []
    # In one order, whoever writes: two transactions never wait for each other's rows.
    for one in sorted(new, key=_order):
        instance = one.instance
        there = connection.execute(
            select(INSTANCES.c.etag, INSTANCES.c.mtime_ns).where(INSTANCES.c.uid == instance.sop_instance_uid)
        ).one_or_none()
        if not replace and there is not None and tuple(there) == (instance.etag, one.mtime_ns):
            continue
        if there is not None:
            remove(connection, instance.sop_instance_uid)
        study_id = _put_level(
            connection, Level.STUDY, STUDIES, {"uid": instance.study_instance_uid}, _said(Level.STUDY, one)
        )
        series_id = _put_level(
            connection,
            Level.SERIES,
            SERIES,
            {"study_id": study_id, "uid": instance.series_instance_uid},
            _said(Level.SERIES, one),
        )
        instance_id = connection.execute(
            _insert(connection)(INSTANCES)
            .values(
                series_id=series_id,
                uid=instance.sop_instance_uid,
                number=_number(one.attributes, "00200013"),
                transfer_syntax_uid=instance.transfer_syntax_uid,
                nbytes=instance.nbytes,
                mtime_ns=one.mtime_ns,
                etag=instance.etag,
                description=_description(instance),
                attributes=_json(one.attributes),
            )
            .on_conflict_do_nothing()
            .returning(INSTANCES.c.id)
        ).scalar()
        if instance_id is None:
            # Another transaction came first, with the same file.
            continue
        rows = value_rows(level_attributes(one.attributes, Level.INSTANCE), instance_id)
        if rows:
            connection.execute(LEVEL_VALUES[Level.INSTANCE].insert(), rows)
        if instance.frames is not None:
            rows = [
                {"instance_id": instance_id, "first_index": at, "packed": packed}
                for at, packed in _chunks(instance.frames)
            ]
            connection.execute(FRAME_TABLES.insert(), rows)
        changed.append(one)
    return changed


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


def _put_level(
    connection: Connection, level: Level, table: Table, key: dict[str, Any], said: dict[str, Any]
) -> int:
    """Return the row of a study or series; the instance with the least UID says what its attributes are."""
    insert = _insert(connection)(table)
    # Updated even where nothing changes: the row is then locked, and nobody takes it away before this ends.
    statement = insert.values(**key, speaker="", attributes="{}").on_conflict_do_update(
        index_elements=list(key), set_={"uid": insert.excluded.uid}
    )
    row = connection.execute(statement.returning(table.c.id, table.c.speaker)).one()
    if not row.speaker or said["speaker"] < row.speaker:
        _say(connection, level, table, row.id, said)
    return int(row.id)


def _say(connection: Connection, level: Level, table: Table, row_id: int, said: dict[str, Any]) -> None:
    """Give a study or series the attributes of one of its instances."""
    model = said["model"]
    columns = {name: value for name, value in said.items() if name != "model"}
    connection.execute(update(table).where(table.c.id == row_id).values(attributes=_json(model), **columns))
    values = LEVEL_VALUES[level]
    connection.execute(delete(values).where(values.c.owner_id == row_id))
    rows = value_rows(model, row_id)
    if rows:
        connection.execute(values.insert(), rows)


def _said(level: Level, one: NewInstance) -> dict[str, Any]:
    return _columns(level, one.instance.sop_instance_uid, one.attributes)


def _columns(level: Level, speaker: str, attributes: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"speaker": speaker, "model": level_attributes(attributes, level)}
    if level is Level.SERIES:
        said["number"] = _number(attributes, "00200011")
    return said


def _insert(connection: Connection) -> Any:
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def _order(one: NewInstance) -> tuple[str, str, str]:
    instance = one.instance
    return instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid


def _chunks(frames: "NDArray[np.void]") -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(frames), _CHUNK_FRAMES):
        yield at, frames[at : at + _CHUNK_FRAMES].tobytes()


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
