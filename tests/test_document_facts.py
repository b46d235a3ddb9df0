# SPDX-License-Identifier: Apache-2.0
"""Figures that pages repeat are those of docs/performance.md; the picture of the layers is what lint-imports checks."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PERFORMANCE = (ROOT / "docs/performance.md").read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def measured(row: str, column: str, *, after: str) -> str:
    """A cell of the first table behind some words of the page of figures."""
    lines = PERFORMANCE[PERFORMANCE.index(after) :].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    place = table[0].index(column)
    return next(cells[place] for cells in table if cells[0] == row)


@pytest.mark.parametrize("level", [1, 3, 6, 9])
def test_the_levels_of_the_guide_are_those_measured(level: int) -> None:
    cell = measured(f"level {level}", "geometric mean", after="Single-bit sets, size and speed to zlib 6")
    assert re.search(rf"^\| {level} \| [^|]+ \| {re.escape(cell)} \|$", text_of("frames.md"), re.MULTILINE)


@pytest.mark.parametrize(
    ("row", "column", "after"),
    [
        ("level 1", "geometric mean", "Single-bit sets, size and speed to zlib 6"),
        ("one array, to a loop", "speed", "<!-- table: files -->"),
        ("open", "ours", "<!-- table: open -->"),
        ("open", "pydicom", "<!-- table: open -->"),
    ],
)
def test_the_figures_of_the_first_page_are_those_measured(row: str, column: str, after: str) -> None:
    assert re.search(
        rf"(?<![\w.]){re.escape(measured(row, column, after=after))}(?![\w.])", text_of("index.md")
    )


def test_the_picture_of_the_layers_is_what_is_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in project["tool"]["importlinter"]["contracts"] if one["name"] == "Layers")
    checked = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    picture = text_of("design.md").partition("```text\n")[2].partition("```")[0]
    # A line that begins with a bar goes on with the layer above it; what a layer does stands behind a gap.
    drawn: list[list[str]] = []
    for line in picture.splitlines():
        names = re.findall(r"\w+", re.split(r" {2,}", line.strip())[0])
        if line.startswith("  |"):
            drawn[-1] += names
        else:
            drawn.append(names)
    private = {"__main__", "_native", "_reference", "_reference_items", "_reference_scan"}
    shown = [sorted(set(layer) - private) for layer in checked]
    assert [sorted(layer) for layer in drawn] == [layer for layer in shown if layer]
