# SPDX-License-Identifier: Apache-2.0
"""Plans that ask for several byte ranges at once, and their drivers: one for threads, one for coroutines.

A plan decides what to read and what to make of it, and never reads. So the same plan serves a file, memory, a web
server and an event loop, and is tested without any of them.
"""

from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

from framedeflate.byte_source import AsyncByteSource, ByteSource, Plan, read_ranges

__all__ = ["RangePlan", "drive_ranges", "drive_ranges_async", "one_at_a_time", "together"]

T = TypeVar("T")

Ranges: TypeAlias = Sequence[tuple[int, int]]

RangePlan: TypeAlias = Generator[Ranges, Sequence[bytes], T]
"""Asks for byte ranges (start, stop), is sent the bytes of each (fewer only at the end of the source), returns T."""


def one_at_a_time(plan: Plan[T]) -> RangePlan[T]:
    """Turn a plan that asks for one range after the other into one that may stand inside others."""
    try:
        request = next(plan)
        while True:
            (answer,) = yield [request]
            request = plan.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def together(plans: Sequence[RangePlan[T]]) -> RangePlan[list[T]]:
    """Let several plans ask at the same time, and return what each returns, in their order."""
    results: dict[int, T] = {}
    requests: dict[int, Ranges] = {}

    def go_on(number: int, answer: Sequence[bytes] | None) -> None:
        request, result = _step(plans[number], answer)
        if request is None:
            results[number] = result  # type: ignore[assignment]  # as in `drive_ranges_async`
        else:
            requests[number] = request

    for number in range(len(plans)):
        go_on(number, None)
    while requests:
        asked, requests = requests, {}
        answers = iter((yield [place for request in asked.values() for place in request]))
        for number, request in asked.items():
            go_on(number, [next(answers) for _place in request])
    return [results[number] for number in range(len(plans))]


def drive_ranges(plan: RangePlan[T], source: ByteSource) -> T:
    """Answer every request of `plan` from `source` and return what the plan returns."""
    try:
        request = next(plan)
        while True:
            request = plan.send(read_ranges(source, request))
    except StopIteration as done:
        result: T = done.value
        return result


async def drive_ranges_async(plan: RangePlan[T], source: AsyncByteSource) -> T:
    """As `drive_ranges`; what the plan computes runs in a thread, so that the event loop stays free."""
    import asyncio  # costs more to load than a small file to read; whoever runs this has it

    answer: Sequence[bytes] | None = None
    while True:
        request, result = await asyncio.to_thread(_step, plan, answer)
        if request is None:
            # Only a plan that has ended asks for nothing.
            return result  # type: ignore[return-value]
        answer = await source.get_ranges_async(request)


def _step(plan: RangePlan[T], answer: Sequence[bytes] | None) -> tuple[Ranges | None, T | None]:
    """Return the next request, or None and the result: a StopIteration cannot pass through a future."""
    try:
        return (next(plan) if answer is None else plan.send(answer)), None
    except StopIteration as done:
        return None, done.value
