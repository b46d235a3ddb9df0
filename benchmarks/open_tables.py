# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_open as a Markdown table."""

from typing import Any

from tables import figure, markdown

__all__ = ["opening"]


def opening(figures: dict[str, Any]) -> str:
    """Return our milliseconds, pydicom's, and how often ours go into those."""
    rows = []
    for task, times in figures["tasks"].items():
        ours, theirs = times["ours"], times.get("pydicom")
        rows.append(
            [
                task,
                f"{figure(1000 * ours)} ms",
                f"{figure(1000 * theirs)} ms" if theirs else "",
                f"x{figure(theirs / ours)}" if theirs else "",
            ]
        )
    head = f"{figures['count']} Frames, {figures['file_nbytes'] / 1e6:.0f} MB, Items of undefined length:\n\n"
    return head + markdown(["", "ours", "pydicom", "speed"], rows)
