# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_segmentation as a Markdown table."""

from typing import Any

from tables import figure, markdown

__all__ = ["segmentation"]

_MIB = 1 << 20


def segmentation(figures: dict[str, Any]) -> str:
    """Return time, memory and size of each, as ratios to highdicom's native file where they are ratios."""
    if not figures["small"]:
        return "highdicom is not installed: no figures."
    base = figures["small"]["highdicom, native"]
    (small, large), rows = figures["frames"], []
    for count, group in ((small, "small"), (large, "large")):
        for name, one in figures[group].items():
            rows.append(
                [
                    f"{name}, {count} Frames",
                    f"x{figure(base['seconds'] * count / small / one['seconds'])}",
                    f"{one['peak_nbytes'] / _MIB:.0f} MiB",
                    f"{one['nbytes'] / count:.0f}",
                ]
            )
    head = ["", "speed a Frame, to highdicom, native", "peak memory", "bytes a Frame, header included"]
    return "A Segmentation of 512x512, ten segments in each plane:\n\n" + markdown(head, rows)
