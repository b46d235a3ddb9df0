# SPDX-License-Identifier: Apache-2.0
"""Kills the command at random moments, and looks at what it leaves."""

import hashlib
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from framedeflate.atomic_file import TEMPORARY_SUFFIX
from made_files import write_native

__all__ = ["Prey", "digest", "leftovers", "make_source"]

COMMAND = (sys.executable, "-m", "framedeflate")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """Unfinished files."""
    return sorted(folder.glob(f".*{TEMPORARY_SUFFIX}"))


def make_source(path: Path, *, frames: int) -> Path:
    """An image of 16 bits with some noise: 512 KiB a Frame, and slow to deflate at level 9."""
    rng = np.random.default_rng(1)
    ramp = np.arange(512, dtype="<u2") * 8
    noise = rng.integers(0, 64, (frames, 512, 512), dtype="<u2")
    pixels = (ramp + ramp[:, None] + noise).tobytes()
    return write_native(path, pixels, rows=512, columns=512, bits=16, frames=frames)


@dataclass
class Prey:
    """One file and one command on it, run to its end once, then killed again and again.

    Attributes
    ----------
    folder : Path
        Holds the destination, alone but for what is left over.
    arguments : tuple of str
        The command, without its files.
    in_place : bool
        Whether the source itself is replaced.
    replaces : bool
        Whether an earlier file stands under the final name.
    """

    original: Path
    folder: Path
    arguments: tuple[str, ...]
    in_place: bool = False
    replaces: bool = False
    seconds: float = field(init=False)
    whole: str = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.original_digest = digest(self.original)
        self.final = self.folder / "final.dcm"
        self.source = self.final if self.in_place else self.original
        self.before = self._set_up()
        process = self._start()
        self._wait_for_temporary(process)
        started = time.monotonic()
        assert process.wait() == 0
        self.seconds = time.monotonic() - started
        self.whole = digest(self.final)
        assert self.whole != self.before
        assert leftovers(self.folder) == []

    def kill(self, rng: np.random.Generator) -> bool:
        """Kill one run, check all that is left, and return whether the temporary file was there."""
        self.before = self._set_up()
        process = self._start()
        self._wait_for_temporary(process)
        # Beyond the end too: the moment of the final name is in there.
        time.sleep(rng.uniform(0, 1.2 * self.seconds))
        process.kill()
        process.wait()
        unfinished = leftovers(self.folder)
        # A run may clear away what the one before left, so there is never a heap of them.
        assert len(unfinished) <= 1
        assert {path for path in self.folder.iterdir() if path not in unfinished} <= {self.final}
        there = digest(self.final) if self.final.exists() else ""
        assert there in {self.before, self.whole}
        assert digest(self.original) == self.original_digest
        return bool(unfinished)

    def finish(self) -> None:
        """Run to the end over what the last kill left."""
        self.before = self._set_up()
        assert self._start().wait() == 0
        assert digest(self.final) == self.whole
        assert list(self.folder.iterdir()) == [self.final]

    def _set_up(self) -> str:
        if self.in_place:
            self.final.unlink(missing_ok=True)
            self.final.write_bytes(self.original.read_bytes())
        elif self.replaces:
            self.final.write_bytes(b"an earlier file")
        else:
            self.final.unlink(missing_ok=True)
            return ""
        return digest(self.final)

    def _start(self) -> "subprocess.Popen[bytes]":
        where = ["--in-place"] if self.in_place else ["-o", str(self.final), "--overwrite"]
        if not (self.in_place or self.replaces):
            where.pop()
        command = [*COMMAND, *self.arguments, str(self.source), *where]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _wait_for_temporary(self, process: "subprocess.Popen[bytes]") -> None:
        # The leftover of an earlier kill has the same name: it must have gone before a new one counts.
        old = self._identities()
        while process.poll() is None and self._identities() <= old:
            time.sleep(0.001)

    def _identities(self) -> set[tuple[int, int]]:
        """Of unfinished files; an inode alone is given again to the next file."""
        found = set()
        for path in leftovers(self.folder):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.add((status.st_ino, status.st_ctime_ns))
        return found
