# SPDX-License-Identifier: Apache-2.0
"""Stages that overlap: worker threads read and code the next batches while the caller writes the one before.

A worker takes a batch through all its stages, rather than each stage having a thread: the bytes that were read are
still in that core's cache when they are coded, and no stage waits for a slower one. The system reads ahead of all.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Stages", "worker_count"]

Job = TypeVar("Job")
Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818 - not an error: nobody waits for the job any more
    """Raised inside a job whose result nobody will ask for."""


def worker_count(threads: int) -> int:
    """Return how many worker threads `threads` asks for: 0 means all cores, and more than those gain nothing.

    Raises
    ------
    ValueError
        `threads` is negative.
    """
    if threads < 0:
        raise ValueError(f"threads must be 0 (all cores) or more, not {threads}")
    if threads == 1:
        # Counting the cores takes longer than a small Frame.
        return 1
    cores = os.cpu_count() or 1
    return min(threads or cores, cores)


class Stages(Generic[Job, Result]):
    """Work on jobs ahead of whoever uses the results; a context that no thread outlives.

    Parameters
    ----------
    work : callable
        Makes a result from a job. Called from several threads, so it must not depend on the order of jobs.
    workers : int
        Threads; with 0, and where the system gives none, the work is done when its result is asked for.
    """

    def __init__(self, work: Callable[[Job], Result], *, workers: int) -> None:
        self._work = work
        self._workers = workers
        self._threads: list[Thread] = []
        self._queue: SimpleQueue[tuple[Job, Future[Result]] | None] = SimpleQueue()
        self._stopped = Event()

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the result of each job, in order; what the work raised is raised in its place.

        At most one job more than there are workers is taken before its turn, so memory stays bounded.
        """
        waiting: deque[Future[Result]] = deque()
        for job in jobs:
            if not self._threads and not self._start():
                yield self._work(job)
                continue
            waiting.append(Future())
            self._queue.put((job, waiting[-1]))
            if len(waiting) > len(self._threads) + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def raise_if_stopped(self) -> None:
        """End a long job early, where its result is not wanted any more."""
        if self._stopped.is_set():
            raise Stopped

    def _start(self) -> bool:
        for number in range(self._workers):
            thread = Thread(target=self._serve, name=f"framedeflate-{number}")
            self._threads.append(thread)
            try:
                thread.start()
            except RuntimeError:
                # The system gives no more threads: those that run do all the work.
                self._threads.pop()
                break
        return bool(self._threads)

    def _serve(self) -> None:
        while (taken := self._queue.get()) is not None and not self._stopped.is_set():
            job, future = taken
            try:
                future.set_result(self._work(job))
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)
            # Not held while waiting for the next.
            del taken, job, future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every thread end, and wait for it: what they read may be closed next."""
        self._stopped.set()
        for _ in range(self._workers):
            self._queue.put(None)
        for thread in self._threads:
            # Ctrl-C may have struck while it was being started: then it finds its None by itself.
            if thread.ident is not None:
                thread.join()
