# SPDX-License-Identifier: Apache-2.0
"""What level 1 chooses by the data: distances of rows and runs, which matches to take, and whose Frame it is.

zlib inflates every stream; sizes are held against zlib's and libdeflate's for the same Frame.
"""

import zlib
from typing import Any

import deflate
import numpy as np
import pytest
from numpy.typing import NDArray

from framedeflate import engine

_native: Any = pytest.importorskip("framedeflate._native")
if engine.name != "native":
    pytest.skip("the choices of the core", allow_module_level=True)

LIBDEFLATE_LEVEL = 4  # goes with our level 1


def nbytes_of(frame: bytes, row_nbits: int) -> int:
    (stream,) = engine.deflate_frames(frame, len(frame), row_nbits, 1, 1)
    judge = zlib.decompressobj(-15)
    assert judge.decompress(stream) == frame
    assert judge.eof
    assert not judge.unused_data
    return len(stream)


def zlib_nbytes(frame: bytes) -> int:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return len(deflater.compress(frame) + deflater.flush())


def libdeflate_nbytes(frame: bytes) -> int:
    return len(deflate.deflate_compress(frame, LIBDEFLATE_LEVEL))


def is_photographic(frame: bytes, row_nbits: int) -> bool:
    return bool(_native.photographic_frames(frame, len(frame), row_nbits)[0])


def labels(rows: int, columns: int, count: int, largest_radius: int, highest: int) -> NDArray[np.int64]:
    """Overlapping discs of random labels."""
    rng = np.random.default_rng(count)
    y, x = np.mgrid[:rows, :columns]
    result = np.zeros((rows, columns), np.int64)
    for _ in range(count):
        radius = rng.integers(3, largest_radius)
        disc = (y - rng.integers(rows)) ** 2 + (x - rng.integers(columns)) ** 2 < radius**2
        result[disc] = rng.integers(1, highest)
    return result


def packed(pixels: NDArray[np.bool_]) -> bytes:
    return np.packbits(pixels.ravel(), bitorder="little").tobytes()


@pytest.mark.parametrize(("count", "largest_radius", "most"), [(3, 90, 0.95), (20, 40, 1.1), (250, 9, 1.02)])
@pytest.mark.parametrize("columns", range(249, 257))
def test_rows_that_are_no_whole_number_of_bytes(
    columns: int, count: int, largest_radius: int, most: float
) -> None:
    frame = packed(labels(256, columns, count, largest_radius, 2) > 0)
    assert not is_photographic(frame, columns)
    assert nbytes_of(frame, columns) < most * zlib_nbytes(frame)


@pytest.mark.parametrize(
    ("count", "largest_radius", "highest"), [(12, 60, 50), (150, 12, 250), (150, 12, 60000)]
)
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<u4", "<f4"])
def test_label_maps_of_wide_samples(dtype: str, count: int, largest_radius: int, highest: int) -> None:
    samples = labels(256, 256, count, largest_radius, highest).astype(dtype)
    frame, row_nbits = samples.tobytes(), 256 * 8 * samples.itemsize
    assert not is_photographic(frame, row_nbits)
    nbytes = nbytes_of(frame, row_nbits)
    assert nbytes < libdeflate_nbytes(frame)
    # zlib finds a number of several bytes again, far from where it was.
    assert nbytes < (1 if highest < 60000 and dtype != "<f4" else 1.2) * zlib_nbytes(frame)


def test_label_maps_in_colour() -> None:
    palette = np.random.default_rng(1).integers(0, 256, (50, 3), dtype=np.uint8)
    frame = palette[labels(256, 256, 12, 60, 50)].tobytes()
    assert not is_photographic(frame, 256 * 24)
    assert nbytes_of(frame, 256 * 24) < libdeflate_nbytes(frame)


@pytest.mark.parametrize("samples_nbytes", [2, 3, 4])
@pytest.mark.parametrize("nbytes", [1, 2, 63, 64, 65, 128, 200, 1000, 70_000])
def test_runs_of_samples_at_any_size(nbytes: int, samples_nbytes: int) -> None:
    rng = np.random.default_rng(nbytes)
    sample = rng.integers(0, 256, samples_nbytes, dtype=np.uint8)
    frame = np.tile(sample, nbytes // samples_nbytes + 1)[:nbytes]
    frame[rng.integers(0, nbytes, nbytes // 100)] ^= 1
    for row_nbits in (8, 8 * samples_nbytes, 37, 8 * nbytes, 8 * nbytes + 8):
        nbytes_of(frame.tobytes(), row_nbits)


@pytest.mark.parametrize("scale", [1, 255])
def test_masks_of_a_byte_a_pixel(scale: int) -> None:
    for count, largest_radius in ((3, 90), (40, 30), (250, 9)):
        frame = ((labels(256, 256, count, largest_radius, 2) > 0) * scale).astype(np.uint8).tobytes()
        assert not is_photographic(frame, 2048)
        assert nbytes_of(frame, 2048) < 0.95 * min(zlib_nbytes(frame), libdeflate_nbytes(frame))


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05, 0.08])
def test_noise_is_left_to_its_literals(share: float) -> None:
    frame = packed(np.random.default_rng(7).random((512, 512)) < share)
    assert not is_photographic(frame, 512)
    assert nbytes_of(frame, 512) < 0.9 * zlib_nbytes(frame)


def test_rows_longer_than_the_longest_match_are_shared_with_runs() -> None:
    # Every row is the one above: in pieces of 258, most of which lie in background.
    row = np.zeros(2000, np.uint8)
    row[[3, 700, 1900]] = 5
    frame = np.tile(row, 200).tobytes()
    assert nbytes_of(frame, 16000) < 0.8 * zlib_nbytes(frame)


def body_in_air(air_noise: float, radius: int) -> bytes:
    rng = np.random.default_rng(radius)
    y, x = np.mgrid[:256, :256]
    inside = (x - 128) ** 2 + (y - 128) ** 2 < radius**2
    noise = rng.normal(0, 1, (256, 256))
    pixels: bytes = np.where(inside, 1000 + 15 * noise, -1000 + air_noise * noise).astype("<i2").tobytes()
    return pixels


def gradient(noise: float) -> bytes:
    y, x = np.mgrid[:256, :256]
    pixels = (x + y) / 2 + noise * np.random.default_rng(2).normal(0, 1, (256, 256))
    frame: bytes = pixels.clip(0, 255).astype(np.uint8).tobytes()
    return frame


@pytest.mark.parametrize(
    ("frame", "row_nbits"),
    [
        (body_in_air(3, 40), 4096),
        (body_in_air(3, 110), 4096),
        (body_in_air(0, 110), 4096),
        (gradient(0), 2048),
        (gradient(0.2), 2048),
        (gradient(10), 2048),
        (np.random.default_rng(3).integers(0, 256, 65536, dtype=np.uint8).tobytes(), 2048),
        (packed(np.add.outer(np.arange(512), np.arange(512)) % 7 < 2), 512),
    ],
    ids=["noisy air", "little noisy air", "clean air", "ramp", "faint noise", "noise", "random", "hatching"],
)
def test_no_larger_than_libdeflate(frame: bytes, row_nbits: int) -> None:
    # libdeflate stores what is random in more bytes than it has to.
    assert nbytes_of(frame, row_nbits) <= 1.005 * libdeflate_nbytes(frame)
