# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_files as a Markdown table."""

from typing import Any

from tables import figure, markdown

__all__ = ["files"]


def files(figures: dict[str, Any]) -> str:
    """Return our speed to each loop's, elapsed and in processor time, and the peaks of memory beside each other."""
    rows = []
    for work, contestants in figures["works"].items():
        ours = contestants["ours"]
        for name, loop in contestants.items():
            if name != "ours":
                speeds = [f"x{figure(loop[field] / ours[field])}" for field in ("time", "cpu")]
                peaks = [f"{one['peak_mib']:.0f} MiB" for one in (ours, loop)]
                rows.append([f"{work}, to a {name}", *speeds, *peaks])
    head = ["", "speed", "processor time", "our memory", "the loop's"]
    return f"{figures['frames']} Frames of {figures['set']}:\n\n" + markdown(head, rows)
