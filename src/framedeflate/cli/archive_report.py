# SPDX-License-Identifier: Apache-2.0
"""``framedeflate report``: what runs over an archive brought, as a table and as a page."""

import argparse
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from framedeflate.archive.manifest import Manifest
from framedeflate.archive.summary import Failures, Group, Summary, summarize
from framedeflate.atomic_file import atomic_file
from framedeflate.cli.archive_parts import say_missing_parts
from framedeflate.cli.archive_progress import spoken_seconds
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.report import human_nbytes, print_json

__all__ = ["run"]


def run(namespace: argparse.Namespace) -> ExitCode:
    """Report."""
    with ExitStack() as stack:
        manifests = [stack.enter_context(Manifest.open(Path(name))) for name in namespace.manifests]
        say_missing_parts(manifests)
        summary = summarize(manifests)
    if namespace.html:
        # Imported here: nobody else needs it.
        from framedeflate.archive.page import page

        with atomic_file(namespace.html, overwrite=True) as file:
            file.write(page(summary, human_nbytes, paths=namespace.paths).encode("utf-8", "backslashreplace"))
    if namespace.json:
        print_json(
            {
                "states": summary.states,
                "gone": summary.gone,
                "groups": [asdict(group) for group in summary.groups],
                "failures": [asdict(one) for one in summary.failures],
                "facts": summary.facts,
            }
        )
    else:
        _print(summary)
    return ExitCode.OK


def _print(summary: Summary) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        # In a pipe nobody sees where a line would end.
        console.width = 160
    states = ", ".join(f"{count} {state}" for state, count in sorted(summary.states.items()))
    gone = f"; {summary.gone} gone from the source since" if summary.gone else ""
    console.print(f"{states or 'nothing'}{gone}", markup=False)
    if summary.groups:
        table = Table("modality", "SOP class", box=None, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("files", "frames", "before", "after", "saved", "time"):
            table.add_column(name, justify="right")
        rows = summary.groups if len(summary.groups) == 1 else [*summary.groups, summary.total]
        for group in rows:
            table.add_row(*_cells(group))
        console.print(table)
    for one in summary.failures:
        console.print(_line(one), markup=False, soft_wrap=True)


def _cells(group: Group) -> list[str]:
    percent = 100 * group.saved_nbytes / group.source_nbytes if group.source_nbytes else 0.0
    return [
        group.modality or "-",
        group.sop_class or "-",
        str(group.files),
        str(group.frames),
        human_nbytes(group.source_nbytes),
        human_nbytes(group.result_nbytes),
        f"{percent:.1f} %",
        spoken_seconds(group.seconds),
    ]


def _line(one: Failures) -> str:
    kind = f", {one.kind}" if one.kind else ""
    lines = [f"{one.state}: {one.files} by {one.error}{kind}: {one.message}"]
    lines += [f"    {path}" for path in one.paths]
    if one.paths and one.files > len(one.paths):
        lines.append(f"    and {one.files - len(one.paths)} more")
    return "\n".join(lines)
