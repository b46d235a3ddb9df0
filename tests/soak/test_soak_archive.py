# SPDX-License-Identifier: Apache-2.0
"""20 000 small files and 50 large, the whole process group killed ten times: as one that was never stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archive_samples import COMMAND, contents, make_tree, rows
from framedeflate.atomic_file import TEMPORARY_SUFFIX

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]

SMALL, LARGE, KILLS = 20_000, 50, 10


def results_in(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def test_ten_kills(room: Path, say: Callable[[str], None]) -> None:
    seed = int(time.time())
    say(f"archive: seed {seed}")
    rng = np.random.default_rng(seed)
    source = make_tree(room / "in", small=SMALL, large=LARGE, frames=60)

    def command(output: Path) -> list[str]:
        return [*COMMAND, "compress", str(source), "-o", str(output), "--jobs", "2", "--threads", "1"]

    started = time.monotonic()
    subprocess.run(command(room / "whole"), check=True, capture_output=True)
    seconds = time.monotonic() - started
    expected = contents(room / "whole")
    assert len(expected) == SMALL + LARGE

    killed, manifest = room / "killed", room / "killed.manifest.sqlite"
    met, noted, unnoted = 0, 0, 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        # A part of what is left, and some moment after it.
        goal = noted + (SMALL + LARGE - noted) * rng.uniform(0.03, 0.15)
        while process.poll() is None and results_in(killed) < goal:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        there = contents(killed, apart_from=TEMPORARY_SUFFIX) if killed.is_dir() else {}
        assert there.items() <= expected.items()
        met += len(list(killed.rglob(f"*{TEMPORARY_SUFFIX}")))
        done = {path for (path,) in rows(manifest, "path", "state = 'done'")}
        assert done <= there.keys()
        assert len(done) >= noted
        noted = len(done)
        unnoted += len(there) - len(done)
    assert noted < SMALL + LARGE, "the kills came too late"
    subprocess.run(command(killed), check=True, capture_output=True)
    assert contents(killed) == expected
    columns = "path, state, frames_digest, result_digest"
    assert rows(manifest, columns) == rows(room / "whole.manifest.sqlite", columns)
    audit = [*COMMAND, "audit", str(manifest), "--source"]
    done_audit = subprocess.run(audit, check=True, capture_output=True, text=True)
    assert "all as the manifest says" in done_audit.stdout
    say(
        f"archive: {KILLS} kills, {met} unfinished files met, {unnoted} results not noted yet and made again; "
        f"an uninterrupted run {seconds:.0f} s"
    )
