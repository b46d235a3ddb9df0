# SPDX-License-Identifier: Apache-2.0
"""Streams held against the Frames they were made from; zlib makes the streams."""

import random
import zlib
from typing import Any

import pytest

NBYTES = 5000
FRAMES = [random.Random(n).randbytes(NBYTES) for n in range(40)]  # noqa: S311


def raw(frame: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflater.compress(frame) + deflater.flush()


STREAMS = [raw(frame) for frame in FRAMES]


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_none_where_all_are_right(core: Any, threads: int) -> None:
    assert core.first_mismatch(STREAMS, NBYTES, b"".join(FRAMES), threads) is None
    assert core.first_mismatch([], NBYTES, b"", threads) is None


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("place", [0, NBYTES // 2, NBYTES - 1])
def test_the_first_of_two_frames_that_differ_in_one_bit(core: Any, threads: int, place: int) -> None:
    frames = bytearray(b"".join(FRAMES))
    frames[13 * NBYTES + place] ^= 1
    frames[31 * NBYTES] ^= 128
    assert core.first_mismatch(STREAMS, NBYTES, frames, threads) == 13


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        STREAMS[3][:-1],
        STREAMS[3] + b"\0",
        raw(FRAMES[3] + b"\0"),
        raw(FRAMES[3][:-1]),
        STREAMS[4],
    ],
    ids=["empty", "cut", "longer", "one byte more", "one byte less", "another's"],
)
def test_a_stream_that_is_not_just_its_frame(core: Any, stream: bytes) -> None:
    streams = [*STREAMS[:3], stream, *STREAMS[4:]]
    assert core.first_mismatch(streams, NBYTES, b"".join(FRAMES), 1) == 3


@pytest.mark.parametrize(
    ("nbytes", "frames", "threads"), [(0, b"", 1), (NBYTES, FRAMES[0], 1), (NBYTES, b"".join(FRAMES), -1)]
)
def test_sizes_that_do_not_fit(core: Any, nbytes: int, frames: bytes, threads: int) -> None:
    with pytest.raises(ValueError, match="must"):
        core.first_mismatch(STREAMS, nbytes, frames, threads)
