# SPDX-License-Identifier: Apache-2.0
"""A Frame to its Fragment and back, with zlib on the other side."""

import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import judge
from dicom_writer import deflate, padded
from framedeflate import ImagePixel, decode_frame, encode_frame, encode_frames
from framedeflate.errors import FrameDecodeError, FrameEncodeError
from framedeflate.fragment_inflation import inflate_frames
from framedeflate.frame_codec import deflate_frames

BYTES = ImagePixel(rows=8, columns=25, bits_allocated=8)
NATIVE = bytes(i // 7 % 11 * 20 for i in range(200))


@st.composite
def frames(draw: st.DrawFn) -> tuple[ImagePixel, bytes]:
    """A Frame of any kind: noise, or runs."""
    bits = draw(st.sampled_from([1, 8, 16, 24, 32]))
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    pixel = ImagePixel(
        rows=rows, columns=columns, bits_allocated=bits, samples_per_pixel=draw(st.sampled_from([1, 3]))
    )
    size = pixel.frame_nbytes
    seed = draw(st.binary(min_size=1, max_size=60))
    native = bytearray((seed * size)[:size])
    used = pixel.frame_nbits % 8
    if used:
        native[-1] &= (1 << used) - 1
    return pixel, bytes(native)


@given(frames(), st.integers(1, 9))
def test_what_is_encoded_is_what_zlib_inflates(frame: tuple[ImagePixel, bytes], level: int) -> None:
    pixel, native = frame
    fragment = encode_frame(native, pixel, level=level)
    assert len(fragment) % 2 == 0
    assert len(fragment) >= 2
    assert judge.inflate(fragment) == native
    assert decode_frame(fragment, pixel) == native


@given(frames(), st.integers(0, 9), st.sampled_from([-9, -12, -15]))
def test_what_zlib_deflates_is_decoded(frame: tuple[ImagePixel, bytes], level: int, window: int) -> None:
    pixel, native = frame
    stream = deflate(native, level=level, bits=window)
    assert decode_frame(padded(stream), pixel) == native
    # A stream without the pad that its odd length asks for is fine here: it stands in no Item.
    assert decode_frame(stream, pixel) == native
    assert decode_frame(memoryview(bytearray(stream)), pixel) == native


@pytest.mark.parametrize("level", range(1, 10))
def test_the_bytes_depend_on_the_level_alone(level: int) -> None:
    rng = np.random.default_rng(level)
    made = [np.repeat(rng.integers(0, 9, 50, np.uint8), 4).tobytes() for _ in range(40)]
    one = encode_frames(made, BYTES, level=level, threads=1)
    assert one == encode_frames(made, BYTES, level=level, threads=4)
    assert one == [encode_frame(frame, BYTES, level=level) for frame in made]


def test_unused_bits_are_written_as_zero() -> None:
    pixel = ImagePixel(rows=1, columns=11, bits_allocated=1)
    assert judge.inflate(encode_frame(b"\xff\xff", pixel)) == b"\xff\x07"
    assert [judge.inflate(f) for f in encode_frames([b"\xff\xff", b"\x01\xf8"], pixel)] == [
        b"\xff\x07",
        b"\x01\0",
    ]
    # What another writer left there is given as it is.
    assert decode_frame(deflate(b"\xff\xff"), pixel) == b"\xff\xff"


@pytest.mark.parametrize("nbytes", [0, 199, 201, 400])
def test_native_bytes_of_another_size_are_refused(nbytes: int) -> None:
    with pytest.raises(FrameEncodeError):
        encode_frame(bytes(nbytes), BYTES)
    with pytest.raises(FrameEncodeError) as caught:
        encode_frames([NATIVE, bytes(nbytes)], BYTES)
    assert caught.value.frame_number == 2


@pytest.mark.parametrize("level", [0, 10, -1])
def test_levels_are_1_to_9(level: int) -> None:
    with pytest.raises(ValueError, match="level"):
        encode_frame(NATIVE, BYTES, level=level)


STREAM = deflate(NATIVE)


@pytest.mark.parametrize(
    ("fragment", "kind"),
    [
        (b"", "not-terminated"),
        (b"\0", "not-terminated"),
        (STREAM[:-1], "not-terminated"),
        (STREAM[: len(STREAM) // 2], "not-terminated"),
        (deflate(NATIVE[:-1]), "short-output"),
        (deflate(b""), "short-output"),
        (deflate(NATIVE + b"\0"), "excess-output"),
        (deflate(bytes(1 << 20)), "excess-output"),
        (b"\x07" + STREAM, "bad-data"),
        (b"\x01\x05\x00\x00\x00abcde", "bad-data"),
        (STREAM + b"\1\2\3", "trailing-data"),
        (STREAM + bytes(4), "trailing-data"),
        (STREAM + STREAM, "trailing-data"),
    ],
)
def test_each_defect_has_its_kind_and_numbers(fragment: bytes, kind: str) -> None:
    with pytest.raises(FrameDecodeError) as caught:
        decode_frame(fragment, BYTES)
    error = caught.value
    assert error.kind == kind
    assert error.expected_nbytes == BYTES.frame_nbytes
    assert 0 <= error.consumed_nbytes <= len(fragment)
    assert error.frame_number is None
    if kind == "trailing-data":
        assert error.consumed_nbytes == len(STREAM)
        assert decode_frame(fragment, BYTES, strict=False) == NATIVE


@pytest.mark.parametrize("tail", [b"", b"\0", b"\5", b"\0\0", b"\5\5"])
def test_up_to_two_bytes_behind_a_stream_are_read_and_reported(tail: bytes) -> None:
    out = bytearray(BYTES.frame_nbytes)
    met = inflate_frames([STREAM + tail], BYTES, out, first_frame_number=7)
    assert (bytes(out), met.stream_nbytes) == (NATIVE, [len(STREAM)])
    right = tail == (b"\0" if len(STREAM) % 2 else b"") or not tail
    kinds = [] if right else ["pad-byte" if len(tail) == 1 else "pad-length"]
    assert [problem.kind for problem in met.problems] == kinds
    assert [problem.frame_number for problem in met.problems] == [7] * len(kinds)


@pytest.mark.parametrize("pad", [b"", b"\0"])
@pytest.mark.parametrize("wrapped", [zlib.compress(NATIVE), gzip.compress(NATIVE, mtime=0)])
def test_wrapped_frames_are_read_if_their_checksum_is_right(wrapped: bytes, pad: bytes) -> None:
    out = bytearray(BYTES.frame_nbytes)
    met = inflate_frames([wrapped + pad], BYTES, out, first_frame_number=1)
    assert bytes(out) == NATIVE
    assert [problem.kind for problem in met.problems] == ["wrapped-stream"]
    for spoiled in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), wrapped[:-1], wrapped + b"\1\2"):
        with pytest.raises(FrameDecodeError):
            decode_frame(spoiled, BYTES)


def test_gzip_headers_may_have_fields() -> None:
    # RFC 1952 2.3: extra field, name, comment, header checksum.
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\x00abc" + b"name\0" + b"comment\0"
    head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    trailer = zlib.crc32(NATIVE).to_bytes(4, "little") + len(NATIVE).to_bytes(4, "little")
    assert gzip.decompress(head + STREAM + trailer) == NATIVE
    assert decode_frame(head + STREAM + trailer, BYTES) == NATIVE


def test_a_claim_that_no_stream_can_meet_is_refused_before_anything_is_allocated() -> None:
    huge = ImagePixel(rows=65535, columns=65535, bits_allocated=64)
    with pytest.raises(FrameDecodeError) as caught:
        decode_frame(deflate(bytes(1000)), huge)
    assert (caught.value.kind, caught.value.consumed_nbytes) == ("short-output", 0)


def test_the_frame_that_fails_is_named() -> None:
    out = bytearray(3 * BYTES.frame_nbytes)
    with pytest.raises(FrameDecodeError) as caught:
        inflate_frames([STREAM, b"\x07\0", STREAM], BYTES, out, first_frame_number=11, threads=2)
    assert (caught.value.frame_number, caught.value.kind) == (12, "bad-data")
    assert "12" in str(caught.value)


def test_frames_that_are_no_whole_number_are_refused() -> None:
    with pytest.raises(FrameEncodeError):
        deflate_frames(bytes(201), BYTES)
