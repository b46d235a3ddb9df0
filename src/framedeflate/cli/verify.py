# SPDX-License-Identifier: Apache-2.0
"""``framedeflate verify``: whether files keep to the standard."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from framedeflate.cli.batch import failure
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.progress import progress_bar
from framedeflate.cli.report import print_error, print_json
from framedeflate.cli.sources import Task, find_files
from framedeflate.errors import FrameDeflateError
from framedeflate.problems import Problem
from framedeflate.verify import verify_file

__all__ = ["run"]

_MOST_OF_A_KIND = 5


def run(namespace: argparse.Namespace) -> ExitCode:
    """Verify what the command line names."""
    tasks = [Task(path, path) for path, _ in find_files(namespace.sources)]
    worst = ExitCode.OK
    any_dicom = False
    with progress_bar(len(tasks)) as bar:
        for task in tasks:
            bar.start_file(task.source)
            try:
                problems = verify_file(task.source)
            except (FrameDeflateError, OSError, MemoryError) as error:
                outcome = failure(error, task)
                worst = max(worst, outcome.exit_code)
                any_dicom |= outcome.is_image
                if namespace.json:
                    print_json(
                        {"file": str(task.source), "status": outcome.status, "problems": [], **outcome.fields}
                    )
                else:
                    print_error(outcome.line)
            else:
                any_dicom = True
                worst = max(worst, _exit_code(problems, strict=namespace.strict))
                _print(str(task.source), problems, as_json=namespace.json)
            bar.finish_file()
    return worst if any_dicom or worst else ExitCode.NO_VALID_INPUT


def _exit_code(problems: Sequence[Problem], *, strict: bool) -> ExitCode:
    counted = [problem for problem in problems if strict or problem.severity == "error"]
    return ExitCode.INVALID_INPUT if counted else ExitCode.OK


def _print(path: str, problems: Sequence[Problem], *, as_json: bool) -> None:
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        status = "errors" if errors else "warnings" if problems else "conforms"
        print_json({"file": path, "status": status, "problems": [asdict(problem) for problem in problems]})
        return
    if not problems:
        print(f"{path}: conforms", flush=True)
        return
    warnings = len(problems) - errors
    print(f"{path}: {_count(errors, 'error')}, {_count(warnings, 'warning')}", flush=True)
    seen: Counter[str] = Counter()
    for problem in problems:
        seen[problem.kind] += 1
        # The same defect in each of 10 000 frames is one thing to know.
        if seen[problem.kind] <= _MOST_OF_A_KIND:
            print(f"  {problem.severity}: {problem.kind}{_place(problem)}: {problem.message}")
    for kind, count in seen.items():
        if count > _MOST_OF_A_KIND:
            print(f"  ... and {count - _MOST_OF_A_KIND} more of kind {kind}; --json lists them all")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _place(problem: Problem) -> str:
    frame = "" if problem.frame_number is None else f", frame {problem.frame_number}"
    return frame if problem.position is None else f"{frame}, byte {problem.position}"
