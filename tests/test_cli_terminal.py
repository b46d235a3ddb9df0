# SPDX-License-Identifier: Apache-2.0
"""The command on a terminal: a bar that goes away, lines that stay whole, and nothing drawn where it cannot be."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pty")
import fcntl
import pty
import termios

from corpus import wheel_file


def on_a_terminal(folder: Path, *arguments: str, columns: int = 40, **environment: str) -> str:
    """What the command wrote to a terminal of so many columns."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
    with subprocess.Popen(
        [sys.executable, "-m", "framedeflate", *arguments],
        stdin=end,
        stdout=end,
        stderr=end,
        cwd=folder,
        env=inherited | {"TERM": "xterm-256color"} | environment,
    ) as running:
        os.close(end)
        written = b""
        while True:
            try:
                read = os.read(terminal, 65536)
            except OSError:  # Nobody writes to it any more.
                break
            if not read:
                break
            written += read
        running.wait(60)
    os.close(terminal)
    assert running.returncode == 0, written
    return written.decode()


@pytest.fixture
def room(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    for name in ("one", "two"):
        (tmp_path / "folder" / f"{name}.dcm").write_bytes(wheel_file("CT_small.dcm").read_bytes())
    return tmp_path


def test_lines_are_left_whole_and_the_bar_goes(room: Path) -> None:
    shown = on_a_terminal(room, "compress", "folder", "-o", "a folder of a long name")
    line = "folder/one.dcm -> a folder of a long name/one.dcm  1 frame, 32.8 kB native"
    assert line in shown
    assert "\x1b[?25l" in shown
    # The cursor is back, and the sum stands where the bar was.
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert shown.rpartition("\x1b[2K")[2].startswith("2 compressed; ")


def test_an_archive_has_its_bar(room: Path) -> None:
    shown = on_a_terminal(room, "compress", "folder", "-o", "archive", "--jobs", "2")
    assert "2 compressed" in shown
    assert "\x1b[?25h" in shown


def test_no_colour_where_none_is_wanted(room: Path) -> None:
    shown = on_a_terminal(room, "compress", "folder", "-o", "out", NO_COLOR="1")
    assert "\x1b[?25l" in shown
    assert "\x1b[3" not in shown


@pytest.mark.parametrize("more", [[], ["--jobs", "2"]], ids=" ".join)
def test_a_dumb_terminal_gets_plain_lines(room: Path, more: list[str]) -> None:
    shown = on_a_terminal(room, "compress", "folder", "-o", "out", *more, TERM="dumb")
    assert "\x1b" not in shown
    assert "\r\n\r\n" not in shown
