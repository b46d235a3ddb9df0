# SPDX-License-Identifier: Apache-2.0
"""``framedeflate receive`` as a process: what it prints, and how it ends."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from cli_runner import run_command
from receiving import EXPLICIT, SEG, Running, encoded, files_of, masks, segmentation, store_bytes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Running]]:
    options = ["--port", "0", "--store", str(folder), "--min-free", "1M", "--json", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "framedeflate", "receive", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)[1]
        listening = json.loads(line)
        assert listening["event"] == "listening"
        nothing: Any = None
        yield process, Running(listening["port"], folder, nothing, nothing)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_it_does_and_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with command(tmp_path / "store") as (process, running):
        assert running.send(segmentation()) == 0
        assert running.send_bytes(b"nonsense", EXPLICIT, SEG, "2.25.9") == 0xC000
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    stored, refused, stopped = map(json.loads, out.splitlines())
    assert (stored["status"], stored["sop_instance_uid"], stored["dimse_status"]) == (
        "stored",
        "2.25.1",
        "0000",
    )
    assert (refused["status"], refused["dimse_status"]) == ("refused", "C000")
    assert stopped == {"event": "stopped", "stored": 1, "duplicates": 0, "refused": 1}
    assert err == ""
    assert [str(path) for path in files_of(tmp_path / "store")] == [stored["path"]]


def wait_for_arrival(folder: Path) -> None:
    """Wait until an instance has begun to arrive."""
    deadline = time.monotonic() + 20
    while not files_of(folder) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_what_is_under_way_is_finished_and_what_is_new_is_refused(tmp_path: Path) -> None:
    data = encoded(segmentation(pixels=masks(frames=240)))
    with (
        command(tmp_path / "store", "--max-pdu", "4096") as (process, running),
        running.association((SEG, [EXPLICIT])) as association,
    ):
        statuses: list[int] = []
        # Slowed down on its way: the signal comes in the middle of it.
        original = association.dul.send_pdu

        def slowly(primitive: Any) -> None:
            time.sleep(0.1)
            original(primitive)

        association.dul.send_pdu = slowly
        thread = threading.Thread(
            target=lambda: statuses.append(store_bytes(association, data, SEG, "2.25.1")), daemon=True
        )
        thread.start()
        wait_for_arrival(tmp_path / "store")
        process.terminate()
        thread.join(30)
        out, _err = process.communicate(timeout=30)
    assert statuses == [0]
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["stored"] == 1
    assert len(files_of(tmp_path / "store")) == 1


def test_who_does_not_come_to_an_end_is_dropped(tmp_path: Path) -> None:
    data = encoded(segmentation(pixels=masks(frames=240)))
    arguments = ("--grace", "0.3", "--max-pdu", "4096")
    with (
        command(tmp_path / "store", *arguments) as (process, running),
        running.association((SEG, [EXPLICIT])) as association,
    ):
        original = association.dul.send_pdu
        sent: list[Any] = []

        def stuck(primitive: Any) -> None:
            sent.append(primitive)
            if len(sent) < 5:
                original(primitive)

        association.dul.send_pdu = stuck
        association.dimse_timeout = 1
        thread = threading.Thread(target=store_bytes, args=(association, data, SEG, "2.25.1"), daemon=True)
        thread.start()
        wait_for_arrival(tmp_path / "store")
        process.terminate()
        process.communicate(timeout=20)
        association.dul.send_pdu = original
        thread.join(20)
    assert process.returncode == 0
    assert files_of(tmp_path / "store") == []


def test_strangers_who_say_nothing_or_half_of_it_do_not_delay_the_end(tmp_path: Path) -> None:
    with (
        command(tmp_path / "store") as (process, running),
        socket.create_connection(("127.0.0.1", running.port)) as half,
        socket.create_connection(("127.0.0.1", running.port)),
    ):
        half.sendall(struct.pack(">BBL", 1, 0, 1000))
        with running.association((SEG, [EXPLICIT])) as association:
            assert association.is_established
        process.terminate()
        # Less than the 30 seconds that a PDU may take.
        process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--port", "0"], 1),
        (["--port", "70000", "--store", "x"], 1),
        (["--port", "0", "--store", "x", "--allow-ae", "seventeen letters"], 1),
        (["--port", "0", "--store", "x", "--allow-address", "10.0.0.0/99"], 1),
        (["--port", "0", "--store", "x", "--peer", "nowhere"], 1),
        (["--port", "0", "--store", "x", "--max-object", "much"], 1),
    ],
)
def test_command_lines_that_make_no_sense(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command(capsys, "receive", *arguments)
    assert caught.value.code == code


def test_what_cannot_be_listened_on_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    store = tmp_path / "store"
    for arguments, code in (
        (["--store", tmp_path / "file", "--port", "0"], 45),
        (["--store", store, "--port", "0", "--host", "192.0.2.1"], 64),
        (["--store", store, "--port", "0", "--tls-cert", tmp_path / "missing.pem"], 1),
        (["--store", store, "--port", "0", "--max-associations", "0"], 1),
    ):
        assert run_command(capsys, "receive", *arguments).code == code


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_name_where_a_uid_should_stand_is_not_printed(tmp_path: Path) -> None:
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = SEG, "2.25.12345"
    request.DataSet = BytesIO(encoded(segmentation()))
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    with command(tmp_path / "store") as (process, running):
        with running.association((SEG, [EXPLICIT])) as association:
            association._reactor_checkpoint.clear()
            while not association._is_paused:
                # Else its own thread might take the answer away.
                time.sleep(0.0001)
            for pdu in message.encode_msg(association.accepted_contexts[0].context_id, 16384):
                ((context_id, value),) = pdu.presentation_data_value_list
                hostile = value.replace(b"2.25.12345", b"DOE^JOHN^D")
                pdu.presentation_data_value_list[0] = (context_id, hostile)
                association.dul.send_pdu(pdu)
            _context, answer = association.dimse.get_msg(block=True)
            association._reactor_checkpoint.set()
            assert answer.Status == 0xC004
            assert process.stdout is not None
            refused = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (refused["dimse_status"], refused["sop_instance_uid"]) == ("C004", "(no UID)")
    assert "DOE" not in out + err
