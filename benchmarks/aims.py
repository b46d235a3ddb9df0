# SPDX-License-Identifier: Apache-2.0
"""What was aimed at, and how far the stored figures come."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from framedeflate import DEFAULT_LEVEL
from inflate_tables import OURS as BARE
from inflate_tables import SLACK, WRITER, ZLIB, groups, mean_speed
from ratios import geometric_mean
from rivals import OURS, REFERENCE
from tables import figure, markdown, to_reference

__all__ = ["AIMS", "Aim", "aims"]

Results = Mapping[str, Mapping[str, Any]]
"""Stored figures, by benchmark."""

Ratios = Sequence[float]


@dataclass(frozen=True)
class Aim:
    """A figure, or a mean and its worst set, with what was to be reached and what was hoped for, which may be nothing.

    Attributes
    ----------
    is_size : bool
        Smaller is better.
    measured : callable
        The same from stored figures, or None where they have not got it.
    """

    what: str
    reach: Ratios
    dream: Ratios
    is_size: bool
    measured: Callable[[Results], Ratios | None]

    def row(self, results: Results) -> list[str] | None:
        """Return the table's row, or None where nothing was measured."""
        measured = self.measured(results)
        if measured is None:
            return None
        came = "short"
        for name, aim in (("reach", self.reach), ("dream", self.dream)):
            if aim and self._holds(measured, aim):
                came = name
        return [self.what, *(self._text(ratios) for ratios in (self.reach, self.dream, measured)), came]

    def _holds(self, measured: Ratios, aim: Ratios) -> bool:
        return all(
            ratio <= limit if self.is_size else ratio >= limit
            for ratio, limit in zip(measured, aim, strict=True)
        )

    def _text(self, ratios: Ratios) -> str:
        if not ratios:
            return ""
        first, *worst = (f"{ratio:.3f}" if self.is_size else f"x{figure(ratio)}" for ratio in ratios)
        return first + "".join(f" ({one})" for one in worst)


def aims(results: Results) -> str:
    """Return the table of all aims that the stored figures can speak of."""
    rows = [row for aim in AIMS if (row := aim.row(results))]
    return markdown(["", "reach", "dream", "measured", "came to"], rows)


def _encoders(
    ours: str, rival: str, kinds: Iterable[str], *, few: bool = False
) -> Callable[[Results], list[tuple[float, float]]]:
    """Return what gives size and speed of a coder to another's, set by set; sets without both are left out."""
    wanted = set(kinds)

    def ratios(results: Results) -> list[tuple[float, float]]:
        stored = results.get("encode")
        if stored is None:
            return []
        table = stored["few" if few else "all"]
        names = [one["name"] for one in stored["sets"] if one["kind"] in wanted and not one["is_cut"]]
        return [ratio for name in names if (ratio := to_reference(table.get(name, {}), ours, rival))]

    return ratios


def _sizes(
    source: Callable[[Results], list[tuple[float, float]]], *kinds: str
) -> Callable[[Results], Ratios | None]:
    return lambda results: _means([size for size, _ in source(results)], kinds, worst=max)


def _speeds(
    source: Callable[[Results], list[tuple[float, float]]], *kinds: str
) -> Callable[[Results], Ratios | None]:
    return lambda results: _means([speed for _, speed in source(results)], kinds, worst=min)


def _means(
    values: list[float], kinds: Sequence[str], *, worst: Callable[[list[float]], float]
) -> Ratios | None:
    of = {"mean": geometric_mean, "worst": worst}
    return [of[kind](values) for kind in kinds] if values else None


def _inflater(density: str, rival: str) -> Callable[[Results], Ratios | None]:
    def measured(results: Results) -> Ratios | None:
        stored = results.get("inflate")
        if stored is None or not stored["native"]:
            return None
        speed = mean_speed(stored["native"], groups(stored["sets"]).get(density, ()), WRITER, BARE, rival)
        return None if speed is None else [speed]

    return measured


def _file_work(work: str) -> Callable[[Results], Ratios | None]:
    def measured(results: Results) -> Ratios | None:
        works = results.get("files", {}).get("works", {})
        return [works[work]["loop"]["time"] / works[work]["ours"]["time"]] if work in works else None

    return measured


def _threads(*, sparse: bool) -> Callable[[Results], Ratios | None]:
    def measured(results: Results) -> Ratios | None:
        if not {"threads", "inflate"} <= set(results):
            return None
        known = {one["name"]: one["is_sparse"] for one in results["inflate"]["sets"]}
        gains = [
            one[work]
            for name, one in results["threads"]["works"].items()
            if known.get(name) is sparse
            for work in ("encode, level 1", "inflate")
        ]
        return [geometric_mean(gains), min(gains)] if gains else None

    return measured


def _levels(results: Results) -> Ratios | None:
    """Return the largest mean size of a level to that of the level below it."""
    steps = [
        _encoders(OURS.format(level), OURS.format(level - 1), ["1-bit", "label map"])(results)
        for level in range(2, 10)
    ]
    means = [geometric_mean(size for size, _ in step) for step in steps if step]
    return [max(means)] if means else None


_DEFAULT: Final = OURS.format(DEFAULT_LEVEL)
_TO_ZLIB: Final = _encoders(_DEFAULT, REFERENCE, ["1-bit"])
_TO_ZLIB_NG: Final = _encoders(_DEFAULT, "zlib-ng 6", ["1-bit"])
_TO_LIBDEFLATE: Final = _encoders("level 6", "libdeflate 12", ["1-bit"])
_TO_ZOPFLI: Final = _encoders("level 9", "zopfli 15", ["1-bit"], few=True)
_LABELS: Final = _encoders(_DEFAULT, REFERENCE, ["label map"])


def _photographic(results: Results) -> Ratios | None:
    """Return the largest size to libdeflate's at the matching level, over all levels."""
    pairs = [
        _encoders(OURS.format(level), f"libdeflate {level + 3}", ["photographic"])(results)
        for level in range(1, 10)
    ]
    sizes = [size for of_level in pairs for size, _ in of_level]
    return [max(sizes)] if sizes else None


AIMS: Final = (
    Aim("default level: size to zlib 6", [0.90], [0.88], True, _sizes(_TO_ZLIB, "mean")),
    Aim(
        "default level: speed to zlib 6, mean (least)",
        [30, 15],
        [50, 30],
        False,
        _speeds(_TO_ZLIB, "mean", "worst"),
    ),
    Aim("default level: speed to zlib-ng 6, least", [3], [8], False, _speeds(_TO_ZLIB_NG, "worst")),
    Aim("default level: size to zlib-ng 6, largest", [1], [1], True, _sizes(_TO_ZLIB_NG, "worst")),
    Aim("each level: size to the level below, largest mean", [1], [], True, _levels),
    Aim("level 6: size to libdeflate 12", [0.99], [0.98], True, _sizes(_TO_LIBDEFLATE, "mean")),
    Aim(
        "level 6: speed to libdeflate 12, mean (least)",
        [15, 2],
        [30, 2],
        False,
        _speeds(_TO_LIBDEFLATE, "mean", "worst"),
    ),
    Aim("level 9: size to zopfli 15, largest", [1], [0.98], True, _sizes(_TO_ZOPFLI, "worst")),
    Aim("level 9: speed to zopfli 15, least", [30], [100], False, _speeds(_TO_ZOPFLI, "worst")),
    Aim("label maps of 8 bits: size to zlib 6", [0.90], [0.80], True, _sizes(_LABELS, "mean")),
    Aim("label maps of 8 bits: speed to zlib 6", [40], [100], False, _speeds(_LABELS, "mean")),
    Aim("photographic: size to libdeflate's at any level, largest", [1.005], [], True, _photographic),
    Aim("inflater to zlib, sparse", [15], [20], False, _inflater("sparse", ZLIB)),
    Aim("inflater to zlib, dense", [3.5], [5], False, _inflater("dense", ZLIB)),
    Aim("inflater to libdeflate with slack, sparse", [1.2], [1.6], False, _inflater("sparse", SLACK)),
    Aim("inflater to libdeflate with slack, dense", [0.9], [1.1], False, _inflater("dense", SLACK)),
    Aim("10 000 Frames, file to file, to a loop of zlib 6", [8], [15], False, _file_work("compress")),
    Aim("iterating them as arrays, to zlib and unpackbits", [8], [15], False, _file_work("iterate")),
    Aim("all into one array, to zlib and unpackbits", [5], [12], False, _file_work("one array")),
    Aim("two threads to one, dense, mean (least)", [1.7, 1.7], [], False, _threads(sparse=False)),
    Aim("two threads to one, sparse, mean (least)", [1.4, 1.4], [], False, _threads(sparse=True)),
)
"""Of single-bit sets where nothing else is said; the bare inflaters' figures, for streams of the default level."""
