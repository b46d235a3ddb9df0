# SPDX-License-Identifier: Apache-2.0
"""`atomic_file`: modes, names, and what a process that is no more left behind."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from framedeflate import compress_file
from framedeflate.atomic_file import TEMPORARY_SUFFIX, atomic_file
from kills import leftovers
from made_files import write_native

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, modes and locks as POSIX has them")

WRITER = """
import os, signal, sys
from pathlib import Path
from framedeflate.atomic_file import atomic_file
with atomic_file(sys.argv[1], overwrite=True) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def start_writer(final: Path) -> "subprocess.Popen[bytes]":
    """A process that holds an unfinished file until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(final)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process: "subprocess.Popen[bytes]", *, kill: bool) -> None:
    if kill:
        process.send_signal(signal.SIGKILL)
    with process:
        process.communicate()


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o400, 0o664])
def test_the_output_takes_the_mode_of_its_source(tmp_path: Path, mode: int) -> None:
    source, final = tmp_path / "source.dcm", tmp_path / "final.dcm"
    write_native(source, bytes(16))
    source.chmod(mode)
    compress_file(source, final)
    assert mode_of(final) == mode
    compress_file(source, in_place=True)
    assert mode_of(source) == mode


@POSIX
def test_an_unfinished_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    final = tmp_path / "final"
    with atomic_file(final, mode=0o644) as file:
        assert [mode_of(path) for path in leftovers(tmp_path)] == [0o600]
        file.write(b"x")
    assert mode_of(final) == 0o644


@POSIX
def test_without_a_mode_the_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "final") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "final") == 0o640


@pytest.mark.parametrize("name", ["a" * 255, "\N{GRINNING FACE}" * 63, "å" * 127, ".x", "-o"])
def test_any_name_that_a_file_can_have(tmp_path: Path, name: str) -> None:
    with atomic_file(tmp_path / name) as file:
        file.write(b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


@POSIX
def test_what_a_killed_process_left_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    final = tmp_path / "final"
    end(start_writer(final), kill=True)
    (abandoned,) = leftovers(tmp_path)
    assert abandoned.read_bytes() == b"half"
    with atomic_file(final) as file:
        file.write(b"whole")
    assert final.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [final]


@POSIX
def test_what_belongs_to_another_name_is_left_alone(tmp_path: Path) -> None:
    end(start_writer(tmp_path / "other"), kill=True)
    (abandoned,) = leftovers(tmp_path)
    with atomic_file(tmp_path / "final") as file:
        file.write(b"whole")
    assert leftovers(tmp_path) == [abandoned]


@POSIX
def test_the_unfinished_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    final = tmp_path / "final"
    other = start_writer(final)
    (in_use,) = leftovers(tmp_path)
    with atomic_file(final, overwrite=True) as file:
        file.write(b"first")
        assert len(leftovers(tmp_path)) == 2
    assert final.read_bytes() == b"first"
    assert leftovers(tmp_path) == [in_use]
    end(other, kill=False)
    assert final.read_bytes() == b"half"
    assert leftovers(tmp_path) == []


@POSIX
def test_a_kill_between_link_and_unlink_costs_nothing(tmp_path: Path) -> None:
    final = tmp_path / "final"
    end(start_writer(final), kill=True)
    (abandoned,) = leftovers(tmp_path)
    # Both names for one whole file, as a kill at that moment leaves them.
    abandoned.write_bytes(b"whole")
    os.link(abandoned, final)
    with suppress(ZeroDivisionError), atomic_file(final, overwrite=True) as file:
        file.write(b"hal" * (1 // len(b"")))
    assert final.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [final]


@POSIX
@pytest.mark.parametrize("trap", ["link", "fifo", "folder"])
def test_what_someone_else_put_under_the_temporary_name_does_no_harm(tmp_path: Path, trap: str) -> None:
    final, precious = tmp_path / "final", tmp_path / "precious"
    precious.write_bytes(b"kept")
    end(start_writer(final), kill=True)
    (name,) = leftovers(tmp_path)
    name.unlink()
    if trap == "link":
        name.symlink_to(precious)
    elif trap == "fifo":
        os.mkfifo(name)
    else:
        name.mkdir()
    with atomic_file(final) as file:
        file.write(b"whole")
    assert final.read_bytes() == b"whole"
    assert precious.read_bytes() == b"kept"


def test_without_locks_each_writer_has_a_name_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framedeflate.atomic_file.fcntl", None)
    final = tmp_path / "final"
    with (
        atomic_file(final, overwrite=True) as first,
        atomic_file(final, overwrite=True) as second,
    ):
        first.write(b"first")
        second.write(b"second")
        assert len(leftovers(tmp_path)) == 2
        assert all(path.name.endswith(TEMPORARY_SUFFIX) for path in leftovers(tmp_path))
    assert final.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [final]


def test_without_links_a_taken_name_is_still_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_names: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    final = tmp_path / "final"

    def write_while_another_does() -> None:
        with atomic_file(final) as file:
            file.write(b"ours")
            final.write_bytes(b"another's")

    with pytest.raises(FileExistsError):
        write_while_another_does()
    assert final.read_bytes() == b"another's"
    final.unlink()
    with atomic_file(final) as file:
        file.write(b"ours")
    assert final.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [final]
