# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, and readers that go away: nothing half is left, no traceback is shown."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest

from corpus import wheel_file
from framedeflate.cli.exit_codes import ExitCode

if os.name == "nt":
    pytest.skip("sends signals", allow_module_level=True)

COMMAND = (sys.executable, "-m", "framedeflate")
GIVE_UP_SECONDS = 60


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files that take seconds to compress at the highest level."""
    folder = tmp_path_factory.mktemp("slow")
    dataset = pydicom.dcmread(wheel_file("CT_small.dcm"))
    dataset.Rows = dataset.Columns = 512
    dataset.NumberOfFrames = 200
    noise = np.random.default_rng(3).normal(0, 40, (200, 512, 512))
    dataset.PixelData = np.cumsum(noise, axis=2).astype("<i2").tobytes()
    for name in ("a.dcm", "b.dcm"):
        dataset.save_as(folder / name)
    return folder


def partial_files(folder: Path) -> list[Path]:
    return list(folder.glob(".*.framedeflate-partial"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_nothing_half(slow: Path, tmp_path: Path, jobs: int) -> None:
    output = tmp_path / "out"
    arguments = (
        "compress",
        str(slow),
        "-o",
        str(output),
        "--level",
        "9",
        "--threads",
        "1",
        "--jobs",
        str(jobs),
    )
    # A group of its own, as a terminal would interrupt: the command and its workers together.
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while len(partial_files(output)) < jobs and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _out, err = process.communicate(timeout=GIVE_UP_SECONDS)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    assert list(output.iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_goes_away(unbuffered: str) -> None:
    arguments = ("inspect", str(wheel_file("rtdose.dcm")), "--frames")
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert err == b""


def test_no_bar_in_a_pipe(tmp_path: Path) -> None:
    arguments = ("compress", str(wheel_file("CT_small.dcm")), "-o", str(tmp_path / "ct.dcm"))
    ran = subprocess.run([*COMMAND, *arguments], capture_output=True, check=True)
    assert ran.stderr == b""
    assert b"\x1b" not in ran.stdout


def test_bar_on_a_terminal_alone(tmp_path: Path) -> None:
    """Standard error is a terminal, standard output a pipe: the bar goes to the one, the lines to the other."""
    names = ("CT_small.dcm", "rtdose.dcm")
    arguments = ("compress", *(str(wheel_file(name)) for name in names), "-o", f"{tmp_path}/")
    terminal, side = os.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=side, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(side)
        out, _err = process.communicate(timeout=GIVE_UP_SECONDS)
    drawn = b""
    # Linux ends a terminal whose other side has closed with an error, not with an empty read.
    with suppress(OSError), open(terminal, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        while block := file.read(1 << 16):
            drawn += block
    assert process.returncode == ExitCode.OK
    assert b"\x1b" in drawn
    assert b"/2" in drawn
    assert b"\x1b" not in out
    assert out.count(b" -> ") == 2
