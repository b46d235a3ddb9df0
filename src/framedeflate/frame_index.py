# SPDX-License-Identifier: Apache-2.0
"""Which Fragments make up each Frame: from the Items themselves, held against the offset tables (PS3.5 A.4).

The Items are the truth. A table only decides where there are more Fragments than Frames; where it is wrong and
there is one Fragment a Frame, the Frames are still told apart and the table is reported.
"""

import operator
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from framedeflate import engine
from framedeflate.byte_source import Plan
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.encapsulation import ITEM_HEADER_NBYTES
from framedeflate.errors import EncapsulationError
from framedeflate.offset_tables import read_basic_offsets, read_extended_lengths, read_extended_offsets
from framedeflate.problems import MAX_PROBLEMS, Problem, Severity

__all__ = [
    "FragmentTable",
    "FrameIndex",
    "index_frames",
    "scan_fragments",
]

_WINDOW_NBYTES = 1 << 12
_MAX_WINDOW_NBYTES = 1 << 20
_MANY_ITEMS = 16
_MAX_FRAGMENTS = 1 << 25
"""Twelve bytes of memory each. A server could send Items without end."""


@dataclass(frozen=True, slots=True)
class FragmentTable:
    """Place of every Fragment of one Pixel Data element.

    Attributes
    ----------
    basic_offset_table_nbytes : int
        Length of the first Item's value.
    offset_origin : int
        Position of the first byte behind the Basic Offset Table Item: what offsets count from.
    positions, lengths : array of int
        Position and length in bytes of every Fragment's value, in the file's order.
    end_position : int
        First byte behind the Pixel Data element.
    is_delimited : bool
        Whether a Sequence Delimitation Item was there; without one the file ends with the last Item.
    """

    basic_offset_table_nbytes: int
    offset_origin: int
    positions: "array[int]"
    lengths: "array[int]"
    end_position: int
    is_delimited: bool

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def nbytes(self) -> int:
        """Bytes of all Fragments, headers not counted."""
        return sum(self.lengths)


class _Offsets(NamedTuple):
    """The tables; each is empty where it is absent or has not one number a Frame."""

    basic: "array[int]"
    extended: "array[int]"
    lengths: "array[int]"


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Which Fragments hold each Frame.

    Attributes
    ----------
    fragments : FragmentTable
        Every Fragment.
    first_fragments : sequence of int
        Index of the first Fragment of each Frame, and after the last Frame the number of Fragments.
    problems : tuple of Problem
        What is wrong with the tables and Items, though the Frames can be told apart.
    """

    fragments: FragmentTable
    first_fragments: Sequence[int]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.first_fragments) - 1

    def byte_ranges(self, index: int) -> list[tuple[int, int]]:
        """Return (start, stop) of each Fragment value of Frame `index` (from 0), in bytes from the file's start."""
        table = self.fragments
        numbers = range(self.first_fragments[index], self.first_fragments[index + 1])
        return [(table.positions[n], table.positions[n] + table.lengths[n]) for n in numbers]

    def bounds(self, index: int, count: int) -> "array[int]":
        """Return where the first of `count` Frames from `index` on begins, and where each of them ends."""
        single = self.single_fragments(index, count)
        if single is None:
            ends = (self.byte_ranges(i)[-1][1] for i in range(index, index + count))
            return array("q", (self.byte_ranges(index)[0][0], *ends))
        positions, lengths = single
        return array("q", (positions[0], *map(operator.add, positions, lengths)))

    def single_fragments(self, index: int, count: int) -> "tuple[array[int], array[int]] | None":
        """Return positions and lengths of the Fragments of `count` Frames from `index` on.

        None where a Frame is split, which Frames of this Transfer Syntax never are.
        """
        if not isinstance(self.first_fragments, range):
            return None
        chosen = slice(index, index + count)
        return self.fragments.positions[chosen], self.fragments.lengths[chosen]


def scan_fragments(layout: DataSetLayout) -> Plan[FragmentTable]:
    """Plan: walk the Items of the top-level Pixel Data.

    Raises
    ------
    EncapsulationError
        kind ``native`` (a defined length, so no Items) | ``bad-item`` | ``truncated`` | ``fragment-count`` (millions).
    """
    pixel_data = layout.pixel_data
    if pixel_data is None or not pixel_data.is_undefined_length:
        at = layout.end_position if pixel_data is None else pixel_data.header_position
        raise EncapsulationError(
            "Pixel Data is native (it has a defined length) where its Transfer Syntax asks for Items",
            kind="native",
            position=at,
        )
    stop = layout.end_position
    positions, lengths = array("q"), array("I")
    resume, status, window_nbytes = pixel_data.value_position, 0, _WINDOW_NBYTES
    while status == 0 and resume < stop:
        window = yield (resume, min(resume + window_nbytes, stop))
        values, nbytes, ahead, status = engine.scan_items(window, 0)
        if status == 0 and not values:
            raise _truncated(resume)
        if len(positions) > _MAX_FRAGMENTS:
            raise EncapsulationError(
                f"Pixel Data holds more than {_MAX_FRAGMENTS} Fragments",
                kind="fragment-count",
                position=resume,
            )
        positions.extend(resume + value for value in values)
        lengths.extend(nbytes)
        resume += ahead
        # Small Fragments lie close together: one large window holds many. Large ones are stepped over.
        grow = len(values) >= _MANY_ITEMS
        window_nbytes = min(2 * window_nbytes, _MAX_WINDOW_NBYTES) if grow else _WINDOW_NBYTES
    if status == 2:
        raise EncapsulationError(
            f"there is no Item at byte {resume}, where one or the end of the sequence must be",
            kind="bad-item",
            position=resume,
        )
    if resume > stop:
        raise _truncated(positions[-1] - ITEM_HEADER_NBYTES if positions else resume)
    if not positions:
        raise EncapsulationError(
            "Pixel Data holds no Item, not even a Basic Offset Table", kind="bad-item", position=resume
        )
    table_position, table_nbytes = positions.pop(0), lengths.pop(0)
    return FragmentTable(table_nbytes, table_position + table_nbytes, positions, lengths, resume, status == 1)


def _truncated(position: int) -> EncapsulationError:
    return EncapsulationError(
        f"the file ends inside the Item at byte {position}: it was cut, or its length is wrong",
        kind="truncated",
        position=position,
    )


def index_frames(
    layout: DataSetLayout, number_of_frames: int, *, one_fragment_per_frame: bool = True
) -> Plan[FrameIndex]:
    """Plan: find the Fragments of each Frame.

    Parameters
    ----------
    number_of_frames : int
        As the Data Set states it; held against the Fragments before anything is allocated for it.
    one_fragment_per_frame : bool
        What the Transfer Syntax asks (PS3.5 A.4.13). Where it is false, many Fragments of a lone Frame are no
        problem, and neither are several of each Frame that a table tells apart.

    Raises
    ------
    EncapsulationError
        As `scan_fragments`; kind ``fragment-count``: Fragments that no table assigns to Frames.
    """
    table = yield from scan_fragments(layout)
    if len(table) < number_of_frames:
        # Before a table is read: its size and Number of Frames both belong to the file's writer.
        raise _miscounted(layout, table, number_of_frames, one_fragment_per_frame=one_fragment_per_frame)
    basic = yield from read_basic_offsets(
        table.offset_origin - table.basic_offset_table_nbytes,
        table.basic_offset_table_nbytes,
        number_of_frames,
    )
    extended = yield from read_extended_offsets(layout, number_of_frames)
    lengths = yield from read_extended_lengths(layout, number_of_frames)
    problems = _table_problems(layout, table, number_of_frames, _Offsets(basic, extended, lengths))
    if len(table) == number_of_frames:
        return FrameIndex(table, range(number_of_frames + 1), tuple(problems))
    if number_of_frames == 1 and len(table) > 1 and not one_fragment_per_frame:
        return FrameIndex(table, (0, len(table)), tuple(problems))
    starts = _fragments_at(table, extended or basic)
    if starts is None:
        raise _miscounted(layout, table, number_of_frames, one_fragment_per_frame=one_fragment_per_frame)
    if one_fragment_per_frame:
        for index, (first, behind) in enumerate(pairwise(starts)):
            if behind - first > 1 and len(problems) < MAX_PROBLEMS:
                message = f"the Frame is in {behind - first} Fragments; it must be one (PS3.5 A.4.13)"
                at = table.positions[first] - ITEM_HEADER_NBYTES
                problems.append(Problem("split-frame", "error", index + 1, at, message))
    return FrameIndex(table, starts, tuple(problems))


def _miscounted(
    layout: DataSetLayout, table: FragmentTable, number_of_frames: int, *, one_fragment_per_frame: bool
) -> EncapsulationError:
    rule = "; each Frame must be one Fragment (PS3.5 A.4.13)" if one_fragment_per_frame else " (PS3.5 A.4)"
    return EncapsulationError(
        f"there are {len(table)} Fragments for {number_of_frames} Frames, and no offset table that tells them "
        f"apart{rule}",
        kind="fragment-count",
        position=layout.elements[Tag.PIXEL_DATA].header_position,
    )


def _fragments_at(table: FragmentTable, offsets: Sequence[int]) -> "array[int] | None":
    """Return the Fragment at each offset and the number of Fragments, or None where an offset hits none."""
    if not offsets or offsets[0]:
        return None
    first_position = table.offset_origin + ITEM_HEADER_NBYTES
    if len(offsets) == len(table) and all(
        position - first_position == offset for position, offset in zip(table.positions, offsets, strict=True)
    ):
        # A Fragment a Frame, as is the rule: nothing to search for.
        return array("Q", range(len(table) + 1))
    starts = array("Q")
    for offset in offsets:
        position = first_position + offset
        found = bisect_left(table.positions, position)
        if found == len(table) or table.positions[found] != position or (starts and found <= starts[-1]):
            return None
        starts.append(found)
    starts.append(len(table))
    return starts


def _table_problems(
    layout: DataSetLayout, table: FragmentTable, number_of_frames: int, offsets: "_Offsets"
) -> list[Problem]:
    problems: list[Problem] = []

    def report(kind: str, severity: Severity, position: int, message: str) -> None:
        problems.append(Problem(kind, severity, None, position, message))

    here = layout.elements[Tag.PIXEL_DATA].value_position
    basic_nbytes = table.basic_offset_table_nbytes
    extended_element = layout.elements.get(Tag.EXTENDED_OFFSET_TABLE)
    lengths_element = layout.elements.get(Tag.EXTENDED_OFFSET_TABLE_LENGTHS)
    if basic_nbytes and basic_nbytes != 4 * number_of_frames:
        report(
            "basic-offset-table",
            "error",
            here,
            f"the Basic Offset Table has {basic_nbytes} bytes, not 4 for each of {number_of_frames} Frames (A.4)",
        )
    elif basic_nbytes and _fragments_at(table, offsets.basic) is None:
        report(
            "basic-offset-table", "error", here, "the Basic Offset Table does not point at the Frames (A.4)"
        )
    if extended_element is not None:
        at = extended_element.header_position
        if basic_nbytes:
            report(
                "both-offset-tables",
                "error",
                at,
                "a Basic and an Extended Offset Table are both filled (A.4)",
            )
        if _fragments_at(table, offsets.extended) is None:
            report(
                "extended-offset-table",
                "error",
                at,
                "the Extended Offset Table does not point at the Frames (PS3.3 Table C.7-11a)",
            )
    if (extended_element is None) != (lengths_element is None):
        present = extended_element or lengths_element
        at = present.header_position if present is not None else here
        report(
            "extended-offset-table", "error", at, "an Extended Offset Table and its Lengths come as a pair"
        )
    elif lengths_element is not None and not _lengths_fit(table, offsets.lengths):
        report(
            "extended-offset-table-lengths",
            "error",
            lengths_element.header_position,
            "the Extended Offset Table Lengths are not those of the Fragments (PS3.3 Table C.7-11a)",
        )
    if not table.is_delimited:
        report(
            "missing-delimiter",
            "error",
            table.end_position,
            "the file ends without the Sequence Delimitation Item that must close Pixel Data (PS3.5 A.4)",
        )
    return problems


def _lengths_fit(table: FragmentTable, lengths: Sequence[int]) -> bool:
    """Whether each length is its Fragment's, with or without the pad."""
    if len(lengths) != len(table):
        return False
    return all(there - 1 <= stated <= there for stated, there in zip(lengths, table.lengths, strict=True))
