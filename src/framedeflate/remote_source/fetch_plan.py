# SPDX-License-Identifier: Apache-2.0
"""Which requests answer many ranges, and the ranges out of their answers: no request is made here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from framedeflate.coalescing import Group, coalesce, cut

__all__ = ["GAP_NBYTES", "PIECE_NBYTES", "FetchPlan"]

GAP_NBYTES: Final = 16 << 10
"""Bytes that nobody wants are read with their neighbours up to so many: at 10 MB/s they take 1.6 ms, less than any
round trip beyond the building."""

PIECE_NBYTES: Final = 4 << 20
"""The most that one request asks for: longer ranges are read in pieces, several at once."""


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What to ask for.

    Attributes
    ----------
    ranges : list of (start, stop)
        What is wanted, cut at the end of the file.
    groups : list of Group
        Neighbours among them.
    pieces : list of (start, stop)
        The requests, group after group.
    known : bytes
        The first bytes of the file, for which nobody need be asked.
    """

    ranges: list[tuple[int, int]]
    groups: list[Group]
    pieces: list[tuple[int, int]]
    known: bytes

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int]], known: bytes, nbytes: int) -> Self:
        """Plan the requests for `ranges` of a file of `nbytes` bytes that begins with `known`.

        Raises
        ------
        ValueError
            A range begins before the file.
        """
        if any(start < 0 for start, _ in ranges):
            raise ValueError("a range begins before byte 0")
        inside = [(start, min(stop, nbytes)) for start, stop in ranges]
        groups = coalesce(inside, gap_nbytes=GAP_NBYTES, max_nbytes=PIECE_NBYTES)
        pieces = [piece for group in groups for piece in _pieces(group, len(known))]
        return cls(inside, groups, pieces, known)

    def put_together(self, answers: Sequence[bytes]) -> list[bytes]:
        """Return the bytes of each range, from the answers to `pieces` in their order."""
        if len(self.ranges) == len(answers) == 1 and self.pieces == self.ranges:
            return list(answers)
        at = 0
        blocks = []
        for group in self.groups:
            count = len(_pieces(group, len(self.known)))
            blocks.append(b"".join([self.known[group.start : group.stop], *answers[at : at + count]]))
            at += count
        return cut(self.ranges, self.groups, blocks)


def _pieces(group: Group, known_nbytes: int) -> list[tuple[int, int]]:
    start = max(group.start, known_nbytes)
    return [(at, min(at + PIECE_NBYTES, group.stop)) for at in range(start, group.stop, PIECE_NBYTES)]
