# SPDX-License-Identifier: Apache-2.0
"""Which files a command works on, and where each result goes: planned before anything is written."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framedeflate.atomic_file import TEMPORARY_SUFFIX
from framedeflate.cli.exit_codes import CommandError, ExitCode

__all__ = ["Task", "find_files", "plan_tasks"]


@dataclass(frozen=True, slots=True)
class Task:
    """One file to read and the file to write.

    Attributes
    ----------
    source, destination : Path
        The same where a file is rewritten in place.
    """

    source: Path
    destination: Path


def find_files(sources: Sequence[str]) -> list[tuple[Path, Path]]:
    """List every file of the sources.

    Parameters
    ----------
    sources : sequence of str
        Files and folders. Folders are searched to any depth, in the order of names.

    Returns
    -------
    list of (Path, Path)
        Each file, and its path relative to the source that it was found in.

    Raises
    ------
    CommandError
        A folder cannot be listed, or there is no file at all. A file that is missing is no reason to stop:
        reading it fails later, by itself.
    """
    found = [pair for source in sources for pair in _files_of(Path(source))]
    if not found:
        raise CommandError(f"no file in {', '.join(sources)}", exit_code=ExitCode.NO_INPUT)
    return found


def _files_of(source: Path) -> Iterator[tuple[Path, Path]]:
    if not source.is_dir():
        yield source, Path(source.name)
        return

    def refuse(error: OSError) -> None:
        raise CommandError(
            f"cannot list {error.filename}: {error.strerror}", exit_code=ExitCode.INVALID_INPUT_FOLDER
        )

    for folder, folders, names in os.walk(source, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            # What a killed run left behind is no source, and a pipe is no file.
            if not name.endswith(TEMPORARY_SUFFIX) and (path.is_file() or not path.exists()):
                yield path, path.relative_to(source)


def plan_tasks(sources: Sequence[str], *, output: str | None, in_place: bool) -> list[Task]:
    """Decide where every result goes.

    Parameters
    ----------
    sources : sequence of str
        Files and folders.
    output : str or None
        A file for one source file, unless it is a folder or ends in a slash; else a folder, in which each
        source folder's tree is kept.
    in_place : bool
        Whether every file is replaced by its result.

    Returns
    -------
    list of Task
        In the order of the sources.

    Raises
    ------
    CommandError
        Neither or both of `output` and `in_place`; two results under one name; the errors of `find_files`.
    """
    if (output is None) == (not in_place):
        raise CommandError("say either -o DEST or --in-place", exit_code=ExitCode.USAGE)
    files = find_files(sources)
    if output is None:
        return [Task(path, path) for path, _ in files]
    destination = Path(output)
    slashes = tuple(separator for separator in (os.sep, os.altsep) if separator)
    is_folder = (
        destination.is_dir() or output.endswith(slashes) or len(sources) > 1 or Path(sources[0]).is_dir()
    )
    if not is_folder:
        return [Task(files[0][0], destination)]
    if destination.exists() and not destination.is_dir():
        raise CommandError(
            f"{destination} is a file; several sources need a folder",
            exit_code=ExitCode.INVALID_OUTPUT_FOLDER,
        )
    # A folder inside its own source would feed its results to the next run.
    inside = destination.resolve()
    if any(Path(source).resolve() in inside.parents for source in sources):
        files = [pair for pair in files if inside not in pair[0].resolve().parents]
    tasks = [Task(path, destination / relative) for path, relative in files]
    _refuse_collisions(tasks)
    return tasks


def _refuse_collisions(tasks: Sequence[Task]) -> None:
    first: dict[Path, Path] = {}
    for task in tasks:
        other = first.setdefault(task.destination, task.source)
        if other != task.source:
            raise CommandError(
                f"{other} and {task.source} would both become {task.destination}; give them one by one",
                exit_code=ExitCode.USAGE,
            )
