# SPDX-License-Identifier: Apache-2.0
"""The index: instances put in, looked up, listed and taken out."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final, Self

from framedeflate.closing import Closing
from framedeflate.web.index import reading, searching, writing
from framedeflate.web.index.cache import BoundedCache
from framedeflate.web.index.database import Database
from framedeflate.web.index.records import IndexedInstance, NewInstance
from framedeflate.web.search.page import Page
from framedeflate.web.search.query import Query

__all__ = ["Index"]

CACHE_NBYTES: Final = 256 << 20
_INSTANCE_NBYTES: Final = 2048
"""About what an instance takes in the cache beside its frame table."""

_LOADERS: Final = 16

Key = tuple[str, str, str]


class Index(Closing):
    """An index, open; threads may share it, and several processes may have it open.

    It can be made anew at any time from the files, which are the truth (`reindex`).

    Parameters
    ----------
    database : Database
    cache_nbytes : int
        What is kept in memory of instances looked up.

    Attributes
    ----------
    was_empty : bool
        Whether the database was new, or of another version: `reindex` then has to fill it.
    """

    def __init__(self, database: Database, *, cache_nbytes: int = CACHE_NBYTES) -> None:
        self._database: Final = database
        self._cache: BoundedCache[IndexedInstance] = BoundedCache(cache_nbytes)
        self._loading = [threading.Lock() for _ in range(_LOADERS)]
        self.was_empty: Final = database.was_empty

    @classmethod
    def open(cls, url: str, *, cache_nbytes: int = CACHE_NBYTES) -> Self:
        """Open the index in a database, which is made ready where it is not.

        Parameters
        ----------
        url : str
            ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/NAME``.

        Raises
        ------
        MissingExtraError
            For PostgreSQL, ``postgres``.
        StoreIndexError
        """
        return cls(Database(url), cache_nbytes=cache_nbytes)

    def add(self, instances: Sequence[NewInstance], *, replace: bool = False) -> None:
        """Index instances in one transaction, all or none; durable on return.

        Parameters
        ----------
        instances : sequence of NewInstance
        replace : bool
            Write those anew that are there already in just this form, too; otherwise they are left.

        Raises
        ------
        StoreIndexError
        """
        if not instances:
            return
        with self._database.writing() as connection:
            changed = writing.add(connection, instances, replace=replace)
        for one in changed:
            self._cache.remove(_key(one.instance))

    def cached(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
    ) -> IndexedInstance | None:
        """Return an instance if it is in memory: never waits."""
        return self._cache.get((study_instance_uid, series_instance_uid, sop_instance_uid))

    def instance(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
    ) -> IndexedInstance | None:
        """Return an instance with its frame table, or None where there is none such."""
        key = study_instance_uid, series_instance_uid, sop_instance_uid
        found = self._cache.get(key)
        if found is not None:
            return found
        # Many ask for the Frames of an instance at the same moment: one of them loads its table.
        with self._loading[hash(key) % _LOADERS]:
            found = self._cache.get(key)
            if found is not None:
                return found
            generation = self._cache.generation
            with self._database.reading() as connection:
                found = reading.instance(connection, *key)
            if found is not None:
                nbytes = _INSTANCE_NBYTES + (0 if found.frames is None else found.frames.nbytes)
                self._cache.put(key, found, nbytes, generation=generation)
            return found

    def instances(
        self, study_instance_uid: str, series_instance_uid: str | None = None
    ) -> list[IndexedInstance]:
        """Return the instances of a study or series, by Series Number and Instance Number, without frame tables."""
        with self._database.reading() as connection:
            return reading.instances(connection, study_instance_uid, series_instance_uid)

    def count(self) -> int:
        """Return how many instances are indexed."""
        with self._database.reading() as connection:
            return reading.count(connection)

    def known(self) -> Iterator[tuple[str, int, int]]:
        """Yield SOP Instance UID, size and time of change (nanoseconds) of every file that is indexed."""
        after = ""
        while True:
            with self._database.reading() as connection:
                page = reading.known(connection, after)
            yield from page
            if not page:
                return
            after = page[-1][0]

    def files_known(self, sop_instance_uids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return size and time of change (nanoseconds) of those of these files that are indexed."""
        with self._database.reading() as connection:
            return reading.files_known(connection, sop_instance_uids)

    def remove(self, sop_instance_uid: str) -> bool:
        """Take an instance out, and its series and study where it was their last; False where it was not there."""
        with self._database.writing() as connection:
            key = writing.remove(connection, sop_instance_uid)
        if key is not None:
            self._cache.remove(key)
        return key is not None

    def clear(self) -> None:
        """Take everything out."""
        with self._database.writing() as connection:
            writing.clear(connection)
        self._cache.clear()

    def search(self, query: Query) -> Page:
        """Return what meets the conditions of a search, from its offset on, and how many that are in all.

        Raises
        ------
        StoreIndexError
        """
        with self._database.reading() as connection:
            return searching.search(connection, query)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _key(instance: IndexedInstance) -> Key:
    return instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid
