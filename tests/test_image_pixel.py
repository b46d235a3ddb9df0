# SPDX-License-Identifier: Apache-2.0
"""The one place that computes the size of a Frame, held against sizes counted by hand and bit by bit."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate import ImagePixel
from framedeflate.errors import FrameDeflateError, ImagePixelError


@pytest.mark.parametrize(
    ("attributes", "frame_nbytes", "native_nbytes", "frame_shape"),
    [
        ({"bits_allocated": 1, "number_of_frames": 3}, 13, 38, (10, 10)),
        ({"bits_allocated": 1, "number_of_frames": 2, "samples_per_pixel": 3}, 38, 75, (10, 10, 3)),
        ({"bits_allocated": 8, "number_of_frames": 2}, 100, 200, (10, 10)),
        ({"bits_allocated": 16, "bits_stored": 1}, 200, 200, (10, 10)),
        ({"bits_allocated": 24}, 300, 300, (10, 10)),
        ({"bits_allocated": 32, "bits_stored": 12}, 400, 400, (10, 10)),
        ({"bits_allocated": 64}, 800, 800, (10, 10)),
        ({"bits_allocated": 8, "samples_per_pixel": 3}, 300, 300, (10, 10, 3)),
        ({"bits_allocated": 8, "samples_per_pixel": 3, "planar_configuration": 1}, 300, 300, (10, 10, 3)),
        (
            {"bits_allocated": 8, "samples_per_pixel": 3, "photometric_interpretation": "YBR_FULL_422"},
            200,
            200,
            (10, 10, 3),
        ),
    ],
)
def test_sizes(
    attributes: dict[str, int], frame_nbytes: int, native_nbytes: int, frame_shape: tuple[int, ...]
) -> None:
    pixel = ImagePixel(rows=10, columns=10, **attributes)  # type: ignore[arg-type]
    assert (pixel.frame_nbytes, pixel.native_nbytes, pixel.frame_shape) == (
        frame_nbytes,
        native_nbytes,
        frame_shape,
    )


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    samples=st.sampled_from([1, 3]),
    bits=st.sampled_from([1, 8, 16, 24, 32, 64]),
    frames=st.integers(1, 9),
)
def test_sizes_by_counting_bits(rows: int, columns: int, samples: int, bits: int, frames: int) -> None:
    pixel = ImagePixel(
        rows=rows, columns=columns, samples_per_pixel=samples, bits_allocated=bits, number_of_frames=frames
    )
    one = "x" * (rows * columns * samples * bits)
    assert pixel.frame_nbytes == len([one[i : i + 8] for i in range(0, len(one), 8)])
    every = one * frames
    assert pixel.native_nbytes == len([every[i : i + 8] for i in range(0, len(every), 8)])


def test_a_row_is_the_distance_at_which_frames_resemble_themselves() -> None:
    def row_nbits(**attributes: int | str) -> int:
        return ImagePixel(rows=4, columns=10, **attributes).row_nbits  # type: ignore[arg-type]

    assert row_nbits(bits_allocated=1) == 10
    assert row_nbits(bits_allocated=16) == 160
    assert row_nbits(bits_allocated=8, samples_per_pixel=3) == 240
    assert row_nbits(bits_allocated=8, samples_per_pixel=3, planar_configuration=1) == 80
    assert row_nbits(bits_allocated=8, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422") == 160


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rows": 0}, "Rows"),
        ({"rows": 65536}, "Rows"),
        ({"columns": -1}, "Columns"),
        ({"number_of_frames": 0}, "Number of Frames"),
        ({"number_of_frames": 2**31}, "Number of Frames"),
        ({"samples_per_pixel": 2}, "Samples per Pixel"),
        ({"samples_per_pixel": 4}, "Samples per Pixel"),
        ({"bits_allocated": 0}, "Bits Allocated"),
        ({"bits_allocated": 12}, "Bits Allocated"),
        ({"bits_allocated": 72}, "Bits Allocated"),
        ({"bits_stored": 9}, "Bits Stored"),
        ({"bits_stored": -1}, "Bits Stored"),
        ({"planar_configuration": 2}, "Planar Configuration"),
        ({"pixel_representation": 2}, "Pixel Representation"),
        ({"photometric_interpretation": "YBR_FULL_422"}, "YBR_FULL_422"),
        (
            {"photometric_interpretation": "YBR_FULL_422", "samples_per_pixel": 3, "columns": 7},
            "YBR_FULL_422",
        ),
        (
            {"photometric_interpretation": "YBR_FULL_422", "samples_per_pixel": 3, "planar_configuration": 1},
            "YBR_FULL_422",
        ),
    ],
)
def test_what_no_frame_can_have_is_refused_by_name(change: dict[str, int | str], named: str) -> None:
    with pytest.raises(ImagePixelError) as caught:
        ImagePixel(**{"rows": 4, "columns": 4, "bits_allocated": 8} | change)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 1
    assert named in caught.value.problems[0]
    assert isinstance(caught.value, FrameDeflateError)
    assert isinstance(caught.value, ValueError)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ImagePixelError) as caught:
        ImagePixel(rows=0, columns=0, bits_allocated=12, samples_per_pixel=2, pixel_representation=7)
    assert len(caught.value.problems) == 5


def test_what_is_left_out_is_filled_in_and_nothing_changes_later() -> None:
    gray = ImagePixel(rows=2, columns=3, bits_allocated=16)
    assert (gray.photometric_interpretation, gray.bits_stored, gray.number_of_frames) == (
        "MONOCHROME2",
        16,
        1,
    )
    colour = ImagePixel(rows=2, columns=3, bits_allocated=8, samples_per_pixel=3)
    assert colour.photometric_interpretation == "RGB"
    with pytest.raises(dataclasses.FrozenInstanceError):
        gray.rows = 5  # type: ignore[misc]
    assert gray == ImagePixel(rows=2, columns=3, bits_allocated=16, bits_stored=16)


def test_numbers_of_numpy_do_not_overflow() -> None:
    pixel = ImagePixel(
        rows=np.uint16(60_000),  # type: ignore[arg-type]
        columns=np.uint16(60_000),  # type: ignore[arg-type]
        bits_allocated=np.uint16(16),  # type: ignore[arg-type]
        number_of_frames=np.int32(3),  # type: ignore[arg-type]
    )
    assert pixel.frame_nbytes == 60_000 * 60_000 * 2
    assert pixel.native_nbytes == 3 * pixel.frame_nbytes
    assert type(pixel.rows) is int


@pytest.mark.parametrize("value", [2.5, "3", None])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ImagePixelError) as caught:
        ImagePixel(rows=value, columns=value, bits_allocated=8)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 2
