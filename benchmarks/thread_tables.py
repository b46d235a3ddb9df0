# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_threads as a Markdown table."""

from typing import Any

from tables import figure, markdown, plain

__all__ = ["threads"]


def threads(figures: dict[str, Any]) -> str:
    """Return the speed of two threads to that of one."""
    works = list(dict.fromkeys(work for one in figures["works"].values() for work in one))
    rows = [
        [plain(name), *(f"x{figure(one[work])}" for work in works)] for name, one in figures["works"].items()
    ]
    return "Speed of two threads to one, elapsed time:\n\n" + markdown(["", *works], rows)
