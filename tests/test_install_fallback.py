# SPDX-License-Identifier: Apache-2.0
"""Installation without a compiler: a pure wheel that works and says what it costs, or a loud failure where asked."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOWHERE = "/nowhere/no-compiler"

if not (ROOT / "src").exists() or find_spec("scikit_build_core") is None:
    pytest.skip("needs the source tree and the build tools", allow_module_level=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, with a stray core such as a developer's own build leaves in src."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    no_binaries = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    for name in ("src", "native"):
        shutil.copytree(ROOT / name, folder / name, ignore=no_binaries)
    for name in ("_native.abi3.so", "_native.cpython-311-x86_64-linux-gnu.so"):
        (folder / "src/framedeflate" / name).write_bytes(b"stray")
    return folder


def build_wheel(tree: Path, folder: Path, *, require_native: str) -> subprocess.CompletedProcess[str]:
    """Build with the tools that are here; nothing is fetched."""
    environment = {
        **os.environ,
        "CC": NOWHERE,
        "CXX": NOWHERE,
        "FRAMEDEFLATE_REQUIRE_NATIVE": require_native,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir")
    return subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(tree)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    built = build_wheel(tree, folder, require_native="0")
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_is_pure_and_holds_no_stray_core(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "framedeflate/_reference.py" in names
    assert "framedeflate/py.typed" in names
    assert not [name for name in names if name.endswith((".so", ".pyd"))]


def test_it_works_and_says_once_what_it_costs(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = """
import framedeflate, warnings
from framedeflate import engine
assert framedeflate.__file__.startswith(SITE), framedeflate.__file__
assert engine.name == "reference", engine.name
pixel = framedeflate.ImagePixel(rows=5, columns=7, bits_allocated=1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for frame in (bytes(5), b"\\x01\\x02\\x03\\x04\\x05"):
        fragment = framedeflate.encode_frame(frame, pixel)
        assert framedeflate.decode_frame(fragment, pixel) == frame
(warning,) = caught
print(warning.message)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAMEDEFLATE_")}
    ran = subprocess.run(
        [sys.executable, "-c", script.replace("SITE", repr(str(site)))],
        env={**environment, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "slow" in ran.stdout
    assert "compiler" in ran.stdout


def test_where_the_core_is_required_the_build_fails(tree: Path, tmp_path: Path) -> None:
    built = build_wheel(tree, tmp_path, require_native="1")
    assert built.returncode != 0
    assert not list(tmp_path.glob("*.whl"))
