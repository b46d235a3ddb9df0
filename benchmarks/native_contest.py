# SPDX-License-Identifier: Apache-2.0
"""The bare inflaters, without Python around them: benchmarks/native, where it can be built.

libdeflate leaves its fast loop some bytes before the end of its input, which is most of a Fragment of 200 bytes. With
64 readable bytes behind the input it does not, and only a program of one's own can give it those.
"""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from frame_sets import FrameSet
from interleave import WrongResultError

__all__ = ["ZLIB", "build", "libdeflate_version", "run"]

ZLIB: Final = "zlib"
_REPOSITORY: Final = Path(__file__).resolve().parents[1]
_FOLDER: Final = _REPOSITORY / "build" / "benchmarks"


def build(folder: Path = _FOLDER) -> Path | None:
    """Return the program, built anew where its sources changed; None, and a line that says why, where it cannot be."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    cmake = shutil.which("cmake", path=path)
    if cmake is None:
        print("no cmake: the bare inflaters are not compared")
        return None
    configure = [
        "-S",
        _REPOSITORY,
        "-B",
        folder,
        "-DFRAMEDEFLATE_BENCHMARKS=ON",
        "-DCMAKE_BUILD_TYPE=Release",
    ]
    for command in ([cmake, *map(str, configure)], [cmake, "--build", str(folder)]):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            print(
                "the bare inflaters are not compared (libdeflate-dev, zlib1g-dev and a compiler build them):",
                *last,
            )
            return None
    return folder / "benchmarks" / "native" / "inflate_contest"


def libdeflate_version(program: Path) -> str:
    """Return the version of the libdeflate that is compared with: not the one in the deflate package."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run(program: Path, frames: FrameSet, streams: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Return the time of each bare inflater as a ratio to bare zlib's.

    Raises
    ------
    WrongResultError
        Two of them do not agree.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "streams"
        lengths = [struct.pack("<I", len(stream)) for stream in streams]
        parts = [part for pair in zip(lengths, streams, strict=True) for part in pair]
        path.write_bytes(struct.pack("<II", len(streams), frames.frame_nbytes) + b"".join(parts))
        done = subprocess.run(
            [str(program), str(path), str(rounds)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise WrongResultError(f"{frames.name}: {done.stderr.strip()}")
    seconds = {name: float(time) for name, time in (line.rsplit(" ", 1) for line in done.stdout.splitlines())}
    return {name: time / seconds[ZLIB] for name, time in seconds.items()}
