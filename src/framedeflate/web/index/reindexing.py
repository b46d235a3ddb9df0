# SPDX-License-Identifier: Apache-2.0
"""The index made true to the files: what is missing or changed is read, what is gone is taken out."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from framedeflate.errors import FrameDeflateError, StoreIndexError
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index.description import describe_instance
from framedeflate.web.index.index import Index
from framedeflate.web.index.records import NewInstance

__all__ = ["ReindexCounts", "reindex"]

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 256
_NAMED: Final = 100
_FRAMES_AT_A_TIME: Final = 1 << 20


@dataclass(slots=True)
class ReindexCounts:
    """How far it has come.

    Attributes
    ----------
    files : int
        Files of the store that were looked at.
    added, unchanged, removed : int
        Instances that were read and indexed, that were indexed already, that are no longer in the store.
    damaged : int
        Files that cannot be indexed; they are left where they are.
    damaged_uids : list of str
        The first hundred of them, by SOP Instance UID.
    """

    files: int = 0
    added: int = 0
    unchanged: int = 0
    removed: int = 0
    damaged: int = 0
    damaged_uids: list[str] = field(default_factory=list)


def reindex(
    store: InstanceStore,
    index: Index,
    progress: Callable[[ReindexCounts], None] = lambda _counts: None,
    *,
    everything: bool = False,
    threads: int = 1,
) -> ReindexCounts:
    """Make the index true to the files of a store. Instances may arrive and be asked for meanwhile.

    Parameters
    ----------
    store : InstanceStore
    index : Index
    progress : callable
        Called after every file; what it raises ends the run, and what was indexed stays.
    everything : bool
        Read every file again, also those that have not changed.
    threads : int
        Worker threads that inflate; 0 means all cores.

    Returns
    -------
    ReindexCounts

    Raises
    ------
    StoreIndexError
    OSError
        The store's folders cannot be listed.
    """
    counts = ReindexCounts()
    for batch in _batches(store.files(), _BATCH):
        known = {} if everything else index.files_known([uid for uid, _path in batch])
        described: list[NewInstance] = []
        frames = 0
        for uid, path in batch:
            counts.files += 1
            one = _described(uid, path, known.get(uid), index, counts, threads=threads)
            if one is not None:
                described.append(one)
                frames += one.instance.stored.number_of_frames
            if frames > _FRAMES_AT_A_TIME:
                index.add(_as_they_are(store, described), replace=everything)
                described, frames = [], 0
            progress(counts)
        index.add(_as_they_are(store, described), replace=everything)
    for uid, _nbytes, _mtime_ns in index.known():
        if not store.path_of(uid).exists() and index.remove(uid):
            counts.removed += 1
            progress(counts)
    return counts


def _described(
    uid: str,
    path: Path,
    known: tuple[int, int] | None,
    index: Index,
    counts: ReindexCounts,
    *,
    threads: int,
) -> NewInstance | None:
    try:
        status = path.stat()
        if known == (status.st_size, status.st_mtime_ns):
            counts.unchanged += 1
            return None
        one = describe_instance(path, sop_instance_uid=uid, threads=threads)
    except FileNotFoundError:
        return None
    except StoreIndexError:
        raise
    except (FrameDeflateError, OSError) as error:
        counts.damaged += 1
        if len(counts.damaged_uids) < _NAMED:
            counts.damaged_uids.append(uid)
        _LOG.warning("%s cannot be indexed: %s", uid, getattr(error, "kind", type(error).__name__))
        if known is not None or isinstance(error, FrameDeflateError):
            # Its frames are no longer where the index says. A disk that fails while everything is read again says
            # nothing of the file.
            index.remove(uid)
        return None
    counts.added += 1
    return one


def _as_they_are(store: InstanceStore, described: Iterable[NewInstance]) -> list[NewInstance]:
    """Return those whose files are still the ones that were read.

    A batch takes a while: what was deleted meanwhile must not come back, and what was stored again must not get the
    places of the Frames of another file.
    """
    found = []
    for one in described:
        with suppress(FileNotFoundError):
            status = store.path_of(one.instance.sop_instance_uid).stat()
            if (status.st_size, status.st_mtime_ns) == (one.instance.nbytes, one.mtime_ns):
                found.append(one)
    return found


def _batches(items: Iterable[T], count: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
