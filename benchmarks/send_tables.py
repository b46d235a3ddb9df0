# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_send as a Markdown table."""

from typing import Any

from tables import figure, markdown

__all__ = ["send"]


def send(figures: dict[str, Any]) -> str:
    """Return instances a second, to those of native ones, and bytes on the wire."""
    sent = figures["sent"]
    native = sent.get("native", {}).get("instances_a_second")
    rows = []
    for name, one in sent.items():
        speed, nbytes = one["instances_a_second"], one["wire_nbytes"]
        rows.append(
            [
                name,
                f"{speed:.0f}" if speed >= 10 else figure(speed),
                f"x{figure(speed / native)}" if native else "",
                f"{nbytes / 1000:.1f} kB" if nbytes else "",
            ]
        )
    head = f"Instances of {figures['frames']} Frames, over loopback:\n\n"
    return head + markdown(["", "instances a second", "to native", "bytes on the wire, an instance"], rows)
