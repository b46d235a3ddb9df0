# SPDX-License-Identifier: Apache-2.0
"""Frames to Items: walked with struct, inflated by zlib, and proven against what they are said to hold."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

NBYTES = 2048


def discs(count: int) -> bytes:
    """1-bit Frames of 128 by 128."""
    y, x = np.mgrid[:128, :128]
    frames = [(x - i % 97) ** 2 + (y - i % 89) ** 2 < (i % 71) ** 2 for i in range(count)]
    return np.packbits(np.array(frames).reshape(count, -1), axis=1, bitorder="little").tobytes()


def photograph() -> bytes:
    """A Frame of noise on a slope."""
    noise = np.random.default_rng(5).normal(0, 12, NBYTES // 2)
    return (np.arange(NBYTES // 2) * 3 + noise).astype("<i2").tobytes()


def walk(items: bytes) -> list[bytes]:
    """The values of Items that follow one another without a gap."""
    values, at = [], 0
    while at < len(items):
        group, element, nbytes = struct.unpack_from("<HHI", items, at)
        assert (group, element, nbytes % 2) == (0xFFFE, 0xE000, 0)
        values.append(items[at + 8 : at + 8 + nbytes])
        at += 8 + nbytes
    assert at == len(items)
    return values


def inflated(value: bytes, nbytes: int) -> bytes:
    """What a stream of `nbytes` and its pad hold."""
    inflater = zlib.decompressobj(-15)
    frame = inflater.decompress(value)
    assert inflater.eof
    assert inflater.unused_data == b"\0" * (nbytes % 2)
    assert len(value) == nbytes + nbytes % 2
    return frame


@pytest.mark.parametrize("threads", [1, 2, 0])
@pytest.mark.parametrize("level", [1, 4])
def test_the_items_hold_the_frames_in_order(core: Any, level: int, threads: int) -> None:
    count = 1500 if level == 1 else 100
    frames = discs(count)
    for expected in (frames, None):
        items, sizes, mismatch = core.deflate_items(frames, NBYTES, 128, level, threads, expected=expected)
        assert mismatch is None
        assert b"".join(map(inflated, walk(items), sizes)) == frames
        assert sizes == [len(each) for each in core.deflate_frames(frames, NBYTES, 128, level, 1)]
        assert {size % 2 for size in sizes} == {0, 1}


@given(st.lists(st.binary(min_size=7, max_size=7), max_size=20), st.integers(0, 80), st.integers(1, 9))
def test_any_bytes(core: Any, frames: list[bytes], row_nbits: int, level: int) -> None:
    native = b"".join(frames)
    items, sizes, mismatch = core.deflate_items(native, 7, row_nbits, level, 1, expected=native)
    assert mismatch is None
    assert list(map(inflated, walk(items), sizes)) == frames


def test_photographic_frames_are_left_out(core: Any) -> None:
    masks = discs(3)
    frames = photograph() + masks[:NBYTES] + photograph() + photograph() + masks[NBYTES:] + photograph()
    assert list(core.photographic_frames(frames, NBYTES, 128)) == [1, 0, 1, 1, 0, 0, 1]
    items, sizes, mismatch = core.deflate_items(frames, NBYTES, 128, 1, 1, expected=frames)
    assert mismatch is None
    assert [size > 0 for size in sizes] == [False, True, False, False, True, True, False]
    assert b"".join(map(inflated, walk(items), filter(None, sizes))) == masks


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("place", [0, NBYTES // 2, NBYTES - 1])
def test_the_first_frame_that_is_not_what_was_expected(core: Any, threads: int, place: int) -> None:
    frames = discs(1200)
    expected = bytearray(frames)
    expected[1101 * NBYTES + place] ^= 16
    expected[313 * NBYTES + place] ^= 1
    _items, _sizes, mismatch = core.deflate_items(frames, NBYTES, 128, 1, threads, expected=expected)
    assert mismatch == 313


def test_no_frames(core: Any) -> None:
    assert core.deflate_items(b"", 10, 8, 1, 0, expected=b"") == (b"", [], None)


@pytest.mark.parametrize(
    ("frame_nbytes", "row_nbits", "level", "threads", "expected"),
    [
        (0, 8, 1, 1, None),
        (7, 8, 1, 1, None),
        (10, -1, 1, 1, None),
        (10, 8, 0, 1, None),
        (10, 8, 10, 1, None),
        (10, 8, 1, -1, None),
        (10, 8, 1, 1, bytes(9)),
        (10, 8, 1, 1, b""),
    ],
)
def test_out_of_range(
    core: Any, *, frame_nbytes: int, row_nbits: int, level: int, threads: int, expected: bytes | None
) -> None:
    with pytest.raises(ValueError, match="must"):
        core.deflate_items(bytes(10), frame_nbytes, row_nbits, level, threads, expected=expected)
