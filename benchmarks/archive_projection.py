# SPDX-License-Identifier: Apache-2.0
"""What a million files would cost, multiplied out of the figures of bench_archive; for docs/archives.md."""

from dataclasses import dataclass
from typing import Any, Final

from tables import markdown

__all__ = ["projection"]

_FILES: Final = 1_000_000
_SEG_FRAMES: Final = 1000
_READ_NBYTES_A_SECOND: Final = 1e9
_CORE_HOUR_DOLLARS: Final = 0.05
_GET_DOLLARS, _PUT_DOLLARS = 0.4e-6, 5e-6
_TB_MONTH_DOLLARS: Final = 23.0
_MACHINES: Final = ((1, 16), (16, 4))


@dataclass(frozen=True)
class _Archive:
    """A million files of a kind: bytes before and after, and seconds of one core."""

    before: float
    after: float
    seconds: float

    @classmethod
    def of(cls, kind: dict[str, Any], frames: int) -> "_Archive":
        # What a file has beside its Frames is small, and counted with them.
        factor = _FILES * frames / kind["frames"]
        return cls(kind["source_nbytes"] * factor, kind["result_nbytes"] * factor, kind["seconds"] * factor)

    def hours(self, machines: int, cores: int) -> tuple[float, float]:
        """Return hours of computing, and of reading."""
        return self.seconds / machines / cores / 3600, self.before / _READ_NBYTES_A_SECOND / machines / 3600


def projection(figures: dict[str, Any]) -> str:
    """Return the table."""
    kinds = figures["kinds"]
    columns = [
        _Archive.of(kinds["seg"], _SEG_FRAMES),
        _Archive.of(kinds["image"], kinds["image"]["frames"]),
    ]
    rows = [
        ["before", *(f"{one.before / 1e12:.1f} TB" for one in columns)],
        ["after", *(f"{one.after / 1e12:.2f} TB" for one in columns)],
        ["computing, in hours of one core", *(f"{one.seconds / 3600:.0f} h" for one in columns)],
        [
            "the manifest, beside that",
            *(f"{figures['manifest_seconds_a_file'] * _FILES / 3600:.3f} h" for _ in columns),
        ],
    ]
    for machines, cores in _MACHINES:
        name = f"{machines} machine{'s' if machines > 1 else ''} of {cores} cores"
        hours = [one.hours(machines, cores) for one in columns]
        rows.append([f"{name}: computing", *(f"{computing:.1f} h" for computing, _ in hours)])
        rows.append([f"{name}: reading, at 1 GB/s each", *(f"{reading:.1f} h" for _, reading in hours)])
    machines, cores = _MACHINES[-1]
    rows += [
        [
            f"{machines * cores} cores for the longer of the two, at 0.05 dollars an hour",
            *(
                _dollars(max(one.hours(machines, cores)) * machines * cores * _CORE_HOUR_DOLLARS)
                for one in columns
            ),
        ],
        [
            "a million GET and PUT requests, at 0.4 and 5 dollars",
            *(_dollars((_GET_DOLLARS + _PUT_DOLLARS) * _FILES) for _ in columns),
        ],
        *(
            [f"storing it for a month {when}, at 23 dollars a TB", *map(_dollars, costs)]
            for when, costs in (
                ("before", [one.before / 1e12 * _TB_MONTH_DOLLARS for one in columns]),
                ("after", [one.after / 1e12 * _TB_MONTH_DOLLARS for one in columns]),
            )
        ),
    ]
    image = kinds["image"]
    head = [
        "a million files",
        f"Segmentations, {_SEG_FRAMES} frames of 512x512, 1 bit",
        f"images, {image['frames']} frames of 256x256, 16 bits",
    ]
    return markdown(head, rows)


def _dollars(value: float) -> str:
    return f"{value:.1f} dollars" if value < 100 else f"{value:.0f} dollars"
