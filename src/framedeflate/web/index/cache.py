# SPDX-License-Identifier: Apache-2.0
"""What was read of the index lately, bounded in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

__all__ = ["BoundedCache"]

V = TypeVar("V")


class BoundedCache(Generic[V]):
    """Least recently used goes first; threads may share it.

    Parameters
    ----------
    max_nbytes : int
        All that is kept, as its users count it. What is larger alone is not kept.
    """

    def __init__(self, max_nbytes: int) -> None:
        self._max_nbytes: Final = max_nbytes
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._guard = threading.Lock()
        self._generation = 0
        self.nbytes = 0

    @property
    def generation(self) -> int:
        """Counts removals: what was read before one must not be put in after it."""
        return self._generation

    def get(self, key: Hashable) -> V | None:
        """Return what is kept under a key."""
        with self._guard:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: V, nbytes: int, *, generation: int) -> None:
        """Keep a value, unless something was removed since `generation`."""
        with self._guard:
            if nbytes > self._max_nbytes or generation != self._generation:
                return
            self._forget(key)
            self._kept[key] = value, nbytes
            self.nbytes += nbytes
            while self.nbytes > self._max_nbytes:
                self._forget(next(iter(self._kept)))

    def remove(self, key: Hashable) -> None:
        """Forget one key."""
        with self._guard:
            self._generation += 1
            self._forget(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._guard:
            self._generation += 1
            self._kept.clear()
            self.nbytes = 0

    def _forget(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.nbytes -= found[1]
