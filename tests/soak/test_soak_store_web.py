# SPDX-License-Identifier: Apache-2.0
"""The server killed at twenty moments while 200 upload, a disk that fills up, and instances of 1 GiB in 200 MiB."""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from made_files import native_header
from receiving import ct
from store_payloads import Part, file_bytes, metadata_of, multipart
from store_server import (
    MULTIPART,
    ServeProcess,
    check_all_there_is,
    instance_path,
    many,
    serve_process,
    upload_until,
)

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="kills, /proc and tmpfs as Linux has them"),
]

MIB = 1 << 20
STUDIES = "/dicomweb/studies"


def test_twenty_kills_while_200_upload(room: Path, say: Callable[[str], None]) -> None:
    seed = int(time.time())
    say(f"store: seed {seed}")
    rng = random.Random(seed)  # noqa: S311
    sent = many(200, frames=24)
    acknowledged_at_all = added = 0
    for number in range(20):
        store = room / str(number)
        with serve_process(store) as server:

            def kill(server: ServeProcess = server) -> None:
                time.sleep(rng.uniform(0, 0.05))
                server.kill()

            url = server.url
            # Before anything is acknowledged too.
            enough = rng.choice([0, rng.randrange(1, 200)])
            if not enough:
                threading.Timer(rng.uniform(0, 2), server.kill).start()
            acknowledged = upload_until(url, sent, enough or 999, kill)
        with serve_process(store) as server:
            added += server.event("indexed")["added"]
            check_all_there_is(server, store, sent, acknowledged)
            assert server.stop() == 0
        acknowledged_at_all += len(acknowledged)
    say(f"store: {acknowledged_at_all} acknowledged and all served; {added} in place and not yet indexed")


def test_a_disk_that_fills_up(room: Path, say: Callable[[str], None]) -> None:
    store = room / "small"
    store.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", store], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        sent = many(200, frames=500)
        with serve_process(store, "--min-free", "0") as server:
            statuses: dict[int, int] = {}
            acknowledged = set()
            for uid, data in sent.items():
                answer = httpx.post(
                    server.url + STUDIES, content=multipart([Part(data)]), headers=MULTIPART, timeout=60
                )
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
                if answer.status_code == 200:
                    acknowledged.add(uid)
            say(f"store: answers on a disk that fills up: {statuses}")
            assert statuses.keys() == {200, 503}
            check_all_there_is(server, store, sent, acknowledged)
            assert server.stop() == 0
        with serve_process(store, "--min-free", "0") as server:
            server.event("indexed")
            check_all_there_is(server, store, sent, acknowledged)
    finally:
        subprocess.run(["umount", store], check=True)


def memory_nbytes(server: ServeProcess, field: str) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak(server: ServeProcess) -> None:
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


FRAMES = 2048


def gigabyte(digest: "hashlib._Hash") -> Iterator[bytes]:
    block = os.urandom(MIB)
    for number in range(FRAMES // 2):
        piece = struct.pack("<I", number) + block[4:]
        digest.update(piece)
        yield piece


def large_file(uid: str, digest: "hashlib._Hash") -> Iterator[bytes]:
    """A CT of 2048 Frames of 512 KiB as a PS3.10 file."""
    dataset = ct(uid)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = FRAMES, 512, 512
    del dataset.PixelData
    start = file_bytes(dataset) + native_header(FRAMES * 512 * 512 * 2)
    digest.update(start)
    yield start
    yield from gigabyte(digest)


@pytest.mark.parametrize("kind", ["one part", "lone", "metadata"])
def test_a_gigabyte(room: Path, say: Callable[[str], None], kind: str) -> None:
    digest = hashlib.sha256()
    uid = "2.25.500"

    def body() -> Iterator[bytes]:
        if kind == "lone":
            yield from large_file(uid, digest)
            return
        if kind == "one part":
            yield multipart([Part(b"")]).removesuffix(b"\r\n--a boundary--\r\n")
            yield from large_file(uid, digest)
        else:
            dataset = ct(uid)
            dataset.NumberOfFrames, dataset.Rows, dataset.Columns = FRAMES, 512, 512
            metadata = json.dumps([metadata_of(dataset, bulk={"PixelData": "here"})]).encode()
            parts = [Part(metadata, "application/dicom+json"), Part(b"", "application/octet-stream", "here")]
            yield multipart(parts).removesuffix(b"\r\n--a boundary--\r\n")
            yield from gigabyte(digest)
        yield b"\r\n--a boundary--\r\n"

    headers = {
        "one part": MULTIPART,
        "lone": {"Content-Type": "application/dicom"},
        "metadata": {
            "Content-Type": 'multipart/related; type="application/dicom+json"; boundary="a boundary"'
        },
    }[kind]
    with serve_process(room / "store", "--policy", "keep") as server:
        server.event("indexed")
        httpx.get(server.url + STUDIES)
        forget_peak(server)
        before = memory_nbytes(server, "VmHWM:")
        started = time.monotonic()
        answer = httpx.post(server.url + STUDIES, content=body(), headers=headers, timeout=600)
        assert answer.status_code == 200, answer.text
        seconds = time.monotonic() - started
        took = memory_nbytes(server, "VmHWM:") - before
        say(f"store: 1 GiB as {kind}: {took / MIB:.0f} MiB more at the peak, {seconds:.0f} s")
        assert took < 200 * MIB
        path = next((room / "store").glob(f"??/{uid}.dcm"))
        with path.open("rb") as file:
            if kind == "metadata":
                file.seek(path.stat().st_size - (FRAMES // 2) * MIB)
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest.hexdigest()
        assert httpx.head(server.url + instance_path(uid)).status_code in {200, 405}
        assert server.stop() == 0
