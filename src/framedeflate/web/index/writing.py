# SPDX-License-Identifier: Apache-2.0
"""Records to rows. Each function is part of its caller's transaction."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from framedeflate.image_pixel import ImagePixel
from framedeflate.web.index.attributes import SERIES_TAGS, STUDY_TAGS, level_attributes
from framedeflate.web.index.records import IndexedInstance, NewInstance
from framedeflate.web.index.schema import FRAME_TABLES, INSTANCES, LEVEL_VALUES, SERIES, STUDIES

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
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    changed = []
    # In one order, whoever writes: two transactions never wait for each other's rows.
    for one in sorted(new, key=lambda one: one.instance.study_instance_uid):
        instance = one.instance
        there = connection.execute(
            select(INSTANCES.c.etag, INSTANCES.c.mtime_ns).where(INSTANCES.c.uid == instance.sop_instance_uid)
        ).one_or_none()
        if not replace and there is not None and tuple(there) == (instance.etag, one.mtime_ns):
            continue
        if there is not None:
            remove(connection, instance.sop_instance_uid)
        study_id = _put_level(
            connection,
            insert,
            STUDIES,
            {"uid": instance.study_instance_uid},
            {
                "speaker": instance.sop_instance_uid,
                "attributes": _json(level_attributes(one.attributes, STUDY_TAGS)),
            },
        )
        series_id = _put_level(
            connection,
            insert,
            SERIES,
            {"study_id": study_id, "uid": instance.series_instance_uid},
            {
                "speaker": instance.sop_instance_uid,
                "number": _number(one.attributes, "00200011"),
                "modality": _first(one.attributes, "00080060"),
                "attributes": _json(level_attributes(one.attributes, SERIES_TAGS)),
            },
        )
        instance_id = connection.execute(
            insert(INSTANCES)
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
    connection.execute(delete(FRAME_TABLES).where(FRAME_TABLES.c.instance_id == instance_id))
    connection.execute(
        delete(LEVEL_VALUES["instance"]).where(LEVEL_VALUES["instance"].c.owner_id == instance_id)
    )
    connection.execute(delete(INSTANCES).where(INSTANCES.c.id == instance_id))
    for level, table, owner_id, members, owner in (
        ("series", SERIES, series_id, INSTANCES, INSTANCES.c.series_id),
        ("study", STUDIES, study_id, SERIES, SERIES.c.study_id),
    ):
        if connection.execute(select(exists(select(members.c.id).where(owner == owner_id)))).scalar():
            break
        connection.execute(delete(LEVEL_VALUES[level]).where(LEVEL_VALUES[level].c.owner_id == owner_id))
        connection.execute(delete(table).where(table.c.id == owner_id))
    return study_uid, series_uid, sop_instance_uid


def clear(connection: Connection) -> None:
    """Take everything out."""
    for table in (*LEVEL_VALUES.values(), FRAME_TABLES, INSTANCES, SERIES, STUDIES):
        connection.execute(delete(table))


def _put_level(
    connection: Connection,
    insert: Any,
    table: Table,
    key: dict[str, Any],
    said: dict[str, Any],
) -> int:
    """Return the row of a study or series; the instance with the least UID says what its attributes are."""
    statement = insert(table).values(**key, **said)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(key), set_=said, where=table.c.speaker > statement.excluded.speaker
        )
    )
    found = connection.execute(select(table.c.id).where(*(table.c[name] == key[name] for name in key)))
    return int(found.scalar_one())


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


def _first(attributes: dict[str, Any], key: str) -> str:
    values = attributes.get(key, {}).get("Value") or [""]
    return str(values[0])


def _number(attributes: dict[str, Any], key: str) -> int:
    value = (attributes.get(key, {}).get("Value") or [None])[0]
    return value if isinstance(value, int) and -_LAST <= value < _LAST else _LAST
