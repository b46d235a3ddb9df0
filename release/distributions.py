# SPDX-License-Identifier: Apache-2.0
"""The sdist and the wheel that comes of it: built, repaired, and looked at by those who know what they must be."""

import os
import shutil
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clean_rooms import StepFailedError, run

# A build that fails must not leave a pure wheel behind.
NATIVE: Final = {"FRAMEDEFLATE_REQUIRE_NATIVE": "1"}


@dataclass(frozen=True)
class Tools:
    """The dependency group `wheels`, in an environment of its own."""

    bin: Path

    @classmethod
    def install(cls, folder: Path, python: str, root: Path) -> "Tools":
        """Install them, unless they are there and pyproject.toml has not changed since."""
        stamp = folder / "installed"
        project = root / "pyproject.toml"
        if not stamp.exists() or stamp.stat().st_mtime < project.stat().st_mtime:
            shutil.rmtree(folder, ignore_errors=True)
            run(python, "-m", "venv", folder)
            pip = (folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check")
            run(*pip, "install", "--upgrade", "pip>=25.1")
            run(*pip, "install", "--group", f"{project}:wheels")
            stamp.touch()
        return cls(folder / "bin")

    def run(self, *command: str | Path, cwd: Path, **more: str) -> str:
        """Run one of them."""
        path = os.pathsep.join([str(self.bin), os.environ["PATH"]])
        return run(self.bin / command[0], *command[1:], cwd=cwd, env={**os.environ, "PATH": path, **more})


def build_sdist(tools: Tools, root: Path, folder: Path) -> Path:
    """Build the sdist twice and return it; two builds of the same files are the same bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("first", "again"):
        tools.run(
            "python", "-m", "build", "--sdist", "--no-isolation", "--outdir", folder / name, root, cwd=root
        )
    (sdist,) = (folder / "first").glob("*.tar.gz")
    if sdist.read_bytes() != (folder / "again" / sdist.name).read_bytes():
        raise StepFailedError(f"{sdist.name}: two builds of the same files differ")
    return sdist


def build_wheel(tools: Tools, sdist: Path, folder: Path) -> Path:
    """Build the wheel from the sdist, in a folder where nothing else is, and repair it; return the repaired one."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "source"
    with tarfile.open(sdist) as archive:
        archive.extractall(source, filter="data")
    (tree,) = source.iterdir()
    tools.run("python", "-m", "build", "--wheel", "--outdir", folder / "raw", tree, cwd=folder, **NATIVE)
    (raw,) = (folder / "raw").glob("*.whl")
    if sys.platform != "linux":
        return raw
    tools.run("auditwheel", "repair", "--wheel-dir", folder / "repaired", raw, cwd=folder)
    (wheel,) = (folder / "repaired").glob("*.whl")
    return wheel


def listing(path: Path) -> list[str]:
    """Return the files of a wheel or an sdist, without the sdist's own folder."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.namelist()
    with tarfile.open(path) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def look_at(tools: Tools, sdist: Path, wheel: Path, root: Path) -> str:
    """Check what the two hold and say of themselves; return the wheel's platform in auditwheel's words."""
    tools.run("twine", "check", "--strict", sdist, wheel, cwd=root)
    if (root / ".git").exists():
        tools.run("check-sdist", "--no-isolation", cwd=root)
        tools.run("cffconvert", "--validate", cwd=root)
        tools.run("zizmor", "--offline", "--persona", "pedantic", ".github", cwd=root)
        for platform in ("linux", "macos", "windows"):
            tools.run("cibuildwheel", "--print-build-identifiers", "--platform", platform, cwd=root)
    natives = [name for name in listing(wheel) if Path(name).suffix in {".so", ".pyd"}]
    if len(natives) != 1:
        raise StepFailedError(f"{wheel.name} holds not one core, but {natives}")
    if "-abi3-" in wheel.name:
        tools.run("abi3audit", "--strict", wheel, cwd=root)
    if sys.platform != "linux":
        return wheel.stem.rpartition("-")[2]
    report = tools.run("auditwheel", "show", wheel, cwd=root)
    return next((line.split('"')[1] for line in report.splitlines() if '"' in line), "linux")
