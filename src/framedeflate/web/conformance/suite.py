# SPDX-License-Identifier: Apache-2.0
"""A run: samples stored or found, every check made, what was stored removed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Final

from framedeflate.web.conformance.checks import (
    bulkdata,
    caching,
    capabilities,
    content_coding,
    frames,
    hostile,
    instances,
    metadata,
    multipart_syntax,
    native_frames,
    negotiation,
    rendered,
    search,
    store,
)
from framedeflate.web.conformance.exchange import Client
from framedeflate.web.conformance.outcomes import Check, CheckFailedError, JudgementError, Outcome, Result
from framedeflate.web.conformance.session import JSON, Session

__all__ = ["GROUPS", "Report", "all_checks", "run_checks", "run_suite"]

GROUPS: Final[tuple[ModuleType, ...]] = (
    store,
    instances,
    frames,
    native_frames,
    content_coding,
    negotiation,
    multipart_syntax,
    bulkdata,
    metadata,
    search,
    caching,
    rendered,
    capabilities,
    hostile,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run.

    Attributes
    ----------
    url : str
        The service root.
    results : tuple of Result
        One a check, in the order of `GROUPS`.
    left_behind : tuple of str
        Study Instance UIDs that are still on the server because of this run.
    requests : int
        How many were sent.
    """

    url: str
    results: tuple[Result, ...]
    left_behind: tuple[str, ...]
    requests: int

    @property
    def conforms(self) -> bool:
        """Whether every "shall" that was looked at is kept."""
        return not any(result.counts for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """How many checks came to that."""
        return sum(result.outcome is outcome for result in self.results)


def all_checks(only: Sequence[str] = ()) -> list[Check]:
    """Return the checks, those alone whose group or name matches one of the patterns.

    Parameters
    ----------
    only : sequence of str
        As "frames", "frames.no-pad", "*.vary".
    """
    found = [one for group in GROUPS for one in vars(group).values() if isinstance(one, Check)]
    # A check that another module imports is made once, where it is written.
    checks = list({one.name: one for one in found}.values())
    if not only:
        return checks
    return [
        one
        for one in checks
        if any(fnmatchcase(one.name, pattern) or one.name.startswith(f"{pattern}.") for pattern in only)
    ]


def run_suite(
    url: str,
    *,
    token: str = "",
    only: Sequence[str] = (),
    read_only: Sequence[str] = (),
    seconds: float = 30.0,
    progress: Callable[[str], None] = lambda _name: None,
) -> Report:
    """Check a server.

    Parameters
    ----------
    url : str
        The service root, as "https://example.org/dicomweb".
    token : str
        A bearer token.
    only : sequence of str
        Patterns of checks, see `all_checks`.
    read_only : sequence of str
        Study Instance UIDs to look at; with any, nothing is stored, and what writes is skipped.
    seconds : float
        For an answer.
    progress : callable
        Called with the name of each check before it is made.

    Returns
    -------
    Report
        What came of each.

    Raises
    ------
    UnreachableError
        There is no server.
    """
    client = Client(url, token=token, seconds=seconds)
    try:
        client.probe()
        session = Session(client)
        if read_only:
            session.find_samples(read_only)
        else:
            session.studies.append(session.uids.study)
            progress("storing the samples")
            session.store_samples()
        results = run_checks(session, all_checks(only), progress)
        left = () if read_only else _remove(session)
        return Report(client.root, tuple(results), left, client.requests)
    finally:
        client.close()


def run_checks(
    session: Session, checks: Sequence[Check], progress: Callable[[str], None] = lambda _name: None
) -> list[Result]:
    """Make checks, one after the other, in a session whose samples are stored or found."""
    results = []
    for one in checks:
        progress(one.name)
        results.append(_run(one, session))
    return results


def _run(one: Check, session: Session) -> Result:
    if one.writes and session.read_only:
        return Result(one, Outcome.SKIPPED, seen="it writes")
    try:
        for role in one.needs:
            session.sample(role)
        return Result(one, Outcome.PASS, seen=one.function(session) or "")
    except JudgementError as judgement:
        return Result(one, judgement.outcome, judgement.expected, judgement.seen)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Answers are data of any shape, and a check may trip over one: that fails this check, not the run.
        return Result(one, Outcome.FAIL, "an answer of the form that the clause gives", type(error).__name__)


def _remove(session: Session) -> tuple[str, ...]:
    """Delete what was stored, and return what is still there."""
    left = []
    for study in dict.fromkeys(session.studies):
        try:
            session.client.send("DELETE", f"/studies/{study}", accept=JSON)
            there = session.get(f"/studies/{study}/metadata", JSON).status
        except CheckFailedError:
            there = 200
        if there not in {404, 410}:
            left.append(study)
    return tuple(left)
