# SPDX-License-Identifier: Apache-2.0
"""The judge: a reader of DICOM files written for the tests alone, from Python's zlib, struct and numpy.

It shares no line with the package. It is slow, trusts its input, and answers with plain bytes and arrays.
"""

import struct
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"
NATIVE = {IMPLICIT, "1.2.840.10008.1.2.1", BIG_ENDIAN, DEFLATED_DATA_SET}

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}


@dataclass(frozen=True)
class Raw:
    """One Data Element: tag, VR ("" if implicit), where it starts, and where its value does and ends."""

    tag: int
    vr: str
    start: int
    value_start: int
    value_stop: int
    stop: int


@dataclass
class Walker:
    """Data Element headers, one after the other."""

    data: bytes
    implicit: bool = False
    big: bool = False

    def number(self, code: str, at: int) -> int:
        return int(struct.unpack_from((">" if self.big else "<") + code, self.data, at)[0])

    def element(self, at: int) -> Raw:
        tag = self.number("H", at) << 16 | self.number("H", at + 2)
        vr = "" if self.implicit or tag >> 16 == 0xFFFE else self.data[at + 4 : at + 6].decode("ascii")
        if not vr:
            value, length = at + 8, self.number("I", at + 4)
        elif vr in LONG_VRS:
            value, length = at + 12, self.number("I", at + 8)
        else:
            value, length = at + 8, self.number("H", at + 6)
        if length != UNDEFINED:
            return Raw(tag, vr, at, value, value + length, value + length)
        # UN of undefined length holds Implicit VR Little Endian (PS3.5 6.2.2).
        inner = Walker(self.data, implicit=True) if vr == "UN" else self
        end = value
        while (item := inner.element_or_item(end)).tag != SEQUENCE_END:
            end = item.stop
        return Raw(tag, vr, at, value, end, item.stop)

    def element_or_item(self, at: int) -> Raw:
        item = self.element_header(at)
        if item.tag != ITEM or item.value_stop >= 0:
            return item
        end = item.value_start
        while (inside := self.element_header(end)).tag != ITEM_END:
            end = self.element(end).stop
        return Raw(ITEM, "", at, item.value_start, end, inside.stop)

    def element_header(self, at: int) -> Raw:
        """As `element`, but for an Item of undefined length: value_stop is -1."""
        tag = self.number("H", at) << 16 | self.number("H", at + 2)
        if tag >> 16 != 0xFFFE:
            return Raw(tag, "", at, -1, -1, -1)
        length = self.number("I", at + 4)
        stop = -1 if length == UNDEFINED else at + 8 + length
        return Raw(tag, "", at, at + 8, stop, stop)

    def elements(self, at: int) -> list[Raw]:
        found = []
        while at < len(self.data):
            found.append(self.element(at))
            at = found[-1].stop
        return found

    def items(self, element: Raw) -> list[bytes]:
        """Values of the Items of an element of undefined length."""
        values, at = [], element.value_start
        while at < element.value_stop:
            item = self.element_or_item(at)
            values.append(self.data[item.value_start : item.value_stop])
            at = item.stop
        return values


@dataclass
class Judged:
    """A file, read."""

    file: bytes
    meta: dict[int, bytes]
    walker: Walker
    elements: dict[int, Raw]
    order: list[Raw] = field(repr=False)

    @property
    def data(self) -> bytes:
        """The bytes that the elements' positions count in: the file, unless its Data Set was deflated."""
        return self.walker.data

    @property
    def uid(self) -> str:
        return self.meta[0x00020010].rstrip(b"\0").decode("ascii")

    def value(self, tag: int) -> bytes:
        element = self.elements.get(tag)
        return b"" if element is None else self.data[element.value_start : element.value_stop]

    def text(self, tag: int) -> str:
        return self.value(tag).decode("latin-1").strip(" \0")

    def short(self, tag: int, default: int = 0) -> int:
        return self.walker.number("H", self.elements[tag].value_start) if self.value(tag) else default

    @cached_property
    def bits(self) -> int:
        return self.short(0x00280100)

    @cached_property
    def frame_count(self) -> int:
        return int(self.text(0x00280008) or "1")

    @cached_property
    def frame_nbits(self) -> int:
        samples = self.short(0x00280002, 1)
        if self.text(0x00280004) == "YBR_FULL_422" and self.uid in NATIVE | {DEFLATED_FRAMES}:
            samples = 2
        return self.short(0x00280010) * self.short(0x00280011) * samples * self.bits

    def fragments(self) -> list[bytes]:
        """The Fragments of encapsulated Pixel Data, without the Basic Offset Table."""
        return self.walker.items(self.elements[PIXEL_DATA])[1:]

    def frames(self) -> list[bytes]:
        """Native little endian bytes of every Frame, 1-bit ones from their first bit on, unused bits zero."""
        if self.uid == DEFLATED_FRAMES:
            return [self._unused_cleared(inflate(fragment)) for fragment in self.fragments()]
        value = self._native_value()
        if self.frame_nbits % 8 == 0:
            size = self.frame_nbits // 8
            return [value[i * size : (i + 1) * size] for i in range(self.frame_count)]
        bits = np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")
        starts = range(0, self.frame_count * self.frame_nbits, self.frame_nbits)
        return [np.packbits(bits[i : i + self.frame_nbits], bitorder="little").tobytes() for i in starts]

    def _native_value(self) -> bytes:
        value = self.value(PIXEL_DATA)
        if self.walker.big and self.elements[PIXEL_DATA].vr == "OW":
            size = max(2, self.bits // 8)
            value = b"".join(value[i : i + size][::-1] for i in range(0, len(value), size))
        return value

    def _unused_cleared(self, frame: bytes) -> bytes:
        used = self.frame_nbits % 8
        return frame[:-1] + bytes([frame[-1] & ((1 << used) - 1)]) if used else frame

    def pixels(self) -> NDArray[Any]:
        """Shape (frames, rows, columns, samples): one byte a pixel for 1 bit; not for YBR_FULL_422."""
        rows, columns, samples = self.short(0x00280010), self.short(0x00280011), self.short(0x00280002, 1)
        data = np.frombuffer(b"".join(self.frames()), np.uint8)
        if self.bits == 1:
            bits = np.unpackbits(data.reshape(self.frame_count, -1), axis=1, bitorder="little")
            flat: NDArray[Any] = bits[:, : self.frame_nbits]
        else:
            sign = "i" if self.short(0x00280103) else "u"
            flat = data.view(f"<{sign}{self.bits // 8}").reshape(self.frame_count, -1)
        if self.short(0x00280006) and samples > 1:
            return flat.reshape(-1, samples, rows, columns).transpose(0, 2, 3, 1)
        return flat.reshape(-1, rows, columns, samples)


def inflate(fragment: bytes) -> bytes:
    """Inflate a raw stream that ends with its Fragment, or one NULL before it (PS3.5 A.4.13)."""
    inflater = zlib.decompressobj(-15)
    native = inflater.decompress(fragment)
    used = len(fragment) - len(inflater.unused_data)
    if not inflater.eof or inflater.unused_data not in ({b"", b"\0"} if used % 2 else {b""}):
        raise ValueError(f"the stream ends after {used} of {len(fragment)} bytes")
    return native


def read_meta(file: bytes) -> tuple[dict[int, bytes], int]:
    """The File Meta Information, and where the Data Set starts."""
    meta, at = {}, 132
    while file[at : at + 2] == b"\x02\x00":
        element = Walker(file).element(at)
        meta[element.tag] = file[element.value_start : element.value_stop]
        at = element.stop
    return meta, at


def read(source: Path | bytes) -> Judged:
    """Read a DICOM file in a native Transfer Syntax, deflated or encapsulated."""
    file = source if isinstance(source, bytes) else source.read_bytes()
    if file[128:132] != b"DICM":
        raise ValueError("not a DICOM file")
    meta, at = read_meta(file)
    uid = meta[0x00020010].rstrip(b"\0").decode("ascii")
    data = file
    if uid == DEFLATED_DATA_SET:
        data, at = zlib.decompressobj(-15).decompress(file[at:]), 0
    walker = Walker(data, implicit=uid == IMPLICIT, big=uid == BIG_ENDIAN)
    order = walker.elements(at)
    return Judged(file, meta, walker, {element.tag: element for element in reversed(order)}, order)
