# SPDX-License-Identifier: Apache-2.0
"""What a check is, and what can come of it.

A check is a function of a `Session` that returns what it saw, or raises one of the three exceptions below. The
decorator `check` gives it its clause and level. What it expected and saw is told in statuses, media types and sizes: an
attribute's value may be a patient's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from framedeflate.web.conformance.session import Session

__all__ = [
    "Check",
    "CheckFailedError",
    "CheckSkippedError",
    "FeatureNotOfferedError",
    "JudgementError",
    "Level",
    "Outcome",
    "Result",
    "check",
    "expect",
    "fail",
    "not_offered",
]


class Level(StrEnum):
    """How binding the clause is. What is optional altogether is a SHALL that an answer can escape as not offered."""

    SHALL = "shall"
    SHOULD = "should"
    MAY = "may"


class Outcome(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    SKIPPED = "skipped"


class JudgementError(Exception):
    """Ends a check.

    Attributes
    ----------
    outcome : Outcome
        What the check comes to.
    expected, seen : str
        In statuses, media types and sizes.
    """

    outcome: Outcome

    def __init__(self, seen: str, expected: str = "") -> None:
        self.seen = seen
        self.expected = expected
        super().__init__(f"{self.outcome}: {seen}")


class CheckFailedError(JudgementError):
    """The server does otherwise than the clause says."""

    outcome = Outcome.FAIL


class FeatureNotOfferedError(JudgementError):
    """The server refuses, in order, what it need not offer."""

    outcome = Outcome.NOT_OFFERED


class CheckSkippedError(JudgementError):
    """What the check looks at is not there, for another reason than this clause."""

    outcome = Outcome.SKIPPED


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes
    ----------
    name : str
        Group and function, as "frames.no-pad".
    clause : str
        Where it is written.
    level : Level
        How binding that is.
    title : str
        The rule in a sentence.
    needs : tuple of str
        Roles of the samples without which it cannot be made, see `samples`.
    writes : bool
        Whether it stores or deletes, which a run of kind read-only leaves out.
    function : callable
        Returns what it saw.
    """

    name: str
    clause: str
    level: Level
    title: str
    needs: tuple[str, ...]
    writes: bool
    function: Callable[[Session], str | None]

    @property
    def group(self) -> str:
        """The module it stands in."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check."""

    check: Check
    outcome: Outcome
    expected: str = ""
    seen: str = ""

    @property
    def counts(self) -> bool:
        """Whether this makes the run fail: a "shall" that is not kept."""
        return self.outcome is Outcome.FAIL and self.check.level is Level.SHALL


def check(
    clause: str, level: Level = Level.SHALL, *, needs: str = "", writes: bool = False
) -> Callable[[Callable[[Session], str | None]], Check]:
    """Make a check of a function whose first docstring line is the rule.

    Parameters
    ----------
    clause : str
        PS3.18's unless it begins with another document's name.
    level : Level
        How binding the clause is.
    needs : str
        Roles of samples, separated by blanks.
    writes : bool
        Whether it stores or deletes.
    """

    def made(function: Callable[[Session], str | None]) -> Check:
        group = function.__module__.rpartition(".")[2].replace("_", "-")
        title = (function.__doc__ or "").partition("\n")[0].rstrip(".")
        name = f"{group}.{function.__name__.replace('_', '-')}"
        clause_named = clause if clause[:3] in {"PS3", "RFC", "Sup"} else f"PS3.18 {clause}"
        return Check(name, clause_named, level, title, tuple(needs.split()), writes, function)

    return made


def expect(condition: object, expected: str, seen: object) -> None:
    """Fail the check unless the condition holds."""
    if not condition:
        fail(expected, seen)


def fail(expected: str, seen: object) -> NoReturn:
    """Fail the check."""
    raise CheckFailedError(str(seen), expected)


def not_offered(seen: object) -> NoReturn:
    """End the check: the server need not offer what was asked for, and says so."""
    raise FeatureNotOfferedError(str(seen))
