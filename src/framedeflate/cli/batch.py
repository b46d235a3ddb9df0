# SPDX-License-Identifier: Apache-2.0
"""Many files one after another or in several processes; a failure stays with its file."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from framedeflate.cli.exit_codes import (
    CommandError,
    ExitCode,
    exit_code_of,
    is_no_image,
    is_not_chosen,
    sentence_of,
)
from framedeflate.cli.progress import FrameProgress, ProgressBar
from framedeflate.cli.report import Outcome
from framedeflate.cli.sources import Task
from framedeflate.errors import FrameDeflateError

__all__ = ["Work", "failure", "run_tasks"]

Work = Callable[[Task, FrameProgress | None], Outcome]
"""Does one task. For several processes it must be a module's function, or a partial of one."""


def run_tasks(work: Work, tasks: Sequence[Task], *, jobs: int, bar: ProgressBar) -> Iterator[Outcome]:
    """Do every task and yield what became of it, in the order of the tasks.

    Parameters
    ----------
    work : callable
        Does one task; OSError, MemoryError and FrameDeflateError become failures of that file.
    tasks : sequence of Task
        What to do.
    jobs : int
        Processes; 1 stays in this one.
    bar : ProgressBar
        Told of each file, and with one job of each frame.
    """
    if jobs > 1 and len(tasks) > 1:
        yield from _in_processes(work, tasks, min(jobs, len(tasks)), bar)
        return
    for task in tasks:
        bar.start_file(task.source)
        outcome = _guarded(work, task, bar.frames)
        bar.finish_file()
        yield outcome


def _guarded(work: Work, task: Task, progress: FrameProgress | None) -> Outcome:
    """Do one task; its failure is an outcome like another."""
    try:
        return work(task, progress)
    except (OSError, MemoryError, FrameDeflateError, CommandError) as error:
        return failure(error, task)


def failure(error: Exception, task: Task) -> Outcome:
    """Return the outcome of a task that raised."""
    source = str(task.source)
    text = sentence_of(error, source=source)
    fields = {
        "error": {"type": type(error).__name__, "kind": getattr(error, "kind", None), "message": text},
    }
    if is_no_image(error) or is_not_chosen(error):
        line = f"{source}: skipped: {text}"
        return Outcome("skipped", source, line=line, fields=fields, is_image=is_not_chosen(error))
    return Outcome(
        "failed",
        source,
        exit_code=exit_code_of(error, source=source),
        line=f"{source}: {text}",
        fields=fields,
    )


def _in_processes(work: Work, tasks: Sequence[Task], processes: int, bar: ProgressBar) -> Iterator[Outcome]:
    # Spawned, not forked: the bar of this process runs a thread, and a fork copies its locks as they stand.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts) as pool:
        try:
            for task, future in [(task, pool.submit(partial(_interruptible, work), task)) for task in tasks]:
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    error = MemoryError("a worker process died, likely for want of memory; use fewer --jobs")
                    outcome = failure(error, task)
                bar.finish_file()
                yield outcome
        except BaseException:
            # Ctrl-C reached the workers too: they clean up after themselves and take nothing more.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Keep an idle worker from ending in a traceback at Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interruptible(work: Work, task: Task) -> Outcome:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _guarded(work, task, None)
    except KeyboardInterrupt:
        source = str(task.source)
        return Outcome("interrupted", source, exit_code=ExitCode.INTERRUPTED, line=f"{source}: interrupted")
    finally:
        _ignore_interrupts()
