# SPDX-License-Identifier: Apache-2.0
"""What is known of the rows that a search found."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from framedeflate.extras import needing
from framedeflate.web.index.decoders import stored_instance
from framedeflate.web.index.reading import image_pixel_of
from framedeflate.web.index.schema import INSTANCES, LEVEL_VALUES, SERIES, STUDIES
from framedeflate.web.search.attributes import MODALITY, Level, level_attributes, path_of
from framedeflate.web.search.page import Match
from framedeflate.web.search.query import Query

with needing("web", "the index of a store"):
    from sqlalchemy import ColumnElement, Connection, distinct, func, select

__all__ = ["matches"]

_MAX_IN_LIST: Final = 1000
_OF_STUDY: Final = frozenset({0x00080061, 0x00201206, 0x00201208})
_OF_SERIES: Final = frozenset({0x00201209})


def matches(connection: Connection, query: Query, rows: Sequence[tuple[int, ...]]) -> tuple[Match, ...]:
    """Return the results for rows of (study, series, instance), as far as the level of the query goes."""
    ids = [sorted({row[at] for row in rows}) for at in range(query.level)]
    studies = _studies(connection, query, ids[0])
    if query.level is Level.STUDY:
        return tuple(studies[study] for (study,) in rows)
    series = _series(connection, query, ids[1])
    if query.level is Level.SERIES:
        return tuple(_below(studies[study], **series[one]) for study, one in rows)
    instances = _instances(connection, ids[2])
    return tuple(
        _below(_below(studies[study], **series[one]), **instances[instance]) for study, one, instance in rows
    )


def _below(above: Match, *, attributes: dict[str, Any], **known: Any) -> Match:
    kept = {
        "study_instance_uid": above.study_instance_uid,
        "series_instance_uid": above.series_instance_uid,
        "modalities": above.modalities,
        "study_series": above.study_series,
        "study_instances": above.study_instances,
        "series_instances": above.series_instances,
    }
    return Match(**{**kept, **known}, attributes={**above.attributes, **attributes})


def _studies(connection: Connection, query: Query, ids: Sequence[int]) -> dict[int, Match]:
    series: dict[int, int] = {}
    instances: dict[int, int] = {}
    modalities: defaultdict[int, list[str]] = defaultdict(list)
    if query.study_instance_uid is None or query.included & _OF_STUDY:
        counts = select(SERIES.c.study_id, func.count(distinct(SERIES.c.id)), func.count(INSTANCES.c.id))
        counts = counts.select_from(SERIES.join(INSTANCES)).group_by(SERIES.c.study_id)
        for study, of_series, of_instances in _chunked(connection, counts, SERIES.c.study_id, ids):
            series[study], instances[study] = of_series, of_instances
        values = LEVEL_VALUES[Level.SERIES]
        found = select(SERIES.c.study_id, values.c.value).distinct()
        found = found.select_from(SERIES.join(values, values.c.owner_id == SERIES.c.id))
        found = found.where(values.c.path == path_of([MODALITY]))
        for study, modality in _chunked(connection, found, SERIES.c.study_id, ids):
            modalities[study].append(modality)
    rows = _chunked(connection, select(STUDIES.c.id, STUDIES.c.uid, STUDIES.c.attributes), STUDIES.c.id, ids)
    return {
        study: Match(
            study_instance_uid=uid,
            attributes=json.loads(attributes),
            modalities=tuple(sorted(modalities[study])),
            study_series=series.get(study, 0),
            study_instances=instances.get(study, 0),
        )
        for study, uid, attributes in rows
    }


def _series(connection: Connection, query: Query, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    counts: dict[int, int] = {}
    if query.series_instance_uid is None or query.included & _OF_SERIES:
        counted = select(INSTANCES.c.series_id, func.count()).group_by(INSTANCES.c.series_id)
        counts = dict(map(tuple, _chunked(connection, counted, INSTANCES.c.series_id, ids)))
    rows = _chunked(connection, select(SERIES.c.id, SERIES.c.uid, SERIES.c.attributes), SERIES.c.id, ids)
    return {
        one: {
            "series_instance_uid": uid,
            "attributes": json.loads(attributes),
            "series_instances": counts.get(one, 0),
        }
        for one, uid, attributes in rows
    }


def _instances(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    columns = (
        INSTANCES.c.id,
        INSTANCES.c.uid,
        INSTANCES.c.transfer_syntax_uid,
        INSTANCES.c.description,
        INSTANCES.c.attributes,
    )
    found = {}
    for instance, uid, transfer_syntax_uid, description, attributes in _chunked(
        connection, select(*columns), INSTANCES.c.id, ids
    ):
        described = json.loads(description)
        found[instance] = {
            "sop_instance_uid": uid,
            "attributes": level_attributes(json.loads(attributes), Level.INSTANCE),
            "stored": stored_instance(
                transfer_syntax_uid, image_pixel_of(described), described["sop_class_uid"]
            ),
        }
    return found


def _chunked(
    connection: Connection, statement: Any, column: ColumnElement[int], ids: Iterable[int]
) -> Iterator[Any]:
    """Yield the rows of a statement whose `column` is one of `ids`."""
    left = iter(ids)
    while chunk := list(islice(left, _MAX_IN_LIST)):
        yield from connection.execute(statement.where(column.in_(chunk)))
