# SPDX-License-Identifier: Apache-2.0
"""The walk through a stored Data Set that writes it as text, in memory that does not grow with the file."""

from collections.abc import Callable, Collection, Generator, Iterator
from typing import Final

from framedeflate.data_set.element import (
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    DataElement,
)
from framedeflate.data_set.layout import Tag
from framedeflate.errors import DicomFormatError
from framedeflate.web.metadata.find_value import FoundItem
from framedeflate.web.metadata.form import Form
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.metadata.scope import Scope
from framedeflate.web.metadata.values import BINARY_VRS, MAY_BE_BULK, attribute_of
from framedeflate.web.metadata.windowed_reader import WindowedReader

__all__ = ["BulkdataUri", "walk"]

BulkdataUri = Callable[[str], str]
"""Makes the URI of a value from its path below the instance: ``52009230/17/00289145/1/00660016``."""

INLINE_BINARY_NBYTES: Final = 1 << 10
"""Longer binary values are given by URI."""

INLINE_NBYTES: Final = 1 << 16
"""Longer values of any kind are: what a Value Length of 16 bits can say is always given whole."""

MAX_ATTRIBUTES: Final = 50_000_000
"""A Data Set of more is refused. 200 000 Frames of a Segmentation have a tenth."""

_MAX_ATTRIBUTES_OF_ONE: Final = 1 << 16
_OUT_NBYTES: Final = 1 << 16
_REMEMBERED_NBYTES: Final = 512
_REMEMBERED_TEXTS: Final = 1 << 12
_TRIED_NBYTES: Final = 1 << 20

_ITEM_START: Final = b"\xfe\xff\x00\xe0"
_PIXEL_DATA: Final = frozenset({Tag.PIXEL_DATA, Tag.FLOAT_PIXEL_DATA, Tag.DOUBLE_FLOAT_PIXEL_DATA})


def walk(
    opened: OpenedDataSet,
    form: Form,
    bulkdata_uri: BulkdataUri,
    *,
    wanted: Collection[int] | None = None,
    item: FoundItem | None = None,
) -> Iterator[bytes]:
    """Yield a Data Set as text, in blocks of some 64 KiB.

    Group lengths and group 0002 are left out (PS3.18 F.2.2), and of an element that is there twice the second.
    Text is UTF-8, and Specific Character Set says so.

    Parameters
    ----------
    opened : OpenedDataSet
    form : Form
    bulkdata_uri : callable
    wanted : collection of int, optional
        Tags of the top-level attributes to write; all of them where it is None.
    item : FoundItem, optional
        An Item to write in the place of the whole Data Set.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` | ``too-deep`` | ``too-large``.
    """
    blocks: list[bytes] = []
    nbytes = 0
    for text in _Walk(opened, form, bulkdata_uri, wanted).run(item):
        blocks.append(text)
        nbytes += len(text)
        if nbytes >= _OUT_NBYTES:
            yield b"".join(blocks)
            blocks.clear()
            nbytes = 0
    yield b"".join(blocks)


class _Walk:
    def __init__(
        self, opened: OpenedDataSet, form: Form, bulkdata_uri: BulkdataUri, wanted: Collection[int] | None
    ) -> None:
        self._opened = opened
        self._form = form
        self._bulkdata_uri = bulkdata_uri
        self._wanted = wanted
        self._left = MAX_ATTRIBUTES
        # Frames of one image say the same many thousand times.
        self._texts: dict[tuple[object, ...], bytes] = {}

    def run(self, item: FoundItem | None) -> Iterator[bytes]:
        opened = self._opened
        yield self._form.data_set_start
        if item is not None:
            yield from self._data_set(
                item.reader, item.position, item.stop, item.scope, delimited=item.is_undefined_length
            )
        else:
            reader = WindowedReader(
                opened.source, opened.stop, implicit_vr=opened.implicit_vr, big_endian=opened.big_endian
            )
            scope = Scope(opened.specific_character_set, opened.pixel_representation)
            yield from self._data_set(reader, opened.position, opened.stop, scope, delimited=False)
        yield self._form.data_set_end

    def _data_set(
        self,
        reader: WindowedReader,
        at: int,
        stop: int,
        scope: Scope,
        *,
        delimited: bool,
    ) -> Generator[bytes, None, int]:
        between, seen = b"", set[int]()
        pixel_data = self._opened.pixel_data if scope.depth == 0 else None
        while at < stop:
            if pixel_data is not None and at == pixel_data.header_position:
                # Its length may not be that of what is there.
                yield from self._pixel_data(between, scope)
                between = self._form.between_attributes
                at = self._behind_pixel_data(reader, stop)
                continue
            element = reader.header(at, stop)
            tag = element.tag
            if tag == ITEM_DELIMITATION and delimited:
                return element.value_at
            if tag >> 16 == 0xFFFE:
                reader.fail("an Item or delimiter outside a sequence", kind="bad-structure", at=element.at)
            if scope.depth == 0 and self._wanted is not None and tag not in self._wanted:
                if not self._wanted or tag > max(self._wanted):
                    return at
                self._look_at(reader, element, scope)
                at = reader.end_of(element, stop, scope.depth)
                continue
            if not tag & 0xFFFF or tag >> 16 == 2 or tag in seen:
                at = reader.end_of(element, stop, scope.depth)
                continue
            seen.add(tag)
            self._count(reader, seen, element.at)
            yield between
            between = self._form.between_attributes
            at = yield from self._element(reader, element, stop, scope)
        if delimited:
            reader.fail("the Data Set ends inside an Item", kind="truncated", at=at)
        return at

    def _count(self, reader: WindowedReader, seen: set[int], at: int) -> None:
        self._left -= 1
        if self._left < 0 or len(seen) > _MAX_ATTRIBUTES_OF_ONE:
            reader.fail("more attributes than any instance has", kind="too-large", at=at)

    def _look_at(self, reader: WindowedReader, element: DataElement, scope: Scope) -> None:
        if element.nbytes <= INLINE_BINARY_NBYTES:
            value = reader.value(element.value_at, element.value_at + element.nbytes)
            scope.remember(element.tag, value, big_endian=reader.big_endian)

    def _element(
        self,
        reader: WindowedReader,
        element: DataElement,
        stop: int,
        scope: Scope,
    ) -> Generator[bytes, None, int]:
        tag = element.tag
        is_from_dictionary = element.vr in (b"", b"UN")
        if element.vr == b"UN" and not (reader.implicit_vr and not reader.big_endian):
            # Implicit VR Little Endian, whatever is around it (PS3.5 6.2.2 note).
            reader = reader.as_implicit()
        vr = scope.vr_of(element)
        if element.is_undefined_length:
            if element.vr in (b"OB", b"OW") or tag == Tag.PIXEL_DATA:
                yield self._bulk(tag, vr, scope)
                return reader.end_of(element, stop, scope.depth)
            if element.vr not in (b"", b"SQ", b"UN"):
                reader.fail(
                    "only sequences and encapsulated data may have an undefined length",
                    kind="bad-structure",
                    at=element.at,
                )
            return (yield from self._sequence(reader, element, stop, scope))
        end = element.value_at + element.nbytes
        if vr != b"SQ":
            yield self._value(reader, element, vr, scope)
        elif element.nbytes <= _REMEMBERED_NBYTES or (
            is_from_dictionary and tag >> 16 & 1 and element.nbytes <= _TRIED_NBYTES
        ):
            yield self._short_sequence(reader, element, scope, sure=not is_from_dictionary)
        else:
            yield from self._sequence(reader, element, end, scope)
        return end

    def _value(self, reader: WindowedReader, element: DataElement, vr: bytes, scope: Scope) -> bytes:
        tag, nbytes = element.tag, element.nbytes
        limit = INLINE_BINARY_NBYTES if vr in BINARY_VRS else INLINE_NBYTES
        if nbytes > limit or (tag in _PIXEL_DATA and nbytes):
            # A value that a 16-bit length cannot state, of a kind that has no URI, is unknown (PS3.5 6.2.2).
            return self._bulk(tag, vr if vr in MAY_BE_BULK else b"UN", scope)
        value = reader.value(element.value_at, element.value_at + nbytes)
        scope.remember(tag, value, big_endian=reader.big_endian)
        key = (tag, vr, value, scope.character_set, scope.creator(tag), reader.big_endian)
        text = self._texts.get(key)
        if text is None:
            model = attribute_of(vr, value, big_endian=reader.big_endian, character_set=scope.character_set)
            if tag == Tag.SPECIFIC_CHARACTER_SET:
                model["Value"] = ["ISO_IR 192"]
            text = self._form.attribute(tag, scope.creator(tag), model)
            self._remember(key, text, nbytes)
        return text

    def _remember(self, key: tuple[object, ...], text: bytes, nbytes: int) -> None:
        if nbytes <= _REMEMBERED_NBYTES:
            if len(self._texts) >= _REMEMBERED_TEXTS:
                self._texts.clear()
            self._texts[key] = text

    def _bulk(self, tag: int, vr: bytes, scope: Scope) -> bytes:
        uri = self._bulkdata_uri(f"{scope.path}{tag:08X}")
        return self._form.attribute(tag, scope.creator(tag), {"vr": vr.decode("ascii"), "BulkDataURI": uri})

    def _short_sequence(
        self,
        reader: WindowedReader,
        element: DataElement,
        scope: Scope,
        *,
        sure: bool,
    ) -> bytes:
        """Return a sequence of defined length as a whole; as unknown bytes where only the dictionary calls it one."""
        tag, end = element.tag, element.value_at + element.nbytes
        key: tuple[object, ...] = ()
        if element.nbytes <= _REMEMBERED_NBYTES:
            value = reader.value(element.value_at, end)
            creator, signed = scope.creator(tag), scope.pixel_representation
            key = (tag, value, scope.character_set, creator, signed, reader.implicit_vr, reader.big_endian)
            if (text := self._texts.get(key)) is not None:
                return text
        try:
            text = b"".join(self._sequence(reader, element, end, scope))
        except DicomFormatError:
            if sure or not tag >> 16 & 1:
                raise
            return self._value(reader, element, b"UN", scope)
        self._remember(key, text, element.nbytes)
        return text

    def _sequence(
        self,
        reader: WindowedReader,
        element: DataElement,
        stop: int,
        scope: Scope,
    ) -> Generator[bytes, None, int]:
        reader.check_depth(scope.depth, element.at)
        form, tag, at, number = self._form, element.tag, element.value_at, 0
        while element.is_undefined_length or at < stop:
            item = reader.header(at, stop)
            if item.tag == SEQUENCE_DELIMITATION:
                at = item.value_at
                break
            reader.check_item(item)
            number += 1
            yield form.between_items if number > 1 else form.sequence_start(tag, scope.creator(tag))
            yield form.item_start(number)
            end = stop if item.is_undefined_length else item.value_at + item.nbytes
            at = yield from self._data_set(
                reader,
                item.value_at,
                end,
                scope.inner(tag, number),
                delimited=item.is_undefined_length,
            )
            yield form.item_end
        # Without Items it has no Value (F.2.5), though none is missing.
        yield form.sequence_end if number else form.attribute(tag, scope.creator(tag), {"vr": "SQ"})
        return at

    def _pixel_data(self, between: bytes, scope: Scope) -> Iterator[bytes]:
        element = self._opened.pixel_data
        if element is None or (self._wanted is not None and element.tag not in self._wanted):
            return
        encoded = b"OB" if element.is_undefined_length else b"OW"
        vr = element.vr if element.vr in (b"OB", b"OW") else encoded
        yield between
        if element.value_nbytes:
            yield self._bulk(element.tag, vr, scope)
        else:
            yield self._form.attribute(element.tag, "", {"vr": vr.decode("ascii")})

    def _behind_pixel_data(self, reader: WindowedReader, stop: int) -> int:
        """Return where the walk goes on; `stop` where Pixel Data is cut off."""
        element = self._opened.pixel_data
        if element is None or not element.is_undefined_length:
            return stop if element is None else min(element.end_position, stop)
        header = reader.header(element.header_position, stop)
        try:
            return reader.end_of(header, stop)
        except DicomFormatError:
            return stop
