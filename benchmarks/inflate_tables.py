# SPDX-License-Identifier: Apache-2.0
"""The figures of bench_inflate as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ratios import geometric_mean
from tables import figure, markdown, plain

__all__ = ["BATCH", "ONE", "OURS", "SLACK", "WRITER", "ZLIB", "groups", "inflate", "mean_speed"]

ZLIB: Final = "zlib"
BATCH: Final = "ours, in batches"
ONE: Final = "ours, a Frame a call"
OURS: Final = "ours"
SLACK: Final = "libdeflate with slack"
WRITER: Final = "level 1"
"""Whose streams are shown set by set."""

Times = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By set, writer of the streams, and reader: time as a ratio to zlib's."""


def inflate(figures: dict[str, Any]) -> str:
    """Return the tables of the inflater: set by set for our streams, means for those of others, bare functions."""
    names = [one["name"] for one in figures["sets"]]
    parts = [
        f"Streams of {WRITER}, speed to zlib:\n\n" + _by_set(figures["python"], names),
        "By writer of the streams, speed to zlib, geometric means:\n\n"
        + _by_writer(figures["python"], figures["sets"]),
    ]
    if figures["native"]:
        parts.append(
            f"The bare functions, without Python around them, for streams of {WRITER}: ours to each of the others. "
            f"libdeflate is {figures['libdeflate']}; slack is 64 readable bytes behind the input.\n\n"
            + _bare(figures["native"], names)
        )
        parts.append(
            f"The bare functions by writer of the streams, ours to {SLACK}, geometric means:\n\n"
            + _bare_by_writer(figures["native"], figures["sets"])
        )
    return "\n\n".join(parts)


def groups(facts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the names of the sets that means are taken of, by what they have in common."""
    found: dict[str, list[str]] = {"sparse": [], "dense": [], "label maps": [], "photographic": []}
    for one in facts:
        density = "sparse" if one["is_sparse"] else "dense"
        found[{"1-bit": density, "label map": "label maps"}.get(one["kind"], "photographic")].append(
            one["name"]
        )
    return {name: sets for name, sets in found.items() if sets}


def mean_speed(times: Times, sets: Iterable[str], writer: str, reader: str, rival: str) -> float | None:
    """Return the geometric mean of a reader's speed to a rival's, or None where one of them was not run."""
    ratios = [_speed(times[name].get(writer, {}), reader, rival) for name in sets]
    known = [ratio for ratio in ratios if ratio is not None]
    return geometric_mean(known) if known and len(known) == len(ratios) else None


def _speed(readers: Mapping[str, float], reader: str, rival: str) -> float | None:
    return readers[rival] / readers[reader] if reader in readers and rival in readers else None


def _cell(speed: float | None) -> str:
    return "" if speed is None else f"x{figure(speed)}"


def _by_set(times: Times, sets: Sequence[str]) -> str:
    readers = [name for name in times[sets[0]][WRITER] if name != ZLIB] if sets else []
    rows = [
        [plain(name), *(_cell(_speed(times[name][WRITER], one, ZLIB)) for one in readers)] for name in sets
    ]
    return markdown(["", *readers], rows)


def _by_writer(times: Times, facts: Sequence[Mapping[str, Any]]) -> str:
    of = groups(facts)
    writers = list(dict.fromkeys(writer for one in times.values() for writer in one))
    readers = list(dict.fromkeys(name for one in times.values() for name in one[WRITER] if name != ZLIB))
    rows = [
        [writer, reader, *(_cell(mean_speed(times, sets, writer, reader, ZLIB)) for sets in of.values())]
        for writer in writers
        for reader in readers
    ]
    return markdown(["streams of", "inflated by", *of], rows)


def _bare(times: Times, sets: Sequence[str]) -> str:
    rivals = (ZLIB, "libdeflate", SLACK)
    rows = [
        [plain(name), *(_cell(_speed(times[name][WRITER], OURS, one)) for one in rivals)] for name in sets
    ]
    return markdown(["", *(f"to {rival}" for rival in rivals)], rows)


def _bare_by_writer(times: Times, facts: Sequence[Mapping[str, Any]]) -> str:
    of = groups(facts)
    writers = list(dict.fromkeys(writer for one in times.values() for writer in one))
    rows = [
        [writer, *(_cell(mean_speed(times, sets, writer, OURS, SLACK)) for sets in of.values())]
        for writer in writers
    ]
    return markdown(["streams of", *of], rows)
