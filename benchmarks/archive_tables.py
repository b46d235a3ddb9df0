# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_archive as Markdown tables."""

from typing import Any

from tables import figure, markdown

__all__ = ["archive"]


def archive(figures: dict[str, Any]) -> str:
    """Return seconds for the same archive, to those of one process, and what a file of each kind costs."""
    one = figures["seconds"]["1 process"]
    turns = [
        [name, f"{seconds:.1f} s", f"x{figure(one / seconds)}"]
        for name, seconds in figures["seconds"].items()
    ]
    kinds = [
        [
            kind["name"],
            str(kind["frames"]),
            f"{kind['source_nbytes'] / 1e6:.2f} MB",
            f"{kind['result_nbytes'] / 1e6:.3f} MB",
            f"{kind['seconds'] * 1000:.0f} ms",
        ]
        for kind in figures["kinds"].values()
    ]
    head = f"{figures['files']} files, {figures['source_nbytes'] / 1e6:.0f} MB, one thread a file:\n\n"
    manifest = f"{figures['manifest_seconds_a_file'] * 1000:.3f} ms of processor time"
    return "\n\n".join(
        [
            head + markdown(["", "seconds", "to one process"], turns),
            markdown(["one file", "frames", "before", "after", "time"], kinds),
            f"Listing, planning and noting a file in the manifest takes {manifest}.",
        ]
    )
