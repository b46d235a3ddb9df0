# SPDX-License-Identifier: Apache-2.0
"""A server's answers, kept, so that a conformance run can be made again, with something in them changed, in no time."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from framedeflate.web.conformance.exchange import Answer, Client
from framedeflate.web.conformance.made_samples import RunUids
from framedeflate.web.conformance.multipart import Part
from framedeflate.web.conformance.outcomes import Check, Result
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
def same_uids() -> Iterator[None]:
    """Have every run make the same UIDs and boundaries."""
    dice = random.Random(5)  # noqa: S311 - nothing secret
    with mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=dice.getrandbits(128))):
        yield


def run(client: Client, checks: list[Check]) -> list[Result]:
    """Store the samples and make the checks."""
    with same_uids():
        session = Session(client, uids=RunUids.new())
        session.store_samples()
        return run_checks(session, checks)


# What wrong servers do to answers


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """With another value of a header, or without it."""
    others = {key: stated for key, stated in answer.headers.items() if key != name}
    return replace(answer, headers=others if value is None else {**others, name: value})


def each_part(answer: Answer, change: Callable[[Part], Part]) -> Answer:
    """With each part changed, or the body where it has no parts; lengths are those of what was changed."""
    if answer.status != 200 or answer.coding:
        return answer
    if answer.media.name != "multipart/related":
        one = change(Part({"content-type": answer.headers.get("content-type", "")}, answer.raw))
        changed = with_header(replace(answer, raw=one.content), "content-type", one.headers["content-type"])
        return with_header(changed, "content-length", str(len(one.content)))
    parts = [change(part) for part in answer.payload.parts]
    return with_parts(answer, parts)


def with_parts(answer: Answer, parts: list[Part]) -> Answer:
    """With these parts in place of its own."""
    boundary = answer.media.parameters["boundary"].encode()
    body = b""
    for part in parts:
        headers = {**part.headers}
        if headers.get("content-length", "").isdigit():
            headers["content-length"] = str(len(part.content))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        body += b"--" + boundary + b"\r\n" + lines + b"\r\n" + part.content + b"\r\n"
    body += b"--" + boundary + b"--\r\n"
    return with_header(Answer(answer.status, answer.headers, body), "content-length", str(len(body)))


def only(condition: Callable[[Asked, Answer], bool], change: Callable[[Answer], Answer]) -> ChangeAnswer:
    """Change the answers alone of which the condition holds."""
    return lambda asked, answer: change(answer) if condition(asked, answer) else answer


def status(old: int, new: int) -> ChangeAnswer:
    """Another status."""
    return only(lambda _asked, answer: answer.status == old, lambda answer: replace(answer, status=new))


def json_change(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """Change what JSON says."""
    import json

    def changed(answer: Answer) -> Answer:
        if answer.status not in {200, 202} or "json" not in answer.media.name or answer.coding:
            return answer
        raw = json.dumps(change(json.loads(answer.raw)), ensure_ascii=False).encode()
        return with_header(replace(answer, raw=raw), "content-length", str(len(raw)))

    return changed
