# SPDX-License-Identifier: Apache-2.0
"""A prefix in an object store as the place of an archive. Files pass through temporary ones of this machine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar

from framedeflate.archive.places import Entry, Stored, digest_file
from framedeflate.atomic_file import Overwrite
from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source import ObjectStore, shown_url

__all__ = ["StorePrefix"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class StorePrefix:
    """A prefix in a bucket.

    Attributes
    ----------
    url : str
        Without a slash at its end.
    options : tuple of (str, Any)
        As `RemoteSource.open` takes them, beside what stands in the environment.
    """

    url: str
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, url: str, options: Mapping[str, Any]) -> Self:
        """Return the place; errors as `ObjectStore`, and for a URL that a manifest cannot name."""
        place = cls(url.rstrip("/"), tuple(sorted(options.items())))
        if str(place) != place.url:
            raise RemoteSourceError(
                f"{place}: the prefix of an archive may hold no ? and no #, no password, and 300 letters at most",
                kind="url",
                position=0,
            )
        place._store()
        return place

    def __str__(self) -> str:
        return shown_url(self.url)

    def _store(self) -> ObjectStore:
        # This object goes to other processes, where a connection could not follow.
        return _connected(self.url, self.options)

    def entries(self, *, apart_from: tuple[Path, ...] = ()) -> Iterator[Entry]:  # noqa: ARG002 - none is here
        """As `Place.entries`."""
        for found in self._store().objects():
            yield Entry(*found)

    def trouble(self, *, writing: bool) -> str:
        """As `Place.trouble`: the listing is asked, which says whether the store is there and knows us still."""
        try:
            is_empty = next(self._store().objects(), None) is None
        except RemoteSourceError as error:
            return str(error)
        return f"{self} is empty" if is_empty and not writing else ""

    def make(self) -> None:
        """As `Place.make`: a prefix is there as soon as an object is, and the bucket is its owner's to make."""

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """As `Place.local`: a copy in the folder for temporary files."""
        with TemporaryDirectory(prefix="framedeflate-") as folder:
            copy = Path(folder) / "source"
            with copy.open("wb") as file:
                self._store().fetch(path, file.write)
            yield copy

    def put(
        self, path: str, make: Callable[[Path, Overwrite], Result], *, overwrite: bool, replaces: str
    ) -> tuple[Result, Stored]:
        """As `Place.put`: what is made is whole and checked before its first byte is sent."""
        store = self._store()
        with TemporaryDirectory(prefix="framedeflate-") as folder:
            made = Path(folder) / "result"
            result = make(made, False)
            new = digest_file(made)
            if not overwrite and store.nbytes(path) is not None:
                there = Stored(*store.digest(path))
                if there == new:
                    return result, new
                if there.digest != replaces:
                    raise FileExistsError(
                        f"{self.shown(path)} exists and holds something else; move it away, or say --overwrite"
                    )
            store.put(made, path)
            return result, new

    def stored(self, path: str) -> Stored | None:
        """As `Place.stored`."""
        store = self._store()
        return None if store.nbytes(path) is None else Stored(*store.digest(path))

    def shown(self, path: str) -> str:
        """As `Place.shown`."""
        return f"{self}/{path}"


@lru_cache(maxsize=8)
def _connected(url: str, options: tuple[tuple[str, Any], ...]) -> ObjectStore:
    return ObjectStore(url, dict(options))
