# SPDX-License-Identifier: Apache-2.0
"""The sender and the receiver together, as two processes: what is sent is there, also when one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

from dimse_peers import FRAMES, LEAKS, free_port, wait_for
from dimse_sources import copies, made_sources
from framedeflate import engine
from framedeflate.cli.exit_codes import ExitCode

pytestmark = [
    LEAKS,
    pytest.mark.skipif(os.name == "nt", reason="sends signals"),
    pytest.mark.skipif(
        engine.name != "native", reason="what is tested is processes, whichever engine there is"
    ),
]

COMMAND = (sys.executable, "-m", "framedeflate")


@contextmanager
def receiver(store: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [*COMMAND, "receive", "--port", str(port), "--store", str(store), "--min-free", "1M"]
    with (
        (store.parent / "receiver.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(port, process)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def send(port: int, *arguments: object) -> tuple[int, list[dict[str, object]]]:
    command = [*COMMAND, "send", "127.0.0.1", str(port), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def stored_in(store: Path) -> dict[str, Path]:
    # Beside the instances' folders there is a hidden one, for what arrives.
    return {str(pydicom.dcmread(path).SOPInstanceUID): path for path in store.glob("[!.]*/*.dcm")}


def test_what_is_sent_is_stored_and_committed(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    sources = made_sources(tmp_path / "files")
    paths = (sources.deflated, sources.rgb_deflated, sources.big, sources.jpeg, sources.deflated_report)
    port = free_port()
    with receiver(tmp_path / "store", port):
        code, told = send(port, *paths, "--associations", "2", "--commit", "--commit-wait", "30")
    assert code == ExitCode.OK
    assert [one["status"] for one in told] == ["stored"] * 5 + ["committed"] * 5
    assert {one["sent_as"] for one in told[:5]} == {"stored", "explicit"}
    stored = stored_in(tmp_path / "store")
    arrived = stored[str(pydicom.dcmread(sources.deflated).SOPInstanceUID)]
    assert pydicom.dcmread(arrived).file_meta.TransferSyntaxUID == FRAMES
    assert pydicom.dcmread(arrived).PixelData == pydicom.dcmread(sources.deflated).PixelData


def test_a_killed_receiver_loses_nothing_that_was_told_stored(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    made_sources(tmp_path / "files")
    paths = copies(tmp_path / "files" / "deflated.dcm", tmp_path / "many", 30)
    port, store, report = free_port(), tmp_path / "store", tmp_path / "report.jsonl"
    command = [*COMMAND, "send", "127.0.0.1", str(port), str(tmp_path / "many"), "--json", "--retries", "0"]
    with (
        receiver(store, port) as first,
        report.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as sending,
    ):
        deadline = time.monotonic() + 60
        while len(list(store.glob("[!.]*/*.dcm"))) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        assert sending.wait(60) in {ExitCode.NO_ASSOCIATION, ExitCode.NOT_SENT}
    told = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    acknowledged = {one["sop_instance_uid"] for one in told if one["status"] == "stored"}
    assert len(told) == 30
    assert 5 <= len(acknowledged) < 30
    assert acknowledged <= set(stored_in(store))
    with receiver(store, port):
        code, again = send(port, tmp_path / "many", "--resume", report)
    assert code == ExitCode.OK
    assert {one["sop_instance_uid"] for one in again if one["status"] == "stored-before"} == acknowledged
    assert set(stored_in(store)) == {str(pydicom.dcmread(path).SOPInstanceUID) for path in paths}
