# SPDX-License-Identifier: Apache-2.0
"""Contestants take turns, so that whatever else the machine does falls on all of them."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

__all__ = ["LEAST_SECONDS", "WrongResultError", "take_turns"]

Result = TypeVar("Result")

LEAST_SECONDS: Final = 0.01
"""A turn lasts that long at least: a sparse set is coded in less than the clock and the scheduler can tell apart."""


class WrongResultError(Exception):
    """A contestant's output is not what the judge expects: its time means nothing."""


def take_turns(
    contestants: Mapping[str, Callable[[], Result]],
    check: Callable[[str, Result], None],
    rounds: int,
    *,
    clock: Callable[[], float] = time.process_time,
    least_seconds: float = LEAST_SECONDS,
) -> dict[str, float]:
    """Return the median seconds of each.

    Each runs once before the first round. That run warms it up, is given to `check`, and tells how often it must
    be repeated to fill a turn. Every round begins with another one, since each leaves the next one its caches.

    Parameters
    ----------
    contestants : mapping of callables
        By name.
    check : callable
        Given name and output; raises WrongResultError.
    clock : callable
        Processor time of the process by default, so that another process' work is not counted.
    """
    names = list(contestants)
    repeats = {}
    for name in names:
        start = clock()
        output = contestants[name]()
        repeats[name] = max(1, round(least_seconds / max(clock() - start, 1e-7)))
        check(name, output)
        del output
    seconds: dict[str, list[float]] = {name: [] for name in names}
    collects = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(_turn(contestants[name], repeats[name], clock))
    finally:
        if collects:
            gc.enable()
    return {name: statistics.median(times) for name, times in seconds.items()}


def _turn(contestant: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(repeats):
        contestant()
    return (clock() - start) / repeats
