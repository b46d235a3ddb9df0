# SPDX-License-Identifier: Apache-2.0
"""Many ranges as few requests, judged by sets of byte positions."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from framedeflate.coalescing import coalesce, cut
from framedeflate.remote_source.fetch_plan import GAP_NBYTES, FetchPlan

RANGES = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=12,
)
DATA = bytes(range(256)) + bytes(range(255, -1, -1))


def wanted(ranges: list[tuple[int, int]]) -> set[int]:
    return {position for start, stop in ranges for position in range(start, stop)}


@given(RANGES, st.integers(0, 40), st.integers(1, 200))
def test_each_range_is_in_one_group_and_no_group_is_longer_than_need_be(
    ranges: list[tuple[int, int]], gap: int, most: int
) -> None:
    groups = coalesce(ranges, gap_nbytes=gap, max_nbytes=most)
    indices = sorted(index for group in groups for index in group.indices)
    assert indices == [index for index, (start, stop) in enumerate(ranges) if start < stop]
    assert groups == sorted(groups, key=lambda group: group.start)
    for group in groups:
        members = [ranges[index] for index in group.indices]
        assert group.start == min(start for start, _ in members)
        assert group.stop == max(stop for _, stop in members)
        assert group.stop - group.start <= max(most, *(stop - start for start, stop in members))
        # Nowhere in it are more bytes than the gap that nobody wants.
        unwanted, longest = 0, 0
        inside = wanted(members)
        for position in range(group.start, group.stop):
            unwanted = 0 if position in inside else unwanted + 1
            longest = max(longest, unwanted)
        assert longest <= gap


@given(RANGES, st.integers(0, 40), st.integers(1, 200))
def test_neighbours_are_apart_for_a_reason(ranges: list[tuple[int, int]], gap: int, most: int) -> None:
    groups = coalesce(ranges, gap_nbytes=gap, max_nbytes=most)
    for before, after in pairwise(groups):
        first = ranges[after.indices[0]]
        assert first[0] > before.stop + gap or first[1] - before.start > most
        assert first[1] > before.stop


@given(RANGES, st.integers(0, 40), st.integers(1, 200))
def test_the_bytes_of_each_range_come_out(ranges: list[tuple[int, int]], gap: int, most: int) -> None:
    groups = coalesce(ranges, gap_nbytes=gap, max_nbytes=most)
    blocks = [DATA[group.start : group.stop] for group in groups]
    assert cut(ranges, groups, blocks) == [DATA[start:stop] for start, stop in ranges]


def test_the_order_of_equal_ranges_and_empty_ones_does_not_matter() -> None:
    ranges = [(50, 60), (0, 10), (7, 7), (50, 60), (5, 8), (100, 90)]
    groups = coalesce(ranges, gap_nbytes=0, max_nbytes=1000)
    assert [(group.start, group.stop) for group in groups] == [(0, 10), (50, 60)]
    assert cut(ranges, groups, [DATA[0:10], DATA[50:60]])[2:4] == [b"", DATA[50:60]]


@given(RANGES, st.integers(0, 400), st.integers(0, 512))
def test_a_plan_asks_for_nothing_known_and_gives_every_byte(
    ranges: list[tuple[int, int]], known: int, nbytes: int
) -> None:
    data = DATA[:nbytes]
    plan = FetchPlan.of(ranges, data[:known], nbytes)
    asked = wanted(plan.pieces)
    assert not asked & set(range(min(known, nbytes)))
    assert asked <= set(range(nbytes))
    assert plan.put_together([data[start:stop] for start, stop in plan.pieces]) == [
        data[start:stop] for start, stop in ranges
    ]


def test_long_ranges_are_read_in_pieces_and_near_ones_together() -> None:
    plan = FetchPlan.of([(0, 10 << 20)], b"", 10 << 20)
    assert plan.pieces == [(0, 4 << 20), (4 << 20, 8 << 20), (8 << 20, 10 << 20)]
    near = FetchPlan.of([(0, 10), (10 + GAP_NBYTES, 20 + GAP_NBYTES)], b"", 1 << 20)
    assert near.pieces == [(0, 20 + GAP_NBYTES)]
    apart = FetchPlan.of([(0, 10), (11 + GAP_NBYTES, 20 + GAP_NBYTES)], b"", 1 << 20)
    assert apart.pieces == [(0, 10), (11 + GAP_NBYTES, 20 + GAP_NBYTES)]
