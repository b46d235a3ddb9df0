# SPDX-License-Identifier: Apache-2.0
"""The Python of every document runs, page by page, in a fresh interpreter and a folder with the files it names."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dicom_writer import EXPLICIT_LITTLE, data_set, element, image, part10

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_of(page: Path) -> str:
    return "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))


def write_segmentation(path: Path) -> None:
    """The native file that the documents call seg.dcm: 20 Frames of one bit."""
    masks = np.zeros((20, 64, 64), bool)
    masks[5:15, 20:40, 10:50] = True
    native = np.packbits(masks.ravel(), bitorder="little").tobytes()
    head = data_set(image(rows=64, columns=64, frames="20"))
    path.write_bytes(part10(head + element(0x7FE00010, "OB", native), uid=EXPLICIT_LITTLE))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if code_of(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_code_runs(page: Path, tmp_path: Path) -> None:
    write_segmentation(tmp_path / "seg.dcm")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code_of(page)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
