# SPDX-License-Identifier: Apache-2.0
"""How a run over an archive stands: a bar on a terminal, a line now and then where standard error goes elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from framedeflate.cli.report import human_nbytes, print_error
from framedeflate.cli.terminal import bar_console, draws_bars

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ArchiveProgress", "archive_progress", "listing_progress", "spoken_seconds"]

_LINE_SECONDS: Final = 60.0
_DRAW_SECONDS: Final = 0.1


@dataclass
class ArchiveProgress:
    """Files and bytes done, the rate, the time left, and what was saved; a line a minute.

    Attributes
    ----------
    files, nbytes : int
        To do in all.
    """

    files: int
    nbytes: int
    verb: str = "saved"
    interval_seconds: float = _LINE_SECONDS
    done: int = field(default=0, init=False)
    done_nbytes: int = field(default=0, init=False)
    saved_nbytes: int = field(default=0, init=False)
    started: float = field(default_factory=time.monotonic, init=False)
    _shown: float = field(default_factory=time.monotonic, init=False)

    def add(self, nbytes: int, saved_nbytes: int = 0) -> None:
        """Count a file of so many bytes."""
        self.done += 1
        self.done_nbytes += nbytes
        self.saved_nbytes += saved_nbytes
        if time.monotonic() - self._shown >= self.interval_seconds:
            self._shown = time.monotonic()
            self.show()

    def show(self) -> None:
        """Say how it stands."""
        print_error(self.standing())

    def standing(self) -> str:
        """Return how it stands as a line."""
        seconds = max(time.monotonic() - self.started, 1e-3)
        parts = [
            f"{self.done} of {self.files} files",
            f"{self.done / seconds:.3g} a second",
            f"{human_nbytes(round(self.done_nbytes / seconds))} a second",
        ]
        # Files of an archive differ by a thousandfold, so bytes tell more about the time left; but small ones are slow.
        share = self.done_nbytes / self.nbytes if self.nbytes else 0.0
        share = (share + self.done / self.files) / 2 if self.files else 1.0
        if 0 < share < 1:
            parts.append(f"{spoken_seconds(seconds * (1 - share) / share)} left")
        if self.verb:
            parts.append(
                f"{'-' if self.saved_nbytes < 0 else ''}{human_nbytes(abs(self.saved_nbytes))} {self.verb}"
            )
        return ", ".join(parts)


class _Bar(ArchiveProgress):
    """The same as a bar that is drawn anew."""

    progress: "Progress"
    task: "TaskID"

    def show(self) -> None:
        self.progress.update(self.task, completed=self.done, standing=self.standing())


@contextmanager
def archive_progress(files: int, nbytes: int, *, verb: str = "saved") -> Iterator[ArchiveProgress]:
    """Yield what counts, and shows it on standard error."""
    if not draws_bars():
        yield ArchiveProgress(files, nbytes, verb)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.fields[standing]}", markup=False))
    with Progress(
        *columns, console=bar_console(), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        bar = _Bar(files, nbytes, verb, _DRAW_SECONDS)
        bar.progress, bar.task = progress, progress.add_task("", total=files, standing="")
        yield bar


@contextmanager
def listing_progress() -> Iterator[Callable[[int], None]]:
    """Yield what is told how many files were listed so far, and shows it on standard error."""
    shown = time.monotonic()

    def line(count: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _LINE_SECONDS:
            shown = time.monotonic()
            print_error(f"{count} files listed")

    if not draws_bars():
        yield line
        return
    with bar_console().status("listing") as status:
        yield lambda count: status.update(f"{count} files listed")


def spoken_seconds(seconds: float) -> str:
    """Return a time for a person: 45 s, 12 min, 3 h 20 min, 5 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"
