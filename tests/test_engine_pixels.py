# SPDX-License-Identifier: Apache-2.0
"""inflate_pixels: Fragments straight to pixels, against zlib and numpy.unpackbits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deflate_streams import BAD_DATA, NONE, NOT_TERMINATED, SHORT_OUTPUT, deflated

RNG = np.random.default_rng(3)


def frames_of(nbits: int) -> list[bytes]:
    """Frames of background, inside, edges and noise, one after the other; unused bits of the last byte are set."""
    y = np.arange(nbits)
    pixels = [
        np.zeros(nbits, bool),
        np.ones(nbits, bool),
        (y // 700) % 2 == 1,
        y == nbits - 1,
        RNG.random(nbits) < 0.5,
    ]
    frames = []
    for frame in pixels:
        packed = np.packbits(frame, bitorder="little")
        if nbits % 8:
            packed[-1] |= 0xFF << nbits % 8 & 0xFF
        frames.append(packed.tobytes())
    return frames


def unpacked(frames: list[bytes], nbits: int) -> NDArray[np.uint8]:
    return np.concatenate(
        [np.unpackbits(np.frombuffer(frame, np.uint8), count=nbits, bitorder="little") for frame in frames]
    )


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("nbits", [1, 7, 8, 63, 64, 65, 511, 512, 513, 4096, 5003, 512 * 512, 509 * 509])
def test_bits_become_pixels(core: Any, nbits: int, threads: int, zeroed: bool) -> None:
    frames = frames_of(nbits)
    out = np.full(len(frames) * nbits, 0 if zeroed else 7, np.uint8)
    streams = [deflated(frame) for frame in frames]
    defects, consumed, produced = core.inflate_pixels(
        streams, len(frames[0]), nbits, out, zeroed=zeroed, threads=threads
    )
    assert np.array_equal(out, unpacked(frames, nbits))
    assert defects == bytes(len(frames))
    assert consumed == [len(stream) for stream in streams]
    assert produced == [len(frames[0])] * len(frames)


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("nbytes", [1, 63, 64, 65, 4096, 70001])
def test_bytes_are_copied(core: Any, nbytes: int, zeroed: bool) -> None:
    values = RNG.integers(0, 256, nbytes, np.uint8) * (np.arange(nbytes) // 50 % 3 == 1)
    frames = [bytes(nbytes), values.astype(np.uint8).tobytes(), bytes(nbytes - 1) + b"\x01"]
    out = bytearray(b"\0" if zeroed else b"\x07") * (nbytes * len(frames))
    defects, _consumed, _produced = core.inflate_pixels(
        [deflated(frame) for frame in frames], nbytes, 0, out, zeroed=zeroed, threads=1
    )
    assert (defects, bytes(out)) == (bytes(3), b"".join(frames))


@given(st.binary(min_size=1, max_size=300), st.integers(0, 7), st.booleans())
def test_any_frame(core: Any, frame: bytes, unused: int, zeroed: bool) -> None:
    nbits = 8 * len(frame) - unused
    out = bytearray(nbits)
    core.inflate_pixels([deflated(frame)], len(frame), nbits, out, zeroed=zeroed, threads=1)
    assert list(out) == unpacked([frame], nbits).tolist()


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("nbits", [0, 8 * 600])
def test_a_defect_leaves_zeros(core: Any, nbits: int, zeroed: bool) -> None:
    good = bytes(range(1, 201)) * 3
    whole = deflated(good)
    streams = [whole, b"\xff" * 50, deflated(good[:-1]), whole[:-1], whole]
    size = nbits or len(good)
    out = bytearray(b"\0" if zeroed else b"\x07") * (size * len(streams))
    defects, _consumed, produced = core.inflate_pixels(
        streams, len(good), nbits, out, zeroed=zeroed, threads=1
    )
    assert list(defects) == [NONE, BAD_DATA, SHORT_OUTPUT, NOT_TERMINATED, NONE]
    assert produced[2] == len(good) - 1
    pixels = np.frombuffer(out, np.uint8).reshape(len(streams), size)
    assert not pixels[1:4].any()
    expected = unpacked([good], nbits) if nbits else np.frombuffer(good, np.uint8)
    assert np.array_equal(pixels[0], expected)
    assert np.array_equal(pixels[4], expected)


@pytest.mark.parametrize(
    ("frame_nbytes", "nbits", "out_nbytes"),
    [(0, 0, 0), (2, 8, 8), (2, 17, 17), (2, -1, 2), (2, 16, 15), (2, 0, 3)],
)
def test_sizes_that_do_not_fit(core: Any, frame_nbytes: int, nbits: int, out_nbytes: int) -> None:
    with pytest.raises(ValueError, match="must"):
        core.inflate_pixels([b""], frame_nbytes, nbits, bytearray(out_nbytes), zeroed=False, threads=1)
