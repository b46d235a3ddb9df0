# SPDX-License-Identifier: Apache-2.0
"""The walk that writes a Data Set anew in another encoding (PS3.5 7, A), or with nested images decoded.

Values are copied as bytes, never parsed and formatted again: text, numbers in text and odd values stay as they are.
Group lengths (gggg,0000), retired and wrong once anything is re-encoded, are left out, as the standard recommends
(PS3.5 7.2).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from framedeflate.data_set.element import (
    ITEM,
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    DataElement,
    ElementReader,
    explicit_header,
    implicit_header,
    replace_elements,
)
from framedeflate.data_set.implicit_vr import US_OR_SS, vr_of
from framedeflate.data_set.words import WORD_NBYTES, swapped
from framedeflate.errors import DicomFormatError

__all__ = ["DataSetRewriter", "EncapsulatedImage", "NativeImage"]

_PIXEL_DATA: Final = 0x7FE00010
_PIXEL_REPRESENTATION: Final = 0x00280103
_LUT_DESCRIPTOR: Final = 0x00283002
_MAX_SHORT_NBYTES: Final = 0xFFFE
_MAY_BE_UNDEFINED: Final = (b"", b"SQ", b"UN", b"OB", b"OW")


class EncapsulatedImage(NamedTuple):
    """Nested encapsulated Pixel Data, such as an Icon Image's.

    Attributes
    ----------
    attributes : dict of int to bytes
        Values of group 0028 of its Item, as far as they stand before it.
    items : list of bytes
        Values of the Items: the Basic Offset Table, then the Fragments.
    position : int
        Of the Pixel Data element in the file.
    """

    attributes: dict[int, bytes]
    items: list[bytes]
    position: int


class NativeImage(NamedTuple):
    """What takes the place of an EncapsulatedImage.

    Attributes
    ----------
    vr : bytes
        OB or OW.
    value : bytes
        Native Pixel Data, of even length.
    changes : dict of int to (bytes, bytes)
        VR and value of each attribute of the Item that differs now.
    """

    vr: bytes
    value: bytes
    changes: dict[int, tuple[bytes, bytes]]


@dataclass(slots=True)
class _Scope:
    """What one Data Set, or one Item, says about the elements in it."""

    start: int
    """Where it starts in the output."""

    pixel_representation: int | None = None
    undecided: list[int] = field(default_factory=list)
    """Places in the output of each VR that is US or SS by the Pixel Representation, which may come later."""

    creators: dict[int, str] = field(default_factory=dict)
    """Private Creators by group << 16 | block."""

    around: "_Scope | None" = None
    """The Data Set that holds this Item's sequence."""

    is_single_entry_lut: bool = False
    image: dict[int, bytes] = field(default_factory=dict)


class DataSetRewriter:
    """Walks a Data Set and writes it anew.

    Parameters
    ----------
    reader : ElementReader
        Over the source.
    implicit_vr : bool
        Whether to write Implicit VR; always Little Endian.
    decode_image : callable, optional
        Turns nested encapsulated Pixel Data into native; without it, its Items are copied.
    """

    def __init__(
        self,
        reader: ElementReader,
        *,
        implicit_vr: bool = False,
        decode_image: Callable[[EncapsulatedImage], NativeImage] | None = None,
    ) -> None:
        self._reader = reader
        self._header = implicit_header if implicit_vr else explicit_header
        self._to_implicit = implicit_vr
        self._decode_image = decode_image
        self._out = bytearray()

    def rewrite(self, pixel_representation: int | None = None) -> bytes:
        """Return the whole Data Set re-encoded.

        Parameters
        ----------
        pixel_representation : int, optional
            For elements that are US or SS by it, where no Data Set around them says it (pydicom's rule too: then US).
        """
        given = _Scope(0, pixel_representation or 0)
        scope = _Scope(0, around=given)
        self._data_set(0, len(self._reader.data), scope, 0, delimited=False)
        self._decide(scope, given)
        return bytes(self._out)

    def _data_set(self, at: int, stop: int, scope: _Scope, depth: int, *, delimited: bool) -> int:
        header = self._reader.header
        while at < stop:
            element = header(at, stop)
            if element.tag == ITEM_DELIMITATION and delimited:
                return element.value_at
            at = self._element(element, stop, scope, depth)
        if delimited:
            self._reader.fail("the Data Set ends inside an Item", kind="truncated", at=at)
        return at

    def _element(self, element: DataElement, stop: int, scope: _Scope, depth: int) -> int:
        tag = element.tag
        if tag >> 16 == 0xFFFE:
            self._reader.fail("an Item or delimiter outside a sequence", kind="bad-structure", at=element.at)
        if not tag & 0xFFFF:
            return self._reader.end_of(element, stop, depth)
        vr = element.vr or vr_of(tag, scope.creators, is_single_entry_lut=scope.is_single_entry_lut)
        if element.is_undefined_length:
            if element.vr not in _MAY_BE_UNDEFINED:
                self._reader.fail(
                    "only sequences and encapsulated data may have an undefined length",
                    kind="bad-structure",
                    at=element.at,
                )
            if tag == _PIXEL_DATA or vr in (b"OB", b"OW"):
                return self._encapsulated(element, vr, stop, scope)
            if vr == b"UN" and element.vr:
                return self._copy_unknown(element, stop, depth)
            return self._sequence(element, stop, scope, depth)
        if vr == b"SQ":
            return self._defined_sequence(element, scope, depth)
        return self._value(element, vr, scope)

    def _value(self, element: DataElement, vr: bytes, scope: _Scope) -> int:
        tag, end = element.tag, element.value_at + element.nbytes
        value = self._reader.data[element.value_at : end]
        if self._reader.big_endian:
            value = swapped(value, WORD_NBYTES.get(vr, 1))
        self._remember(tag, value, scope)
        is_undecided, vr = vr == US_OR_SS, vr if vr != US_OR_SS else b"US"
        if not self._to_implicit and vr in SHORT_VRS and len(value) > _MAX_SHORT_NBYTES:
            # A value that a 16-bit length cannot state is written as UN (PS3.5 6.2.2).
            is_undecided, vr = False, b"UN"
        if is_undecided:
            scope.undecided.append(len(self._out) + 4)
        self._out += self._header(tag, vr, len(value))
        self._out += value
        return end

    @staticmethod
    def _remember(tag: int, value: bytes, scope: _Scope) -> None:
        group = tag >> 16
        if group == 0x0028:
            if len(value) <= 64:
                scope.image[tag] = value
            if tag == _PIXEL_REPRESENTATION and len(value) >= 2:
                scope.pixel_representation = int.from_bytes(value[:2], "little")
            elif tag == _LUT_DESCRIPTOR:
                scope.is_single_entry_lut = value[:2] == b"\x01\x00"
        elif group & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            scope.creators[tag] = value.decode("latin-1").strip(" \0")

    def _defined_sequence(self, element: DataElement, scope: _Scope, depth: int) -> int:
        end = element.value_at + element.nbytes
        mark, undecided = len(self._out), len(scope.undecided)
        try:
            return self._sequence(element, end, scope, depth)
        except DicomFormatError:
            if element.vr or not element.tag >> 16 & 1:
                raise
            # That a private element is a sequence was the dictionary's word: what does not read as one is unknown.
            del self._out[mark:]
            del scope.undecided[undecided:]
            return self._value(element, b"UN", scope)

    def _sequence(self, element: DataElement, stop: int, scope: _Scope, depth: int) -> int:
        reader = self._reader
        reader.check_depth(depth, element.at)
        self._out += self._header(element.tag, b"SQ", UNDEFINED_LENGTH)
        start, at = len(self._out), element.value_at
        while element.is_undefined_length or at < stop:
            item = reader.header(at, stop)
            if item.tag == SEQUENCE_DELIMITATION:
                at = item.value_at
                break
            reader.check_item(item)
            at = self._item(item, stop, scope, depth)
        if element.is_undefined_length:
            self._out += implicit_header(SEQUENCE_DELIMITATION, b"", 0)
        else:
            self._set_length(start, element.at)
        return at if element.is_undefined_length else stop

    def _item(self, item: DataElement, stop: int, scope: _Scope, depth: int) -> int:
        self._out += implicit_header(ITEM, b"", UNDEFINED_LENGTH)
        inner = _Scope(len(self._out), around=scope)
        item_stop = stop if item.is_undefined_length else item.value_at + item.nbytes
        at = self._data_set(item.value_at, item_stop, inner, depth + 1, delimited=item.is_undefined_length)
        self._decide(inner, scope)
        if item.is_undefined_length:
            self._out += implicit_header(ITEM_DELIMITATION, b"", 0)
        else:
            self._set_length(inner.start, item.at)
        return at

    def _decide(self, inner: _Scope, outer: _Scope) -> None:
        """Make each undecided VR US or SS by the nearest Pixel Representation, its own Item's or one around it."""
        if inner.pixel_representation is None and outer.pixel_representation is None:
            outer.undecided += inner.undecided
            return
        self._decide_now(inner)

    def _decide_now(self, scope: _Scope) -> None:
        """Settle what is undecided by the nearest Pixel Representation that was met so far."""
        nearest: _Scope | None = scope
        while nearest is not None and nearest.pixel_representation is None:
            nearest = nearest.around
        is_signed = nearest is not None and nearest.pixel_representation
        for place in scope.undecided:
            self._out[place : place + 2] = b"SS" if is_signed else b"US"
        scope.undecided.clear()

    def _set_length(self, start: int, at: int) -> None:
        nbytes = len(self._out) - start
        if nbytes >= UNDEFINED_LENGTH:
            self._reader.fail("a sequence outgrows 32 bits when re-encoded", kind="too-large", at=at)
        struct.pack_into("<I", self._out, start - 4, nbytes)

    def _copy_unknown(self, element: DataElement, stop: int, depth: int) -> int:
        """Copy a UN of undefined length: its Items are Implicit VR Little Endian in any encoding (PS3.5 6.2.2)."""
        end = self._reader.end_of(element, stop, depth)
        self._out += self._header(element.tag, b"UN", UNDEFINED_LENGTH)
        self._out += self._reader.data[element.value_at : end]
        return end

    def _encapsulated(self, element: DataElement, vr: bytes, stop: int, scope: _Scope) -> int:
        reader, items, at = self._reader, [], element.value_at
        while (item := reader.header(at, stop)).tag != SEQUENCE_DELIMITATION:
            reader.check_item(item)
            if item.is_undefined_length:
                reader.fail("a Fragment of undefined length", kind="bad-structure", at=item.at)
            at = item.value_at + item.nbytes
            items.append(reader.data[item.value_at : at])
        if _PIXEL_DATA in scope.image:
            reader.fail("a second Pixel Data in one Item", kind="bad-structure", at=element.at)
        scope.image[_PIXEL_DATA] = b""
        if self._decode_image is None or element.tag != _PIXEL_DATA:
            self._out += self._header(element.tag, vr, UNDEFINED_LENGTH)
            for value in items:
                self._out += implicit_header(ITEM, b"", len(value)) + value
            self._out += implicit_header(SEQUENCE_DELIMITATION, b"", 0)
        else:
            image = self._decode_image(EncapsulatedImage(scope.image, items, reader.position + element.at))
            if image.changes:
                # Replacing moves bytes, and the places of undecided VRs with them.
                self._decide_now(scope)
                self._out[scope.start :] = replace_elements(bytes(self._out[scope.start :]), image.changes)
            self._out += self._header(element.tag, image.vr, len(image.value)) + image.value
        return item.value_at
