# SPDX-License-Identifier: Apache-2.0
"""Rows to records."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from framedeflate.extras import needing
from framedeflate.image_pixel import ImagePixel
from framedeflate.web.index.decoders import stored_instance
from framedeflate.web.index.records import FRAME, IndexedInstance, PixelDataPlace
from framedeflate.web.index.schema import FRAME_TABLES, INSTANCES, SERIES, STUDIES

with needing("web", "the index of a store"):
    from sqlalchemy import Connection, Row, Select, func, select

__all__ = ["count", "files_known", "image_pixel_of", "instance", "instances", "known"]

_PAGE: Final = 4096


def _instances() -> Select[Any]:
    return (
        select(
            STUDIES.c.uid.label("study_uid"),
            SERIES.c.uid.label("series_uid"),
            INSTANCES.c.id,
            INSTANCES.c.uid,
            INSTANCES.c.transfer_syntax_uid,
            INSTANCES.c.nbytes,
            INSTANCES.c.etag,
            INSTANCES.c.description,
        )
        .join(SERIES, SERIES.c.id == INSTANCES.c.series_id)
        .join(STUDIES, STUDIES.c.id == SERIES.c.study_id)
    )


def instance(connection: Connection, study: str, series: str, sop: str) -> IndexedInstance | None:
    """Return one instance with its frame table."""
    query = _instances().where(STUDIES.c.uid == study, SERIES.c.uid == series, INSTANCES.c.uid == sop)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    packed = connection.execute(
        select(FRAME_TABLES.c.packed)
        .where(FRAME_TABLES.c.instance_id == row.id)
        .order_by(FRAME_TABLES.c.first_index)
    ).scalars()
    joined = b"".join(packed)
    return _record(row, joined)


def instances(connection: Connection, study: str, series: str | None) -> list[IndexedInstance]:
    """Return all of a study or series, in order, without frame tables."""
    query = _instances().where(STUDIES.c.uid == study)
    if series is not None:
        query = query.where(SERIES.c.uid == series)
    query = query.order_by(SERIES.c.number, SERIES.c.uid, INSTANCES.c.number, INSTANCES.c.uid)
    return [_record(row, b"") for row in connection.execute(query)]


def count(connection: Connection) -> int:
    """Return how many instances there are."""
    return int(connection.execute(select(func.count()).select_from(INSTANCES)).scalar_one())


def known(connection: Connection, after: str) -> list[tuple[str, int, int]]:
    """Return a page of UIDs, sizes and times of change behind a UID."""
    columns = INSTANCES.c.uid, INSTANCES.c.nbytes, INSTANCES.c.mtime_ns
    query = select(*columns).where(INSTANCES.c.uid > after).order_by(INSTANCES.c.uid).limit(_PAGE)
    return [(uid, nbytes, mtime_ns) for uid, nbytes, mtime_ns in connection.execute(query)]


def files_known(connection: Connection, uids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return size and time of change of those that are there."""
    query = select(INSTANCES.c.uid, INSTANCES.c.nbytes, INSTANCES.c.mtime_ns).where(INSTANCES.c.uid.in_(uids))
    return {uid: (nbytes, mtime_ns) for uid, nbytes, mtime_ns in connection.execute(query)}


def image_pixel_of(description: dict[str, Any]) -> ImagePixel | None:
    """Return what describes the Frames."""
    attributes = description["image_pixel"]
    return None if attributes is None else ImagePixel(**attributes)


def _record(row: Row[Any], packed: bytes) -> IndexedInstance:
    description = json.loads(row.description)
    image_pixel = image_pixel_of(description)
    place = description["pixel_data"]
    return IndexedInstance(
        study_instance_uid=row.study_uid,
        series_instance_uid=row.series_uid,
        sop_instance_uid=row.uid,
        sop_class_uid=description["sop_class_uid"],
        transfer_syntax_uid=row.transfer_syntax_uid,
        nbytes=row.nbytes,
        stored=stored_instance(row.transfer_syntax_uid, image_pixel, description["sop_class_uid"]),
        image_pixel=image_pixel,
        pixel_data=None if place is None else PixelDataPlace(**place),
        frames=np.frombuffer(packed, FRAME) if packed else None,
        etag=row.etag,
    )
