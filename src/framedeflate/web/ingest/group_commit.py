# SPDX-License-Identifier: Apache-2.0
"""One transaction for all who wait for one: a commit costs a flush of the disk, however many instances are in it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from framedeflate.errors import FrameDeflateError, StoreIndexError
from framedeflate.web.index import Index, NewInstance

__all__ = ["GroupCommit"]


@dataclass(slots=True)
class _Waiting:
    described: Sequence[NewInstance]
    was_tried: bool = False
    is_committed: bool = False
    error: Exception | None = None


class GroupCommit:
    """Adds to an index, from many threads: who comes while a transaction runs shares the next one.

    Parameters
    ----------
    index : Index
        Added to.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._queue: list[_Waiting] = []

    def add(self, described: Sequence[NewInstance]) -> None:
        """Add instances; durable on return.

        Raises
        ------
        StoreIndexError, OSError
            They are not in the index.
        """
        mine = _Waiting(described)
        with self._guard:
            self._queue.append(mine)
        with self._turn:
            if not mine.was_tried:
                with self._guard:
                    group, self._queue = self._queue, []
                self._commit(group)
        if not mine.is_committed:
            # Of another thread's making, where that one did the work.
            raise mine.error or StoreIndexError("the transaction was not finished", kind="failed")

    def _commit(self, group: list[_Waiting]) -> None:
        for waiting in group:
            waiting.was_tried = True
        if not self._is_added(group) and len(group) > 1 and _is_about_rows(group[0].error):
            # What one client brings must not be why the others' instances are refused.
            for waiting in group:
                self._is_added([waiting])

    def _is_added(self, group: list[_Waiting]) -> bool:
        try:
            self._index.add([one for waiting in group for one in waiting.described])
        except (FrameDeflateError, OSError, MemoryError) as error:
            for waiting in group:
                waiting.error = error
            return False
        for waiting in group:
            waiting.is_committed = True
        return True


def _is_about_rows(error: Exception | None) -> bool:
    """Whether the database would not take what it was given; a full disk, or an index that is away, fail all."""
    return isinstance(error, StoreIndexError) and error.kind == "failed"
