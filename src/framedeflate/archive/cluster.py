# SPDX-License-Identifier: Apache-2.0
"""The work on a Dask cluster. Its workers are handed batches and know nothing else; the manifest stays with the client.

What a worker was at when it died is handed to another, and files that were in place already are made again, found to be
the same and left. A batch that ends one worker after the other is cut into single files, so that one of them is named.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final

from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work, compress_entry, worker_died
from framedeflate.archive.run import Executor
from framedeflate.errors import ArchiveError, MissingExtraError

__all__ = ["batches_of", "compress_batch", "on_dask"]

_BATCH_NBYTES: Final = 64 << 20
_BATCH_FILES: Final = 64
_RETRIES: Final = 2
CONNECT_SECONDS: Final = 30


def on_dask(address: str) -> Executor:
    """Return what does the work on a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``. The workers need this package, and must see the source and the
        destination under the same paths or URLs, with credentials of their own for object stores.

    Raises
    ------
    MissingExtraError
        distributed is not installed.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise MissingExtraError(extra="dask", feature="working on a Dask cluster") from None

    def execute(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ArchiveError(f"no Dask scheduler answers at {address}", kind="cluster") from error
        with client:
            yield from _Batches(distributed, client, job, work).outcomes()

    return execute


def compress_batch(job: ArchiveJob, batch: list[Work]) -> list[FileOutcome]:
    """Compress some files, one after the other: what a worker is asked to do."""
    return [compress_entry(job, work) for work in batch]


def batches_of(
    work: Iterable[Work], *, nbytes: int = _BATCH_NBYTES, files: int = _BATCH_FILES
) -> Iterator[list[Work]]:
    """Yield runs of files: of so many bytes, and no more than so many files, at least one."""
    batch: list[Work] = []
    held = 0
    for one in work:
        if batch and (held + one.entry.nbytes > nbytes or len(batch) == files):
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += one.entry.nbytes
    if batch:
        yield batch


class _Batches:
    """Batches that are with the cluster, a few for each of its threads, so that none of them waits."""

    def __init__(self, distributed: Any, client: Any, job: ArchiveJob, work: Iterable[Work]) -> None:
        self._distributed = distributed
        self._client = client
        self._job = job
        self._batches = batches_of(work)
        self._again: deque[list[Work]] = deque()
        self._under_way: dict[str, list[Work]] = {}

    def outcomes(self) -> Iterator[FileOutcome]:
        """Yield what became of each file."""
        completed = self._distributed.as_completed(loop=self._client.loop)
        while True:
            while len(self._under_way) < self._wanted() and (batch := self._next()) is not None:
                future = self._client.submit(compress_batch, self._job, batch, pure=False, retries=_RETRIES)
                self._under_way[future.key] = batch
                completed.add(future)
            if not self._under_way:
                return
            try:
                future = next(completed)
            except StopIteration:
                raise ArchiveError(
                    "the Dask cluster forgot what it was asked to do", kind="cluster"
                ) from None
            yield from self._taken(future, self._under_way.pop(future.key))

    def _next(self) -> list[Work] | None:
        return self._again.popleft() if self._again else next(self._batches, None)

    def _wanted(self) -> int:
        # Workers come and go; where there is none, the scheduler keeps one batch until there is.
        return 2 * sum(map(int, self._client.nthreads().values())) + 1

    def _taken(self, future: Any, batch: list[Work]) -> Iterator[FileOutcome]:
        if future.status == "finished":
            outcomes: list[FileOutcome] = future.result()
            yield from outcomes
            return
        if future.status != "error":
            raise ArchiveError(f"the Dask cluster gave a batch up ({future.status})", kind="cluster")
        error = future.exception()
        if len(batch) > 1:
            self._again.extend([one] for one in batch)
            return
        name = type(error).__name__
        said = (
            "each worker that was at it died"
            if isinstance(error, self._distributed.KilledWorker)
            else f"{name} ended it"
        )
        message = f"{said}, likely for want of memory; give workers more of it, or fewer threads"
        yield worker_died(batch[0].entry, message)
