# SPDX-License-Identifier: Apache-2.0
"""Cutting, joining, unpacking and packing bits, against loops over single bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


def bit(data: bytes | bytearray, index: int) -> int:
    return data[index // 8] >> index % 8 & 1


def packed(bits: list[int]) -> bytes:
    groups = [bits[i : i + 8] for i in range(0, len(bits), 8)]
    return bytes(sum(one << i for i, one in enumerate(group)) for group in groups)


def joined(frames: list[list[int]]) -> list[int]:
    return [one for frame in frames for one in frame]


def nbytes_of(nbits: int) -> int:
    return -(-nbits // 8)


@st.composite
def frames(draw: st.DrawFn) -> tuple[list[list[int]], int, int]:
    """Bits of some Frames, how many there are in each, and the bit at which the first begins."""
    frame_nbits = draw(st.one_of(st.integers(1, 40), st.integers(60, 300)))
    nframes = draw(st.integers(0, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = rng.integers(0, 2, (nframes, frame_nbits)).tolist()
    return bits, frame_nbits, draw(st.integers(0, 40))


@given(frames(), st.binary(max_size=20))
def test_cut(core: Any, case: tuple[list[list[int]], int, int], behind: bytes) -> None:
    bits, frame_nbits, first_bit = case
    before = [1, 0, 1] * first_bit
    source = packed(before[:first_bit] + joined(bits)) + behind
    assert core.cut_bits(source, first_bit, frame_nbits, len(bits)) == b"".join(map(packed, bits))


@given(frames(), st.integers(0, 20), st.sampled_from([0x00, 0xFF, 0xA5]))
def test_join(core: Any, case: tuple[list[list[int]], int, int], behind: int, filling: int) -> None:
    bits, frame_nbits, first_bit = case
    # Unused bits of the Frames are set where that can be: they must not be looked at.
    unused = [1] * (-frame_nbits % 8)
    end = first_bit + frame_nbits * len(bits)
    into = bytearray([filling] * (nbytes_of(end) + behind))
    was = bytes(into)
    core.join_bits(b"".join(packed(one + unused) for one in bits), frame_nbits, len(bits), first_bit, into)
    if not bits:
        assert into == was
        return
    expected = joined(bits)
    for index in range(8 * len(into)):
        if index < first_bit or index >= 8 * nbytes_of(end):
            assert bit(into, index) == bit(was, index)
        elif index < end:
            assert bit(into, index) == expected[index - first_bit]
        else:
            assert bit(into, index) == 0


@given(frames())
def test_unpack_and_pack(core: Any, case: tuple[list[list[int]], int, int]) -> None:
    bits, frame_nbits, _ = case
    unused = [1] * (-frame_nbits % 8)
    pixels = bytearray(b"\xa5" * frame_nbits * len(bits))
    core.unpack_bits(b"".join(packed(one + unused) for one in bits), frame_nbits, len(bits), pixels)
    assert list(pixels) == joined(bits)
    assert core.pack_bits(pixels, frame_nbits, len(bits)) == b"".join(map(packed, bits))


@given(st.binary(min_size=1, max_size=100))
def test_any_value_but_0_is_packed_as_1(core: Any, pixels: bytes) -> None:
    assert core.pack_bits(pixels, len(pixels), 1) == packed([int(value != 0) for value in pixels])


def test_large_frames(core: Any) -> None:
    rng = np.random.default_rng(7)
    native = rng.bytes(100_001)
    frame_nbits = 333 * 273
    cut = core.cut_bits(native, 5, frame_nbits, 8)
    bits = np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")[5 : 5 + 8 * frame_nbits]
    expected = np.packbits(bits.reshape(8, -1), axis=1, bitorder="little").tobytes()
    assert cut == expected
    again = bytearray(native[:1]) + bytearray(len(native) - 1)
    core.join_bits(cut, frame_nbits, 8, 5, again)
    assert (
        np.unpackbits(np.frombuffer(again, np.uint8), bitorder="little")[5 : 5 + 8 * frame_nbits].tolist()
        == bits.tolist()
    )
    pixels = np.empty((8, frame_nbits), bool)
    core.unpack_bits(cut, frame_nbits, 8, pixels)
    assert np.array_equal(pixels.reshape(-1), bits)
    assert core.pack_bits(pixels, frame_nbits, 8) == expected


HUGE = 2**62


@pytest.mark.parametrize(
    "arguments",
    [
        (b"ab", 0, 17, 1),
        (b"ab", 1, 16, 1),
        (b"ab", 0, 8, 3),
        (b"ab", 17, 1, 1),
        (b"ab", 0, 0, 1),
        (b"ab", 0, -8, 1),
        (b"ab", -1, 8, 1),
        (b"ab", 0, 8, -1),
        (b"ab", HUGE, 1, 1),
        (b"ab", HUGE, HUGE, 1),
        (b"ab", 0, HUGE, 4),
        (b"ab", 0, 1, HUGE),
    ],
)
def test_cut_beyond_the_source(core: Any, arguments: tuple[bytes, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"must|beyond"):
        core.cut_bits(*arguments)


@pytest.mark.parametrize(
    ("arguments", "into"),
    [
        ((b"ab", 16, 1, 0), 1),
        ((b"ab", 16, 1, 1), 2),
        ((b"ab", 8, 2, 9), 3),
        ((b"ab", 9, 2, 0), 9),
        ((b"ab", 16, 2, 0), 9),
        ((b"ab", 8, 1, 0), 9),
        ((b"ab", 0, 1, 0), 9),
        ((b"ab", 8, -2, 0), 9),
        ((b"ab", 8, 2, -1), 9),
        ((b"ab", 8, 2, HUGE), 9),
        ((b"ab", HUGE, HUGE, 0), 9),
    ],
)
def test_join_of_wrong_sizes(core: Any, arguments: tuple[bytes, int, int, int], into: int) -> None:
    with pytest.raises(ValueError, match=r"must|beyond"):
        core.join_bits(*arguments, bytearray(into))


@pytest.mark.parametrize(
    ("frame_nbits", "nframes", "packed_nbytes", "pixel_nbytes"),
    [
        (0, 1, 0, 0),
        (9, -1, 2, 9),
        (9, 2, 3, 18),
        (9, 2, 5, 18),
        (9, 2, 4, 17),
        (9, 2, 4, 19),
        (HUGE, 8, 4, 4),
    ],
)
def test_unpack_and_pack_of_wrong_sizes(
    core: Any, frame_nbits: int, nframes: int, packed_nbytes: int, pixel_nbytes: int
) -> None:
    with pytest.raises(ValueError, match="must"):
        core.unpack_bits(bytes(packed_nbytes), frame_nbits, nframes, bytearray(pixel_nbytes))
    if pixel_nbytes != frame_nbits * nframes:
        with pytest.raises(ValueError, match="must"):
            core.pack_bits(bytes(pixel_nbytes), frame_nbits, nframes)
