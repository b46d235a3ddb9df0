# SPDX-License-Identifier: Apache-2.0
"""Adler-32 and CRC-32 of inflated Frames, held against zlib's."""

import gzip
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deflate_streams import BAD_DATA, EXCESS_OUTPUT, NONE, NOT_TERMINATED, SHORT_OUTPUT, deflated

BIG = {
    "zeros": bytes(1 << 20),
    "ones": b"\xff" * ((1 << 20) + 13),
    "noise": random.Random(5).randbytes(300_001),  # noqa: S311
    "edges": (bytes(61) + b"\x07" + b"\xff" * 30) * 4000,
}


def sums(core: Any, frame: bytes) -> tuple[int, int]:
    defects, consumed, produced, adler32s, crc32s = core.inflate_checksums(
        [stream := deflated(frame, 1)], len(frame), 1
    )
    assert (defects, consumed, produced) == (bytes([NONE]), [len(stream)], [len(frame)])
    return adler32s[0], crc32s[0]


@pytest.mark.parametrize("picture", BIG)
def test_big_frames(core: Any, picture: str) -> None:
    frame = BIG[picture]
    assert sums(core, frame) == (zlib.adler32(frame), zlib.crc32(frame))


@pytest.mark.parametrize("value", [0, 1, 255])
def test_every_small_size(core: Any, value: int) -> None:
    frames = [bytes([value]) * nbytes for nbytes in range(1, 300)]
    assert [sums(core, frame) for frame in frames] == [(zlib.adler32(f), zlib.crc32(f)) for f in frames]


@pytest.mark.parametrize("nbytes", [5551, 5552, 5553, 5568, 11103, 11104, 11105])
def test_sizes_about_a_block_of_adler(core: Any, nbytes: int) -> None:
    for frame in (b"\xff" * nbytes, random.Random(nbytes).randbytes(nbytes)):  # noqa: S311
        assert sums(core, frame) == (zlib.adler32(frame), zlib.crc32(frame))


@given(st.binary(min_size=1, max_size=400), st.integers(1, 60))
def test_any_frame(core: Any, piece: bytes, times: int) -> None:
    frame = piece * times
    assert sums(core, frame) == (zlib.adler32(frame), zlib.crc32(frame))


def test_many_fragments_threads_and_defects(core: Any) -> None:
    nbytes = 32768
    frames = [random.Random(i).randbytes(8) * (nbytes // 8) for i in range(90)]  # noqa: S311
    streams: list[bytes] = [deflated(frame) for frame in frames]
    broken = {
        3: (BAD_DATA, b"\x07"),
        40: (SHORT_OUTPUT, deflated(frames[40][:-1])),
        41: (EXCESS_OUTPUT, deflated(frames[41] + b"x")),
        89: (NOT_TERMINATED, streams[89][:-2]),
    }
    for index, (_, stream) in broken.items():
        streams[index] = stream
    for threads in (0, 1, 2, 3):
        found = core.inflate_checksums([memoryview(s) for s in streams], nbytes, threads)
        defects, consumed, produced, adler32s, crc32s = found
        frames_out = bytearray(nbytes * len(frames))
        assert (defects, consumed, produced) == core.inflate_frames(streams, nbytes, frames_out, threads)
        assert defects == bytes(broken[i][0] if i in broken else NONE for i in range(90))
        assert adler32s == [0 if i in broken else zlib.adler32(f) for i, f in enumerate(frames)]
        assert crc32s == [0 if i in broken else zlib.crc32(f) for i, f in enumerate(frames)]


def test_a_stored_stream_wrapped_is_read_by_zlib_and_gzip(core: Any) -> None:
    frame = BIG["edges"]
    stream = deflated(frame)
    adler32, crc32 = sums(core, frame)
    assert zlib.decompress(b"\x78\x9c" + stream + adler32.to_bytes(4, "big")) == frame
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    trailer = crc32.to_bytes(4, "little") + len(frame).to_bytes(4, "little")
    assert gzip.decompress(header + stream + trailer) == frame


def test_no_fragments(core: Any) -> None:
    assert core.inflate_checksums([], 10, 1) == (b"", [], [], [], [])


@pytest.mark.parametrize(("frame_nbytes", "threads"), [(0, 1), (-1, 1), (4, -1)])
def test_numbers_out_of_range(core: Any, frame_nbytes: int, threads: int) -> None:
    with pytest.raises(ValueError, match="must"):
        core.inflate_checksums([b"\x03\x00"], frame_nbytes, threads)
