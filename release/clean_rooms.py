# SPDX-License-Identifier: Apache-2.0
"""Empty environments to install into, where no compiler can be reached, and a folder with the tests but without src."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NO_COMPILER: Final = "/bin/false"

# Whatever makes machine code or drives what does; and other Pythons, which would hide what is missing from ours.
_LEFT_OUT: Final = re.compile(
    r"(.*-)?(cc|c\+\+|[cg]cc|g\+\+|c89|c99|clang|clang\+\+|clang-cl|cl|icx|icpx|tcc|zig|ld|ld\..*|as)(-?[\d.]+)?"
    r"|cmake|ninja|g?make|meson|pip.*|pypy.*|python.*|pytest|py\.test|framedeflate|pydicom"
)
_NOT_PASSED_ON: Final = re.compile(
    r"PYTHON.*|FRAMEDEFLATE_ENGINE|FRAMEDEFLATE_REQUIRE_NATIVE|MAKE.*|MFLAGS|VIRTUAL_ENV|.*FLAGS"
)


class StepFailedError(Exception):
    """A step did not do what a release must do; the message says which and how."""


def run(
    *command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None, show: bool = False
) -> str:
    """Run a command and return what it printed; `show` lets it print to the terminal instead."""
    done = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        check=False,
        text=True,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
    )
    if done.returncode:
        words = " ".join(str(part) for part in command)
        raise StepFailedError(f"{words}\nexit code {done.returncode}\n{(done.stdout or '')[-6000:]}")
    return done.stdout or ""


def without_compilers(folder: Path) -> Path:
    """Make a folder of links to every program on PATH but compilers, build tools and Pythons."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for place in os.environ["PATH"].split(os.pathsep):
        programs = sorted(Path(place).iterdir()) if Path(place).is_dir() else []
        for program in programs:
            link = folder / program.name
            if (
                not _LEFT_OUT.fullmatch(program.name)
                and not link.is_symlink()
                and os.access(program, os.X_OK)
            ):
                link.symlink_to(program.resolve())
    return folder


@dataclass(frozen=True)
class CleanRoom:
    """An empty virtual environment, which sees the programs of `programs` and no others."""

    prefix: Path
    programs: Path

    @classmethod
    def make(cls, prefix: Path, python: str, programs: Path) -> "CleanRoom":
        """Make one at `prefix` with the given interpreter, and nothing in it but pip."""
        shutil.rmtree(prefix, ignore_errors=True)
        run(python, "-m", "venv", prefix)
        room = cls(prefix, programs)
        # --group is an option of newer ones.
        room.pip("install", "--upgrade", "pip>=25.1")
        return room

    @property
    def bin(self) -> Path:
        """Folder of its interpreter."""
        return self.prefix / ("Scripts" if sys.platform == "win32" else "bin")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment variables in which no compiler is found, by name or by variable."""
        kept = {name: value for name, value in os.environ.items() if not _NOT_PASSED_ON.fullmatch(name)}
        # First the machine's: pynetdicom brings a storescp, and DCMTK's is what tests mean by that name.
        path = os.pathsep.join([str(self.programs), str(self.bin)])
        return {**kept, "PATH": path, "CC": NO_COMPILER, "CXX": NO_COMPILER, "PIP_NO_INPUT": "1", **more}

    def pip(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run its pip; without a compiler, as everything here."""
        options = ("-m", "pip", "--quiet", "--disable-pip-version-check")
        return run(self.bin / "python", *options, *arguments, env=self.environment(), cwd=cwd)

    def run(self, *command: str | Path, cwd: Path, show: bool = False, **more: str) -> str:
        """Run one of its programs in `cwd`."""
        return run(self.bin / command[0], *command[1:], env=self.environment(**more), cwd=cwd, show=show)


def unpack_without_src(sdist: Path, folder: Path, shared: Path) -> Path:
    """Unpack an sdist, take src away, and put the shared folder where the tests look for it; return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    shutil.rmtree(tree / "src")
    if shared.is_dir():
        (folder / "shared").symlink_to(shared.resolve())
    return tree
