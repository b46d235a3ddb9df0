# SPDX-License-Identifier: Apache-2.0
"""What people do wrong most: each mistake ends with its exit code, one sentence that helps, and nothing changed."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli_runner import run_command
from corpus import wheel_file

# What is typed, the exit code, and what the sentence must say.
MISTAKES = [
    ("compress nowhere.dcm -o x.dcm", 20, "nowhere.dcm: No such file"),
    ("compress ct.dcm", 1, "-o DEST or --in-place"),
    ("compress ct.dcm -o ct.dcm", 40, "--in-place does that"),
    ("compress ct.dcm -o taken.dcm", 40, "--overwrite"),
    ("compress ct.dcm notes.txt -o taken.dcm", 45, "taken.dcm is a file"),
    ("compress ct.dcm -o notes.txt/x.dcm", 45, "a file is there, where a folder is needed"),
    ("compress notes.txt -o x.dcm", 23, "not a DICOM file"),
    ("compress empty -o out", 21, "no file in empty"),
    ("decompress ct.dcm -o taken.dcm", 40, "--overwrite"),
    ("inspect empty", 20, "it is a folder, where a file is needed"),
    ("inspect s3://bucket/ct.dcm", 1, "compress and zarr alone read URLs"),
    ("extract ct.dcm --frame 7", 22, "there is 1 frame, numbered from 1"),
    ("extract ct.dcm --frame one", 1, "'one' is no whole number"),
    ("extract ct.dcm -o x.jpg", 1, ".png, .npy, .raw"),
    ("render ct.dcm -o empty", 1, ".png"),
    ("report nowhere.sqlite", 20, "there is no such manifest"),
    ("receive --port 0 --store s --sop-class 1.02.3", 1, "'1.02.3' is no UID"),
    ("receive --port 0 --store s --grace -1", 1, "'-1' is no number of seconds"),
    ("receive --port 0 --store s --idle inf", 1, "'inf' is no number of seconds"),
    ("send 127.0.0.1 1 ct.dcm --timeout nan", 1, "'nan' is no number of seconds"),
    ("send 127.0.0.1 1 ct.dcm --timeout 0", 1, "more than 0"),
    ("serve s --port 0 --grace 0", 1, "more than 0"),
    ("serve notes.txt --port 0", 45, "a file is there, where a folder is needed"),
    ("serve s --port 99999", 1, "0 to 65535"),
]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ct.dcm", "taken.dcm"):
        (tmp_path / name).write_bytes(wheel_file("CT_small.dcm").read_bytes())
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize(("typed", "code", "said"), MISTAKES, ids=[typed for typed, _, _ in MISTAKES])
def test_a_mistake_is_explained(
    typed: str, code: int, said: str, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(room)
    try:
        ran = run_command(capsys, *typed.split())
        found, told = ran.code, ran.out + ran.err
    except SystemExit as ended:
        found, told = int(str(ended.code)), capsys.readouterr().err
    assert (found, said in told) == (code, True), told
    assert "Traceback" not in told
    assert contents(room) == before


def test_a_peer_that_is_not_there_is_named(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        ran = run_command(capsys, "send", "127.0.0.1", port, room / "ct.dcm", "--retries", 0)
    assert ran.code == 61
    assert f"127.0.0.1:{port}" in ran.err


def test_a_full_disk_leaves_nothing(room: Path) -> None:
    resource = pytest.importorskip("resource")
    before = contents(room)
    done = subprocess.run(
        [sys.executable, "-m", "framedeflate", "compress", "ct.dcm", "-o", "x.dcm"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        capture_output=True,
        text=True,
        check=False,
        cwd=room,
    )
    assert (done.returncode, done.stdout) == (40, "")
    assert done.stderr.startswith("framedeflate: ct.dcm: File too large")
    assert contents(room) == before
