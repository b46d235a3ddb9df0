# SPDX-License-Identifier: Apache-2.0
"""Some values of every Item of a sequence, as a table: a row an Item, a column a value."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framedeflate import engine
from framedeflate.byte_source import Plan
from framedeflate.data_set.layout import DataSetLayout, Element
from framedeflate.errors import DicomFormatError

__all__ = ["ItemPath", "ItemTable", "scan_item_table"]

MAX_WINDOW_NBYTES: Final = 64 << 20
"""Longer sequences are read in parts; an Item of this size is refused. Real ones have some kilobytes."""


class ItemPath(NamedTuple):
    """Which value of an Item.

    Attributes
    ----------
    sequence : int
        Tag of a sequence in the Item, of which the first Item counts; 0 for the Item itself.
    tag : int
        Tag of the element in there.
    word_nbytes : int
        Size of its numbers; 1 for text.
    """

    sequence: int
    tag: int
    word_nbytes: int


@dataclass(frozen=True, slots=True)
class ItemTable:
    """The values found.

    Attributes
    ----------
    position : int
        Of the sequence, in bytes from the start of the file; for errors.
    paths : tuple of ItemPath
        What the columns are.
    values : bytes
        All values one behind the other; words in Little Endian.
    starts : ndarray
        Where those of each Item begin in `values`. Shape (Items,).
    nbytes : ndarray
        Size of each value, -1 where there is none. Shape (Items, paths). Sizes are kept small, and places are summed up
        where they are needed: an Item may be of 8 bytes, and a file full of them.
    """

    position: int
    paths: tuple[ItemPath, ...]
    values: bytes
    starts: NDArray[np.int64]  # shape (Items,)
    nbytes: NDArray[np.int16]  # shape (Items, paths)

    def __len__(self) -> int:
        return len(self.starts)

    def value(self, item: int, path: int) -> bytes:
        """Return a value, empty where there is none."""
        sizes = [max(0, nbytes) for nbytes in self.nbytes[item, : path + 1].tolist()]
        stop = int(self.starts[item]) + sum(sizes)
        return self.values[stop - sizes[-1] : stop]

    def column(self, path: int) -> list[bytes]:
        """Return a value of each Item, empty where there is none."""
        starts = self._starts_of(path)
        stops = (starts + np.maximum(self.nbytes[:, path], 0)).tolist()
        return [self.values[start:stop] for start, stop in zip(starts.tolist(), stops, strict=True)]

    def _starts_of(self, path: int) -> NDArray[np.int64]:
        before = self.starts.copy()
        for column in range(path):
            before += np.maximum(self.nbytes[:, column], 0)
        return before

    def numbers(self, path: int, kind: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the first number of each Item's value, 0 where it has none, and whether it has one.

        Parameters
        ----------
        kind : {"u", "i"}
            Unsigned or signed, of the path's word size.

        Raises
        ------
        DicomFormatError
            kind ``bad-value``: a value is shorter than a number.
        """
        word = self.paths[path].word_nbytes
        present = self.nbytes[:, path] > 0
        starts = self._starts_of(path)[present]
        if (self.nbytes[present, path] < word).any():
            raise self.bad_value(path)
        found = np.zeros(len(self), np.int64)
        # One row of bytes a number: an index for each byte costs less than a loop over Items.
        words = np.frombuffer(self.values, np.uint8)[starts[:, np.newaxis] + np.arange(word)]
        found[present] = words.view(f"<{kind}{word}")[:, 0]
        return found, present

    def bad_value(self, path: int) -> DicomFormatError:
        """Return the error for a value that is not what its tag asks for."""
        tag = self.paths[path].tag
        return DicomFormatError(
            f"a value of ({tag >> 16:04X},{tag & 0xFFFF:04X}) in the sequence at byte {self.position} is not what its "
            "Value Representation allows (PS3.5 6.2)",
            kind="bad-value",
            position=self.position,
        )


def scan_item_table(
    layout: DataSetLayout, tag: int, paths: tuple[ItemPath, ...], *, max_items: int
) -> Plan[ItemTable]:
    """Plan: read values of each Item of a top-level sequence; without Items where it is absent.

    Asks once for the whole sequence, or for 64 MiB at a time.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` (more than `max_items` Items included) | ``too-deep`` | ``too-large`` |
        ``bad-value``.
    """
    element = layout.elements.get(tag)
    values: list[bytes] = []
    sizes: list[NDArray[np.int16]] = [np.empty((0, len(paths)), np.int16)]
    if element is not None:
        _check_is_sequence(element)
        position, stop = element.value_position, _stop(layout, element)
        # PS3.5 6.2.2: the Items of UN are in Implicit VR Little Endian, whatever the Transfer Syntax.
        is_un = element.vr == b"UN"
        count = 0
        while position < stop:
            end = min(position + MAX_WINDOW_NBYTES, stop)
            window = yield (position, end)
            found, nbytes, resume, status, defect = engine.read_item_values(
                window,
                paths=paths,
                max_items=max_items - count,
                implicit_vr=layout.implicit_vr or is_un,
                big_endian=layout.big_endian and not is_un,
                delimited=element.is_undefined_length,
                last=end == stop or len(window) < end - position,
            )
            values.append(found)
            sizes.append(np.frombuffer(nbytes, np.int16).reshape(-1, len(paths)))
            count += len(sizes[-1])
            if status == "done":
                break
            if status != "more":
                raise _error(status, element, position + defect, max_items)
            if not resume:
                raise _error("long-item", element, position, max_items)
            position += resume
    joined = np.concatenate(sizes)
    item_nbytes = np.maximum(joined, 0).sum(axis=1, dtype=np.int64)
    return ItemTable(
        position=element.header_position if element is not None else layout.position,
        paths=paths,
        values=b"".join(values),
        starts=np.cumsum(item_nbytes) - item_nbytes,
        nbytes=joined,
    )


def _stop(layout: DataSetLayout, element: Element) -> int:
    """Return where a sequence ends at the latest."""
    if not element.is_undefined_length:
        return min(element.end_position, layout.end_position)
    # It is walked to its delimitation Item; what the scan noted behind it saves reading the pixels.
    later = [other.header_position for other in layout.elements.values()]
    return min(p for p in [*later, layout.end_position] if p > element.header_position)


def _check_is_sequence(element: Element) -> None:
    if element.vr not in {b"", b"SQ", b"UN"}:
        raise DicomFormatError(
            f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) is not stored as a sequence",
            kind="bad-structure",
            position=element.header_position,
        )


def _error(status: str, element: Element, position: int, max_items: int) -> DicomFormatError:
    name = f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X})"
    kinds = {"long-value": "bad-value", "many-items": "bad-structure", "long-item": "too-large"}
    messages = {
        "truncated": f"the sequence {name} ends inside a Data Element at byte {position}",
        "bad-structure": f"the sequence {name} cannot be walked beyond byte {position}",
        "too-deep": f"sequences are nested more than 64 deep at byte {position}",
        "long-value": f"the value at byte {position} is longer than any number, position or label",
        "many-items": f"the sequence {name} has more than the {max_items} Items that it may have",
        "long-item": f"an Item of the sequence {name} has more than {MAX_WINDOW_NBYTES} bytes",
    }
    return DicomFormatError(messages[status], kind=kinds.get(status, status), position=position)
