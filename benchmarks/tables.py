# SPDX-License-Identifier: Apache-2.0
"""Stored figures as Markdown tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ratios import geometric_mean
from rivals import OURS, REFERENCE

__all__ = ["encode", "figure", "markdown", "plain", "short"]

Cells = Mapping[str, Sequence[float]]  # by coder: size in bytes, time as a ratio to the reference's


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; rows that hold nothing but their name are left out."""
    lines = [head, ["---"] * len(head), *(row for row in rows if any(row[1:]))]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(value: float) -> str:
    """Return a ratio with as many digits as can be trusted: two, or three below 2."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def plain(name: str) -> str:
    """Return a set's name without the size that most of them share."""
    return re.sub(r"_?(512|256)", "", name).replace("_", " ")


def short(ratio: tuple[float, float]) -> str:
    """Return size and speed side by side."""
    size, speed = ratio
    return f"{size:.3f} x{figure(speed)}"


def encode(figures: dict[str, Any]) -> str:
    """Return the tables of the encoder: single-bit sets, other sets, photographic sets, and the slow coder."""
    facts = figures["sets"]
    bits = [one["name"] for one in facts if one["kind"] == "1-bit" and not one["is_cut"]]
    images = [one["name"] for one in facts if one["kind"] == "photographic"]
    others = [one["name"] for one in facts if one["name"] not in {*bits, *images}]
    parts = []
    if bits:
        parts.append(
            "Single-bit sets, size and speed to zlib 6:\n\n" + _sizes_and_speeds(figures["all"], bits)
        )
    if others:
        parts.append(
            "Label maps, odd widths and small Frames, size and speed to zlib 6:\n\n"
            + _sizes_and_speeds(figures["all"], others, mean=False)
        )
    if images:
        parts.append(_photographic(figures["all"], images))
    if figures["few"]:
        parts.append(_slow(figures["few"], bits))
    return "\n\n".join(part for part in parts if part)


def to_reference(cells: Cells, name: str, reference: str = REFERENCE) -> tuple[float, float] | None:
    """Return size and speed of a coder to those of another on the same Frames, or None where one was not run."""
    if name not in cells or reference not in cells:
        return None
    size, time = cells[name]
    base_size, base_time = cells[reference]
    return size / base_size, base_time / time


def _sizes_and_speeds(table: Mapping[str, Cells], sets: Sequence[str], *, mean: bool = True) -> str:
    coders = list(dict.fromkeys(coder for name in sets for coder in table[name]))
    head = ["", *map(plain, sets)] + ["geometric mean", "slowest"] * mean
    rows = []
    for coder in coders:
        if coder == REFERENCE:
            continue
        ratios = [to_reference(table[name], coder) for name in sets]
        row = [coder, *(short(ratio) if ratio else "" for ratio in ratios)]
        known = [ratio for ratio in ratios if ratio]
        if mean:
            sizes, speeds = zip(*known, strict=True)
            row += [short((geometric_mean(sizes), geometric_mean(speeds))), f"x{figure(min(speeds))}"]
        rows.append(row)
    return markdown(head, rows)


def _photographic(table: Mapping[str, Cells], sets: Sequence[str]) -> str:
    rows = []
    for level in range(1, 10):
        pairs = [to_reference(table[name], OURS.format(level), f"libdeflate {level + 3}") for name in sets]
        rows.append(
            [f"{OURS.format(level)} to libdeflate {level + 3}", *(short(p) if p else "" for p in pairs)]
        )
    return "Photographic sets, size and speed to libdeflate:\n\n" + markdown(["", *map(plain, sets)], rows)


def _slow(table: Mapping[str, Cells], bits: Sequence[str]) -> str:
    rival = next((name for cells in table.values() for name in cells if name.startswith("zopfli")), None)
    if rival is None:
        return ""
    rows = []
    for coder in dict.fromkeys(coder for cells in table.values() for coder in cells if coder != rival):
        ratios = {name: to_reference(cells, coder, rival) for name, cells in table.items()}
        known = [ratio for name in bits if (ratio := ratios.get(name))]
        row = [coder, *(short(ratio) if ratio else "" for ratio in ratios.values())]
        if known:
            sizes, speeds = zip(*known, strict=True)
            row += [short((geometric_mean(sizes), geometric_mean(speeds))), f"x{figure(min(speeds))}"]
        rows.append(row)
    head = ["", *map(plain, table), "single-bit mean", "slowest"]
    return f"A few Frames of each set, size and speed to {rival}:\n\n" + markdown(head, rows)
