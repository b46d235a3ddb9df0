# SPDX-License-Identifier: Apache-2.0
"""The tables. Another version of them means another number here: the database is then made anew, from the files."""

from typing import Final

from framedeflate.extras import needing
from framedeflate.web.search.attributes import Level

with needing("web", "the index of a store"):
    from sqlalchemy import (
        BigInteger,
        Column,
        ForeignKey,
        Index,
        Integer,
        LargeBinary,
        MetaData,
        String,
        Table,
        Text,
        UniqueConstraint,
    )

__all__ = [
    "FRAME_TABLES",
    "INSTANCES",
    "LEVEL_VALUES",
    "METADATA",
    "SCHEMA",
    "SCHEMA_VERSION",
    "SERIES",
    "STUDIES",
]

SCHEMA_VERSION: Final = 1

METADATA: Final = MetaData()

_ID: Final = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself there
# "C": compared by code points, as SQLite does; other collations pass over dots and know no order that pages need.
_UID: Final = String(64, collation="C").with_variant(String(64), "sqlite")
_TEXT: Final = Text(collation="C").with_variant(Text(), "sqlite")

SCHEMA: Final = Table("framedeflate_schema", METADATA, Column("version", Integer, nullable=False))

STUDIES: Final = Table(
    "studies",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("uid", _UID, nullable=False, unique=True),
    Column("speaker", _UID, nullable=False),  # the SOP Instance UID its attributes are taken from: the least
    Column("attributes", Text, nullable=False),
)

SERIES: Final = Table(
    "series",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("study_id", _ID, ForeignKey("studies.id"), nullable=False),
    Column("uid", _UID, nullable=False),
    Column("number", BigInteger, nullable=False, default=1 << 31),
    Column("speaker", _UID, nullable=False),
    Column("attributes", Text, nullable=False),
    UniqueConstraint("study_id", "uid"),
    Index("series_by_uid", "uid"),
)

INSTANCES: Final = Table(
    "instances",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("series_id", _ID, ForeignKey("series.id"), nullable=False),
    Column("uid", _UID, nullable=False, unique=True),
    Column("number", BigInteger, nullable=False),
    Column("transfer_syntax_uid", _UID, nullable=False),
    Column("nbytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("description", Text, nullable=False),  # ImagePixel and PixelDataPlace
    Column("attributes", Text, nullable=False),  # of all three levels: another instance may have to speak
    Index("instances_in_order", "series_id", "number", "uid"),
)

FRAME_TABLES: Final = Table(
    "frame_tables",
    METADATA,
    Column("instance_id", _ID, ForeignKey("instances.id"), primary_key=True, autoincrement=False),
    Column("first_index", BigInteger, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),  # records.FRAME, one behind the other
    sqlite_with_rowid=False,
)


def _values(name: str, owners: Table) -> Table:
    """Return the table of what searches match at one level: a row for each value."""
    return Table(
        f"{name}_values",
        METADATA,
        Column("owner_id", _ID, ForeignKey(owners.c.id), primary_key=True, autoincrement=False),
        Column("path", _UID, primary_key=True),  # tags joined by dots
        Column(
            "item", Integer, primary_key=True, autoincrement=False
        ),  # in the outermost sequence, -1 outside
        Column("inner", Integer, primary_key=True, autoincrement=False),  # in the sequence inside that
        Column(
            "position", Integer, primary_key=True, autoincrement=False
        ),  # value number, by component groups
        Column("key", _TEXT, nullable=False),  # the beginning of the value
        Column("value", _TEXT, nullable=False),
        Index(f"{name}_values_by_key", "path", "key", "owner_id"),
        sqlite_with_rowid=False,
    )


LEVEL_VALUES: Final = {
    Level.STUDY: _values("study", STUDIES),
    Level.SERIES: _values("series", SERIES),
    Level.INSTANCE: _values("instance", INSTANCES),
}
