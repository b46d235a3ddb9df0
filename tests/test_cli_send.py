# SPDX-License-Identifier: Apache-2.0
"""The command: what it prints, how it ends, and that it goes on where it was interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pydicom
import pytest

from cli_runner import run_command
from corpus import wheel_file
from dimse_peers import EXPLICIT, FRAMES, LEAKS, free_port, node
from dimse_sources import copies
from framedeflate import compress_file
from framedeflate.cli.exit_codes import ExitCode

pytestmark = LEAKS

FIELDS = {
    "status",
    "source",
    "peer",
    "sop_class_uid",
    "sop_instance_uid",
    "source_transfer_syntax_uid",
    "transfer_syntax_uid",
    "sent_as",
    "wire_nbytes",
    "dimse_status",
    "attempts",
    "seconds",
    "error",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    compress_file(wheel_file("CT_small.dcm"), made / "ct.dcm")
    (made / "mr.dcm").write_bytes(wheel_file("MR_small.dcm").read_bytes())
    (made / "notes.txt").write_text("no DICOM", encoding="utf-8")
    return made


def test_a_folder_is_sent_and_told(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    with node(EXPLICIT) as peer:
        ran = run_command(capsys, "send", "localhost", peer.port, folder)
    assert ran.code == ExitCode.OK
    assert "ct.dcm: stored in Explicit VR" in ran.out
    assert "mr.dcm: stored as it is" in ran.out
    assert "1 skipped, 2 stored" in ran.out
    assert ran.err == ""


def test_json_and_resume(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> None:
    report, port = tmp_path / "report.jsonl", free_port()
    with node(FRAMES, EXPLICIT, port=port, statuses=[0, 0xC000]) as peer:
        ran = run_command(capsys, "send", "127.0.0.1", port, folder, "--json")
        assert ran.code == ExitCode.NOT_SENT
        assert all(set(one) == FIELDS for one in ran.objects)
        by_name = {Path(one["source"]).name: one for one in ran.objects}
        assert {name: one["status"] for name, one in by_name.items()} == {
            "notes.txt": "skipped",
            "ct.dcm": "stored",
            "mr.dcm": "failed",
        }
        assert by_name["ct.dcm"]["sent_as"] == "stored"
        assert by_name["mr.dcm"]["dimse_status"] == "C000"
        # A killed sender's last line is cut off.
        report.write_text(ran.out + '{"status": "sto', encoding="utf-8")
        again = run_command(capsys, "send", "127.0.0.1", port, folder, "--json", "--resume", report)
        assert again.code == ExitCode.OK
        assert {Path(one["source"]).name: one["status"] for one in again.objects} == {
            "notes.txt": "skipped",
            "ct.dcm": "stored-before",
            "mr.dcm": "stored",
        }
        # The report of a resumed run serves the next as well; one of another peer does not.
        report.write_text(again.out, encoding="utf-8")
        third = run_command(capsys, "send", "127.0.0.1", port, folder, "--json", "--resume", report)
        assert {one["status"] for one in third.objects} == {"skipped", "stored-before"}
        other = run_command(
            capsys, "send", "127.0.0.1", port, folder, "--json", "--resume", report, "--called-ae", "OTHER"
        )
        assert {one["status"] for one in other.objects} == {"skipped", "stored"}
    assert len(peer.arrivals) == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["127.0.0.1", "1", "no-such-folder/x.dcm"], ExitCode.CANNOT_READ_INPUT),
        (["127.0.0.1", "1", "notes.txt"], ExitCode.NO_VALID_INPUT),
        (["127.0.0.1", "1", "."], ExitCode.NO_ASSOCIATION),
        (["127.0.0.1", "1", ".", "--associations", "0"], ExitCode.USAGE),
        (["127.0.0.1", "1", ".", "--resume", "none.jsonl"], ExitCode.CANNOT_READ_INPUT),
        (["127.0.0.1", "1", ".", "--tls-ca", "none.pem"], ExitCode.CANNOT_READ_INPUT),
    ],
)
def test_exit_codes(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: ExitCode,
) -> None:
    monkeypatch.chdir(folder)
    assert run_command(capsys, "send", *arguments, "--retries", "0").code == code


@pytest.mark.parametrize(
    "arguments", [["h", "70000", "x"], ["h", "1", "x", "--called-ae", "A" * 17], ["h", "1"]]
)
def test_a_wrong_command_line(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command_line(arguments)
    assert ended.value.code == ExitCode.USAGE


def run_command_line(arguments: list[str]) -> None:
    from framedeflate.cli import main

    main(["send", *arguments])


def test_nothing_of_a_patient_is_told(tmp_path: Path) -> None:
    dataset: Any = pydicom.dcmread(wheel_file("CT_small.dcm"))
    dataset.PatientName, dataset.PatientID = "Doe^Secret", "SECRET-ID"
    dataset.save_as(tmp_path / "one.dcm")
    with node(EXPLICIT, statuses=[0xC000]) as peer:
        code = f"""
import logging; logging.basicConfig(level=logging.DEBUG)
from framedeflate.dimse.sender import send_files
print(send_files("127.0.0.1", {peer.port}, [{str(tmp_path / "one.dcm")!r}]))
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
    assert "failed" in done.stdout
    assert "secret" not in (done.stdout + done.stderr).lower()


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_ctrl_c_leaves_a_report_that_resumes(folder: Path, tmp_path: Path) -> None:
    paths = copies(wheel_file("MR_small.dcm"), tmp_path / "many", 80)
    report, port = tmp_path / "report.jsonl", free_port()
    command = [
        sys.executable,
        "-m",
        "framedeflate",
        "send",
        "127.0.0.1",
        str(port),
        str(tmp_path / "many"),
    ]
    with node(EXPLICIT, port=port) as peer:
        with (
            report.open("wb") as output,
            subprocess.Popen([*command, "--json"], stdout=output, stderr=subprocess.PIPE) as running,
        ):
            deadline = time.monotonic() + 60
            while len(peer.arrivals) < 20 and time.monotonic() < deadline:
                time.sleep(0.01)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        assert running.returncode == ExitCode.INTERRUPTED
        assert b"Traceback" not in said
        told = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
        stored = {one["sop_instance_uid"] for one in told if one["status"] == "stored"}
        arrived = {arrival.sop_instance_uid for arrival in peer.arrivals}
        assert 15 <= len(stored) < 80
        assert stored <= arrived
        assert len(arrived - stored) <= 1
        done = subprocess.run(
            [*command, "--json", "--resume", str(report)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0
    again = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["sop_instance_uid"] for one in again if one["status"] == "stored-before"} == stored
    assert {arrival.sop_instance_uid for arrival in peer.arrivals} == {
        str(pydicom.dcmread(path).SOPInstanceUID) for path in paths
    }
