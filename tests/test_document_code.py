# SPDX-License-Identifier: Apache-2.0
"""The Python of every document runs, page by page, in a fresh interpreter and a folder with the files it names.

What a page asks of example.org, a server on loopback answers from that folder. A block that begins with
"```python needs NAME" runs by itself, where that package is installed.
"""

import re
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_writer import EXPLICIT_LITTLE, data_set, element, image, open_sequence, part10, text
from framedeflate import compress_file, verify_file
from peers import miss_tool
from range_server import RangeServer

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NEEDY = re.compile(r"^```python needs (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_of(page: Path) -> str:
    return "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))


def write_segmentation(path: Path) -> None:
    """The native file that the documents call seg.dcm: 20 Frames of one bit, 5 of each of 4 segments."""
    masks = np.zeros((20, 64, 64), bool)
    masks[5:15, 20:40, 10:50] = True
    native = np.packbits(masks.ravel(), bitorder="little").tobytes()
    numbers = [struct.pack("<H", number) for number in range(1, 5)]
    head = (
        data_set(image(rows=64, columns=64, frames="20"))
        + open_sequence(
            0x00620002, *(element(0x00620004, "US", n) + element(0x00620005, "LO", b"Part") for n in numbers)
        )
        + open_sequence(
            0x52009230,
            *(
                open_sequence(0x00209113, element(0x00200032, *text("DS", f"0\\0\\{index % 5}")))
                + open_sequence(0x0062000A, element(0x0062000B, "US", numbers[index // 5]))
                for index in range(20)
            ),
        )
    )
    path.write_bytes(part10(head + element(0x7FE00010, "OB", native), uid=EXPLICIT_LITTLE))


def write_slide(path: Path) -> NDArray[np.uint8]:
    """The file that they call slide.dcm, deflated, and all its pixels."""
    pytest.importorskip("highdicom")
    from ecosystem.samples import slide

    dataset = slide()
    tiles = np.frombuffer(dataset.PixelData, np.uint8).reshape(2, 3, 32, 32, 3)
    dataset.save_as(path.with_name("native.dcm"), enforce_file_format=True)
    compress_file(path.with_name("native.dcm"), path)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(64, 96, 3)


def run(code: str, folder: Path, *options: str) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if code_of(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_code_runs(page: Path, tmp_path: Path) -> None:
    write_segmentation(tmp_path / "seg.dcm")
    with RangeServer({name: tmp_path / name for name in ("seg.dcm", "seg-deflated.dcm")}) as server:
        run(code_of(page).replace("https://example.org", server.base_url), tmp_path, "-W", "error")


@pytest.mark.parametrize(
    ("package", "code"), [block for page in PAGES for block in NEEDY.findall(page.read_text("utf-8"))]
)
def test_the_code_for_other_packages_runs(package: str, code: str, tmp_path: Path) -> None:
    if find_spec(package) is None:
        miss_tool(package)
    slide = write_slide(tmp_path / "slide.dcm")
    run(code + "\nimport numpy\nnumpy.save('region.npy', numpy.asarray(region))\n", tmp_path)
    assert np.array_equal(np.load(tmp_path / "region.npy"), slide)
    copies = [path for path in (tmp_path / "copy").iterdir() if path.suffix == ".dcm"]
    assert copies
    assert [verify_file(path) for path in copies] == [[]] * len(copies)
