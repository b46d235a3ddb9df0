# SPDX-License-Identifier: Apache-2.0
"""The functions of the C++ core in Python, zlib and numpy: slow, plain, and bounded in memory like the core.

It is what the core is tested against, and what an installation without a compiler runs on. Docstrings of what each
function promises are in ``_native.pyi``.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from framedeflate._reference_items import read_item_values
from framedeflate._reference_scan import ElementScan, require, scan_items

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ElementScan",
    "cut_bits",
    "deflate_frames",
    "deflate_items",
    "first_mismatch",
    "inflate_checksums",
    "inflate_frames",
    "inflate_pixels",
    "join_bits",
    "pack_bits",
    "photographic_frames",
    "read_item_values",
    "scan_items",
    "unpack_bits",
]

_RAW: Final = -15  # no wrapper, the largest window (RFC 1951)

_NONE, _BAD_DATA, _SHORT_OUTPUT, _EXCESS_OUTPUT, _NOT_TERMINATED = range(5)


def deflate_frames(
    frames: "Buffer", frame_nbytes: int, row_nbits: int, level: int, threads: int
) -> list[bytes]:
    view = _frames_view(frames, frame_nbytes, row_nbits)
    require(1 <= level <= 9, "level must be 1 to 9")
    require(threads >= 0, "threads must not be negative")
    streams = []
    for start in range(0, len(view), frame_nbytes):
        deflater = zlib.compressobj(level, zlib.DEFLATED, _RAW)
        streams.append(deflater.compress(view[start : start + frame_nbytes]) + deflater.flush())
    return streams


def deflate_items(
    frames: "Buffer",
    frame_nbytes: int,
    row_nbits: int,
    level: int,
    threads: int,
    *,
    expected: "Buffer | None",
) -> tuple[bytes, list[int], int | None]:
    view = _frames_view(frames, frame_nbytes, row_nbits)
    wanted = None if expected is None else memoryview(expected).cast("B")
    require(wanted is None or len(wanted) == len(view), "expected must be as large as frames")
    items, sizes = bytearray(), []
    photographic = photographic_frames(frames, frame_nbytes, row_nbits)
    for index, is_photographic in enumerate(photographic):
        place = slice(index * frame_nbytes, (index + 1) * frame_nbytes)
        if is_photographic:
            sizes.append(0)
            continue
        (stream,) = deflate_frames(view[place], frame_nbytes, row_nbits, level, threads)
        if wanted is not None and first_mismatch([stream], frame_nbytes, wanted[place], threads) is not None:
            return bytes(items), sizes, index
        pad = len(stream) % 2
        items += struct.pack("<HHI", 0xFFFE, 0xE000, len(stream) + pad) + stream + bytes(pad)
        sizes.append(len(stream))
    return bytes(items), sizes, None


_LOOKED_AT_NBYTES = 1 << 18
_ENOUGH, _WIDE = 40, 40


def photographic_frames(frames: "Buffer", frame_nbytes: int, row_nbits: int, level: int = 1) -> bytes:  # noqa: ARG001
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
    require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    require(threads >= 0, "threads must not be negative")
    native = _writable(out)
    require(len(native) == len(fragments) * frame_nbytes, "out must hold frame_nbytes for each fragment")
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


def inflate_pixels(
    fragments: "Sequence[Buffer]",
    frame_nbytes: int,
    unpacked_nbits: int,
    out: "Buffer",
    *,
    zeroed: bool,
    threads: int,
) -> tuple[bytes, list[int], list[int]]:
    require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    require(
        unpacked_nbits >= 0 and (not unpacked_nbits or -(-unpacked_nbits // 8) == frame_nbytes),
        "unpacked_nbits must be 0 or fill frame_nbytes",
    )
    pixels = np.frombuffer(_writable(out), np.uint8)
    pixels_nbytes = unpacked_nbits or frame_nbytes
    require(len(pixels) == len(fragments) * pixels_nbytes, "out must hold each fragment's pixels")
    defects, consumed, produced = bytearray(), [], []
    frame = bytearray(frame_nbytes)
    for fragment, place in zip(fragments, pixels.reshape(-1, pixels_nbytes), strict=True):
        defect, nconsumed, nproduced = inflate_frames([fragment], frame_nbytes, frame, threads)
        defects += defect
        consumed += nconsumed
        produced += nproduced
        native = np.frombuffer(frame, np.uint8)
        if unpacked_nbits:
            native = np.unpackbits(native, count=unpacked_nbits, bitorder="little")
        if zeroed:
            # What is zero already stays untouched: its memory may not be there yet.
            np.copyto(place, native, where=native != 0)
        else:
            place[:] = native
    return bytes(defects), consumed, produced


def inflate_checksums(
    fragments: "Sequence[Buffer]", frame_nbytes: int, threads: int
) -> tuple[bytes, list[int], list[int], list[int], list[int]]:
    require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    require(threads >= 0, "threads must not be negative")
    defects, consumed, produced = bytearray(), [], []
    adler32s, crc32s = [], []
    for fragment in fragments:
        defect, nconsumed, frame = _inflate(memoryview(fragment).cast("B"), frame_nbytes)
        defects.append(defect)
        consumed.append(nconsumed)
        produced.append(len(frame))
        adler32s.append(zlib.adler32(frame) if defect == _NONE else 0)
        crc32s.append(zlib.crc32(frame) if defect == _NONE else 0)
    return bytes(defects), consumed, produced, adler32s, crc32s


def first_mismatch(
    streams: "Sequence[Buffer]", frame_nbytes: int, frames: "Buffer", threads: int
) -> int | None:
    require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    require(threads >= 0, "threads must not be negative")
    native = memoryview(frames).cast("B")
    require(len(native) == len(streams) * frame_nbytes, "frames must hold frame_nbytes for each stream")
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
    require(len(pixels) == bits.size, "pixels must hold frame_nbits bytes for each frame")
    pixels[:] = bits.reshape(-1)


def pack_bits(pixels: "Buffer", frame_nbits: int, nframes: int) -> bytes:
    require(frame_nbits >= 1, "frame_nbits must be at least 1")
    require(nframes >= 0, "nframes must not be negative")
    array = _array(pixels)
    require(len(array) == nframes * frame_nbits, "pixels must hold frame_nbits bytes for each frame")
    return np.packbits(array.reshape(nframes, frame_nbits) != 0, axis=1, bitorder="little").tobytes()


def _unpacked(frames: "Buffer", frame_nbits: int, nframes: int) -> npt.NDArray[np.uint8]:
    require(frame_nbits >= 1, "frame_nbits must be at least 1")
    require(nframes >= 0, "nframes must not be negative")
    packed, frame_nbytes = _array(frames), -(-frame_nbits // 8)
    require(
        len(packed) == nframes * frame_nbytes, "frames must hold ceil(frame_nbits / 8) bytes for each frame"
    )
    return np.unpackbits(packed.reshape(nframes, frame_nbytes), axis=1, count=frame_nbits, bitorder="little")


def _check_bits(nbytes: int, first_bit: int, frame_nbits: int, nframes: int) -> None:
    require(first_bit >= 0, "first_bit must not be negative")
    require(frame_nbits >= 1, "frame_nbits must be at least 1")
    require(nframes >= 0, "nframes must not be negative")
    require(first_bit + frame_nbits * nframes <= 8 * nbytes, "the frames reach beyond the end of the buffer")


def _frames_view(frames: "Buffer", frame_nbytes: int, row_nbits: int) -> memoryview:
    require(frame_nbytes >= 1, "frame_nbytes must be at least 1")
    require(row_nbits >= 0, "row_nbits must not be negative")
    view = memoryview(frames).cast("B")
    require(len(view) % frame_nbytes == 0, "frames must hold whole frames of frame_nbytes")
    return view


def _array(buffer: "Buffer") -> npt.NDArray[np.uint8]:
    return np.frombuffer(memoryview(buffer).cast("B"), np.uint8)


def _writable(buffer: "Buffer") -> memoryview:
    view = memoryview(buffer)
    if view.readonly:
        raise BufferError("Object is not writable.")
    # A view of no bytes whose shape has a zero cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())
