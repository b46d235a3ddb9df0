# SPDX-License-Identifier: Apache-2.0
"""The reference's reader of values out of a sequence's Items; what it promises is in ``_native.pyi``."""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from framedeflate._reference_scan import (
    ITEM,
    ITEM_DELIMITATION,
    PIXEL_DATA,
    SEQUENCE_DELIMITATION,
    UNDEFINED,
    Header,
    read_header,
    require,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["read_item_values"]

_MAX_DEPTH: Final = 64
_MAX_VALUE_NBYTES: Final = 1024
_ITEM_ITSELF: Final = 0
_NONE: Final = -1


def read_item_values(
    window: "Buffer",
    *,
    paths: Sequence[tuple[int, int, int]],
    max_items: int,
    implicit_vr: bool,
    big_endian: bool,
    delimited: bool,
    last: bool,
) -> tuple[bytes, bytes, int, str, int]:
    require(0 <= max_items < 1 << 31, "max_items must be 0 to 2147483647")
    require(1 <= len(paths) <= 64, "there must be 1 to 64 paths")
    require(all(1 <= word <= 8 for _, _, word in paths), "a word must have 1 to 8 bytes")
    view = memoryview(window).cast("B")
    walk = _Walk(view, paths, last)
    try:
        walk.run(_Extent(len(view), delimited, implicit_vr, big_endian), max_items)
    except _Stop as stop:
        sizes = walk.sizes.tobytes()
        return bytes(walk.values), sizes, walk.resume, stop.status, stop.position


class _Stop(Exception):  # noqa: N818  (the walk's end, which need not be an error)
    def __init__(self, status: str, position: int = -1) -> None:
        self.status = status
        self.position = position
        super().__init__(status)


class _Extent(NamedTuple):
    """Part of the window that lies within something: what it holds may not reach beyond `end`."""

    end: int
    delimited: bool  # a delimitation Item ends it before
    implicit_vr: bool
    big_endian: bool


class _Walk:
    """Each method that reads something returns where it ends."""

    def __init__(self, view: memoryview, paths: Sequence[tuple[int, int, int]], last: bool) -> None:
        self.values = bytearray()
        self.sizes = array("h")
        self.resume = 0
        self._view = view
        self._last = last
        self._paths = paths
        self._sequences = {sequence for sequence, _, _ in paths} - {_ITEM_ITSELF}
        self._found: dict[tuple[int, int], tuple[int, int, bool]] = {}

    def run(self, whole: _Extent, max_items: int) -> NoReturn:
        """Read Item by Item until there is a reason to stop."""
        while True:
            at = self.resume
            if self._last and not whole.delimited and at == whole.end:
                raise _Stop("done")
            header = self._header(whole, at)
            if whole.delimited and header.tag == SEQUENCE_DELIMITATION:
                self.resume = at + header.nbytes
                raise _Stop("done")
            if header.tag == ITEM and len(self.sizes) >= max_items * len(self._paths):
                raise _Stop("many-items", at)
            self.resume = self._outer_item(header, whole, at)

    def _outer_item(self, header: Header, whole: _Extent, at: int) -> int:
        self._found = {}
        at = self._item(header, whole, at, _ITEM_ITSELF, 1)
        for sequence, tag, word in self._paths:
            start, stop, big_endian = self._found.get((sequence, tag), (0, -1, False))
            self.sizes.append(stop - start)
            value = bytearray(self._view[start : max(start, stop)])
            if big_endian:
                for i in range(0, len(value) - word + 1, word):
                    value[i : i + word] = value[i : i + word][::-1]
            self.values += value
        return at

    def _header(self, inside: _Extent, at: int) -> Header:
        header = read_header(self._view, at, inside.end, inside.implicit_vr, inside.big_endian)
        if isinstance(header, int):
            raise self._ends_early(inside, at)
        return header

    def _ends_early(self, inside: _Extent, at: int) -> _Stop:
        """Say what it means that the window ends within something, or something within what it holds."""
        if inside.end != len(self._view):
            return _Stop("bad-structure", at)
        return _Stop("truncated", at) if self._last else _Stop("more")

    def _enter(self, header: Header, around: _Extent, at: int) -> tuple[int, _Extent]:
        """Return where the value starts, and its extent."""
        start = at + header.nbytes
        if header.value_nbytes == UNDEFINED:
            return start, around._replace(delimited=True)
        if header.value_nbytes > around.end - start:
            raise self._ends_early(around, at)
        return start, around._replace(end=start + header.value_nbytes, delimited=False)

    def _item(self, header: Header, around: _Extent, at: int, group: int, depth: int) -> int:
        if header.tag != ITEM:
            raise _Stop("bad-structure", at)
        at, inside = self._enter(header, around, at)
        if not inside.delimited and group == _NONE:
            return inside.end
        while inside.delimited or at != inside.end:
            element = self._header(inside, at)
            if inside.delimited and element.tag == ITEM_DELIMITATION:
                return at + element.nbytes
            if element.tag >> 16 == 0xFFFE:
                raise _Stop("bad-structure", at)
            at = self._element(element, inside, at, group, depth)
        return at

    def _element(self, header: Header, around: _Extent, header_at: int, group: int, depth: int) -> int:
        inner = header.tag if group == _ITEM_ITSELF and header.tag in self._sequences else _NONE
        at, inside = self._enter(header, around, header_at)
        is_fragments = inside.delimited and (
            header.vr in {b"OB", b"OW"} or (header.tag == PIXEL_DATA and header.vr in {b"", b"UN"})
        )
        may_be_sequence = header.vr in {b"", b"SQ", b"UN"}
        if inside.delimited and not is_fragments and not may_be_sequence:
            raise _Stop("bad-structure", header_at)
        if not inside.delimited and (inner == _NONE or not may_be_sequence):
            if any((group, header.tag) == path[:2] for path in self._paths):
                self._find((group, header.tag), at, inside, header_at)
            return inside.end
        if is_fragments:
            return self._fragments(inside, at)
        if depth >= _MAX_DEPTH:
            raise _Stop("too-deep", header_at)
        if header.vr == b"UN":
            # PS3.5 6.2.2: its Items are in Implicit VR Little Endian, whatever the Transfer Syntax.
            inside = inside._replace(implicit_vr=True, big_endian=False)
        return self._sequence(inside, at, inner, depth + 1)

    def _find(self, path: tuple[int, int], at: int, value: _Extent, header_at: int) -> None:
        if path in self._found:
            return
        if value.end - at > _MAX_VALUE_NBYTES:
            raise _Stop("long-value", header_at)
        self._found[path] = (at, value.end, value.big_endian)

    def _sequence(self, inside: _Extent, at: int, group: int, depth: int) -> int:
        while inside.delimited or at != inside.end:
            item = self._header(inside, at)
            if inside.delimited and item.tag == SEQUENCE_DELIMITATION:
                return at + item.nbytes
            at = self._item(item, inside, at, group, depth)
            group = _NONE  # these sequences have a single Item; should there be more, the first counts
        return at

    def _fragments(self, inside: _Extent, at: int) -> int:
        while (item := self._header(inside, at)).tag != SEQUENCE_DELIMITATION:
            if item.tag != ITEM or item.value_nbytes == UNDEFINED:
                raise _Stop("bad-structure", at)
            _, value = self._enter(item, inside, at)
            at = value.end
        return at + item.nbytes
