# SPDX-License-Identifier: Apache-2.0
"""A server's answers, kept, so that a conformance run can be made again, with something in them changed, in no time."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from unittest import mock

from framedeflate.web.conformance import judging, session
from framedeflate.web.conformance.exchange import Answer, Client
from framedeflate.web.conformance.made_samples import RunUids, broken_samples, made_samples
from framedeflate.web.conformance.outcomes import Check, Result
from framedeflate.web.conformance.samples import Sample, sample_of
from framedeflate.web.conformance.session import Session
from framedeflate.web.conformance.suite import run_checks


@dataclass(frozen=True)
class Asked:
    """A request. Wrong servers change it before it is answered, or the answer because of it."""

    method: str
    path: str
    accept: str | None
    body: bytes | None
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")


ChangeRequest = Callable[[Asked], Asked]
ChangeAnswer = Callable[[Asked, Answer], Answer]


class RecordingClient(Client):
    """Remembers what came, and gives it again to who asks the same in the same order."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.answers: dict[Asked, list[Answer]] = defaultdict(list)
        self.given: dict[Asked, int] = defaultdict(int)
        self.recording = True
        self.change_request: ChangeRequest = lambda asked: asked
        self.change_answer: ChangeAnswer = lambda _asked, answer: answer

    def send(
        self,
        method: str,
        path: str,
        *,
        accept: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        asked = Asked(
            method, path.removeprefix(self.root), accept, body, tuple(sorted((headers or {}).items()))
        )
        changed = self.change_request(asked)
        return self.change_answer(asked, self._answer(changed))

    def _answer(self, asked: Asked) -> Answer:
        known = self.answers[asked]
        if self.recording or not known:
            known.append(
                super().send(
                    asked.method,
                    asked.path,
                    accept=asked.accept,
                    body=asked.body,
                    headers=dict(asked.headers),
                )
            )
            return known[-1]
        self.given[asked] += 1
        return known[min(self.given[asked], len(known)) - 1]

    def again(self) -> None:
        """Give what is known, from the beginning."""
        self.recording = False
        self.given.clear()


@contextmanager
def same_uids(seed: int = 5) -> Iterator[None]:
    """Have every run make the same UIDs and boundaries."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    with mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=dice.getrandbits(128))):
        yield


@cache
def _samples(uids: RunUids) -> dict[str, Sample]:
    broken_samples(uids)
    return made_samples(uids)


_read = cache(sample_of)


def stored_session(client: Client) -> Session:
    """A session whose samples are stored, the same ones each time."""
    with same_uids():
        found = Session(client, uids=RunUids.new())
        _samples(found.uids)
    with same_uids(6), mock.patch.object(session, "made_samples", _samples):
        found.store_samples()
    return found


def run(client: Client, checks: list[Check]) -> list[Result]:
    """Store the samples and make the checks."""
    found = stored_session(client)
    with same_uids(7), mock.patch.object(judging, "sample_of", _read):
        return run_checks(found, checks)
