# SPDX-License-Identifier: Apache-2.0
"""Levels of the encoder against each other: higher ones may take longer, never more room."""

import itertools
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

_native: Any = pytest.importorskip("framedeflate._native")

LEVELS = range(1, 10)


def disks(rows: int, columns: int, count: int, radius: int, seed: int) -> NDArray[np.uint8]:
    """Label each of some discs with its number."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    labels = np.zeros((rows, columns), np.uint8)
    for label in range(1, count + 1):
        r = radius * (0.5 + rng.random())
        inside = (y - rng.integers(rows)) ** 2 + (x - rng.integers(columns)) ** 2 < r * r
        labels[inside] = label % 255 + 1
    return labels


def packed(pixels: NDArray[Any]) -> bytes:
    return np.packbits(pixels.ravel() != 0, bitorder="little").tobytes()


def rough(rows: int, columns: int, seed: int) -> NDArray[np.bool_]:
    """Make a region whose edge is noise, with another scale of noise below it."""
    rng = np.random.default_rng(seed)
    edge = np.cumsum(rng.integers(-2, 3, rows)) + columns // 2
    pixels = np.arange(columns) < edge[:, None]
    pixels[: rows // 4] ^= rng.random((rows // 4, columns)) < 0.02
    return pixels


def tiles(rows: int, columns: int, seed: int) -> NDArray[np.bool_]:
    """Repeat one noisy tile at places no near match reaches."""
    rng = np.random.default_rng(seed)
    tile = rng.random((16, 16)) < 0.4
    pixels = np.zeros((rows, columns), bool)
    for _ in range(rows * columns // 2000):
        y, x = int(rng.integers(rows - 16)), int(rng.integers(columns // 8 - 2)) * 8
        pixels[y : y + 16, x : x + 16] = tile
    return pixels


KINDS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "sparse": (256, lambda seed: packed(disks(256, 256, 2, 30, seed))),
    "tiny": (64, lambda seed: packed(disks(64, 64, 1, 5, seed))),
    "dense": (256, lambda seed: packed(disks(256, 256, 200, 7, seed))),
    "odd width": (203, lambda seed: packed(disks(200, 203, 12, 20, seed))),
    "rough edge": (256, lambda seed: packed(rough(256, 256, seed))),
    "repeating": (256, lambda seed: packed(tiles(256, 256, seed))),
    "noise": (256, lambda seed: packed(np.random.default_rng(seed).random((256, 256)) < 0.05)),
    "random": (256, lambda seed: np.random.default_rng(seed).bytes(8192)),
    "labels of 8 bits": (8 * 128, lambda seed: disks(128, 128, 30, 12, seed).tobytes()),
    "labels of 16 bits": (
        16 * 128,
        lambda seed: (disks(128, 128, 30, 12, seed) * np.uint16(3)).astype("<u2").tobytes(),
    ),
}


def streams(frames: list[bytes], row_nbits: int, level: int, threads: int = 1) -> list[bytes]:
    coded: list[bytes] = _native.deflate_frames(b"".join(frames), len(frames[0]), row_nbits, level, threads)
    for frame, stream in zip(frames, coded, strict=True):
        judge = zlib.decompressobj(-15)
        assert judge.decompress(stream) == frame
        assert judge.eof
        assert not judge.unused_data
        assert len(stream) <= len(frame) + 5 * -(-len(frame) // 65535)
    return coded


@pytest.mark.parametrize("kind", KINDS)
def test_no_level_takes_more_room_than_the_one_below(kind: str) -> None:
    row_nbits, make = KINDS[kind]
    frames = [make(seed) for seed in range(6)]
    sizes = [[len(stream) for stream in streams(frames, row_nbits, level)] for level in LEVELS]
    totals = [sum(of_level) for of_level in sizes]
    # Searches that end in different places may differ by a hair.
    assert all(
        higher <= lower + lower // 500 + len(frames) for lower, higher in itertools.pairwise(totals)
    ), totals
    assert totals[-1] <= totals[4] <= totals[0], totals
    for of_level in sizes[1:]:
        assert all(higher <= lowest for lowest, higher in zip(sizes[0], of_level, strict=True))


def test_higher_levels_find_what_lower_ones_cannot() -> None:
    row_nbits, make = KINDS["repeating"]
    frames = [make(seed) for seed in range(4)]
    near, far = (sum(map(len, streams(frames, row_nbits, level))) for level in (3, 6))
    assert far < 0.9 * near


@pytest.mark.parametrize("level", [3, 6, 9])
def test_threads_and_neighbours_change_nothing(level: int) -> None:
    for row_nbits, make in KINDS.values():
        frames = [make(seed) for seed in range(3)]
        alone = [streams([frame], row_nbits, level)[0] for frame in frames]
        assert streams(frames[::-1], row_nbits, level, threads=2)[::-1] == alone


@pytest.mark.parametrize("level", LEVELS)
def test_segments_and_windows(level: int) -> None:
    rng = np.random.default_rng(level)
    # What repeats lies just within the window, just beyond it, and across the places where searches begin anew.
    block = rng.integers(0, 4, 3000, dtype=np.uint8).tobytes()
    for gap in (32768, 32769, 262144):
        frame = block + bytes(gap - len(block)) + block + bytes(1000) + block[:1500]
        streams([frame], 4096, level)
