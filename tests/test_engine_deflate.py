# SPDX-License-Identifier: Apache-2.0
"""deflate_frames: every stream is inflated again by zlib, which knows nothing of ours."""

import threading
import zlib
from typing import Any

import deflate
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import examples

from framedeflate import engine

RNG = np.random.default_rng(11)


def inflated(stream: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    data = inflater.decompress(stream)
    assert inflater.eof
    assert inflater.unused_data == b""
    return data


def discs(count: int, side: int) -> bytes:
    y, x = np.mgrid[:side, :side]
    frames = [(x - side // 2) ** 2 + (y - side // 2) ** 2 < (r * side // count) ** 2 for r in range(count)]
    return np.packbits(np.array(frames).reshape(count, -1), axis=1, bitorder="little").tobytes()


def gradients(count: int, side: int) -> bytes:
    y, x = np.mgrid[:side, :side]
    frames = [900 + 3 * x + 2 * y + 40 * i + RNG.normal(0, 12, (side, side)) for i in range(count)]
    return np.array(frames).astype("<i2").tobytes()


@pytest.mark.parametrize("level", range(1, 10))
def test_levels(core: Any, level: int) -> None:
    for frames, frame_nbytes, row_nbits in [
        (discs(9, 128), 2048, 128),
        (discs(5, 125), -(-125 * 125 // 8), 125),
        (bytes(30000) + b"\xff" * 30000, 30000, 1000),
        (RNG.bytes(8000), 2000, 80),
        (gradients(2, 64), 8192, 1024),
    ]:
        streams = core.deflate_frames(frames, frame_nbytes, row_nbits, level, 1)
        assert b"".join(map(inflated, streams)) == frames
        assert len(streams) == len(frames) // frame_nbytes


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 300)), min_size=1, max_size=9),
    st.integers(0, 400),
    st.integers(1, 9),
)
def test_any_bytes(core: Any, runs: list[tuple[bytes, int]], row_nbits: int, level: int) -> None:
    frame = b"".join(piece * count for piece, count in runs)
    (stream,) = core.deflate_frames(frame, len(frame), row_nbits, level, 1)
    assert inflated(stream) == frame


def test_threads_change_nothing(core: Any) -> None:
    frames = discs(700, 128)
    streams = core.deflate_frames(frames, 2048, 128, 1, 1)
    assert b"".join(map(inflated, streams)) == frames
    for threads in (0, 2, 5):
        assert core.deflate_frames(frames, 2048, 128, 1, threads) == streams


def test_calls_from_many_threads(core: Any) -> None:
    frames = discs(40, 128)
    expected = core.deflate_frames(frames, 2048, 128, 1, 1)
    found: list[bool] = []

    def work() -> None:
        out = bytearray(len(frames))
        same = core.deflate_frames(frames, 2048, 128, 1, 2) == expected
        core.inflate_frames(expected, 2048, out, 2)
        found.append(same and out == frames)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_no_frames(core: Any) -> None:
    assert core.deflate_frames(b"", 10, 8, 1, 0) == []
    assert core.photographic_frames(b"", 10, 8) == b""


@pytest.mark.parametrize(
    ("frame_nbytes", "row_nbits", "level", "threads"),
    [
        (0, 8, 1, 1),
        (-1, 8, 1, 1),
        (7, 8, 1, 1),
        (10, -1, 1, 1),
        (10, 8, 0, 1),
        (10, 8, 10, 1),
        (10, 8, 1, -1),
    ],
)
def test_out_of_range(core: Any, frame_nbytes: int, row_nbits: int, level: int, threads: int) -> None:
    with pytest.raises(ValueError, match="must"):
        core.deflate_frames(bytes(10), frame_nbytes, row_nbits, level, threads)
    with pytest.raises(ValueError, match="must"):
        engine.deflate_frames(bytes(10), frame_nbytes, row_nbits, level, threads)


def test_frames_that_are_no_buffer(core: Any) -> None:
    with pytest.raises(TypeError):
        core.deflate_frames("text", 1, 8, 1, 1)


def test_photographic_frames_go_to_libdeflate() -> None:
    photographs, masks = gradients(3, 256), discs(4, 1024)
    frame_nbytes = 131072
    frames = masks[: 2 * frame_nbytes] + photographs + masks[2 * frame_nbytes :]
    for threads in (1, 2):
        streams = engine.deflate_frames(memoryview(frames), frame_nbytes, 4096, 1, threads)
        assert b"".join(map(inflated, streams)) == frames
        for i in range(2, 5):
            frame = frames[i * frame_nbytes :][:frame_nbytes]
            assert streams[i] == bytes(deflate.deflate_compress(frame, 4))


@pytest.mark.parametrize("level", [1, 9])
def test_never_larger_than_stored(level: int) -> None:
    for nbytes in (1, 2, 100, 65535, 65536, 200_000):
        frame = RNG.bytes(nbytes)
        (stream,) = engine.deflate_frames(frame, nbytes, 4096, level, 1)
        assert inflated(stream) == frame
        if engine.name == "native":
            assert len(stream) <= nbytes + 5 * -(-nbytes // 65535)


def test_ct_is_no_larger_than_the_guide_says() -> None:
    # The encoder guide's figure counts the Items: table and Fragment headers, padded stream, delimitation.
    dataset = examples.ct
    row_nbits = dataset.Columns * dataset.BitsAllocated
    (stream,) = engine.deflate_frames(dataset.PixelData, len(dataset.PixelData), row_nbits, 1, 1)
    assert inflated(stream) == dataset.PixelData
    assert 8 + 4 + 8 + len(stream) + len(stream) % 2 + 8 <= 22_288
