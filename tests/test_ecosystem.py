# SPDX-License-Identifier: Apache-2.0
"""Of the tools in docs/ecosystem.md, those that are installed do what the page says.

After `register()` they show the same pixels as of native files, after ``framedeflate decompress`` all of them.
"""

from pathlib import Path

import numpy as np
import pytest

import framedeflate.pydicom_plugin as plugin

pytest.importorskip("highdicom")

from ecosystem.readers import READERS, installed_version
from ecosystem.run import cell, main
from ecosystem.samples import write_samples
from peers import miss_tool

plugin.register()

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

PAGE = Path(__file__).parents[1] / "docs/ecosystem.md"
BY_THE_CALL = {"pydicom": 6, "highdicom": 6, "pynetdicom": 6, "nibabel": 6, "dicom2nifti": 1, "rt-utils": 1}
"""How many of the kinds each reads."""
BY_DECOMPRESS = {"GDCM": 4, "SimpleITK": 4, "DCMTK, dcmconv": 6, "dcm2niix": 6, "dcmqi": 3, "wsidicom": 1}

Samples = dict[str, dict[str, Path]]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"))


def right(tool: str, samples: Samples, form: str) -> int:
    """How many kinds of file the tool reads, natively and in this form alike."""
    if installed_version(tool) is None:
        miss_tool(tool)
    count = 0
    for kind, paths in samples.items():
        try:
            expected = READERS[tool](paths["native"])
        except Exception:  # noqa: BLE001, S112 - it does not read this kind at all
            continue
        assert np.array_equal(READERS[tool](paths[form]), expected), kind
        count += 1
    return count


@pytest.mark.parametrize("tool", BY_THE_CALL)
def test_after_the_call_it_shows_the_pixels(tool: str, samples: Samples) -> None:
    assert right(tool, samples, "deflated") == BY_THE_CALL[tool]


@pytest.mark.parametrize("tool", BY_DECOMPRESS)
def test_after_decompress_it_shows_the_pixels(tool: str, samples: Samples) -> None:
    assert right(tool, samples, "inflated") == BY_DECOMPRESS[tool]


@pytest.mark.parametrize("tool", [*READERS, "cornerstone", "dicom-parser", "dcmjs", "daikon"])
def test_the_page_names_every_tool(tool: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(word.strip() in text for word in tool.split(","))


def test_a_wrong_picture_is_told() -> None:
    assert cell({"CT": "right", "RGB": "other pixels"}) == "1 of 2: other pixels"
    assert cell({"CT": "right"}) == "1 of 1"


def test_what_is_not_installed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no such tool"]) == 0
    assert "no such tool is not installed" in capsys.readouterr().err
