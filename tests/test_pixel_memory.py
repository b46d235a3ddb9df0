# SPDX-License-Identifier: Apache-2.0
"""Arrays of many Frames: the memory they get suits their density, and holds what zlib and numpy say."""

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from child import run_child
from dicom_writer import data_set, deflate, image, padded, part10, pixel_data
from framedeflate import FrameReader, ImagePixel, decode_frames
from framedeflate.errors import FrameDecodeError
from framedeflate.pixel_memory import new_pixels, sampled_frames

SIDE = 512
BITS = ImagePixel(rows=SIDE, columns=SIDE, bits_allocated=1)
BYTES = ImagePixel(rows=SIDE, columns=SIDE, bits_allocated=8)


def masks(count: int, *, dense: bool) -> NDArray[np.bool_]:
    """A small square a Frame, or speckle all over it."""
    rng = np.random.default_rng(4)
    if dense:
        return rng.random((count, SIDE, SIDE)) < 0.2
    frames = np.zeros((count, SIDE, SIDE), bool)
    for index in range(count):
        frames[index, 40 + index : 60 + index, 100:150] = True
    return frames


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("count", [1, 40])
def test_bits(dense: bool, count: int) -> None:
    frames = masks(count, dense=dense)
    fragments = [deflate(np.packbits(frame, bitorder="little").tobytes()) for frame in frames]
    decoded = decode_frames(fragments, BITS)
    assert decoded.dtype == np.bool_
    assert decoded.flags.writeable
    assert np.array_equal(decoded, frames)


@pytest.mark.parametrize("dense", [False, True])
def test_label_maps(dense: bool) -> None:
    frames = masks(20, dense=dense) * np.arange(1, 21, dtype=np.uint8)[:, None, None]
    decoded = decode_frames([deflate(frame.tobytes()) for frame in frames], BYTES)
    assert decoded.flags.writeable
    assert np.array_equal(decoded, frames)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the allocator decides alone")
@pytest.mark.parametrize(
    ("dense", "count", "zeroed"), [(False, 40, True), (True, 40, False), (False, 4, False)]
)
def test_the_choice(dense: bool, count: int, zeroed: bool) -> None:
    fragments = [
        deflate(np.packbits(frame, bitorder="little").tobytes()) for frame in masks(count, dense=dense)
    ]
    samples = [fragments[index] for index in sampled_frames(count, BITS)]
    pixels, is_zeroed = new_pixels(count, BITS, samples)
    assert (len(pixels), is_zeroed) == (count * SIDE * SIDE, zeroed)
    assert not is_zeroed or not pixels.any()


def test_a_broken_frame_among_sparse_ones_is_named() -> None:
    fragments = [deflate(np.packbits(frame, bitorder="little").tobytes()) for frame in masks(40, dense=False)]
    fragments[17] = b"\xff" * 200
    with pytest.raises(FrameDecodeError) as caught:
        decode_frames(fragments, BITS)
    assert (caught.value.frame_number, caught.value.kind) == (18, "bad-data")


def test_the_reader_gives_the_same() -> None:
    frames = masks(40, dense=False)
    head = data_set(image(rows=SIDE, columns=SIDE, allocated=1, frames="40"))
    fragments = [padded(deflate(np.packbits(frame, bitorder="little").tobytes())) for frame in frames]
    with FrameReader.open(part10(head + pixel_data(fragments))) as reader:
        assert np.array_equal(reader[:], frames)
        assert np.array_equal(reader[::-3], frames[::-3])
        assert all(np.array_equal(one, frame) for one, frame in zip(reader, frames, strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the allocator decides alone")
def test_background_takes_no_memory() -> None:
    """500 Frames are 131 MB of pixels, of which a square each is touched."""
    body = """
import zlib
from framedeflate import ImagePixel, decode_frames
row = bytes(20) + b"\\xff" * 4 + bytes(40)
deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
stream = deflater.compress(bytes(64 * 100) + row * 30 + bytes(64 * 382)) + deflater.flush()
array = decode_frames([stream] * 500, ImagePixel(rows=512, columns=512, bits_allocated=1))
outcome = [int(array[::100].sum()), array.nbytes]
"""
    report = run_child(body)
    assert report.error == ""
    assert report.outcome == [5 * 30 * 32, 500 * 512 * 512]
    assert report.peak_nbytes < 40 << 20
