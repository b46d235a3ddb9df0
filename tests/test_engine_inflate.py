# SPDX-License-Identifier: Apache-2.0
"""inflate_frames on streams of zlib, whole and broken; zlib judges what is accepted."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deflate_streams import BAD_DATA, EXCESS_OUTPUT, NONE, NOT_TERMINATED, SHORT_OUTPUT, deflated, inflate
from framedeflate import _reference

RNG = np.random.default_rng(1)
PICTURES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: bytes(32768),
    "one byte": lambda: b"\x80",
    "short runs": lambda: b"".join(bytes([i % 7]) * (i % 40) for i in range(900)),
    "rows": lambda: b"".join(bytes([0] * (20 + i % 9) + [255] * 24 + [0] * 20) for i in range(256)),
    "every distance up to 40": lambda: b"".join((bytes(range(d)) * 60)[:300] for d in range(1, 41)),
    "noise": lambda: RNG.bytes(20000),
    "few values": lambda: RNG.choice(
        np.array([0, 1, 3, 7, 255], np.uint8), 30000, p=[0.6, 0.2, 0.1, 0.05, 0.05]
    ).tobytes(),
    "skewed": lambda: RNG.exponential(30, 9000).clip(0, 255).astype(np.uint8).tobytes(),
    "far matches": lambda: (RNG.bytes(32768) + b"x" * 300) * 3,
}


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize(
    ("level", "strategy", "wbits"),
    [
        (0, zlib.Z_DEFAULT_STRATEGY, -15),
        (1, zlib.Z_DEFAULT_STRATEGY, -15),
        (6, zlib.Z_DEFAULT_STRATEGY, -9),
        (9, zlib.Z_DEFAULT_STRATEGY, -15),
        (9, zlib.Z_FIXED, -15),
        (9, zlib.Z_HUFFMAN_ONLY, -15),
        (9, zlib.Z_RLE, -15),
        (9, zlib.Z_FILTERED, -12),
    ],
)
def test_streams_of_zlib(core: Any, picture: str, level: int, strategy: int, wbits: int) -> None:
    data = PICTURES[picture]()
    stream = deflated(data, level, strategy, wbits)
    expected = (NONE, len(stream), len(data), data)
    assert inflate(core, stream, len(data)) == expected
    assert inflate(core, stream + b"\x00", len(data)) == expected
    assert inflate(core, stream + b"\xff" * 100, len(data)) == expected


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH])
def test_flush_points(core: Any, flush: int) -> None:
    data = PICTURES["short runs"]()
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    pieces = [deflater.compress(data[i : i + 97]) + deflater.flush(flush) for i in range(0, len(data), 97)]
    stream = b"".join(pieces) + deflater.flush()
    assert inflate(core, stream, len(data)) == (NONE, len(stream), len(data), data)


def test_every_cut_is_not_terminated(core: Any) -> None:
    data = PICTURES["short runs"]()[:2000]
    for stream in (deflated(data), deflated(data, 9, zlib.Z_FIXED), deflated(data, 0)):
        for nbytes in range(len(stream)):
            defect, consumed, produced, out = inflate(core, stream[:nbytes], len(data))
            assert (defect, consumed) == (NOT_TERMINATED, nbytes)
            assert produced <= len(data)
            assert out == bytes(len(data))


def test_every_size_but_the_true_one_is_a_defect(core: Any) -> None:
    data = PICTURES["rows"]()[:700]
    for stream in (deflated(data), deflated(data, 9, zlib.Z_FIXED), deflated(data, 0)):
        for nbytes in range(1, 1400):
            defect, consumed, produced, out = inflate(core, stream, nbytes)
            if nbytes == len(data):
                assert (defect, out) == (NONE, data)
            elif nbytes < len(data):
                assert (defect, produced, out) == (EXCESS_OUTPUT, nbytes, bytes(nbytes))
            else:
                assert (defect, consumed, produced) == (SHORT_OUTPUT, len(stream), len(data))
                assert out == bytes(nbytes)


def test_many_fragments_and_threads(core: Any) -> None:
    frames = [PICTURES["rows"]()[i:] + bytes(i) for i in range(300)]
    nbytes = len(frames[0])
    streams: list[Any] = [deflated(frame) for frame in frames]
    streams[7], streams[8] = memoryview(streams[7] + b"\x00"), bytearray(streams[8])
    streams[170] = streams[170][:-3]
    for threads in (0, 1, 2, 7):
        out = bytearray(b"\xa5" * (nbytes * len(frames)))
        defects, consumed, produced = core.inflate_frames(tuple(streams), nbytes, out, threads)
        assert defects == bytes(NOT_TERMINATED if i == 170 else NONE for i in range(300))
        assert [n for i, n in enumerate(consumed) if i not in {7, 170}] == [
            len(s) for i, s in enumerate(streams) if i not in {7, 170}
        ]
        assert consumed[7] == len(streams[7]) - 1
        assert produced[:170] == [nbytes] * 170
        frames[170] = bytes(nbytes)
        assert out == b"".join(frames)


def test_no_fragments(core: Any) -> None:
    assert core.inflate_frames([], 10, bytearray(), 1) == (b"", [], [])


@pytest.mark.parametrize(
    ("frame_nbytes", "out", "threads"), [(0, 0, 1), (-1, 4, 1), (4, 3, 1), (4, 5, 1), (4, 4, -1)]
)
def test_sizes_that_do_not_fit(core: Any, frame_nbytes: int, out: int, threads: int) -> None:
    with pytest.raises(ValueError, match="must"):
        core.inflate_frames([b"\x03\x00"], frame_nbytes, bytearray(out), threads)


def test_what_is_no_writable_buffer(core: Any) -> None:
    with pytest.raises(BufferError):
        core.inflate_frames([b"\x03\x00"], 4, bytes(4), 1)
    with pytest.raises(TypeError):
        core.inflate_frames(["text"], 4, bytearray(4), 1)


@st.composite
def broken_streams(draw: st.DrawFn) -> tuple[bytes, int]:
    """Streams of zlib with some bytes changed, cut or put in; and a size that may not be theirs."""
    alphabet = st.binary(min_size=1, max_size=draw(st.sampled_from([1, 3, 40])))
    data = b"".join(draw(st.lists(alphabet, max_size=12))) * draw(st.sampled_from([1, 2, 50]))
    strategy = draw(st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY]))
    stream = bytearray(deflated(data, draw(st.sampled_from([0, 1, 9])), strategy))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(stream) - 1))
        match draw(st.integers(0, 3)):
            case 0 | 1:
                stream[place] ^= 1 << draw(st.integers(0, 7))
            case 2:
                stream.insert(place, draw(st.integers(0, 255)))
            case _:
                del stream[place:]
        if not stream:
            break
    return bytes(stream), max(1, len(data) + draw(st.sampled_from([0, 0, 0, 1, -1, 300, -300])))


@given(broken_streams())
def test_engines_agree(core: Any, case: tuple[bytes, int]) -> None:
    stream, nbytes = case
    found = inflate(core, stream, nbytes)
    expected = inflate(_reference, stream, nbytes)
    if expected[0] == BAD_DATA and found[0] == EXCESS_OUTPUT:
        return  # within one byte of input: zlib does not say which came first
    assert found[0] == expected[0]
    assert found[3] == expected[3]
    if found[0] in {NONE, SHORT_OUTPUT}:
        assert found == expected


@given(st.binary(max_size=60), st.integers(1, 600))
def test_any_bytes(core: Any, stream: bytes, nbytes: int) -> None:
    defect, consumed, produced, out = inflate(core, stream, nbytes)
    judge = zlib.decompressobj(-15)
    try:
        data = judge.decompress(stream)
        accepted = judge.eof and len(data) == nbytes
    except zlib.error:
        accepted = False
    assert accepted == (defect == NONE)
    assert consumed <= len(stream)
    assert produced <= nbytes
    assert out == (data if accepted else bytes(nbytes))
