# SPDX-License-Identifier: Apache-2.0
"""Many files one after another or in several processes; a failure stays with its file."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from framedeflate.cli.exit_codes import (
    CommandError,
    exit_code_of,
    is_no_image,
    is_not_chosen,
    sentence_of,
)
from framedeflate.cli.progress import FrameProgress, ProgressBar
from framedeflate.cli.report import Outcome
from framedeflate.cli.sources import Task
from framedeflate.errors import FrameDeflateError
from framedeflate.worker_pool import Lost, WorkerPool

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
    early: dict[int, Outcome] = {}
    turn = 0
    with WorkerPool(partial(_numbered, work), processes) as pool:
        for (number, task), outcome in pool.results(enumerate(tasks)):
            bar.finish_file()
            early[number] = failure(MemoryError(str(outcome)), task) if isinstance(outcome, Lost) else outcome
            while turn in early:
                yield early.pop(turn)
                turn += 1


def _numbered(work: Work, numbered: tuple[int, Task]) -> Outcome:
    return _guarded(work, numbered[1], None)
