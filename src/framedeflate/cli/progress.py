# SPDX-License-Identifier: Apache-2.0
"""A progress bar on a terminal, nothing in a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from framedeflate.cli.terminal import bar_console, draws_bars

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["FrameProgress", "ProgressBar", "progress_bar"]

FrameProgress = Callable[[int, int], None]
"""Called with the number of frames done and of all frames."""

_WIDEST_NAME = 40


class ProgressBar:
    """The bar where there is none to draw: what pipes and log files get."""

    def start_file(self, path: Path) -> None:
        """Say which file is being worked on."""

    def finish_file(self) -> None:
        """Count one file as done."""

    @property
    def frames(self) -> FrameProgress | None:
        """What to call with the frames done; None where nobody looks."""
        return None


class _RichBar(ProgressBar):
    """One file gets a bar over its frames, several get one over the files as well."""

    def __init__(self, progress: "Progress", number_of_files: int) -> None:
        self._progress = progress
        self._files = progress.add_task("files", total=number_of_files, visible=number_of_files > 1)
        self._current = progress.add_task("", total=None, visible=False)

    def start_file(self, path: Path) -> None:
        name = path.name if len(path.name) <= _WIDEST_NAME else f"{path.name[: _WIDEST_NAME - 3]}..."
        self._progress.reset(self._current, total=None, description=name, visible=True)

    def finish_file(self) -> None:
        self._progress.advance(self._files)
        self._progress.update(self._current, visible=False)

    @property
    def frames(self) -> FrameProgress:
        return self._show_frames

    def _show_frames(self, done: int, total: int) -> None:
        self._progress.update(self._current, completed=done, total=total)


@contextmanager
def progress_bar(number_of_files: int) -> Iterator[ProgressBar]:
    """Yield a bar on standard error that disappears at the end; one that draws nothing where that is no terminal."""
    if not draws_bars():
        yield ProgressBar()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # Lines printed meanwhile must go above the bar, but what is meant for a pipe must not end on the terminal.
    with Progress(
        *columns,
        console=bar_console(),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        yield _RichBar(progress, number_of_files)
