# SPDX-License-Identifier: Apache-2.0
"""The report for a person, by rich, and for a program."""

from __future__ import annotations

from typing import Any, Final, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framedeflate.web.conformance.outcomes import Level, Outcome, Result
from framedeflate.web.conformance.suite import Report

__all__ = ["json_report", "print_report", "summary"]

_WIDTH: Final = 140
_NAME_WIDTH: Final = 28
_STYLES: Final = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.NOT_OFFERED: "yellow",
    Outcome.SKIPPED: "dim",
}


def print_report(
    report: Report, file: TextIO, *, failures_only: bool = False, width: int | None = None
) -> None:
    """Print a table, group by group, each with the clauses that were looked at, and the sums."""
    # In a file or a pipe there is no width to keep to: sentences would be folded for nothing.
    console = Console(file=file, width=width or (None if file.isatty() else _WIDTH), highlight=False)
    shown = [one for one in report.results if one.outcome is Outcome.FAIL or not failures_only]
    for group in dict.fromkeys(one.check.group for one in shown):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, title=group, title_justify="left")
        # One width in all groups, so that the columns stand below each other.
        table.add_column("outcome", no_wrap=True, width=11)
        table.add_column("check", no_wrap=True, width=_NAME_WIDTH)
        table.add_column("level", no_wrap=True, width=6)
        table.add_column("clause", width=22)
        table.add_column("what was seen", ratio=1, overflow="fold")
        for result in (one for one in shown if one.check.group == group):
            # Text, not markup: what a server sent may hold brackets.
            table.add_row(
                Text(result.outcome, style=_STYLES[result.outcome]),
                Text(result.check.name.partition(".")[2]),
                Text(result.check.level),
                Text(result.check.clause.removeprefix("PS3.18 ")),
                _seen(result),
            )
        console.print(table)
        console.print()
    console.print(Text(summary(report)), soft_wrap=True)


def _seen(result: Result) -> Text:
    seen = Text(_printable(result.seen))
    if result.outcome is not Outcome.FAIL:
        return seen
    return Text(f"{result.check.title}\nexpected: {_printable(result.expected)}\nseen: ").append_text(seen)


def _printable(text: str) -> str:
    """Leave out what could move a terminal's cursor: some of it came from the server."""
    return "".join(character if character.isprintable() else "?" for character in text)[:400]


def summary(report: Report) -> str:
    """Return the sums, and what is left to do, in a few lines."""
    broken = [result for result in report.results if result.counts]
    lesser = report.count(Outcome.FAIL) - len(broken)
    lines = [
        f"{report.url}: {len(report.results)} checks, {report.requests} requests",
        f"{report.count(Outcome.PASS)} pass, {report.count(Outcome.FAIL)} fail, "
        f"{report.count(Outcome.NOT_OFFERED)} not offered, {report.count(Outcome.SKIPPED)} skipped",
        f"{len(broken)} of what the standard says with “{Level.SHALL}” is not kept"
        if broken
        else "all that was looked at and the standard says with “shall” is kept",
    ]
    if lesser:
        lines.append(f"{lesser} of what it says with “should” or “may” is done otherwise")
    if report.left_behind:
        lines.append("still on the server, since it does not delete: " + ", ".join(report.left_behind))
    return "\n".join(lines)


def json_report(report: Report) -> dict[str, Any]:
    """Return the report as values for JSON."""
    return {
        "url": report.url,
        "conforms": report.conforms,
        "requests": report.requests,
        "left_behind": list(report.left_behind),
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "results": [
            {
                "name": result.check.name,
                "clause": result.check.clause,
                "level": result.check.level.value,
                "title": result.check.title,
                "outcome": result.outcome.value,
                "expected": result.expected,
                "seen": result.seen,
            }
            for result in report.results
        ],
    }
