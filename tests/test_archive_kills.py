# SPDX-License-Identifier: Apache-2.0
"""A run over an archive that is killed again and again ends as one that never was; and what proves it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from archive_samples import COMMAND, contents, judged_digest, make_tree, rows
from framedeflate import engine
from framedeflate.atomic_file import TEMPORARY_SUFFIX

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
    pytest.mark.skipif(engine.name != "native", reason="processes are killed, whichever engine they have"),
]
GIVE_UP_SECONDS = 120


def command(source: Path, output: Path, *more: str) -> list[str]:
    return [*COMMAND, "compress", str(source), "-o", str(output), "--jobs", "2", "--threads", "1", *more]


def results(folder: Path) -> list[Path]:
    """Files under their final names."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(TEMPORARY_SUFFIX)]


def wait_for_results(folder: Path, count: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while len(results(folder)) < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def kill_the_group(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_kills_leave_nothing_half_and_lose_nothing(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=300, large=3, frames=12)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(source, whole), check=True, capture_output=True)
    expected = contents(whole)
    assert expected.keys() == contents(source).keys()

    done_before: dict[str, float] = {}
    for share in (0.2, 0.6):
        process = subprocess.Popen(
            command(source, killed),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_results(killed, int(share * len(expected)), process)
        kill_the_group(process)
        there = contents(killed, apart_from=TEMPORARY_SUFFIX)
        assert there.items() <= expected.items()
        assert len(there) < len(expected)
        manifest = tmp_path / "killed.manifest.sqlite"
        done = dict(rows(manifest, "path, finished", "state = 'done'"))
        assert done.keys() <= there.keys()
        # What was noted as done is not done again.
        assert done_before.items() <= done.items()
        done_before = done
    assert done_before

    subprocess.run(command(source, killed), check=True, capture_output=True)
    assert contents(killed) == expected
    assert dict(rows(manifest, "path, finished", "state = 'done'")).items() >= done_before.items()
    for path, digest, stored in rows(manifest, "path, frames_digest, result_digest"):
        assert stored == expected[path]
        if path.endswith("7.dcm") or path.startswith("large"):
            assert digest == judged_digest(source / path) == judged_digest(killed / path)

    audit = [*COMMAND, "audit", str(manifest), "--source", "--jobs", "1"]
    done_audit = subprocess.run(audit, check=True, capture_output=True, text=True)
    assert "303 files" in done_audit.stdout
    assert "303 sources: all as the manifest says" in done_audit.stdout


def children_of(pid: int) -> set[int]:
    """Processes whose parent this one is, by /proc."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add(int(status.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        state = (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()[0]
        )
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=0, large=2, frames=200)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*command(source, out), "--level", "9"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while len(list(out.rglob("*.framedeflate-partial"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = children_of(process.pid)
    assert len(workers) >= 2
    # The parent alone: nobody tells the workers.
    process.kill()
    process.wait()
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, workers))
    assert results(out) == []


def test_a_scheduler_that_ends_a_run_finds_it_tidy(tmp_path: Path) -> None:
    """SIGTERM to all of its processes, as before a kill: nothing half is left, and no file is blamed."""
    source = make_tree(tmp_path / "in", small=40, large=4, frames=60)
    out, manifest = tmp_path / "out", tmp_path / "out.manifest.sqlite"
    process = subprocess.Popen(
        command(source, out, "--level", "9"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline and not list(out.rglob("*.framedeflate-partial")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    _out, said = process.communicate(timeout=GIVE_UP_SECONDS)
    assert process.returncode == 130, said
    assert b"interrupted" in said
    assert list(out.rglob("*.framedeflate-partial")) == []
    states = [state for (state,) in rows(manifest, "state")]
    assert set(states) <= {"planned", "done"}
    assert "planned" in states
    subprocess.run(command(source, out, "--level", "9"), check=True, capture_output=True)
    assert {state for (state,) in rows(manifest, "state")} == {"done"}


def test_a_killed_run_lets_its_lock_go_and_another_waits_for_none(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=0, large=1, frames=200)
    first = subprocess.Popen(
        [*command(source, tmp_path / "out"), "--level", "9"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + GIVE_UP_SECONDS
    manifest = tmp_path / "out.manifest.sqlite"
    while time.monotonic() < deadline and not list((tmp_path / "out").rglob("*.framedeflate-partial")):
        time.sleep(0.01)
    # Stopped: on a slow machine it would be done before the others have begun.
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        second = subprocess.run(
            [*command(source, tmp_path / "out"), "--level", "9"], check=False, capture_output=True, text=True
        )
        # Others may read meanwhile.
        report = subprocess.run(
            [*COMMAND, "report", str(manifest)], check=True, capture_output=True, text=True
        )
    finally:
        kill_the_group(first)
    assert second.returncode == 40
    assert "another run holds" in second.stderr
    assert "1 planned" in report.stdout
    assert np.size(rows(manifest, "path", "state = 'planned'")) == 1
