# SPDX-License-Identifier: Apache-2.0
"""``framedeflate serve`` in a process of its own, to be killed; and many who upload to it at once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from receiving import deflated, masks
from store_payloads import Part, file_bytes, multipart

__all__ = [
    "INSTANCES",
    "MULTIPART",
    "ServeProcess",
    "check_all_there_is",
    "instance_path",
    "many",
    "serve_process",
    "unfinished",
    "upload_until",
]

MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary="a boundary"'}
INSTANCES = "/dicomweb/studies/2.25.10/series/2.25.11/instances/"
WAIT_SECONDS = 60.0


def instance_path(uid: str) -> str:
    return INSTANCES + uid


@dataclass
class ServeProcess:
    process: "subprocess.Popen[str]"
    events: list[dict[str, Any]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def event(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait for the last of so many events of that name."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.events if one["event"] == name]

        with self.news:
            self.news.wait_for(lambda: len(found()) >= count or self.process.poll() is not None, WAIT_SECONDS)
            assert len(found()) >= count, f"no event {name!r} among {self.events}"
            return found()[count - 1]

    @property
    def url(self) -> str:
        return str(self.event("listening")["url"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_SECONDS)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)


@contextmanager
def serve_process(
    store: Path, *options: str, before: Callable[[], None] | None = None
) -> Iterator[ServeProcess]:
    """The command, killed at the end where it still runs; `before` is called in the new process."""
    command = [sys.executable, "-m", "framedeflate", "serve", str(store), "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--min-free", "1MB", "--log", os.devnull, *options],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - no thread of this process is at work then
    )
    found = ServeProcess(process)
    try:
        yield found
    finally:
        if process.poll() is None:
            found.kill()
        found._reader.join(WAIT_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def upload_until(
    url: str, instances: dict[str, bytes], enough: int, then: Callable[[], None], *, at_once: int = 200
) -> set[str]:
    """Upload instances, so many at once; once `enough` are acknowledged, call `then`. Return the acknowledged."""
    acknowledged: set[str] = set()
    called = threading.Event()

    async def one(client: httpx.AsyncClient, uid: str, data: bytes) -> None:
        try:
            answer = await client.post(
                url + "/dicomweb/studies", content=multipart([Part(data)]), headers=MULTIPART
            )
        except httpx.TransportError:
            return
        if answer.status_code == 200:
            acknowledged.add(uid)
        if len(acknowledged) >= enough and not called.is_set():
            called.set()
            then()

    async def everything(items: Sequence[tuple[str, bytes]]) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx.AsyncClient(limits=limits, timeout=WAIT_SECONDS, trust_env=False) as client:
            await asyncio.gather(*(one(client, uid, data) for uid, data in items))

    asyncio.run(everything(list(instances.items())))
    return acknowledged


def unfinished(store: Path) -> list[Path]:
    return [path for path in (store / ".arriving").rglob("*") if path.is_file() and path.name != "lock"]


def many(count: int, *, frames: int = 3) -> dict[str, bytes]:
    one = file_bytes(deflated("2.25.100000", masks(3, frames=frames, rows=128, columns=128)))
    return {
        f"2.25.{number}": one.replace(b"2.25.100000", b"2.25.%d" % number)
        for number in range(100_000, 100_000 + count)
    }


def check_all_there_is(
    server: ServeProcess, store: Path, sent: dict[str, bytes], acknowledged: set[str]
) -> None:
    """Every acknowledged instance is served whole; what else is there is whole too, and nothing is left over."""
    files = {path.stem: path for path in store.glob("??/*.dcm")}
    assert acknowledged <= files.keys() <= sent.keys()
    with httpx.Client(timeout=60) as client:
        for uid in files:
            answer = client.get(
                server.url + instance_path(uid), headers={"Accept": "application/dicom; transfer-syntax=*"}
            )
            assert answer.status_code == 200, answer.text
            assert answer.content == sent[uid]
    assert unfinished(store) == []
