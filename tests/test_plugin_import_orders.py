# SPDX-License-Identifier: Apache-2.0
"""`register()` in fresh interpreters: any order of imports, the guide's example, pydicom's command line."""

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from corpus import wheel_file
from framedeflate import compress_file, verify_file

PACKAGES = ("pydicom", "pynetdicom", "highdicom", "framedeflate.pydicom_plugin")

WORK = """
import framedeflate.pydicom_plugin as plugin
plugin.register()
plugin.register()
import numpy as np, pydicom
from pydicom.uid import DeflatedImageFrameCompression
assert DeflatedImageFrameCompression.is_compressed and DeflatedImageFrameCompression.is_encapsulated
assert DeflatedImageFrameCompression.name == "Deflated Image Frame Compression"
ds = pydicom.examples.ct
pixels = ds.pixel_array.copy()
ds.compress(DeflatedImageFrameCompression)
assert len(ds.PixelData) <= 22288, len(ds.PixelData)
assert np.array_equal(ds.pixel_array, pixels)
ds.decompress()
assert np.array_equal(ds.pixel_array, pixels)
"""

GUIDE = """
from framedeflate.pydicom_plugin import register
register()
from pydicom import examples
from pydicom.uid import DeflatedImageFrameCompression
ds = examples.ct
assert ds.SamplesPerPixel == 1
assert ds.PhotometricInterpretation == 'MONOCHROME2'
assert ds.BitsAllocated == 16
assert ds.PixelRepresentation == 1
ds.compress(DeflatedImageFrameCompression)
assert len(ds.PixelData) <= 22288
"""


def run_fresh(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("order", list(itertools.permutations(PACKAGES)), ids="-".join)
def test_any_order_of_imports(order: tuple[str, ...]) -> None:
    missing = [name for name in order if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    run_fresh("".join(f"import {name}\n" for name in order) + WORK)


def test_the_guide_word_for_word() -> None:
    run_fresh(GUIDE)


def pydicom_command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    code = "import sys; from pydicom.cli.main import main; main(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_pydicoms_command_line(tmp_path: Path) -> None:
    source, deflated, native = wheel_file("CT_small.dcm"), tmp_path / "deflated.dcm", tmp_path / "native.dcm"
    assert pydicom_command("deflate", source, "-o", deflated).returncode == 0
    assert verify_file(deflated) == []
    assert pydicom_command("inflate", deflated, "-o", native).returncode == 0
    assert pydicom_command("verify", deflated).returncode == 0
    shown = pydicom_command("frames", deflated, "--frames")
    assert (shown.returncode, "128" in shown.stdout) == (0, True)
    compress_file(source, tmp_path / "ours.dcm")
    assert (tmp_path / "ours.dcm").read_bytes() == deflated.read_bytes()
    taken = pydicom_command("deflate", source, "-o", deflated)
    assert (taken.returncode, "Traceback" in taken.stderr) == (40, False)
