# SPDX-License-Identifier: Apache-2.0
"""The table of an instance's Frames: where each stream is, how long it truly is, and the checksums of its Frame."""

import zlib
from collections.abc import Container
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from framedeflate import engine
from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.errors import FrameDecodeError
from framedeflate.fragment_inflation import DEFECT_KINDS, MAX_PAD_NBYTES, check_expansion
from framedeflate.frame_index import FrameIndex
from framedeflate.image_pixel import ImagePixel
from framedeflate.instance_store.frames import HELD_FRAME_NBYTES
from framedeflate.web.index.records import FRAME
from framedeflate.wrapped_stream import Wrapper, find_wrapper, gzip_trailer, zlib_trailer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["deflated_frame_table", "fragment_table"]

_RUN_NBYTES: Final = 4 << 20
_BLOCK_NBYTES: Final = 1 << 18


class _Stream(NamedTuple):
    """Where the raw stream is in a Fragment that zlib or gzip may have wrapped, and what its Frame sums up to."""

    header_nbytes: int
    stream_nbytes: int
    adler32: int
    crc32: int


def fragment_table(index: FrameIndex) -> "NDArray[np.void] | None":
    """Return the places of Fragments, one a Frame; None where a Frame has several."""
    single = index.single_fragments(0, len(index))
    if single is None:
        starts = np.asarray(index.first_fragments)
        if len(index) != len(index.fragments) or (np.diff(starts) != 1).any():
            return None
        single = index.fragments.positions, index.fragments.lengths
    table = np.zeros(len(index), FRAME)
    table["position"], table["item_nbytes"] = single
    table["stream_nbytes"] = table["item_nbytes"]
    table.flags.writeable = False
    return table


def deflated_frame_table(
    source: ByteSource, index: FrameIndex, image_pixel: ImagePixel, *, threads: int = 1
) -> "NDArray[np.void] | None":
    """Inflate every Frame against its exact size and return their table; None where a Frame has several Fragments.

    Raises
    ------
    FrameDecodeError
        The first Frame that its Fragment does not inflate to.
    """
    places = fragment_table(index)
    if places is None:
        return None
    table = places.copy()
    starts = table["position"].astype(np.int64)
    stops = starts + table["item_nbytes"]
    first = 0
    while first < len(table):
        # A run of Fragments that lie one behind the other, in one read.
        last = max(first + 1, int(np.searchsorted(stops, starts[first] + _RUN_NBYTES, side="right")))
        smallest = first + int(np.argmin(table["item_nbytes"][first:last]))
        check_expansion(int(table["item_nbytes"][smallest]), image_pixel, frame_number=smallest + 1)
        if max(image_pixel.frame_nbytes, int(table["item_nbytes"][first])) > HELD_FRAME_NBYTES:
            # A Fragment may be much longer than its Frame, where it is nobody's honest work.
            last = first + 1
            large = _large_stream(source, int(starts[first]), int(stops[first]), image_pixel, first + 1)
            _note(table, first, large)
        else:
            begin = int(starts[first])
            window = memoryview(read_exactly(source, begin, int(stops[last - 1])))
            bounds = zip(starts[first:last] - begin, stops[first:last] - begin, strict=True)
            fragments = [window[start:stop] for start, stop in bounds]
            defects, consumed, produced, adlers, crcs = engine.inflate_checksums(
                fragments, image_pixel.frame_nbytes, threads
            )
            run = slice(first, last)
            table["stream_nbytes"][run], table["adler32"][run], table["crc32"][run] = consumed, adlers, crcs
            wrapped = {
                place: stream
                for place, fragment in enumerate(fragments)
                if defects[place] and (stream := _wrapped_stream(fragment, image_pixel)) is not None
            }
            for place, stream in wrapped.items():
                _note(table, first + place, stream)
            _check(fragments, image_pixel, first, found=(defects, consumed, produced), passed=wrapped)
        first = last
    table.flags.writeable = False
    return table


def _note(table: "NDArray[np.void]", row: int, stream: _Stream) -> None:
    table["position"][row] += stream.header_nbytes
    for name in ("stream_nbytes", "adler32", "crc32"):
        table[name][row] = getattr(stream, name)


def _wrapped_stream(fragment: memoryview, image_pixel: ImagePixel) -> _Stream | None:
    """Look for a whole wrapper, whose checksum is right, as all readers here do; a raw stream may begin like one."""
    wrapper = find_wrapper(bytes(fragment))
    if wrapper is None:
        return None
    inner = fragment[wrapper.header_nbytes :]
    defects, consumed, _, adlers, crcs = engine.inflate_checksums([inner], image_pixel.frame_nbytes, 1)
    stream = _Stream(wrapper.header_nbytes, consumed[0], adlers[0], crcs[0])
    trailer = bytes(inner[consumed[0] :])
    if defects[0] or not _is_trailer(trailer, wrapper, stream, image_pixel):
        return None
    return stream


def _is_trailer(trailer: bytes, wrapper: Wrapper, stream: _Stream, image_pixel: ImagePixel) -> bool:
    sums = zlib_trailer(stream.adler32)
    if wrapper.name == "gzip":
        sums = gzip_trailer(stream.crc32, image_pixel.frame_nbytes)
    return trailer[: len(sums)] == sums and len(trailer) - len(sums) <= 1


def _check(
    fragments: list[memoryview],
    image_pixel: ImagePixel,
    first: int,
    *,
    found: tuple[bytes, list[int], list[int]],
    passed: Container[int],
) -> None:
    for index, (fragment, defect, used, made) in enumerate(zip(fragments, *found, strict=True)):
        if index in passed:
            continue
        number = first + index + 1
        if defect:
            raise _failure(
                DEFECT_KINDS[defect],
                f"the Fragment inflates to {made} bytes where the Frame has {image_pixel.frame_nbytes}",
                image_pixel,
                used,
                number,
            )
        if len(fragment) - used > MAX_PAD_NBYTES:
            raise _failure(
                "trailing-data", f"{len(fragment) - used} bytes behind the stream", image_pixel, used, number
            )


def _large_stream(source: ByteSource, start: int, stop: int, image_pixel: ImagePixel, number: int) -> _Stream:
    """Inflate one large Frame block by block; look for a wrapper where it is no raw stream."""
    try:
        return _Stream(0, *_count_through(source, start, stop, image_pixel, number))
    except FrameDecodeError:
        wrapper = find_wrapper(read_exactly(source, start, min(start + _BLOCK_NBYTES, stop)))
        if wrapper is None:
            raise
        inner = start + wrapper.header_nbytes
        found = _count_through(
            source, inner, stop, image_pixel, number, behind_nbytes=wrapper.trailer_nbytes + 1
        )
        stream = _Stream(wrapper.header_nbytes, *found)
        trailer = read_exactly(source, inner + stream.stream_nbytes, stop)
        if not _is_trailer(trailer, wrapper, stream, image_pixel):
            raise
        return stream


def _count_through(
    source: ByteSource,
    start: int,
    stop: int,
    image_pixel: ImagePixel,
    number: int,
    *,
    behind_nbytes: int = MAX_PAD_NBYTES,
) -> tuple[int, int, int]:
    """Inflate one large Frame block by block; return the length of its stream, its Adler-32 and its CRC-32.

    `behind_nbytes` is how many bytes at most may follow the stream.
    """
    inflater = zlib.decompressobj(-15)
    adler, crc, made, at = 1, 0, 0, start
    expected = image_pixel.frame_nbytes
    try:
        while not inflater.eof and at < stop:
            block = read_exactly(source, at, min(at + _BLOCK_NBYTES, stop))
            at += len(block)
            while block and not inflater.eof:
                out = inflater.decompress(block, _BLOCK_NBYTES)
                block = inflater.unconsumed_tail
                adler, crc, made = zlib.adler32(out, adler), zlib.crc32(out, crc), made + len(out)
                if made > expected:
                    raise _failure(
                        "excess-output", f"more than {expected} bytes", image_pixel, at - start, number
                    )
        rest = inflater.flush() if not inflater.eof else b""
    except zlib.error as error:
        raise _failure("bad-data", "not a deflate stream", image_pixel, at - start, number) from error
    adler, crc, made = zlib.adler32(rest, adler), zlib.crc32(rest, crc), made + len(rest)
    used = at - start - len(inflater.unused_data)
    if not inflater.eof:
        raise _failure("not-terminated", "the stream does not end", image_pixel, used, number)
    if made != expected:
        raise _failure("short-output", f"{made} bytes, not {expected}", image_pixel, used, number)
    if stop - start - used > behind_nbytes:
        raise _failure(
            "trailing-data", f"{stop - start - used} bytes behind the stream", image_pixel, used, number
        )
    return used, adler, crc


def _failure(
    kind: str, message: str, image_pixel: ImagePixel, consumed: int, number: int
) -> FrameDecodeError:
    return FrameDecodeError(
        message,
        kind=kind,
        expected_nbytes=image_pixel.frame_nbytes,
        consumed_nbytes=consumed,
        frame_number=number,
    )
