# SPDX-License-Identifier: Apache-2.0
"""Plans without any source: what is kept is not asked for again, and plans that run together get their own answers."""

from collections.abc import Generator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from framedeflate.byte_source import BytesSource, Plan
from framedeflate.header_memory import HeaderMemory
from framedeflate.range_plan import RangePlan, drive_ranges, one_at_a_time, together

DATA = bytes(i * 7 % 251 for i in range(40_000))
RANGES = st.lists(
    st.tuples(st.integers(0, len(DATA) + 100), st.integers(0, 9000)).map(lambda at: (at[0], at[0] + at[1])),
    max_size=30,
)


class Recording(BytesSource):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(DATA)
        self.asked: list[tuple[int, int]] = []

    def get_range(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return super().get_range(start, stop)


def reading(ranges: Sequence[tuple[int, int]]) -> Plan[list[bytes]]:
    answers = []
    for place in ranges:
        answers.append((yield place))
    return answers


@given(RANGES, st.integers(0, 9000))
def test_what_is_kept_is_not_asked_for_again(ranges: list[tuple[int, int]], known: int) -> None:
    source = Recording()
    memory = HeaderMemory(len(DATA), DATA[:known])
    answers = drive_ranges(memory.answer(reading(ranges)), source)
    assert answers == [DATA[start:stop] for start, stop in ranges]
    before = len(source.asked)
    assert drive_ranges(memory.answer(reading(ranges)), source) == answers
    assert len(source.asked) == before
    assert memory.requests == before
    assert all(DATA[:known].find(DATA[start:stop]) < 0 or stop > known for start, stop in source.asked)
    several = drive_ranges(memory.answer_ranges(at_once(ranges)), source)
    assert list(several) == answers
    assert len(source.asked) == before


@given(RANGES)
def test_what_is_too_much_is_forgotten_and_still_right(ranges: list[tuple[int, int]]) -> None:
    memory = HeaderMemory(len(DATA), max_kept_nbytes=5000)
    answers = drive_ranges(memory.answer(reading(ranges)), BytesSource(DATA))
    assert answers == [DATA[start:stop] for start, stop in ranges]


def at_once(ranges: Sequence[tuple[int, int]]) -> RangePlan[Sequence[bytes]]:
    return (yield ranges)


@given(st.lists(RANGES, max_size=6))
def test_plans_that_run_together_get_their_own_answers(several: list[list[tuple[int, int]]]) -> None:
    rounds = 0

    def counting() -> Generator[Sequence[tuple[int, int]], Sequence[bytes], list[list[bytes]]]:
        nonlocal rounds
        plan = together([one_at_a_time(reading(ranges)) for ranges in several])
        answer = None
        try:
            while True:
                request = next(plan) if answer is None else plan.send(answer)
                rounds += 1
                answer = yield request
        except StopIteration as done:
            result: list[list[bytes]] = done.value
            return result

    results = drive_ranges(counting(), BytesSource(DATA))
    assert results == [[DATA[start:stop] for start, stop in ranges] for ranges in several]
    assert rounds == max(map(len, several), default=0)
