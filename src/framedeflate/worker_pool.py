# SPDX-License-Identifier: Apache-2.0
"""Processes that work through any number of tasks: none outlives its parent; one that dies takes one task with it."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

__all__ = ["Lost", "WorkerPool", "WorkersError"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_SHORT_SECONDS: Final = 0.2
"""Whoever does a task in less gets the next one before he asks: waiting for it would cost him a part of his time."""
_PR_SET_PDEATHSIG: Final = 1
_READY: Final = "ready"
_INTERRUPTED: Final = "interrupted"
MOST_LOST: Final = 10
"""So many tasks in a row that end their process are no fault of the tasks."""


class WorkersError(Exception):
    """Processes that end before they have begun, or one after the other."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What there is of a task whose process ended.

    Attributes
    ----------
    exit_code : int
        Of the process; negative for a signal's number.
    error : str
        Class of the exception that ended it; its traceback is on standard error. "" where none did.
    """

    exit_code: int
    error: str = ""

    def __str__(self) -> str:
        if self.error:
            return (
                f"{self.error} ended the worker process; its traceback is on standard error, please report it"
            )
        how = f"was ended by signal {-self.exit_code}" if self.exit_code < 0 else f"ended ({self.exit_code})"
        return f"the worker process {how}, likely for want of memory; use fewer --jobs"


class WorkerPool(Generic[Task, Result]):
    """Processes that do tasks; a context that none of them outlives, however it is left.

    Parameters
    ----------
    function : callable
        Does one task: a module's function, or a partial of one. What it raises ends its process.
    processes : int
        How many.
    """

    def __init__(self, function: Callable[[Task], Result], processes: int) -> None:
        self._function = function
        self._processes = processes
        # Spawned, not forked: the parent may run threads, and a fork copies their locks as they stand.
        self._context = multiprocessing.get_context("spawn")
        # Nothing is ever sent here. The system closes the parent's end with the parent, which the workers notice.
        self._lifeline_of_workers, self._lifeline = self._context.Pipe(duplex=False)
        self._workers: list[_Worker[Task, Result]] = []

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | Lost]]:
        """Yield each task with its result as it comes, in any order, or that it was lost with its process.

        Tasks are taken as they are needed, so there may be more than memory holds.

        Raises
        ------
        WorkersError
            A process ended before it took a task, or 10 in a row while they were at one.
        KeyboardInterrupt
            Also where Ctrl-C reached a process that was at work.
        """
        waiting: deque[Task] = deque()
        source = iter(tasks)
        lost_in_a_row = 0
        while len(self._workers) < self._processes and (first := next(source, None)) is not None:
            waiting.append(first)
            self._workers.append(self._start())
        while True:
            for worker in self._workers:
                worker.fill(waiting, source)
            if not any(worker.tasks for worker in self._workers):
                return
            ready = wait([worker.connection for worker in self._workers])
            for index, worker in enumerate(self._workers):
                if worker.connection not in ready:
                    continue
                received = worker.receive()
                if isinstance(received, Lost):
                    # The first of its tasks is the one that it was doing.
                    given = list(worker.tasks)
                    waiting.extendleft(reversed(given[1:]))
                    self._workers[index] = self._start()
                    if given:
                        lost_in_a_row += 1
                        if lost_in_a_row == MOST_LOST:
                            raise WorkersError(f"{MOST_LOST} files in a row: {received}")
                        yield given[0], received
                elif isinstance(received, tuple):
                    lost_in_a_row = 0
                    yield received

    def _start(self) -> "_Worker[Task, Result]":
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._lifeline_of_workers, os.getpid(), self._function), daemon=False
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let each worker finish the task it is at, and wait for it; a second Ctrl-C does not wait."""
        for worker in self._workers:
            worker.connection.close()
        try:
            for worker in self._workers:
                worker.process.join()
        finally:
            # Whoever is still there loses the lifeline and ends at once.
            self._lifeline.close()
            self._lifeline_of_workers.close()


class _Worker(Generic[Task, Result]):
    """One process, and what it was given."""

    def __init__(self, process: Any, connection: "Connection[Any, Any]") -> None:
        self.process = process
        self.connection = connection
        self.tasks: deque[Task] = deque()
        self._is_ready = False
        self._error = ""
        self._given = 0.0
        self._is_quick = False

    def fill(self, waiting: deque[Task], source: Iterator[Task]) -> None:
        """Give as many tasks as it should have, those that wait first."""
        while len(self.tasks) < (2 if self._is_quick else 1):
            if not waiting and (task := next(source, None)) is not None:
                waiting.append(task)
            if not waiting:
                return
            self._given = self._given if self.tasks else time.monotonic()
            self.tasks.append(waiting.popleft())
            # One that is gone is noticed when it is asked for the result.
            with suppress(OSError):
                self.connection.send(self.tasks[-1])

    def receive(self) -> Any:
        """Return `_READY`, a task with its result, or `Lost` where the process has ended."""
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            self.connection.close()
            self.process.join()
            code = self.process.exitcode or 0
            if not self._is_ready:
                raise WorkersError(
                    f"a worker process ended with exit code {code} before it began; a script that "
                    'uses several processes needs if __name__ == "__main__": around what it does'
                ) from None
            return Lost(code, self._error)
        if isinstance(result, _Raised):
            self._error = result.error
            return self.receive()
        if result == _INTERRUPTED:
            raise KeyboardInterrupt
        if not self._is_ready:
            self._is_ready = True
            return _READY
        now = time.monotonic()
        self._is_quick = now - self._given < _SHORT_SECONDS
        self._given = now
        return self.tasks.popleft(), result


@dataclass(frozen=True, slots=True)
class _Raised:
    """Sent by a process that an exception is about to end."""

    error: str


def _serve(
    connection: "Connection[Any, Any]",
    lifeline: "Connection[Any, Any]",
    parent: int,
    function: Callable[[Any], Any],
) -> None:
    """Do tasks until the parent hangs up."""
    # Ctrl-C in a terminal reaches all of its processes; an idle one shall not end in a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So does the SIGTERM of a scheduler: the parent decides, and this process ends with it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with(parent, lifeline)
    try:
        connection.send(_READY)
        while True:
            task = connection.recv()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                result = function(task)
            except KeyboardInterrupt:
                # The task has cleaned up after itself.
                result = _INTERRUPTED
            except BaseException as error:
                # Not its message, which may quote a file. The traceback goes where those of processes go.
                connection.send(_Raised(type(error).__name__))
                raise
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            connection.send(result)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _die_with(parent: int, lifeline: "Connection[Any, Any]") -> None:
    """See to it that this process ends with its parent, in the middle of a task too."""

    def watch() -> None:
        with suppress(EOFError, OSError):
            lifeline.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, name="framedeflate-lifeline", daemon=True).start()
    if sys.platform == "linux":
        # The kernel does it at once, even where this process holds Python's lock in a long call.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
