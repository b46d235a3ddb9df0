# SPDX-License-Identifier: Apache-2.0
"""A sample of an archive from one pass over its listing, and what it says of the whole, with an interval.

Each draw takes one byte of the archive at random, and with it the file in which that byte lies: a file of twice the
size is drawn twice as often (sampling with probability proportional to size, with replacement). For a draw, what
matters is the ratio of the file's size afterwards to that before. The mean of these ratios is an unbiased estimate of
the archive's ratio (Hansen and Hurwitz, 1943), however few large files hold most of the bytes, and the draws are
independent of each other, so the interval is that of a mean.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist, fmean, stdev
from typing import Final, Generic, TypeVar

__all__ = ["Estimate", "Sample", "draw", "estimate"]

T = TypeVar("T")

_LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """Some of a listing, drawn by size.

    Attributes
    ----------
    draws : list
        Items, in no order; the same one may be there several times.
    count, nbytes : int
        Items in the whole listing, and their bytes.
    """

    draws: list[T]
    count: int
    nbytes: int


def draw(items: Iterable[tuple[T, int]], draws: int, random: Random) -> Sample[T]:
    """Draw from (item, size) pairs in one pass; memory holds the draws alone.

    Parameters
    ----------
    items : iterable of (item, int)
        In any order. Items of size 0 are counted and never drawn.
    draws : int
        How many.
    """
    kept: list[T] = []
    count = nbytes = 0
    # Each draw is a reservoir of one: a new item takes its place with the share that it has of all bytes so far. Going
    # from one that changes to the next by a geometric step costs nothing where the share is small.
    for item, size in items:
        count += 1
        if not size:
            continue
        nbytes += size
        if not kept:
            kept = [item] * draws
            continue
        for index in _chosen(draws, size / nbytes, random):
            kept[index] = item
    return Sample(kept, count, nbytes)


def _chosen(count: int, share: float, random: Random) -> Iterable[int]:
    """Yield each index below `count` with the probability `share`, independently."""
    index = -1
    scale = math.log1p(-share) if share < 1 else -math.inf
    while True:
        index += 1 + int(math.log(1.0 - random.random()) / scale)
        if index >= count:
            return
        yield index


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total, and the interval that holds it 95 times in 100.

    Attributes
    ----------
    value, low, high : float
        In the unit of the total.
    """

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Estimate":
        """Return all three times a factor."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def estimate(ratios: Sequence[float], *, least: float = 0.0, most: float | None = None) -> Estimate:
    """Return the mean of independent draws with its interval.

    The interval is Student's, about the mean, with the spread of the draws and two more: one at either end of what is
    possible. Without these, draws that happen to be alike, because what is rare was not met, would claim a
    certainty that they do not have (Agresti and Coull's idea for proportions). A simulation in the tests shows how
    often it holds the truth.

    Parameters
    ----------
    ratios : sequence of float
        Two or more.
    least, most : float
        The ends of what is possible; `most` is 1, or the largest draw where that is more.
    """
    top = max(1.0 if most is None else most, *ratios)
    mean = fmean(ratios)
    spread = stdev([*ratios, least, top])
    half = _student(len(ratios) - 1) * spread / math.sqrt(len(ratios))
    return Estimate(mean, max(least, mean - half), min(top, mean + half))


def _student(freedom: int) -> float:
    """Return the two-sided quantile of Student's t, by Cornish and Fisher's series; at freedom 1 the exact one."""
    if freedom == 1:
        return 1 / math.tan(math.pi * (1 - _LEVEL) / 2)
    z = NormalDist().inv_cdf((1 + _LEVEL) / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
