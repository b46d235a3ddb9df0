# SPDX-License-Identifier: Apache-2.0
"""Random access: the right Frames, in the order asked for, and no byte read that is not needed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judge
from corpus import wheel_file
from counting_source import CountingSource, FarSource
from dicom_writer import (
    EXPLICIT_LITTLE,
    data_set,
    deflate,
    element,
    image,
    offsets,
    padded,
    part10,
    pixel_data,
)
from framedeflate import FrameReader, engine
from framedeflate.byte_source import FileSource
from framedeflate.errors import (
    DicomFormatError,
    FrameDecodeError,
    FrameNumberError,
    TransferSyntaxError,
    UnsupportedImageError,
)

COUNT = 40
RNG = np.random.default_rng(3)
ARRAY = np.repeat(RNG.integers(0, 2, (COUNT, 30, 9), np.uint8), 5, axis=2).astype(np.bool_)
FRAMES = [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in ARRAY]
FRAGMENTS = [padded(deflate(frame)) for frame in FRAMES]
HEAD = data_set(image(rows=30, columns=45, frames=str(COUNT)))
DEFLATED = part10(HEAD + pixel_data(FRAGMENTS, table=offsets(FRAGMENTS)))
NATIVE = part10(
    HEAD + element(0x7FE00010, "OB", np.packbits(ARRAY.ravel(), bitorder="little").tobytes() + b"\0"),
    uid=EXPLICIT_LITTLE,
)


@pytest.mark.parametrize("file", [DEFLATED, NATIVE], ids=["deflated", "native"])
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_frames_by_index_by_number_and_in_turn(tmp_path: Path, file: bytes, threads: int) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(file)
    sources: list[Path | str | bytes | CountingSource] = [path, str(path), file, CountingSource(file)]
    for source in sources:
        with FrameReader.open(source, threads=threads) as reader:
            assert len(reader) == COUNT
            assert np.array_equal(reader[17], ARRAY[17])
            assert np.array_equal(reader[-1], ARRAY[-1])
            assert np.array_equal(reader[-COUNT], ARRAY[0])
            numbers = [3, 40, 1, 3]
            assert np.array_equal(reader.read(frame_numbers=numbers), ARRAY[[2, 39, 0, 2]])
            assert np.array_equal(reader.read(range(1, COUNT + 1)), ARRAY)
            assert np.array_equal(np.stack(list(reader)), ARRAY)
            assert np.array_equal(reader[5:20:3], ARRAY[5:20:3])
            assert np.array_equal(reader[::-1], ARRAY[::-1])
            assert reader[9:9].shape == (0, 30, 45)
            assert reader[3].flags.writeable
            assert all(frame.flags.writeable for frame in reader)
            assert reader.read([]).shape == (0, 30, 45)
            assert reader.read([]).dtype == np.bool_


@pytest.mark.parametrize("index", [COUNT, -COUNT - 1, 10**9])
def test_an_index_beyond_is_an_index_error(index: int) -> None:
    with FrameReader.open(DEFLATED) as reader, pytest.raises(IndexError) as caught:
        reader[index]
    assert isinstance(caught.value, FrameNumberError)


def test_small_numpy_integers_do_not_overflow() -> None:
    fragments = FRAGMENTS * 10
    head = data_set(image(rows=30, columns=45, frames=str(len(fragments))))
    file = part10(head + pixel_data(fragments, table=offsets(fragments)))
    for source in (CountingSource(file), FarSource(file)):
        reader = FrameReader(source)
        numbers = np.arange(60, 128, dtype=np.int8)
        assert np.array_equal(reader.read(numbers), ARRAY[(numbers.astype(int) - 1) % COUNT])
        assert np.array_equal(reader[np.uint8(255)], ARRAY[255 % COUNT])
        assert np.array_equal(reader[np.int8(-1)], ARRAY[-1])
        assert reader.fragment(frame_number=np.uint8(200)) == FRAGMENTS[199 % COUNT]


@pytest.mark.parametrize("number", [0, -1, COUNT + 1])
def test_numbers_count_from_1(number: int) -> None:
    with FrameReader.open(DEFLATED) as reader:
        for ask in (lambda: reader.read([1, number]), lambda: reader.fragment(frame_number=number)):
            with pytest.raises(FrameNumberError) as caught:
                ask()
            assert (caught.value.frame_number, caught.value.number_of_frames) == (number, COUNT)


def test_fragments_are_given_as_stored() -> None:
    with FrameReader.open(DEFLATED) as reader:
        assert [reader.fragment(frame_number=n) for n in (1, 7, COUNT)] == [
            FRAGMENTS[i] for i in (0, 6, COUNT - 1)
        ]
    with FrameReader.open(NATIVE) as reader, pytest.raises(TransferSyntaxError):
        reader.fragment(frame_number=1)


def test_a_frame_is_read_alone() -> None:
    noise = [RNG.bytes(100_000) for _ in range(20)]
    fragments = [padded(deflate(frame, level=0)) for frame in noise]
    head = data_set(image(rows=250, columns=400, allocated=8, frames="20"))
    for file in (
        part10(head + pixel_data(fragments, table=offsets(fragments))),
        part10(head + element(0x7FE00010, "OB", b"".join(noise)), uid=EXPLICIT_LITTLE),
    ):
        source = CountingSource(file)
        reader = FrameReader.open(source)
        assert source.read_nbytes < 300_000
        source.ranges.clear()
        assert reader[11].tobytes() == noise[11]
        assert source.read_nbytes <= 100_100


def test_many_threads_read_one_file(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(DEFLATED)
    with FrameReader.open(path) as reader, ThreadPoolExecutor(8) as pool:
        order = [int(i) for i in RNG.integers(0, COUNT, 400)]
        for index, frame in zip(order, pool.map(reader.__getitem__, order), strict=True):
            assert np.array_equal(frame, ARRAY[index])


def test_a_broken_frame_fails_alone_and_is_named() -> None:
    fragments = [*FRAGMENTS]
    fragments[4] = b"\x07\0"
    with FrameReader.open(part10(HEAD + pixel_data(fragments))) as reader:
        assert np.array_equal(reader[3], ARRAY[3])
        with pytest.raises(FrameDecodeError) as caught:
            reader[4]
        assert (caught.value.frame_number, caught.value.kind) == (5, "bad-data")
        assert np.array_equal(reader[5], ARRAY[5])
        with pytest.raises(FrameDecodeError) as caught:
            list(reader)
        assert caught.value.frame_number == 5


@pytest.mark.parametrize("source", [CountingSource, FarSource])
def test_frames_that_lie_apart_are_inflated_together(
    source: type[CountingSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise threads would get one Frame at a time, and have nothing to share."""
    fragments = [*FRAGMENTS]
    fragments[34] = b"\x07\0"
    reader = FrameReader(source(part10(HEAD + pixel_data(fragments, table=offsets(fragments)))), threads=2)
    calls = []
    inflate = engine.inflate_pixels

    def counting(fragments: list[bytes], *arguments: Any, **named: Any) -> Any:
        calls.append(len(fragments))
        return inflate(fragments, *arguments, **named)

    monkeypatch.setattr(engine, "inflate_pixels", counting)
    assert np.array_equal(reader[::3], ARRAY[::3])
    assert calls == [14]
    with pytest.raises(FrameDecodeError) as caught:
        reader.read([3, 1, 40, 35, 7])
    assert caught.value.frame_number == 35


def test_lenient_reading_is_asked_for() -> None:
    fragments = [fragment + b"\1\2\3\4" for fragment in FRAGMENTS]
    file = part10(HEAD + pixel_data(fragments))
    with FrameReader.open(file) as reader, pytest.raises(FrameDecodeError):
        reader[0]
    with FrameReader.open(file, strict=False) as reader:
        assert np.array_equal(np.stack(list(reader)), ARRAY)


def test_a_file_that_cannot_be_opened_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    # pytest turns the warning of a file left open into an error.
    path.write_bytes(b"nothing")
    with pytest.raises(DicomFormatError):
        FrameReader.open(path)
    with pytest.raises(UnsupportedImageError):
        FrameReader.open(wheel_file("reportsi.dcm"))
    with pytest.raises(FileNotFoundError):
        FrameReader.open(tmp_path / "none.dcm")


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_bigendian.dcm", "rtdose_expb.dcm", "liver_expb_1frame.dcm"]
)
def test_native_files_are_read_too(name: str) -> None:
    expected = judge.read(wheel_file(name)).pixels()[..., 0]
    with FrameReader.open(wheel_file(name)) as reader:
        assert np.array_equal(np.stack(list(reader)), expected)
        assert reader.transfer_syntax_uid == judge.read(wheel_file(name)).uid


def test_closing_leaves_a_source_of_the_caller_open(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(DEFLATED)
    with FileSource.open(path) as source:
        with FrameReader.open(source) as reader:
            assert np.array_equal(reader[0], ARRAY[0])
        assert source.get_range(128, 132) == b"DICM"
