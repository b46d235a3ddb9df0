# SPDX-License-Identifier: Apache-2.0
"""A database of either kind, opened: durable commits, one schema, SQLite in WAL mode or PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from framedeflate.errors import MissingExtraError, StoreIndexError
from framedeflate.extras import needing
from framedeflate.web.index.schema import METADATA, SCHEMA, SCHEMA_VERSION

with needing("web", "the index of a store"):
    from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, select, text

__all__ = ["Database"]

_BUSY_SECONDS: Final = 60
_POOL: Final[dict[str, Any]] = {"pool_size": 8, "max_overflow": 24, "pool_timeout": _BUSY_SECONDS}
"""Server threads that look something up at a time get a connection each."""

_SCHEMA_LOCK: Final = 0x66726D64
"""Number of the advisory lock under which PostgreSQL's tables are made."""


class Database:
    """An engine with transactions of two kinds.

    Parameters
    ----------
    url : str
        ``sqlite:///PATH`` or ``postgresql+psycopg://...``.

    Attributes
    ----------
    was_empty : bool
        Whether the tables were missing or of another version, so that they were made anew.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        self.is_sqlite: Final = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            # hide_parameters: what is searched for and stored must not stand in errors.
            engine = create_engine(
                parsed, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS}, **_POOL
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            try:
                engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True, **_POOL)
            except ImportError as error:
                raise MissingExtraError(extra="postgres", feature="an index in PostgreSQL") from error
        self.engine: Final[Engine] = engine
        # SQLite has one writer. Within this process they wait for each other here, in turn, not by trying again.
        self._writing = threading.Lock() if self.is_sqlite else nullcontext()
        self.was_empty: Final = self._make_tables()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold a transaction that sees one state of the database."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold a transaction that is durable once this block has ended, and undone where it fails."""
        with (
            _translated(),
            self._writing,
            self.engine.connect() as connection,
            connection.execution_options(framedeflate_writes=True).begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _make_tables(self) -> bool:
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
                if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
                    raise StoreIndexError(
                        "the database does not hold Unicode; create it with ENCODING 'UTF8'", kind="encoding"
                    )
            there = inspect(connection).has_table(SCHEMA.name)
            if there and connection.execute(select(SCHEMA.c.version)).scalar() == SCHEMA_VERSION:
                return False
            METADATA.drop_all(connection)
            METADATA.create_all(connection)
            connection.execute(SCHEMA.insert(), {"version": SCHEMA_VERSION})
            return True


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = None
    if parsed is not None:
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername in {"postgresql+psycopg", "sqlite", "sqlite+pysqlite"}:
            return parsed
    raise StoreIndexError(
        "the URL of an index is sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME", kind="url"
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except exc.SQLAlchemyError as error:
        origin = getattr(error, "orig", None)
        reason = getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or ""
        kind = _kind(error, str(reason))
        # Not chained: what databases say may quote a row.
        raise StoreIndexError(
            f"{_MESSAGES[kind]} ({type(origin or error).__name__} {reason})".replace(" )", ")"), kind=kind
        ) from None


_MESSAGES: Final = {
    "damaged": "the index is damaged or no database; remove it, and it is made anew from the files",
    "full": "the disk of the index is full",
    "unavailable": "the index cannot be reached, or is busy",
    "failed": "the index failed",
}


def _kind(error: exc.SQLAlchemyError, reason: str) -> str:
    if reason.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX")):
        return "damaged"
    if reason.startswith(("SQLITE_FULL", "53100")):
        return "full"
    if isinstance(error, exc.OperationalError | exc.TimeoutError | exc.InterfaceError):
        return "unavailable"
    return "failed"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # sqlite3 would begin transactions by itself, at the first write: two that have read could then deadlock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("framedeflate_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
