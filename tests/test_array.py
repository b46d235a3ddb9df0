# SPDX-License-Identifier: Apache-2.0
"""Arrays from and to Frames, held against numpy and plain loops."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

import judge
from dicom_writer import deflate
from framedeflate import ImagePixel, decode_frames, encode_frame, encode_frames
from framedeflate.errors import FrameDecodeError, FrameEncodeError, UnsupportedImageError

KINDS = [
    # description of the Frames, type of a sample
    ({"bits_allocated": 1}, np.bool_),
    ({"bits_allocated": 1, "samples_per_pixel": 3}, np.bool_),
    ({"bits_allocated": 1, "samples_per_pixel": 3, "planar_configuration": 1}, np.bool_),
    ({"bits_allocated": 8}, np.uint8),
    ({"bits_allocated": 8, "pixel_representation": 1}, np.int8),
    ({"bits_allocated": 8, "samples_per_pixel": 3}, np.uint8),
    ({"bits_allocated": 8, "samples_per_pixel": 3, "planar_configuration": 1}, np.uint8),
    ({"bits_allocated": 16, "bits_stored": 3}, np.uint16),
    ({"bits_allocated": 16, "bits_stored": 12, "pixel_representation": 1}, np.int16),
    ({"bits_allocated": 16, "samples_per_pixel": 3, "planar_configuration": 1}, np.uint16),
    ({"bits_allocated": 32, "bits_stored": 8}, np.uint32),
    ({"bits_allocated": 64, "pixel_representation": 1}, np.int64),
]


def described(attributes: dict[str, int]) -> ImagePixel:
    return ImagePixel(**{"rows": 5, "columns": 7} | attributes)  # type: ignore[arg-type]


def random_array(pixel: ImagePixel, dtype: DTypeLike, count: int = 4) -> NDArray[Any]:
    rng, shape = np.random.default_rng(5), (count, *pixel.frame_shape)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def native_frame(frame: NDArray[Any], pixel: ImagePixel) -> bytes:
    """The Frame as it stands in native Pixel Data, sample by sample."""
    planes = [frame[..., s] for s in range(pixel.samples_per_pixel)] if frame.ndim == 3 else [frame]
    if pixel.planar_configuration:
        samples = [value for plane in planes for value in plane.ravel()]
    else:
        samples = [
            value for values in zip(*(plane.ravel() for plane in planes), strict=True) for value in values
        ]
    if pixel.bits_allocated == 1:
        bits = "".join("01"[int(value)] for value in samples)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    size = pixel.bits_allocated // 8
    return b"".join(
        int(value).to_bytes(size, "little", signed=bool(pixel.pixel_representation)) for value in samples
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("attributes", "dtype"), KINDS)
def test_arrays_become_frames_and_frames_arrays(
    attributes: dict[str, int], dtype: DTypeLike, threads: int
) -> None:
    pixel = described(attributes)
    array = random_array(pixel, dtype)
    expected = [native_frame(frame, pixel) for frame in array]
    fragments = encode_frames(array, pixel, threads=threads)
    assert [judge.inflate(fragment) for fragment in fragments] == expected
    decoded = decode_frames([deflate(frame) for frame in expected], pixel, threads=threads)
    assert decoded.dtype == np.dtype(dtype)
    assert decoded.shape == array.shape
    assert np.array_equal(decoded, array)


def test_many_one_bit_frames_go_through_in_batches() -> None:
    pixel = ImagePixel(rows=1000, columns=999, bits_allocated=1)
    array = random_array(pixel, np.bool_, count=20)
    packed = [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in array]
    assert np.array_equal(
        decode_frames([deflate(frame, level=1) for frame in packed], pixel, threads=2), array
    )


def test_set_unused_bits_are_ignored() -> None:
    pixel = ImagePixel(rows=1, columns=3, bits_allocated=1)
    assert decode_frames([deflate(b"\xfa")], pixel).tolist() == [[[False, True, False]]]


def test_the_shared_chrominance_is_repeated() -> None:
    pixel = ImagePixel(
        rows=3, columns=6, bits_allocated=8, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422"
    )
    native = bytes(range(pixel.frame_nbytes))
    (decoded,) = decode_frames([deflate(native)], pixel)
    for row in range(3):
        for column in range(6):
            # PS3.3 C.7.6.3.1.2: Y1 Y2 CB CR for every two pixels.
            y1_y2_cb_cr = native[(row * 6 + column) // 2 * 4 :][:4]
            assert decoded[row, column].tolist() == [y1_y2_cb_cr[column % 2], y1_y2_cb_cr[2], y1_y2_cb_cr[3]]


def test_integers_0_and_1_are_bits_and_nothing_else_is() -> None:
    pixel = described({"bits_allocated": 1})
    array = random_array(pixel, np.bool_)
    for dtype in (np.uint8, np.int64):
        assert encode_frames(array.astype(dtype), pixel) == encode_frames(array, pixel)
    for wrong in (array.astype(np.uint8) * 2, array.astype(np.float32), -array.astype(np.int8)):
        with pytest.raises(FrameEncodeError):
            encode_frames(wrong, pixel)


def test_arrays_of_other_byte_order_and_layout_are_taken() -> None:
    pixel = described({"bits_allocated": 16})
    array = random_array(pixel, np.uint16)
    assert encode_frames(array.astype(">u2"), pixel) == encode_frames(array, pixel)
    assert encode_frames(np.asfortranarray(array), pixel) == encode_frames(array, pixel)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((5, 7), np.uint16),
        np.zeros((1, 7, 5), np.uint16),
        np.zeros((1, 5, 7, 1), np.uint16),
        np.zeros((1, 5, 7), np.int16),
        np.zeros((1, 5, 7), np.uint8),
        np.zeros((1, 5, 7), np.float16),
    ],
)
def test_another_shape_or_type_is_refused(wrong: NDArray[Any]) -> None:
    with pytest.raises(FrameEncodeError):
        encode_frames(wrong, described({"bits_allocated": 16}))


def test_no_frames_are_no_frames() -> None:
    pixel = described({"bits_allocated": 16})
    assert encode_frames([], pixel) == []
    assert encode_frames(np.zeros((0, 5, 7), np.uint16), pixel) == []
    assert decode_frames([], pixel).shape == (0, 5, 7)
    assert decode_frames([], described({"bits_allocated": 1})).shape == (0, 5, 7)


def test_sizes_that_numpy_lacks_are_named() -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        decode_frames([deflate(bytes(105))], described({"bits_allocated": 24}))
    assert caught.value.kind == "bits-allocated"


def test_the_first_broken_frame_is_named() -> None:
    for attributes in ({"bits_allocated": 1}, {"bits_allocated": 8}):
        pixel = described(attributes)
        good = deflate(bytes(pixel.frame_nbytes))
        with pytest.raises(FrameDecodeError) as caught:
            decode_frames([good, good, b"\x07\0", b"\x07\0"], pixel)
        assert caught.value.frame_number == 3
    with pytest.raises(FrameDecodeError):
        decode_frames([good + b"abc"], pixel)
    assert not decode_frames([good + b"abc"], pixel, strict=False).any()


def test_frames_may_come_as_one_array_each() -> None:
    pixel = ImagePixel(rows=5, columns=7, bits_allocated=1)
    masks = np.random.default_rng(5).integers(0, 2, (4, 5, 7)).astype(np.bool_)
    fragments = encode_frames(list(masks), pixel)
    assert fragments == encode_frames(masks, pixel)
    assert np.array_equal(decode_frames(fragments, pixel), masks)
    with pytest.raises(FrameEncodeError) as caught:
        encode_frames([masks[0], masks[1, :4], masks[2]], pixel)
    assert caught.value.frame_number == 2


def test_scattered_bytes_are_refused() -> None:
    pixel = ImagePixel(rows=4, columns=4, bits_allocated=8)
    with pytest.raises(FrameEncodeError, match="ascontiguousarray"):
        encode_frame(np.zeros((4, 8), np.uint8)[:, ::2], pixel)
