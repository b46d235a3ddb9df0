# SPDX-License-Identifier: Apache-2.0
"""Markdown tables, and how figures are written in them."""

import re
from collections.abc import Iterable, Mapping, Sequence

from rivals import REFERENCE

__all__ = ["Cells", "figure", "markdown", "plain", "short", "to_reference"]

Cells = Mapping[str, Sequence[float]]  # by coder: size in bytes, time as a ratio to the reference's


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; rows that hold nothing but their name are left out."""
    lines = [head, ["---"] * len(head), *(row for row in rows if any(row[1:]))]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(value: float) -> str:
    """Return a ratio with as many digits as can be trusted: two, or three where it is near 1."""
    digits = 0 if value >= 10 else 1 if value >= 2 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}"


def plain(name: str) -> str:
    """Return a set's name without the size that most of them share."""
    return re.sub(r"_?(512|256)", "", name).replace("_", " ")


def short(ratio: tuple[float, float]) -> str:
    """Return size and speed side by side."""
    size, speed = ratio
    return f"{size:.3f} x{figure(speed)}"


def to_reference(cells: Cells, name: str, reference: str = REFERENCE) -> tuple[float, float] | None:
    """Return size and speed of a coder to those of another on the same Frames, or None where one was not run."""
    if name not in cells or reference not in cells:
        return None
    size, time = cells[name]
    base_size, base_time = cells[reference]
    return size / base_size, base_time / time
