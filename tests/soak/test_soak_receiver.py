# SPDX-License-Identifier: Apache-2.0
"""The receiver killed at twenty moments while it is sent to, and an instance of 2 GiB in 300 MiB."""

import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from receiving import (
    DEFLATED,
    EXPLICIT,
    SEG,
    Running,
    deflated,
    encoded,
    files_of,
    masks,
    segmentation,
    store_bytes,
    stored_pixels,
)

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]

MIB = 1 << 20
INSTANCES = 24


class Node:
    """`framedeflate receive` as a process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "framedeflate", "receive", "--port", "0", "--json"]
        self.process = subprocess.Popen(
            [*command, "--store", str(folder), "--min-free", "1M", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        nothing: Any = None
        self.running = Running(json.loads(self.process.stdout.readline())["port"], folder, nothing, nothing)

    def status_nbytes(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=60)


def test_twenty_kills(room: Path, say: Callable[[str], None]) -> None:
    seed = int(time.time())
    say(f"receiver: seed {seed}")
    rng = random.Random(seed)  # noqa: S311
    pixels = [masks(number, frames=64, rows=256, columns=256) for number in range(INSTANCES)]
    sent: list[tuple[bytes, str]] = []
    for number, planes in enumerate(pixels):
        if number % 2:
            sent.append((encoded(deflated(f"2.25.{number + 1}", planes), DEFLATED), DEFLATED))
        else:
            sent.append((encoded(segmentation(f"2.25.{number + 1}", planes)), EXPLICIT))
    acknowledged: set[int] = set()
    interrupted = 0
    for _ in range(20):
        node = Node(room)
        # Some of what is there is sent again: whole or not at all must hold for that too.
        waiting = [number for number in range(INSTANCES) if number not in acknowledged or rng.random() < 0.1]
        if not set(waiting) - acknowledged:
            acknowledged.clear()
            for path in files_of(room):
                path.unlink()
            waiting = list(range(INSTANCES))
        killed_at = time.monotonic() + rng.uniform(0.05, 1.0)
        killer = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import os,sys,time; time.sleep(float(sys.argv[1])); os.kill(int(sys.argv[2]), 9)",
                str(max(0.0, killed_at - time.monotonic())),
                str(node.process.pid),
            ]
        )
        with node.running.association((SEG, [DEFLATED]), (SEG, [EXPLICIT])) as association:
            # pynetdicom waits for an answer even where the connection is gone.
            association.dimse_timeout = 4
            for number in waiting:
                if not association.is_established:
                    break
                data, syntax = sent[number]
                status = store_bytes(association, data, SEG, f"2.25.{number + 1}", context=syntax == EXPLICIT)
                assert status in {0, -1}
                if status == 0:
                    acknowledged.add(number)
        killer.wait(30)
        node.process.communicate(timeout=30)
        interrupted += any(".arriving" in path.parts for path in files_of(room))
        _check(room, pixels, acknowledged)
    node = Node(room)
    with node.running.association((SEG, [DEFLATED]), (SEG, [EXPLICIT])) as association:
        for number, (data, syntax) in enumerate(sent):
            assert store_bytes(association, data, SEG, f"2.25.{number + 1}", context=syntax == EXPLICIT) == 0
    node.end()
    assert len(files_of(room)) == INSTANCES
    _check(room, pixels, set(range(INSTANCES)))
    say(f"receiver: {interrupted} of 20 kills left something half received, all of it cleared away")


def test_our_own_sender_resumes_over_ten_kills(room: Path, say: Callable[[str], None]) -> None:
    seed = int(time.time())
    say(f"receiver: sender resumes, seed {seed}")
    rng = random.Random(seed)  # noqa: S311
    pixels = [masks(number, frames=64, rows=256, columns=256) for number in range(INSTANCES)]
    sources, store = room / "sources", room / "store"
    sources.mkdir()
    for number, planes in enumerate(pixels):
        made = deflated if number % 2 else segmentation
        made(f"2.25.{number + 1}", planes).save_as(sources / f"{number}.dcm", enforce_file_format=True)
    for kill in range(11):
        node = Node(store)
        command = [
            sys.executable,
            "-m",
            "framedeflate",
            "send",
            "127.0.0.1",
            str(node.running.port),
            str(sources),
        ]
        sender = subprocess.Popen(
            # A peer is known by its port too, which changes here from one node to the next.
            [*command, "--json", "--retries", "0", "--timeout", "5", "--associations", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert sender.stdout is not None
        if kill < 10:
            line = sender.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.3))
            node.process.kill()
            out = line + sender.communicate(timeout=120)[0]
            node.process.communicate(timeout=30)
        else:
            out = sender.communicate(timeout=120)[0]
            assert sender.returncode == 0
            node.end()
        told = [json.loads(line) for line in out.splitlines()]
        acknowledged = {
            int(of["sop_instance_uid"].rpartition(".")[2]) - 1 for of in told if of["status"] == "stored"
        }
        _check(store, pixels, acknowledged)
        if kill < 9:
            # Half of what is there goes, so that there is something to send the next time.
            for path in files_of(store)[::2]:
                path.unlink()
    assert len(files_of(store)) == INSTANCES


def _check(room: Path, pixels: list[Any], acknowledged: set[int]) -> None:
    whole = {path for path in files_of(room) if ".arriving" not in path.parts}
    numbers = {int(path.stem.rpartition(".")[2]) - 1 for path in whole}
    assert acknowledged <= numbers
    for path in whole:
        number = int(path.stem.rpartition(".")[2]) - 1
        assert np.array_equal(stored_pixels(path), pixels[number])


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_2_gib_in_300_mib(room: Path, say: Callable[[str], None], syntax: str) -> None:
    from pynetdicom import _config

    rows = columns = 4096
    frame_nbytes = rows * columns // 8
    count = (2 << 30) // frame_nbytes
    small = segmentation("2.25.1", masks(1, frames=1, rows=8, columns=8))
    small.Rows, small.Columns, small.NumberOfFrames = rows, columns, count
    small.file_meta.TransferSyntaxUID = UID(syntax)
    small.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    del small.PixelData
    path = room / "large.dcm"
    small.save_as(path, enforce_file_format=True)
    # Noise does not shrink: the deflated instance is as large, in stored blocks.
    frame = np.random.default_rng(1).bytes(frame_nbytes)
    with path.open("ab") as file:
        if syntax == EXPLICIT:
            file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, count * frame_nbytes))
            for _ in range(count):
                file.write(frame)
        else:
            blocks = [frame[at : at + 65_534] for at in range(0, frame_nbytes, 65_534)]
            stream = b"".join(
                struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block
                for block in blocks
            )
            stream += bytes(len(stream) % 2)
            file.write(struct.pack("<HH2sHIHHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0))
            for _ in range(count):
                file.write(struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream)
            file.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    node = Node(room / "store")
    before = node.status_nbytes("VmHWM:")
    started = time.monotonic()
    sending = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        with node.running.association((SEG, [syntax])) as association:
            association.dimse_timeout = 600
            assert association.send_c_store(path).Status == 0
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = sending
    peak = node.status_nbytes("VmHWM:")
    say(
        f"receiver: 2 GiB as {syntax}: {peak / MIB:.0f} MiB at most ({before / MIB:.0f} before), "
        f"{time.monotonic() - started:.0f} s"
    )
    node.end()
    (stored,) = files_of(room / "store")
    assert pydicom.dcmread(stored, stop_before_pixels=True).NumberOfFrames == count
    assert peak < 300 * MIB
