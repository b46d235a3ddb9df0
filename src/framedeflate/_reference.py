# SPDX-License-Identifier: Apache-2.0
"""The functions of the C++ core in Python, zlib and numpy: slow, plain, and bounded in memory like the core.

It is what the core is tested against, and what an installation without a compiler runs on. Docstrings of what each
function promises are in ``_native.pyi``.
"""

import struct
import zlib
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Buffer

_RAW: Final = -15  # no wrapper, the largest window (RFC 1951)

_NONE, _BAD_DATA, _SHORT_OUTPUT, _EXCESS_OUTPUT, _NOT_TERMINATED = range(5)


def deflate_frames(
    frames: "Buffer", frame_nbytes: int, row_nbits: int, level: int, threads: int
) -> list[bytes]:
    view = _frames_view(frames, frame_nbytes, row_nbits)
    _require(1 <= level <= 9, "level must be 1 to 9")
    _require(threads >= 0, "threads must not be negative")
    streams = []
    for start in range(0, len(view), frame_nbytes):
        deflater = zlib.compressobj(level, zlib.DEFLATED, _RAW)
        streams.append(deflater.compress(view[start : start + frame_nbytes]) + deflater.flush())
    return streams


_LOOKED_AT_NBYTES = 1 << 18
_ENOUGH, _WIDE = 40, 40


def photographic_frames(frames: "Buffer", frame_nbytes: int, row_nbits: int) -> bytes:
    view = _frames_view(frames, frame_nbytes, row_nbits)
    row_nbytes = max(2, row_nbits // 8)
    starts = range(0, len(view), frame_nbytes)
    return bytes(_looks_photographic(view[start : start + frame_nbytes], row_nbytes) for start in starts)


def _looks_photographic(frame: memoryview, row_nbytes: int) -> bool:
    """Tell by the alphabet of the bytes that neither a run nor the row above explains, as the core does."""
    samples = np.frombuffer(frame[:_LOOKED_AT_NBYTES], np.uint8)
    if len(samples) < row_nbytes + 128:
        return False
    at = samples[row_nbytes:]
    unexplained = (at != samples[row_nbytes - 1 : -1]) & (at != samples[:-row_nbytes])
    for parity in (0, 1):
        counts = np.bincount(at[parity::2][unexplained[parity::2]], minlength=256).astype(np.int64)
        total = int(counts.sum())
        # The chance that two of them are equal: its inverse is the width of the alphabet.
        if total >= _ENOUGH and total * (total - 1) > _WIDE * int((counts * (counts - 1)).sum()):
            return True
    return False


def inflate_frames(
    fragments: "Sequence[Buffer]", frame_nbytes: int, out: "Buffer", threads: int
) -> tuple[bytes, list[int], list[int]]:
    _require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    _require(threads >= 0, "threads must not be negative")
    native = _writable(out)
    _require(len(native) == len(fragments) * frame_nbytes, "out must hold frame_nbytes for each fragment")
    defects, consumed, produced = bytearray(), [], []
    for index, fragment in enumerate(fragments):
        defect, nconsumed, frame = _inflate(memoryview(fragment).cast("B"), frame_nbytes)
        defects.append(defect)
        consumed.append(nconsumed)
        produced.append(len(frame))
        # A Frame with a defect leaves zeros: nothing half decoded, nothing that was in the memory before.
        place = slice(index * frame_nbytes, (index + 1) * frame_nbytes)
        native[place] = frame if defect == _NONE else bytes(frame_nbytes)
    return bytes(defects), consumed, produced


def first_mismatch(
    streams: "Sequence[Buffer]", frame_nbytes: int, frames: "Buffer", threads: int
) -> int | None:
    _require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    _require(threads >= 0, "threads must not be negative")
    native = memoryview(frames).cast("B")
    _require(len(native) == len(streams) * frame_nbytes, "frames must hold frame_nbytes for each stream")
    for index, stream in enumerate(streams):
        view = memoryview(stream).cast("B")
        defect, consumed, frame = _inflate(view, frame_nbytes)
        expected = native[index * frame_nbytes : (index + 1) * frame_nbytes]
        if defect != _NONE or consumed != len(view) or frame != expected:
            return index
    return None


def _inflate(fragment: memoryview, frame_nbytes: int) -> tuple[int, int, bytes]:
    """Return the defect, the bytes consumed and what was inflated, never more than a byte beyond the Frame."""
    inflater = zlib.decompressobj(_RAW)
    try:
        frame = inflater.decompress(fragment, frame_nbytes)
    except zlib.error:
        return _BAD_DATA, 0, b""
    if not inflater.eof:
        if len(frame) < frame_nbytes:
            return _NOT_TERMINATED, len(fragment), frame
        more, bad = _one_byte_more(inflater)
        if more:
            return _EXCESS_OUTPUT, len(fragment) - len(inflater.unconsumed_tail), frame
        if bad:
            return _BAD_DATA, 0, frame
        if not inflater.eof:
            return _NOT_TERMINATED, len(fragment), frame
    consumed = len(fragment) - len(inflater.unused_data)
    return (_NONE if len(frame) == frame_nbytes else _SHORT_OUTPUT), consumed, frame


def _one_byte_more(inflater: "zlib._Decompress") -> tuple[bool, bool]:
    """Tell whether the stream goes on to inflate to another byte, and whether it breaks before it does."""
    tail = inflater.unconsumed_tail
    before = inflater.copy()
    try:
        return bool(inflater.decompress(tail, 1)), False
    except zlib.error:
        # zlib does not say whether the byte came first. Byte by byte it does, unless both lie in one byte.
        for index in range(len(tail)):
            try:
                if before.decompress(tail[index : index + 1], 1):
                    return True, False
            except zlib.error:
                break
        return False, True


def cut_bits(source: "Buffer", first_bit: int, frame_nbits: int, nframes: int) -> bytes:
    data = _array(source)
    _check_bits(len(data), first_bit, frame_nbits, nframes)
    first, end = first_bit // 8, -(-(first_bit + frame_nbits * nframes) // 8)
    skip = first_bit - 8 * first
    bits = np.unpackbits(data[first:end], bitorder="little")[skip : skip + frame_nbits * nframes]
    return np.packbits(bits.reshape(nframes, frame_nbits), axis=1, bitorder="little").tobytes()


def join_bits(frames: "Buffer", frame_nbits: int, nframes: int, first_bit: int, into: "Buffer") -> None:
    native = np.frombuffer(_writable(into), np.uint8)
    bits = _unpacked(frames, frame_nbits, nframes).reshape(-1)
    _check_bits(len(native), first_bit, frame_nbits, nframes)
    if not len(bits):
        return
    first = first_bit // 8
    kept = np.unpackbits(native[first : first + 1], count=first_bit - 8 * first, bitorder="little")
    joined = np.packbits(np.concatenate([kept, bits]), bitorder="little")
    native[first : first + len(joined)] = joined


def unpack_bits(frames: "Buffer", frame_nbits: int, nframes: int, out: "Buffer") -> None:
    pixels = np.frombuffer(_writable(out), np.uint8)
    bits = _unpacked(frames, frame_nbits, nframes)
    _require(len(pixels) == bits.size, "pixels must hold frame_nbits bytes for each frame")
    pixels[:] = bits.reshape(-1)


def pack_bits(pixels: "Buffer", frame_nbits: int, nframes: int) -> bytes:
    _require(frame_nbits >= 1, "frame_nbits must be at least 1")
    _require(nframes >= 0, "nframes must not be negative")
    array = _array(pixels)
    _require(len(array) == nframes * frame_nbits, "pixels must hold frame_nbits bytes for each frame")
    return np.packbits(array.reshape(nframes, frame_nbits) != 0, axis=1, bitorder="little").tobytes()


def _unpacked(frames: "Buffer", frame_nbits: int, nframes: int) -> npt.NDArray[np.uint8]:
    _require(frame_nbits >= 1, "frame_nbits must be at least 1")
    _require(nframes >= 0, "nframes must not be negative")
    packed, frame_nbytes = _array(frames), -(-frame_nbits // 8)
    _require(
        len(packed) == nframes * frame_nbytes, "frames must hold ceil(frame_nbits / 8) bytes for each frame"
    )
    return np.unpackbits(packed.reshape(nframes, frame_nbytes), axis=1, count=frame_nbits, bitorder="little")


def _check_bits(nbytes: int, first_bit: int, frame_nbits: int, nframes: int) -> None:
    _require(first_bit >= 0, "first_bit must not be negative")
    _require(frame_nbits >= 1, "frame_nbits must be at least 1")
    _require(nframes >= 0, "nframes must not be negative")
    _require(first_bit + frame_nbits * nframes <= 8 * nbytes, "the frames reach beyond the end of the buffer")


def _frames_view(frames: "Buffer", frame_nbytes: int, row_nbits: int) -> memoryview:
    _require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    _require(row_nbits >= 0, "row_nbits must not be negative")
    view = memoryview(frames).cast("B")
    _require(len(view) % frame_nbytes == 0, "frames must hold whole frames of frame_nbytes")
    return view


def _array(buffer: "Buffer") -> npt.NDArray[np.uint8]:
    return np.frombuffer(memoryview(buffer).cast("B"), np.uint8)


def _writable(buffer: "Buffer") -> memoryview:
    view = memoryview(buffer)
    if view.readonly:
        raise BufferError("Object is not writable.")
    # A view of no bytes whose shape has a zero cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


_UNDEFINED: Final = 0xFFFFFFFF
_PIXEL_DATA: Final = 0x7FE00010
_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITATION: Final = 0xFFFEE00D
_SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD


def scan_items(window: "Buffer", start: int) -> tuple[list[int], list[int], int, int]:
    _require(start >= 0, "start must not be negative")
    view = memoryview(window).cast("B")
    positions: list[int] = []
    sizes: list[int] = []
    resume = start
    while resume + 8 <= len(view):
        group, element, nbytes = struct.unpack_from("<HHI", view, resume)
        tag = group << 16 | element
        if tag == _SEQUENCE_DELIMITATION:
            return positions, sizes, resume + 8, 1
        if tag != _ITEM or nbytes == _UNDEFINED:
            return positions, sizes, resume, 2
        positions.append(resume + 8)
        sizes.append(nbytes)
        resume += 8 + nbytes
    return positions, sizes, resume, 0


# PS3.5 Table 7.1-2: the VRs with a 16-bit length. All others, and any defined later (6.2), have 32 bits.
_SHORT_LENGTH: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_DATA_SET, _SEQUENCE, _FRAGMENTS = range(3)


class _Level(NamedTuple):
    kind: int
    delimited: bool  # of undefined length: a delimitation Item ends it
    implicit_vr: bool
    big_endian: bool
    end: int  # no value within may reach beyond it


class _Header(NamedTuple):
    tag: int
    vr: bytes
    value_nbytes: int
    nbytes: int


class ElementScan:
    MAX_DEPTH: Final = 64
    MAX_NESTED_PIXEL_DATA: Final = 64

    def __init__(
        self, *, start: int, stop: int, implicit_vr: bool, big_endian: bool, wanted: Set[int], descend: bool
    ) -> None:
        _require(start >= 0, "start must not be negative")
        _require(stop >= start, "stop must not lie before start")
        self.resume = start
        self.status = "done" if start == stop else "more"
        self.defect_position = -1
        self.records: list[tuple[int, bytes, int, int, int, int]] = []
        self._stop = stop
        self._wanted = set(wanted)
        self._descend = descend
        self._levels = [_Level(_DATA_SET, False, implicit_vr, big_endian, stop)]
        self._depth = 0
        self._nested_pixel_data = 0

    def feed(self, window: "Buffer", position: int) -> None:
        _require(0 <= position <= self.resume, "the window must not begin behind `resume`")
        view = memoryview(window).cast("B")
        while self.status == "more":
            level = self._levels[-1]
            if self.resume == level.end and not level.delimited:
                if len(self._levels) == 1:
                    self.status = "done"
                    return
                self._pop()
                continue
            header = self._header(view, self.resume - position)
            if header is None:
                return
            if header.tag >> 16 == 0xFFFE or level.kind != _DATA_SET:
                self._take_item(header)
            else:
                self._take_element(header)

    def _header(self, view: memoryview, at: int) -> _Header | None:
        """Return the header at ``at``; None where the window ends inside it or there is no room for one."""
        level = self._levels[-1]
        if self._lacks(8, view, at):
            return None
        order = ">" if level.big_endian else "<"
        group, element, nbytes = struct.unpack_from(order + "HHI", view, at)
        tag = group << 16 | element
        vr = bytes(view[at + 4 : at + 6])
        # Where a VR ought to be and is none, some writers fell back to Implicit VR: the length follows the tag.
        if level.implicit_vr or group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
            return _Header(tag, b"", nbytes, 8)
        if vr in _SHORT_LENGTH:
            return _Header(tag, vr, struct.unpack_from(order + "H", view, at + 6)[0], 8)
        if self._lacks(12, view, at):
            return None
        return _Header(tag, vr, struct.unpack_from(order + "I", view, at + 8)[0], 12)

    def _lacks(self, nbytes: int, view: memoryview, at: int) -> bool:
        """Tell whether the window ends before `nbytes` of header, which must fit the level in any case."""
        if self._levels[-1].end - self.resume < nbytes:
            self._fail_at_end()
            return True
        return at + nbytes > len(view)

    def _take_item(self, header: _Header) -> None:
        level = self._levels[-1]
        in_data_set = level.kind == _DATA_SET
        if level.delimited and header.tag == (_ITEM_DELIMITATION if in_data_set else _SEQUENCE_DELIMITATION):
            self._pop()
            self.resume += header.nbytes
            return
        undefined = header.value_nbytes == _UNDEFINED
        if header.tag != _ITEM or in_data_set or (undefined and level.kind == _FRAGMENTS):
            self._fail("bad-structure")
        elif not undefined and self.resume + header.nbytes + header.value_nbytes > level.end:
            self._fail_at_end()
        elif undefined or (self._descend and level.kind == _SEQUENCE):
            self._push(_DATA_SET, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self.resume += header.nbytes + header.value_nbytes

    def _take_element(self, header: _Header) -> None:
        level = self._levels[-1]
        if header.value_nbytes == _UNDEFINED:
            self._open(header)
            return
        if self._depth == 0:
            self._record(header)
        if self.resume + header.nbytes + header.value_nbytes > level.end:
            self._fail_at_end()
        elif self._descend and header.vr == b"SQ":
            self._push(_SEQUENCE, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self.resume += header.nbytes + header.value_nbytes

    def _open(self, header: _Header) -> None:
        """Take a value of undefined length: Pixel Data in Fragments, or a sequence."""
        level = self._levels[-1]
        pixel_data = header.tag == _PIXEL_DATA
        if self._depth == 0:
            self._record(header, always=pixel_data)
            if pixel_data:
                self.resume += header.nbytes
                self.status = "pixel-data"
                return
        if header.vr == b"UN" and not pixel_data:
            # PS3.5 6.2.2: its Items are in Implicit VR Little Endian, whatever the Transfer Syntax.
            self._push(_SEQUENCE, header, implicit_vr=True, big_endian=False)
        elif header.vr == b"SQ" or (header.vr == b"" and not pixel_data):
            self._push(_SEQUENCE, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        elif header.vr in {b"OB", b"OW"} or (pixel_data and header.vr in {b"", b"UN"}):
            if pixel_data and self._descend and self._nested_pixel_data < self.MAX_NESTED_PIXEL_DATA:
                self._nested_pixel_data += 1
                self._record(header, always=True)
            self._push(_FRAGMENTS, header, implicit_vr=level.implicit_vr, big_endian=level.big_endian)
        else:
            self._fail("bad-structure")

    def _push(self, kind: int, header: _Header, *, implicit_vr: bool, big_endian: bool) -> None:
        """Go into the value of ``header``, whose end was checked where it is defined."""
        if kind == _SEQUENCE:
            self._depth += 1
            if self._depth > self.MAX_DEPTH:
                self._fail("too-deep")
                return
        undefined = header.value_nbytes == _UNDEFINED
        self.resume += header.nbytes
        end = self._levels[-1].end if undefined else self.resume + header.value_nbytes
        self._levels.append(_Level(kind, undefined, implicit_vr, big_endian, end))

    def _pop(self) -> None:
        if self._levels.pop().kind == _SEQUENCE:
            self._depth -= 1

    def _record(self, header: _Header, *, always: bool = False) -> None:
        # Only a top-level element uses up its tag: an icon's Pixel Data must not hide the image's.
        wanted = self._depth == 0 and header.tag in self._wanted
        if not wanted and not always:
            return
        if wanted:
            self._wanted.discard(header.tag)
        nbytes = -1 if header.value_nbytes == _UNDEFINED else header.value_nbytes
        value = self.resume + header.nbytes
        self.records.append((header.tag, header.vr, self.resume, value, nbytes, self._depth))

    def _fail(self, status: str) -> None:
        self.status = status
        self.defect_position = self.resume

    def _fail_at_end(self) -> None:
        """Something reaches beyond the innermost end: the Data Set's, or that of a value of defined length."""
        self._fail("truncated" if self._levels[-1].end == self._stop else "bad-structure")
