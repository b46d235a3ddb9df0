# SPDX-License-Identifier: Apache-2.0
"""Whole objects of an object store: listed, fetched into files, put from files, a bounded part in memory at a time."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source.store_client import StoreClient
from framedeflate.remote_source.urls import STORE_SCHEMES, scheme_of, shown_url

__all__ = ["ObjectStore", "StoredObject"]

_PART_NBYTES: Final = 8 << 20
_PARTS_AT_ONCE: Final = 4


class StoredObject(NamedTuple):
    """One object of a listing.

    Attributes
    ----------
    key : str
        Below the prefix.
    nbytes, mtime_ns : int
        Its size, and when it was put there.
    """

    key: str
    nbytes: int
    mtime_ns: int


class ObjectStore:
    """The objects below a prefix.

    Parameters
    ----------
    url : str
        s3, gs, az or abfs: a bucket, or a prefix in one.
    options : mapping
        What obstore's store takes, and timeout (seconds) and retries.

    Raises
    ------
    MissingExtraError, RemoteSourceError, TypeError
        As `RemoteSource.open`.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        if scheme_of(url) not in STORE_SCHEMES:
            raise RemoteSourceError(
                f"{shown_url(url)}: only object stores can be listed, by a URL of {', '.join(sorted(STORE_SCHEMES))}",
                kind="url",
                position=0,
            )
        given = dict(options)
        timeout, retries = float(given.pop("timeout", 30)), int(given.pop("retries", 3))
        self._client = StoreClient(url.rstrip("/"), timeout=timeout, retries=retries, options=given)
        self._prefix = self._client.key.strip("/")

    def objects(self) -> Iterator[StoredObject]:
        """Yield every object, a page of the listing at a time; not those that a store's own pages put for folders.

        Raises
        ------
        RemoteSourceError
            kind ``url``: also where an object has a name that obstore does not list.
        """
        skipped = len(self._prefix) + 1 if self._prefix else 0
        with self._translated():
            for page in self._client.store.list(self._prefix or None, chunk_size=1000):
                for meta in page:
                    key, nbytes = meta["path"][skipped:], int(meta["size"])
                    # A folder's is empty, and its name ends in a slash, which the listing does not tell.
                    if key and (nbytes or self.nbytes(key) is not None):
                        mtime = meta["last_modified"].timestamp()
                        yield StoredObject(key, nbytes, round(mtime * 1e6) * 1000)

    def nbytes(self, key: str) -> int | None:
        """Return the size of an object; None where there is none.

        Raises
        ------
        RemoteSourceError
        """
        try:
            with self._translated(key):
                return int(self._client.store.head(self._key(key))["size"])
        except RemoteSourceError as error:
            if error.kind == "not-found":
                return None
            raise

    def fetch(self, key: str, take: Callable[[bytes], object]) -> int:
        """Give an object's bytes to `take`, part by part, and return how many there were.

        Raises
        ------
        RemoteSourceError
            Also where the store sends fewer or more than it says.
        """
        nbytes = 0
        with self._translated(key):
            result = self._client.store.get(self._key(key))
            expected = int(result.meta["size"])
            for part in result.stream(min_chunk_size=_PART_NBYTES):
                nbytes += len(part)
                if nbytes > expected:
                    break
                take(bytes(part))
        if nbytes != expected:
            raise self._client.error(
                "the store's answer has another length than it says", "bad-answer", nbytes
            )
        return nbytes

    def digest(self, key: str) -> tuple[int, str]:
        """Return an object's size and SHA-256."""
        digest = hashlib.sha256()
        nbytes = self.fetch(key, digest.update)
        return nbytes, digest.hexdigest()

    def put(self, path: Path, key: str) -> None:
        """Put a file's bytes under a key: seen all at once when the last part is there, or not at all.

        Raises
        ------
        RemoteSourceError
            Also where the store then has another size.
        """
        with self._translated(key):
            self._client.store.put(
                self._key(key), path, chunk_size=_PART_NBYTES, max_concurrency=_PARTS_AT_ONCE
            )
        if self.nbytes(key) != path.stat().st_size:
            raise self._client.error("the store has another size than was put", "bad-answer", 0)

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    @contextmanager
    def _translated(self, key: str = "") -> Iterator[None]:
        self._client.require_own_process(0)
        try:
            yield
        except RemoteSourceError:
            raise
        except self._client.failures as error:
            raise self._client.failure(error, 0, key) from None
