# SPDX-License-Identifier: Apache-2.0
"""The Python of every document runs, page by page, in a fresh interpreter and a folder with the files it names.

What a page asks of example.org, a server on loopback answers from that folder.
"""

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dicom_writer import EXPLICIT_LITTLE, data_set, element, image, open_sequence, part10, text
from range_server import RangeServer

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
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


@pytest.mark.parametrize(
    "page", [page for page in PAGES if code_of(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_code_runs(page: Path, tmp_path: Path) -> None:
    write_segmentation(tmp_path / "seg.dcm")
    with RangeServer({name: tmp_path / name for name in ("seg.dcm", "seg-deflated.dcm")}) as server:
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                code_of(page).replace("https://example.org", server.base_url),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr[-2000:]
