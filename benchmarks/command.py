# SPDX-License-Identifier: Apache-2.0
"""What all the benchmarks' command lines have in common."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import results
import rivals
from frame_sets import SHARED, FrameSet, all_sets
from interleave import LEAST_SECONDS

__all__ = ["Options", "run"]

_QUICK_FRAMES = 2


@dataclass(frozen=True)
class Options:
    """How much is to be measured.

    Attributes
    ----------
    rounds : int
        Of which each figure is the median.
    quick : bool
        Two Frames a set, one round, the quick coders: to see that all of it still runs.
    """

    rounds: int
    quick: bool
    only: Sequence[str] = ()
    frames: Path = SHARED

    def chosen(self, names: Sequence[str]) -> Sequence[str]:
        """Return those of `names` that were asked for: all, unless told."""
        if unknown := set(self.only) - set(names):
            raise SystemExit(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return self.only or names

    @property
    def least_seconds(self) -> float:
        """How long a turn lasts at least."""
        return 0 if self.quick else LEAST_SECONDS

    def sets(self) -> list[FrameSet]:
        """Return the sets asked for, in the quick form with a few Frames of each."""
        sets = all_sets(self.frames)
        names = self.chosen([one.name for one in sets])
        sets = [one for one in sets if one.name in names]
        return [one.few(_QUICK_FRAMES) for one in sets] if self.quick else sets


def run(
    name: str,
    description: str,
    measure: Callable[[Options], dict[str, Any]],
    show: Callable[[dict[str, Any]], str],
    arguments: Sequence[str] | None,
) -> int:
    """Parse `arguments`, measure, print the tables, and store the result where that was asked for."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two Frames a set, the quick coders, one round")
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many (5)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these sets alone")
    parser.add_argument("--frames", type=Path, default=SHARED, metavar="FOLDER", help="of frames.json")
    parser.add_argument(
        "--store",
        type=Path,
        nargs="?",
        const=results.FOLDER,
        metavar="FOLDER",
        help="write the figures as JSON",
    )
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if given.only and given.store:
        parser.error(
            "--store takes a whole run: tables of some sets beside means of all would not be told apart"
        )
    options = Options(1 if given.quick else given.rounds, given.quick, given.only, given.frames)
    start = time.monotonic()
    figures = {"machine": results.machine(), "rounds": options.rounds, **measure(options)}
    print(show(figures))
    for rival in rivals.missing():
        print(f"{rival} is not installed: no row for it")
    print(f"{name}: {time.monotonic() - start:.0f} s")
    if given.store == results.FOLDER and (given.quick or not (given.frames / "frames.json").is_file()):
        print("not stored: the documents show full runs over the shared frames alone")
    elif given.store:
        print(f"written: {results.store(name, figures, given.store)}")
    return 0
