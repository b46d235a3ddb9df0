# SPDX-License-Identifier: Apache-2.0
"""Fifty kills, thirty of them and more while an unfinished file is there."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from framedeflate import compress_file
from kills import COMMAND, Prey, digest, leftovers, make_source

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]


def test_fifty_kills(room: Path, say: Callable[[str], None]) -> None:
    seed = int(time.time())
    say(f"kills: seed {seed}")
    rng = np.random.default_rng(seed)
    original = make_source(room / "original.dcm", frames=256)
    deflated = room / "deflated.dcm"
    compress_file(original, deflated)
    slow = ("compress", "--level", "5")
    preys = {
        "compress to a new name": Prey(original, room / "new", slow),
        "compress over an earlier file": Prey(original, room / "replaced", slow, replaces=True),
        "compress in place": Prey(original, room / "in_place", slow, in_place=True),
        "decompress over an earlier file": Prey(deflated, room / "inflated", ("decompress",), replaces=True),
        "decompress in place": Prey(deflated, room / "inflated_in_place", ("decompress",), in_place=True),
    }
    kills = dict.fromkeys(preys, 0)
    there = dict.fromkeys(preys, 0)
    while sum(kills.values()) < 50 or sum(there.values()) < 30:
        for name, prey in preys.items():
            there[name] += prey.kill(rng)
            kills[name] += 1
        assert sum(kills.values()) < 200, "too few kills met an unfinished file"
    for name, prey in preys.items():
        prey.finish()
        say(
            f"kills: {name}: {kills[name]}, {there[name]} with an unfinished file there ({prey.seconds:.1f} s a run)"
        )
    say(f"kills: {sum(kills.values())} in all, {sum(there.values())} with an unfinished file there")


def test_kills_of_a_command_with_several_processes(room: Path, say: Callable[[str], None]) -> None:
    folder, out = room / "in", room / "out"
    folder.mkdir()
    out.mkdir()
    first = make_source(folder / "0.dcm", frames=48)
    for i in range(1, 6):
        (folder / f"{i}.dcm").write_bytes(first.read_bytes())
    original = digest(first)
    compress_file(first, room / "whole.dcm", level=5)
    whole = digest(room / "whole.dcm")
    rng = np.random.default_rng(5)
    command = [
        *COMMAND,
        "compress",
        "--level",
        "5",
        "--jobs",
        "2",
        "--overwrite",
        str(folder),
        "-o",
        f"{out}/",
    ]
    there = 0
    for _ in range(10):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None and not leftovers(out):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 4))
        # The process and its workers, as when the machine stops.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        unfinished = leftovers(out)
        there += bool(unfinished)
        assert {digest(path) for path in out.iterdir() if path not in unfinished} <= {whole}
        assert {digest(path) for path in folder.iterdir()} == {original}
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{i}.dcm" for i in range(6)]
    assert {digest(path) for path in out.iterdir()} == {whole}
    say(f"kills: 10 of a command with two processes, {there} with an unfinished file there")
