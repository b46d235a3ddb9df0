# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_pydicom as a Markdown table."""

from typing import Any, Final

from tables import figure, markdown, plain

__all__ = ["ALONE", "IDLE", "OURS", "reading"]

OURS: Final = "ours"
IDLE: Final = "idle"
ALONE: Final = "decode_frames alone"


def reading(figures: dict[str, Any]) -> str:
    """Return our time to that of pydicom's loop around an idle decoder, by set and number of Frames."""
    rows = []
    calls: list[str] = []
    for name, counts in figures["times"].items():
        for count, times in counts.items():
            calls = list(times)
            frames = f"{count} Frame{'s' if count != '1' else ''}"
            rows.append(
                [
                    f"{plain(name)}, {figures['kinds'][name]}, {frames}",
                    *(figure(time) for time in times.values()),
                ]
            )
    head = ["", *(call if call == ALONE else f"`{call}`" for call in calls)]
    return f"pydicom {figures['pydicom']}:\n\n" + markdown(head, rows)
