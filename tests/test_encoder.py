# SPDX-License-Identifier: Apache-2.0
"""The DEFLATE encoder: every stream is inflated by zlib, which must give the Frame back and have no input left."""

import itertools
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

# The core itself: the engine would send photographic Frames to libdeflate, and the reference is zlib.
_native: Any = pytest.importorskip("framedeflate._native")

LEVELS = range(1, 10)
SHARED_FRAMES = Path(__file__).parents[1] / "../shared/frames"


def stored_nbytes(nbytes: int) -> int:
    """Size of a stream of stored blocks, the most that any stream may take (RFC 1951, 3.2.4)."""
    return nbytes + 5 * max(1, -(-nbytes // 65535))


def check(frame: bytes, row_nbits: int, level: int) -> bytes:
    (stream,) = _native.deflate_frames(frame, len(frame), row_nbits, level, 1) if frame else [b"\x03\x00"]
    judge = zlib.decompressobj(-15)
    assert judge.decompress(stream) == frame
    assert judge.eof
    assert not judge.unused_data
    assert len(stream) <= stored_nbytes(len(frame))
    return stream


def packed(pixels: NDArray[np.bool_]) -> bytes:
    return np.packbits(pixels.ravel(), bitorder="little").tobytes()


def blobs(rows: int, columns: int, count: int, seed: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    pixels = np.zeros((rows, columns), bool)
    for _ in range(count):
        radius = rng.integers(1, max(2, min(rows, columns) // 3))
        pixels |= (y - rng.integers(rows)) ** 2 + (x - rng.integers(columns)) ** 2 < radius**2
    return pixels


def texture(rows: int, columns: int, share: float, seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((rows, columns)) < share


@pytest.mark.parametrize("level", LEVELS)
def test_every_small_size(level: int) -> None:
    rng = np.random.default_rng(level)
    for nbytes in range(1, 400):
        values = int(rng.choice([1, 2, 3, 256]))
        check(rng.integers(0, values, nbytes, dtype=np.uint8).tobytes(), int(rng.integers(1, 300)), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("columns", [1, 7, 8, 15, 64, 250, 256, 257, 300, 505, 511])
def test_shapes_of_any_width(columns: int, level: int) -> None:
    check(packed(blobs(90, columns, 6, columns)), columns, level)
    check(packed(texture(40, columns, 0.05, columns)), columns, level)


@pytest.mark.parametrize("level", LEVELS)
def test_frames_larger_than_a_block(level: int) -> None:
    rng = np.random.default_rng(level)
    check(rng.integers(0, 256, 150_000, dtype=np.uint8).tobytes(), 4096, level)
    check(rng.integers(0, 3, 300_000, dtype=np.uint8).tobytes(), 4096, level)
    check(bytes(70_000) + b"\x01" + bytes(600_000), 4096, level)


@pytest.mark.parametrize("part_end", range(0, 200, 8))
def test_a_run_across_the_end_of_a_part(part_end: int) -> None:
    """Level 2 and up work on 2^18 bytes at a time, and count in blocks of 2^16 symbols.

    Here such a block starts just before 2^18, and holds little more than a run that goes on beyond.
    """
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 255, 1 << 18, dtype=np.uint8)
    noise[1:][noise[1:] == noise[:-1]] ^= 0x80  # no two neighbours are the same
    noise[noise == 255] = 0
    # Three blocks of 2^16 symbols, each with a run of some 2^16 / 3 bytes: 257 more for each match of 258.
    frame = np.empty(0, np.uint8)
    for run_nbytes in (21900, 21900, 21800 + part_end):
        frame = np.concatenate([frame, noise[:61000], np.full(run_nbytes, 255, np.uint8), noise[:4500]])
    frame = np.concatenate([frame[: (1 << 18) - 3], np.full(48, 255, np.uint8), noise[:1000]])
    check(frame.tobytes(), 0, 2)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("row_nbits", [1, 8, 15, 16, 512, 8 * 32768, 8 * 32769, 2**40])
def test_any_row_distance_is_correct(row_nbits: int, level: int) -> None:
    check(packed(blobs(128, 512, 9, 3)), row_nbits, level)
    check(bytes(40_000), row_nbits, level)


@given(
    parts=st.lists(
        st.one_of(
            st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 60)),
            st.tuples(st.binary(min_size=1, max_size=1), st.integers(1, 3000)),
        ),
        min_size=1,
        max_size=12,
    ),
    row_nbits=st.integers(1, 5000),
    level=st.sampled_from(LEVELS),
)
def test_any_bytes(parts: list[tuple[bytes, int]], row_nbits: int, level: int) -> None:
    check(b"".join(part * times for part, times in parts), row_nbits, level)


@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 200),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    level=st.sampled_from(LEVELS),
)
def test_any_shape_and_noise(rows: int, columns: int, share: float, seed: int, level: int) -> None:
    pixels = blobs(rows, columns, 3, seed) ^ texture(rows, columns, share * share * share, seed)
    check(packed(pixels), columns, level)


@pytest.mark.parametrize("level", LEVELS)
def test_a_stream_depends_on_its_frame_alone(level: int) -> None:
    frames = [
        packed(blobs(256, 256, count, count)) if count % 3 else bytes([count]) * 8192 for count in range(12)
    ]
    alone = [check(frame, 256, level) for frame in frames]
    for threads in (1, 2):
        assert _native.deflate_frames(b"".join(frames), 8192, 256, level, threads) == alone
    assert _native.deflate_frames(b"".join(frames[::-1]), 8192, 256, level, 1) == alone[::-1]


def test_smaller_than_zlib_on_shapes() -> None:
    frames = [packed(blobs(512, 512, count, count)) for count in (1, 4, 16, 64)]
    ours = [sum(len(check(frame, 512, level)) for frame in frames) for level in LEVELS]
    deflater = [zlib.compressobj(6, zlib.DEFLATED, -15) for _ in frames]
    zlibs = sum(len(d.compress(frame) + d.flush()) for d, frame in zip(deflater, frames, strict=True))
    assert ours[0] < zlibs
    # The size falls from level to level, but for a tenth of a percent.
    assert all(higher <= lower * 1.001 for lower, higher in itertools.pairwise(ours))


def test_photographic_frames_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(256), np.arange(256)) * 5 + rng.integers(0, 40, (256, 256))
    photographic = [
        ramp.astype("<u2").tobytes(),
        (ramp // 8 + rng.integers(0, 9, (256, 256))).astype("u1").tobytes(),
    ]
    for frame, row_nbits in zip(photographic, (4096, 2048), strict=True):
        assert _native.photographic_frames(frame, len(frame), row_nbits) == b"\x01"
    for pixels in (blobs(512, 512, 20, 1), texture(512, 512, 0.05, 2), blobs(512, 512, 0, 3)):
        assert _native.photographic_frames(packed(pixels), 32768, 512) == b"\x00"
    labels = (blobs(256, 256, 9, 4) * np.uint8(7) + blobs(256, 256, 5, 5) * np.uint8(30)).tobytes()
    assert _native.photographic_frames(labels, 65536, 2048) == b"\x00"


@pytest.mark.skipif(not SHARED_FRAMES.is_dir(), reason="the frames to tune on are not beside this checkout")
@pytest.mark.parametrize("level", LEVELS)
def test_frames_to_tune_on(level: int) -> None:
    for name, columns, frame_nbytes in (("ts_real512", 512, 32768), ("nuclei_20x_256", 256, 8192)):
        native = np.fromfile(SHARED_FRAMES / f"{name}.bin", np.uint8).reshape(-1, frame_nbytes)
        for frame in native[:: len(native) // 6]:
            check(frame.tobytes(), columns, level)
