# SPDX-License-Identifier: Apache-2.0
"""Many byte ranges as few requests: which neighbours to ask for together, and what of the answers was wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Group", "coalesce", "cut"]


@dataclass(frozen=True, slots=True)
class Group:
    """Ranges that are read as one.

    Attributes
    ----------
    start, stop : int
        The bytes that cover them all, stop exclusive.
    indices : tuple of int
        Which of the ranges.
    """

    start: int
    stop: int
    indices: tuple[int, ...]


def coalesce(ranges: Sequence[tuple[int, int]], *, gap_nbytes: int, max_nbytes: int) -> list[Group]:
    """Group neighbouring ranges, which may overlap, repeat, be empty, and come in any order.

    Parameters
    ----------
    ranges : sequence of (start, stop)
        In bytes, stop exclusive. An empty range belongs to no group.
    gap_nbytes : int
        Bytes between two ranges that nobody wants are read with them up to so many: another request costs more.
    max_nbytes : int
        A group of several ranges covers no more. One range may: it is not for this function to cut it.

    Returns
    -------
    list of Group
        By ascending start.
    """
    order = sorted((start, stop, index) for index, (start, stop) in enumerate(ranges) if start < stop)
    groups: list[Group] = []
    indices: list[int] = []
    first = end = 0
    for start, stop, index in order:
        near = start <= end + gap_nbytes and stop - first <= max_nbytes
        if indices and (near or stop <= end):
            end = max(end, stop)
            indices.append(index)
            continue
        if indices:
            groups.append(Group(first, end, tuple(indices)))
        first, end, indices = start, stop, [index]
    if indices:
        groups.append(Group(first, end, tuple(indices)))
    return groups


def cut(
    ranges: Sequence[tuple[int, int]], groups: Sequence[Group], blocks: Sequence[bytes | memoryview]
) -> list[bytes]:
    """Return the bytes of each range, out of the `blocks` that were read for the `groups`.

    A block may be shorter than its group, where the source ends: so are its ranges then.
    """
    found = [b""] * len(ranges)
    for group, block in zip(groups, blocks, strict=True):
        for index in group.indices:
            start, stop = ranges[index]
            found[index] = bytes(block[start - group.start : stop - group.start])
    return found
