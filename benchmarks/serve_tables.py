# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_serve as Markdown tables."""

from typing import Any

from tables import figure, markdown, plain

__all__ = ["serve"]

_HEAD = [
    "",
    "requests a second",
    "to constant bytes",
    "by processor time",
    "p99",
    "p99, constant",
    "bytes a Frame",
    "a second, to inflated",
]


def serve(figures: dict[str, Any]) -> str:
    """Return a table a set: requests a second, to those of constant bytes, tails, and bytes."""
    tables = []
    for name, one in figures["sets"].items():
        inflated = one["forms"].get("inflated", {}).get("requests_a_second")
        rows = []
        for form, cells in one["forms"].items():
            speed = cells["requests_a_second"]
            to_constant = cells.get("to_constant")
            constant = cells.get("constant_p99_seconds")
            rows.append(
                [
                    form,
                    f"{speed:.0f}",
                    "" if to_constant is None else f"x{figure(to_constant)}",
                    f"x{figure(cells['cpu_to_constant'])}" if "cpu_to_constant" in cells else "",
                    _milliseconds(cells["p99_seconds"]),
                    "" if constant is None else _milliseconds(constant),
                    f"{cells['nbytes']:.0f}",
                    f"x{figure(speed / inflated)}" if inflated else "",
                ]
            )
        head = f"{one['frames']} Frames of {plain(name)}, {one['native_nbytes']} native bytes each:\n\n"
        tables.append(head + markdown(_HEAD, rows))
    return "\n\n".join(tables)


def _milliseconds(seconds: float) -> str:
    return f"{figure(seconds * 1000)} ms"
