# SPDX-License-Identifier: Apache-2.0
"""Where the value lies that a bulk data URI names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from framedeflate.data_set.element import (
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    DataElement,
)
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.metadata.scope import Scope
from framedeflate.web.metadata.windowed_reader import WindowedReader

__all__ = ["FoundItem", "FoundValue", "find_item", "find_value", "parse_path"]

_PATH: Final = re.compile(r"[0-9A-Fa-f]{8}(?:/[1-9][0-9]{0,8}/[0-9A-Fa-f]{8}){0,64}", re.ASCII)
_REMEMBERED_NBYTES: Final = 64


@dataclass(frozen=True, slots=True)
class FoundValue:
    """Where a value lies.

    Attributes
    ----------
    tag : int
    vr : str
        As the metadata has it.
    position : int
        First byte of the value in ``opened.source``; of the first Item where it is encapsulated.
    nbytes : int or None
        None where it is encapsulated, and ends with its delimiter.
    big_endian : bool
        Byte order of its words; on the web they are Little Endian.
    """

    tag: int
    vr: str
    position: int
    nbytes: int | None
    big_endian: bool


@dataclass(frozen=True, slots=True)
class FoundItem:
    """Where an Item lies.

    Attributes
    ----------
    reader : WindowedReader
        Reads what is in it.
    position, stop : int
        First byte of its Data Set, and the first behind it at the latest.
    is_undefined_length : bool
        Whether a delimiter ends it.
    scope : Scope
        What holds in it.
    """

    reader: WindowedReader
    position: int
    stop: int
    is_undefined_length: bool
    scope: Scope


def parse_path(path: str) -> tuple[int, ...] | None:
    """Return tag, Item number, tag, ... of a path such as ``52009230/17/00289145``; None where it is none."""
    if not _PATH.fullmatch(path):
        return None
    parts = path.split("/")
    return tuple(int(part, 10 if index & 1 else 16) for index, part in enumerate(parts))


def find_value(opened: OpenedDataSet, path: str) -> FoundValue | None:
    """Return where a value lies, None where there is none under this path.

    Parameters
    ----------
    opened : OpenedDataSet
    path : str
        As `walk` gives it to `bulkdata_uri`.

    Raises
    ------
    DicomFormatError
        As `walk`.
    """
    steps = parse_path(path)
    if steps is None:
        return None
    pixel_data = opened.pixel_data
    if pixel_data is not None and steps == (pixel_data.tag,):
        nbytes = None if pixel_data.is_undefined_length else pixel_data.value_nbytes
        vr = pixel_data.vr.decode("ascii") or ("OB" if nbytes is None else "OW")
        return FoundValue(pixel_data.tag, vr, pixel_data.value_position, nbytes, opened.big_endian)
    *into, tag = steps
    where = _descend(opened, into)
    if where is None:
        return None
    element = _element(where.reader, where.position, where.stop, tag, where.scope)
    if element is None:
        return None
    reader = where.reader.as_implicit() if element.vr == b"UN" else where.reader
    return _found(reader, element, where.scope)


def find_item(opened: OpenedDataSet, tag: int, number: int) -> FoundItem | None:
    """Return where an Item of a top-level sequence lies, by its number from 1; errors as `find_value`."""
    return _descend(opened, [tag, number])


def _descend(opened: OpenedDataSet, steps: Sequence[int]) -> FoundItem | None:
    """Return the Data Set, or the Item that tag, number, tag, number ... lead to."""
    reader = WindowedReader(
        opened.source, opened.stop, implicit_vr=opened.implicit_vr, big_endian=opened.big_endian
    )
    scope = Scope(opened.specific_character_set, opened.pixel_representation)
    here = FoundItem(reader, opened.position, opened.stop, is_undefined_length=False, scope=scope)
    for tag, number in zip(steps[::2], steps[1::2], strict=True):
        element = _element(here.reader, here.position, here.stop, tag, here.scope)
        if element is None:
            return None
        # The Items of UN are Implicit VR Little Endian, whatever is around them (PS3.5 6.2.2 note).
        reader = here.reader.as_implicit() if element.vr == b"UN" else here.reader
        item = _item(reader, element, here.stop, number, here.scope.depth)
        if item is None:
            return None
        stop = here.stop if item.is_undefined_length else item.value_at + item.nbytes
        here = FoundItem(reader, item.value_at, stop, item.is_undefined_length, here.scope.inner(tag, number))
    return here


def _element(reader: WindowedReader, at: int, stop: int, tag: int, scope: Scope) -> DataElement | None:
    """Return the first element of this tag in a Data Set or Item."""
    while at < stop:
        element = reader.header(at, stop)
        if element.tag == ITEM_DELIMITATION:
            return None
        if element.tag >> 16 == 0xFFFE:
            reader.fail("an Item or delimiter outside a sequence", kind="bad-structure", at=element.at)
        if element.tag == tag:
            return element
        if element.nbytes <= _REMEMBERED_NBYTES:
            value = reader.value(element.value_at, element.value_at + element.nbytes)
            scope.remember(element.tag, value, big_endian=reader.big_endian)
        at = reader.end_of(element, stop, scope.depth)
    return None


def _item(
    reader: WindowedReader, element: DataElement, stop: int, number: int, depth: int
) -> DataElement | None:
    """Return the header of an Item by its number, from 1."""
    if element.vr not in (b"", b"SQ", b"UN"):
        return None
    at = element.value_at
    end = stop if element.is_undefined_length else at + element.nbytes
    reader.check_depth(depth, element.at)
    while element.is_undefined_length or at < end:
        item = reader.header(at, end)
        if item.tag == SEQUENCE_DELIMITATION:
            return None
        reader.check_item(item)
        number -= 1
        if not number:
            return item
        at = reader.end_of_item(item, end, depth)
    return None


def _found(reader: WindowedReader, element: DataElement, scope: Scope) -> FoundValue | None:
    vr = scope.vr_of(element)
    if element.nbytes != UNDEFINED_LENGTH:
        if element.vr == b"SQ":
            return None
        # Where only a dictionary calls it a sequence, its bytes may be asked for.
        name = "UN" if vr == b"SQ" else vr.decode("ascii")
        return FoundValue(element.tag, name, element.value_at, element.nbytes, reader.big_endian)
    if element.vr in (b"SQ", b"UN") or not (element.vr or vr in (b"OB", b"OW")):
        return None
    return FoundValue(element.tag, vr.decode("ascii"), element.value_at, None, reader.big_endian)
