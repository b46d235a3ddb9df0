# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_encode as Markdown tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from ratios import geometric_mean
from rivals import OURS, REFERENCE
from tables import Cells, figure, markdown, plain, short, to_reference

__all__ = ["encode"]


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
