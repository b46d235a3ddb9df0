# SPDX-License-Identifier: Apache-2.0
"""Which bytes hold the Fragments of chosen Frames: from the Items that were all walked over, or from a table."""

import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from framedeflate import engine
from framedeflate.byte_source import Plan
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.encapsulation import ITEM_HEADER_NBYTES, ITEM_TAG
from framedeflate.fragment_inflation import MAX_EXPANSION, check_expansion
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.offset_tables import ItemPositions, read_item_positions
from framedeflate.range_plan import RangePlan, one_at_a_time, together

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Fragments", "IndexedFragments", "TabledFragments", "plan_fragments"]

_SHORT_FRAGMENT_NBYTES: Final = 2048
_LAST_FRAGMENT_NBYTES: Final = 32 << 10
"""What is read of a last Fragment whose length no table tells, unless the others are shorter."""


class Fragments(Protocol):
    """The Fragments of each Frame, by index from 0."""

    @property
    def index(self) -> FrameIndex | None:
        """Where every Fragment is, as far as the Items were walked over."""

    def fetch(self, index: int, count: int) -> RangePlan["list[Buffer]"]:
        """Plan: the Fragments of neighbouring Frames, in one request where they lie close together.

        Raises
        ------
        FrameDecodeError
            A Fragment cannot hold its Frame.
        """

    def fetch_together(self, runs: Sequence[tuple[int, int]]) -> RangePlan["list[list[Buffer]]"]:
        """Plan: as `fetch`, for several runs (index, count) at once."""

    def bounds(self, index: int, count: int) -> "array[int]":
        """Return where the first of these Frames begins and, as far as is known, where each of them ends."""

    def require_plausible(self, indices: Iterable[int]) -> None:
        """Refuse Frames that their Fragments cannot hold, before anything is allocated for all of them.

        Raises
        ------
        FrameDecodeError
            For the first of them.
        """


def plan_fragments(
    layout: DataSetLayout, image_pixel: ImagePixel, *, believe_tables: bool
) -> Plan[Fragments]:
    """Plan: where the Fragments are.

    Parameters
    ----------
    believe_tables : bool
        Take an offset table that makes sense at its word until a Frame is read. Each Item that is read is held
        against it, the last one before all others, and where they differ all Items are walked over. As many offsets
        as Frames, each at an Item, can only be wrong where there are more Items than Frames; what this cannot see is
        such a file whose table leaves out an Item among Frames that were never read.

    Raises
    ------
    EncapsulationError
        As `index_frames`.
    """
    if believe_tables:
        table = yield from read_item_positions(layout, image_pixel.number_of_frames)
        if table is not None and _has_room(table, image_pixel):
            return TabledFragments(table.positions, table.end_position, image_pixel, layout)
    index = yield from index_frames(layout, image_pixel.number_of_frames)
    return IndexedFragments(index, image_pixel)


@dataclass(frozen=True, slots=True)
class IndexedFragments:
    """Fragments whose Items were all walked over.

    Attributes
    ----------
    index : FrameIndex
        Where each Frame's Fragments are.
    image_pixel : ImagePixel
        Describes the Frames.
    """

    index: FrameIndex
    image_pixel: ImagePixel

    def require_plausible(self, indices: Iterable[int]) -> None:
        """As `Fragments.require_plausible`."""
        if isinstance(self.index.first_fragments, range):
            # A Fragment a Frame, and millions of them perhaps: only those that are too short are looked at.
            chosen = np.fromiter(indices, np.int64)
            lengths = np.frombuffer(self.index.fragments.lengths, np.uint32)[chosen]
            indices = chosen[
                lengths.astype(np.int64) * MAX_EXPANSION < self.image_pixel.frame_nbytes
            ].tolist()
        for index in indices:
            nbytes = sum(stop - start for start, stop in self.index.byte_ranges(index))
            check_expansion(nbytes, self.image_pixel, frame_number=index + 1)

    def bounds(self, index: int, count: int) -> "array[int]":
        """As `Fragments.bounds`."""
        return self.index.bounds(index, count)

    def fetch(self, index: int, count: int) -> RangePlan["list[Buffer]"]:
        """As `Fragments.fetch`."""
        single = self.index.single_fragments(index, count)
        if single is None or max(single[1]) > _longest(self.image_pixel):
            return (yield from self._fetch_any(index, count))
        positions, lengths = single
        if min(lengths) * MAX_EXPANSION < self.image_pixel.frame_nbytes:
            self.require_plausible(range(index, index + count))
        first, last = positions[0], positions[-1] + lengths[-1]
        if last - first > 2 * sum(lengths) + (1 << 16):
            return (yield from self._fetch_any(index, count))
        (data,) = yield [(first, last)]
        return _cut(data, [position - first for position in positions], lengths)

    def fetch_together(self, runs: Sequence[tuple[int, int]]) -> RangePlan["list[list[Buffer]]"]:
        """As `Fragments.fetch_together`."""
        return together([self.fetch(*run) for run in runs])

    def _fetch_any(self, index: int, count: int) -> RangePlan["list[Buffer]"]:
        """As `fetch`, where a Frame is split, too long, or far from its neighbour."""
        self.require_plausible(range(index, index + count))
        places = [self._places(i) for i in range(index, index + count)]
        parts = iter((yield [part for of_frame in places for part in of_frame]))
        return [b"".join(next(parts) for _part in of_frame) for of_frame in places]

    def _places(self, index: int) -> list[tuple[int, int]]:
        """Return what to read of a Frame's Fragments: all, unless they are absurdly long for their Frame."""
        places = self.index.byte_ranges(index)
        limit = _longest(self.image_pixel)
        # What is cut off shows as bytes behind the stream, or as a stream that does not end.
        if sum(stop - start for start, stop in places) <= limit:
            return places
        kept = []
        for start, stop in places:
            kept.append((start, min(stop, start + limit)))
            limit -= kept[-1][1] - start
        return kept


class TabledFragments:
    """Fragments where an offset table says they are, until an Item contradicts it.

    Parameters
    ----------
    positions : array of int
        Of each Frame's Item.
    end_position : int
        Where the last Frame's Item ends at the latest.
    image_pixel : ImagePixel
        Describes the Frames.
    layout : DataSetLayout
        For walking over the Items, should the table be wrong.
    """

    def __init__(
        self, positions: "array[int]", end_position: int, image_pixel: ImagePixel, layout: DataSetLayout
    ) -> None:
        self._positions = positions
        self._end_position = end_position
        self._image_pixel = image_pixel
        self._layout = layout
        self._indexed: IndexedFragments | None = None
        self._is_tail_seen = False
        sizes = np.diff(np.frombuffer(positions, np.int64))
        self._longest_item = int(sizes.max(initial=0)) or _LAST_FRAGMENT_NBYTES

    @property
    def index(self) -> FrameIndex | None:
        """As `Fragments.index`: none until the table turned out to be wrong."""
        return None if self._indexed is None else self._indexed.index

    def require_plausible(self, indices: Iterable[int]) -> None:
        """As `Fragments.require_plausible`; a table that leaves a Frame too little is not believed to begin with."""
        if self._indexed is not None:
            self._indexed.require_plausible(indices)

    def bounds(self, index: int, count: int) -> "array[int]":
        """As `Fragments.bounds`."""
        bounds = self._positions[index : index + count + 1]
        return bounds if len(bounds) > count else bounds + array("q", [self._end_position])

    def fetch(self, index: int, count: int) -> RangePlan["list[Buffer]"]:
        """As `Fragments.fetch`."""
        if self._indexed is None:
            (fragments,) = yield from self._beside_tail([self._fetch_tabled(index, count)])
            if fragments is not None:
                return fragments
        indexed = yield from self._walked()
        return (yield from indexed.fetch(index, count))

    def fetch_together(self, runs: Sequence[tuple[int, int]]) -> RangePlan["list[list[Buffer]]"]:
        """As `Fragments.fetch_together`. One walk serves all runs, of which there may be thousands."""
        if self._indexed is None:
            found = yield from self._beside_tail([self._fetch_tabled(*run) for run in runs])
            fetched = [fragments for fragments in found if fragments is not None]
            if len(fetched) == len(runs):
                return fetched
        indexed = yield from self._walked()
        return (yield from indexed.fetch_together(runs))

    def check_tail(self) -> RangePlan[bool]:
        """Plan: whether the last offset is that of an Item that ends in the file; else the table is not believed.

        A table that is an Item short, or one that was shifted, has its last offset beside all Items.
        """
        last = self._positions[-1]
        (header,) = yield [(last, last + ITEM_HEADER_NBYTES)]
        self._is_tail_seen = True
        is_item = len(header) == ITEM_HEADER_NBYTES and header[:4] == ITEM_TAG
        if is_item and last + len(header) + struct.unpack_from("<I", header, 4)[0] <= self._end_position:
            return True
        yield from self._walked()
        return False

    def _beside_tail(
        self, plans: "list[RangePlan[list[Buffer] | None]]"
    ) -> "RangePlan[list[list[Buffer] | None]]":
        """Plan: what `plans` find, or None for each where the tail, looked at with the first of them, is wrong."""
        if self._is_tail_seen:
            return (yield from together(plans))
        beside: list[RangePlan[Any]] = [self.check_tail(), *plans]
        is_right, *found = yield from together(beside)
        return found if is_right else [None] * len(plans)

    def _walked(self) -> RangePlan[IndexedFragments]:
        """Plan: walk over the Items, where nobody did."""
        if self._indexed is None:
            walk = index_frames(self._layout, self._image_pixel.number_of_frames)
            self._indexed = IndexedFragments((yield from one_at_a_time(walk)), self._image_pixel)
        return self._indexed

    def _stop(self, index: int) -> int:
        is_last = index + 1 == len(self._positions)
        return self._end_position if is_last else self._positions[index + 1]

    def _fetch_tabled(self, index: int, count: int) -> RangePlan["list[Buffer] | None"]:
        """Plan: the Fragments, or None where the Items are not those of the table."""
        positions = self._positions[index : index + count]
        first, stop = positions[0], self._stop(index + count - 1)
        longest = _longest(self._image_pixel) + ITEM_HEADER_NBYTES
        ends_file = index + count == len(self._positions)
        if ends_file:
            # Nothing tells where the last Item ends; the file may go on for gigabytes behind it.
            likely = min(self._longest_item, _LAST_FRAGMENT_NBYTES, longest)
            stop = min(stop, max(positions[-1] + likely, positions[-1] + 1024) + ITEM_HEADER_NBYTES)
        items = [*positions, stop]
        if max(after - before for before, after in pairwise(items)) > longest:
            return None
        (data,) = yield [(first, stop)]
        values, lengths, _end, _status = engine.scan_items(data, 0)
        if [first + value - ITEM_HEADER_NBYTES for value in values[:count]] != list(positions):
            return None
        behind = values[count - 1] + lengths[count - 1]
        if ends_file and lengths[count - 1] <= longest:
            missing = min(first + behind + ITEM_HEADER_NBYTES, self._end_position) - first - len(data)
            if missing > 0:
                (rest,) = yield [(first + len(data), first + len(data) + missing)]
                data += rest
            if data[behind : behind + 4] == ITEM_TAG:
                # The last Frame goes on in another Fragment.
                return None
        elif behind != len(data) or len(values) != count:
            return None
        if ends_file:
            check_expansion(lengths[count - 1], self._image_pixel, frame_number=index + count)
        return _cut(data, values[:count], lengths[:count])


def _has_room(table: ItemPositions, image_pixel: ImagePixel) -> bool:
    """Whether each Frame can lie between its Item and the next: else the table is wrong, or a Fragment is broken."""
    ends = np.append(np.frombuffer(table.positions, np.int64), table.end_position)
    shortest = int(np.diff(ends).min()) - ITEM_HEADER_NBYTES
    return shortest * MAX_EXPANSION >= image_pixel.frame_nbytes


def _cut(data: bytes, starts: "Iterable[int]", lengths: "Iterable[int]") -> "list[Buffer]":
    spans = list(zip(starts, lengths, strict=True))
    # Bytes are cut and looked at in less time than a view, as long as there are few to copy.
    block = data if len(data) < _SHORT_FRAGMENT_NBYTES * len(spans) else memoryview(data)
    return [block[start : start + nbytes] for start, nbytes in spans]


def _longest(image_pixel: ImagePixel) -> int:
    """Bytes of a Fragment beyond which it is absurdly long for its Frame.

    Stored blocks add 5 bytes to 65 535; a Fragment of gigabytes for a small Frame would only fill memory.
    """
    return 2 * image_pixel.frame_nbytes + (1 << 16)
