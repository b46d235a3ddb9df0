# SPDX-License-Identifier: Apache-2.0
"""Native Pixel Data cut into Frames and joined again, held against strings of bits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate import ImagePixel
from framedeflate.native_pixels import FrameJoiner, cut_frames, native_range, swap_words


def bits_of(data: bytes) -> str:
    """The bits in the order of the pixels: from the least significant of each byte (PS3.5 8.1.1)."""
    return "".join(f"{byte:08b}"[::-1] for byte in data)


def bytes_of(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


@st.composite
def images(draw: st.DrawFn) -> tuple[ImagePixel, list[str]]:
    bits = draw(st.sampled_from([1, 1, 1, 8, 16]))
    pixel = ImagePixel(
        rows=draw(st.integers(1, 7)),
        columns=draw(st.integers(1, 9)),
        bits_allocated=bits,
        samples_per_pixel=draw(st.sampled_from([1, 3])),
        number_of_frames=draw(st.integers(1, 9)),
    )
    size = pixel.frame_nbytes
    made = [draw(st.binary(min_size=size, max_size=size)) for _ in range(pixel.number_of_frames)]
    return pixel, [bits_of(frame)[: pixel.frame_nbits] for frame in made]


@given(images(), st.data())
def test_frames_are_cut_at_any_bit(image: tuple[ImagePixel, list[str]], data: st.DataObject) -> None:
    pixel, frames = image
    value = bytes_of("".join(frames))
    assert len(value) == pixel.native_nbytes
    index = data.draw(st.integers(0, len(frames) - 1))
    count = data.draw(st.integers(1, len(frames) - index))
    place = native_range(pixel, index, count)
    # Not a byte more than is needed: the file may be remote.
    assert place.start * 8 + place.first_bit == index * pixel.frame_nbits
    assert 0 <= place.stop * 8 - (index + count) * pixel.frame_nbits < 8
    cut = cut_frames(value[place.start : place.stop], pixel, first_bit=place.first_bit, count=count)
    assert bytes(cut) == b"".join(bytes_of(frame) for frame in frames[index : index + count])


@given(images(), st.integers(1, 5))
def test_frames_are_joined_without_a_gap(image: tuple[ImagePixel, list[str]], batch: int) -> None:
    pixel, frames = image
    joiner, value = FrameJoiner(pixel), b""
    for start in range(0, len(frames), batch):
        part = [bytes_of(frame) for frame in frames[start : start + batch]]
        value += bytes(joiner.join(b"".join(part), len(part)))
    assert value + joiner.finish() == bytes_of("".join(frames))


def test_set_unused_bits_do_not_reach_the_next_frame() -> None:
    pixel = ImagePixel(rows=1, columns=3, bits_allocated=1, number_of_frames=3)
    joiner = FrameJoiner(pixel)
    assert bytes(joiner.join(b"\xf8\xff\xf8", 3)) + joiner.finish() == bytes_of("000111000")


@pytest.mark.parametrize("size", [2, 4, 8])
def test_words_are_swapped(size: int) -> None:
    data = bytes(range(32))
    assert swap_words(data, size) == b"".join(data[i : i + size][::-1] for i in range(0, 32, size))
