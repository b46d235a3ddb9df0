# SPDX-License-Identifier: Apache-2.0
import math
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.pixels.processing import convert_color_space

from framedeflate.colour import convert_colour, converted_image_pixel
from framedeflate.errors import FrameEncodeError, UnsupportedImageError
from framedeflate.image_pixel import ImagePixel


def px(
    photometric: str, *, planar: int = 0, bits: int = 8, stored: int = 0, rows: int = 16, columns: int = 32
) -> ImagePixel:
    return ImagePixel(
        rows=rows,
        columns=columns,
        bits_allocated=bits,
        bits_stored=stored,
        samples_per_pixel=3,
        photometric_interpretation=photometric,
        planar_configuration=planar,
    )


RANDOM = np.random.default_rng(4).integers(0, 256, (512, 512, 3), "u1")


@pytest.mark.parametrize(("source", "to"), [("RGB", "YBR_FULL"), ("YBR_FULL", "RGB")])
def test_same_as_pydicom_but_for_its_rounding_of_halves(source: str, to: Literal["RGB", "YBR_FULL"]) -> None:
    result = np.frombuffer(convert_colour(RANDOM.tobytes(), px(source, rows=512, columns=512), to), "u1")
    # It computes in single precision, where an exact half may fall to either side.
    difference = result.astype(int) - convert_color_space(RANDOM.copy(), source, to).reshape(-1)
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) < difference.size / 1000


def exactly(pixel: tuple[int, int, int], to: str) -> bytes:
    """ITU-T T.871 7, which the standard's four digits round, in fractions; halves go up."""
    luma = [Fraction(299, 1000), Fraction(587, 1000), Fraction(114, 1000)]
    if to == "YBR_FULL":
        y = sum(weight * sample for weight, sample in zip(luma, pixel, strict=True))
        values = [y, (pixel[2] - y) / (2 - 2 * luma[2]) + 128, (pixel[0] - y) / (2 - 2 * luma[0]) + 128]
    else:
        red = pixel[0] + (2 - 2 * luma[0]) * (pixel[2] - 128)
        blue = pixel[0] + (2 - 2 * luma[2]) * (pixel[1] - 128)
        values = [red, (pixel[0] - luma[0] * red - luma[2] * blue) / luma[1], blue]
    return bytes(min(max(math.floor(value + Fraction(1, 2)), 0), 255) for value in values)


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
@example((240, 20, 0))
@example((0, 0, 255))
def test_rounded_exactly(pixel: tuple[int, int, int]) -> None:
    one = {"rows": 1, "columns": 1}
    assert convert_colour(bytes(pixel), px("RGB", **one), "YBR_FULL") == exactly(pixel, "YBR_FULL")
    assert convert_colour(bytes(pixel), px("YBR_FULL", **one), "RGB") == exactly(pixel, "RGB")


@pytest.mark.parametrize(("bits", "stored"), [(8, 8), (16, 16), (16, 12)])
def test_the_printed_equations_within_one(bits: int, stored: int) -> None:
    """PS3.3 C.7.6.3.1.2, with the four digits that it prints."""
    full, half = (1 << stored) - 1, 1 << stored >> 1
    rgb = np.random.default_rng(5).integers(0, full + 1, (16, 32, 3), f"<u{bits // 8}")
    result = convert_colour(rgb.tobytes(), px("RGB", bits=bits, stored=stored), "YBR_FULL")
    ybr = np.frombuffer(result, rgb.dtype).reshape(rgb.shape).astype(float)
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    expected = np.stack(
        [
            0.2990 * red + 0.5870 * green + 0.1140 * blue,
            -0.1687 * red - 0.3313 * green + 0.5000 * blue + half,
            0.5000 * red - 0.4187 * green - 0.0813 * blue + half,
        ],
        axis=-1,
    )
    # Four digits are off by 1e-4 of full scale at most; rounding adds a half.
    assert np.abs(ybr - expected.clip(0, full)).max() <= 0.5 + 1e-4 * full + 1e-9
    back = np.frombuffer(convert_colour(result, px("YBR_FULL", bits=bits, stored=stored), "RGB"), rgb.dtype)
    assert np.abs(back.astype(int) - rgb.reshape(-1).astype(int)).max() <= 2


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_planes_and_pixels_give_the_same(rows: int, columns: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), "u1")
    by_pixel = convert_colour(pixels.tobytes(), px("RGB", rows=rows, columns=columns), "YBR_FULL")
    planes = pixels.transpose(2, 0, 1).tobytes()
    assert convert_colour(planes, px("RGB", planar=1, rows=rows, columns=columns), "YBR_FULL") == by_pixel
    assert convert_colour(planes, px("RGB", planar=1, rows=rows, columns=columns), "RGB") == pixels.tobytes()


def test_subsampled_pairs_share_their_chrominance() -> None:
    source = px("YBR_FULL_422", rows=1, columns=4)
    full = bytes([10, 30, 40, 20, 30, 40, 50, 70, 80, 60, 70, 80])
    assert convert_colour(bytes([10, 20, 30, 40, 50, 60, 70, 80]), source, "YBR_FULL") == full
    rgb = convert_colour(full, px("YBR_FULL", rows=1, columns=4), "RGB")
    assert convert_colour(bytes([10, 20, 30, 40, 50, 60, 70, 80]), source, "RGB") == rgb
    assert converted_image_pixel(source, "RGB").frame_nbytes == len(rgb)


def test_frames_larger_than_a_block() -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (700, 800, 3), "u1")
    whole = convert_colour(pixels.tobytes(), px("RGB", rows=700, columns=800), "YBR_FULL")
    rows = [convert_colour(row.tobytes(), px("RGB", rows=1, columns=800), "YBR_FULL") for row in pixels]
    assert whole == b"".join(rows)


@pytest.mark.parametrize(
    ("image_pixel", "kind"),
    [
        (ImagePixel(rows=1, columns=1, bits_allocated=8), "photometric-interpretation"),
        (px("RGB", bits=32, rows=1, columns=1), "bits-allocated"),
        (
            ImagePixel(rows=1, columns=1, bits_allocated=8, samples_per_pixel=3, pixel_representation=1),
            "bits-allocated",
        ),
    ],
)
def test_what_cannot_be_converted_says_so(image_pixel: ImagePixel, kind: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        convert_colour(bytes(image_pixel.frame_nbytes), image_pixel, "YBR_FULL")
    assert caught.value.kind == kind


@pytest.mark.parametrize("nbytes", [2, 4])
def test_a_frame_of_another_size_is_refused(nbytes: int) -> None:
    with pytest.raises(FrameEncodeError):
        convert_colour(bytes(nbytes), px("RGB", rows=1, columns=1), "YBR_FULL")
