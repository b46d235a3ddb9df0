# SPDX-License-Identifier: Apache-2.0
"""Files whose numbers lie are refused, or read, in memory that their true size bounds."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import judge
from child import SETUP, ChildReport, run_child
from corpus import CORPUS
from data_set_samples import Node, write
from framedeflate import ImagePixel, decompress_file
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.encapsulation import SEQUENCE_DELIMITATION_ITEM, Items
from framedeflate.errors import UnsupportedImageError
from framedeflate.stored_frames import MAX_BATCH_FRAMES, batches
from framedeflate.transcode.fragment_writer import FragmentWriter
from made_files import (
    DEFLATED_FRAMES,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    encapsulated,
    file_meta,
    head,
    item,
    native_header,
    write_sparse,
)

MIB = 1 << 20
SMALL = 16 * MIB
"""What no small file should need more than: windows, arrays, and the allocator's own."""

BODY = """
import io, contextlib
from framedeflate.errors import FrameDeflateError
path, out = arguments
outcome = []
def note(act):
    try:
        outcome.append(act())
    except FrameDeflateError as error:
        outcome.append(getattr(error, "kind", ""))
def read():
    with FrameReader.open(path) as reader:
        return reader[len(reader) - 1].tobytes().hex()
def main(*arguments):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return framedeflate.cli.main(arguments)
note(read)
note(lambda: [problem.kind for problem in verify_file(path)][:3])
note(lambda: compress_file(path, out).number_of_frames)
note(lambda: decompress_file(path, out, overwrite=True).number_of_frames)
note(lambda: main("inspect", "--frames", path))
note(lambda: main("verify", path))
"""


def use(path: Path, tmp_path: Path) -> ChildReport:
    """Do everything that opens a file; the outcomes of reading, verifying, compressing, decompressing come first."""
    return run_child(BODY, path, tmp_path / "out.dcm", setup="import pydicom\n" + SETUP)


def fragment(native: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflater.compress(native) + deflater.flush()
    return stream + b"\0" * (len(stream) % 2)


FRAME = bytes(range(16))
META = file_meta(DEFLATED_FRAMES)
GOOD = encapsulated([fragment(FRAME)])
READ = [FRAME.hex(), [], 1, 1]
"""Outcomes for a conforming file of that Frame."""


def bomb() -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(deflater.compress(bytes(MIB)) for _ in range(256)) + deflater.flush()
    return stream + b"\0" * (len(stream) % 2)


def test_a_fragment_that_inflates_to_256_mib_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.dcm"
    path.write_bytes(META + head(frames=3) + encapsulated([bomb()] * 3))
    report = use(path, tmp_path)
    assert report.outcome[:4] == ["excess-output", ["excess-output"] * 3, "excess-output", "excess-output"]
    assert report.peak_nbytes < SMALL


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")
def test_the_shared_bomb(tmp_path: Path) -> None:
    report = use(CORPUS / "vectors/I15_bomb_256MiB.dcm", tmp_path)
    assert report.outcome[2:4] == ["excess-output", "excess-output"]
    assert report.peak_nbytes < 50 * MIB


def test_a_frame_of_8_gib_from_20_bytes(tmp_path: Path) -> None:
    path = tmp_path / "frame.dcm"
    path.write_bytes(META + head(rows=65535, columns=65535, bits=16) + encapsulated([b"\3\0" * 10]))
    report = use(path, tmp_path)
    assert report.outcome[:4] == ["short-output", ["short-output"], "short-output", "too-large"]
    assert report.peak_nbytes < SMALL


def test_a_frame_count_beyond_the_fragments(tmp_path: Path) -> None:
    path = tmp_path / "count.dcm"
    path.write_bytes(META + head(frames=2**31 - 1) + encapsulated([fragment(FRAME)] * 3))
    report = use(path, tmp_path)
    assert report.outcome[:4] == ["fragment-count", ["fragment-count"], "fragment-count", "fragment-count"]
    assert report.peak_nbytes < SMALL


@pytest.mark.parametrize("count", ["+-5", "-", "+", "--1", "1\\2", "1e9", "\xb2", "9" * 12, "0", "-3"])
def test_a_frame_count_that_is_none(count: str) -> None:
    values = {
        0x00280008: count.encode("latin-1"),
        0x00280010: b"\4\0",
        0x00280011: b"\4\0",
        0x00280100: b"\x08\0",
    }
    layout = DataSetLayout(
        position=0,
        end_position=0,
        elements={0x7FE00010: None},  # type: ignore[dict-item]
        values=values,
        encapsulated_icons=(),
        implicit_vr=False,
        big_endian=False,
    )
    with pytest.raises(UnsupportedImageError):
        layout.image_pixel()


def test_an_offset_table_that_the_file_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "table.dcm"
    for pixel_data in (
        PIXEL_DATA + item(b"", 0xFFFFFFFE) + item(fragment(FRAME)) + SEQUENCE_END,
        struct.pack("<HH2sHI", 0x7FE0, 1, b"OV", 0, 0xFFFFFFF0) + GOOD,
    ):
        path.write_bytes(META + head() + pixel_data)
        report = use(path, tmp_path)
        assert report.outcome[:4] == ["truncated", ["truncated"], "truncated", "truncated"]
        assert report.peak_nbytes < SMALL


@pytest.mark.parametrize("frames", [1, 2**28])
def test_a_basic_offset_table_of_a_gigabyte(tmp_path: Path, frames: int) -> None:
    start = META + head(frames=frames) + PIXEL_DATA + item(b"", 4 * 2**28)
    path = write_sparse(tmp_path / "table.dcm", start, 4 * 2**28, item(fragment(FRAME)) + SEQUENCE_END)
    report = use(path, tmp_path)
    refused = ["fragment-count", ["fragment-count"], "fragment-count", "fragment-count"]
    assert report.outcome[:4] == (refused if frames > 1 else [FRAME.hex(), ["basic-offset-table"], 1, 1])
    assert report.peak_nbytes < SMALL


@pytest.mark.parametrize("frames", [1, 2**27])
def test_an_extended_offset_table_of_a_gigabyte(tmp_path: Path, frames: int) -> None:
    table = struct.pack("<HH2sHI", 0x7FE0, 1, b"OV", 0, 8 * 2**27)
    path = write_sparse(tmp_path / "table.dcm", META + head(frames=frames) + table, 8 * 2**27, GOOD)
    report = use(path, tmp_path)
    refused = ["fragment-count", ["fragment-count"], "fragment-count", "fragment-count"]
    wrong = ["extended-offset-table"] * 2
    assert report.outcome[:4] == (refused if frames > 1 else [FRAME.hex(), wrong, 1, 1])
    assert report.peak_nbytes < SMALL


def functional_groups(count: int, *, undefined_length: bool) -> bytes:
    """A Per-Frame Functional Groups Sequence: an Item, with a sequence of one Item, for each Frame."""
    items = [
        [Node(0x00209111, "SQ", [[Node(0x00209157, "UL", struct.pack("<I", i))]], undefined_length)]
        for i in range(count)
    ]
    return write([Node(0x52009230, "SQ", items, undefined_length)])


@pytest.mark.parametrize("undefined_length", [False, True])
def test_an_item_for_each_of_100_000_frames(
    tmp_path: Path, engine_mib: int, *, undefined_length: bool
) -> None:
    count = 100_000 if engine_mib > 1 else 10_000
    path = tmp_path / "items.dcm"
    path.write_bytes(META + head() + functional_groups(count, undefined_length=undefined_length) + GOOD)
    report = use(path, tmp_path)
    assert report.outcome[:4] == READ
    assert report.peak_nbytes < SMALL


@pytest.mark.parametrize("depth", [64, 65, 10_000])
def test_nested_sequences(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "nested.dcm"
    opening = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + item(b"", 0xFFFFFFFF)
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + SEQUENCE_END
    path.write_bytes(META + head() + opening * depth + closing * depth + GOOD)
    report = use(path, tmp_path)
    assert report.outcome[:4] == (READ if depth <= 64 else ["too-deep", ["too-deep"], "too-deep", "too-deep"])
    assert report.peak_nbytes < SMALL


def test_a_long_data_set_of_nothing_but_headers(tmp_path: Path, engine_mib: int) -> None:
    # Zeros are empty elements of 8 bytes each, in Implicit VR.
    path = write_sparse(tmp_path / "zeros.dcm", META + head(), engine_mib * MIB, GOOD)
    report = use(path, tmp_path)
    assert report.outcome[:4] == READ
    assert report.peak_nbytes < 2 * SMALL


def test_nothing_but_empty_items(tmp_path: Path, engine_mib: int) -> None:
    nbytes = engine_mib * MIB // 8
    count = nbytes // 8 - 1
    path = tmp_path / "items.dcm"
    path.write_bytes(META + head(frames=count) + PIXEL_DATA + item(b"") * (count + 1) + SEQUENCE_END)
    report = use(path, tmp_path)
    assert report.outcome[0] == report.outcome[2] == report.outcome[3] == "not-terminated"
    assert report.outcome[1] == ["empty-basic-offset-table", "empty-fragment", "not-terminated"]
    # 12 bytes an Item for the index, and 100 000 problems, twice.
    assert report.peak_nbytes < 2 * nbytes + 150 * MIB


@pytest.fixture
def engine_mib() -> int:
    """MiB of headers that the engine walks in well under a second."""
    from framedeflate import engine

    return 40 if engine.name == "native" else 1


def test_headers_that_are_encoded_anew(tmp_path: Path) -> None:
    path = tmp_path / "implicit.dcm"
    nbytes = 2 * MIB
    element = struct.pack("<HHI", 0x0009, 0x1001, 0)
    pixel_data = struct.pack("<HHI", 0x7FE0, 0x0010, 16) + FRAME
    path.write_bytes(file_meta(IMPLICIT) + head(implicit=True) + element * (nbytes // 8) + pixel_data)
    report = use(path, tmp_path)
    assert report.outcome[2:4] == [1, 1]
    assert report.peak_nbytes < 6 * nbytes + SMALL


def test_tiny_frames(tmp_path: Path) -> None:
    count = 20_000
    path = tmp_path / "tiny.dcm"
    path.write_bytes(META + head(rows=1, columns=1, frames=count) + encapsulated([fragment(b"\1")] * count))
    report = use(path, tmp_path)
    assert report.outcome[:4] == ["01", ["empty-basic-offset-table"], count, count]
    assert report.peak_nbytes < 2 * SMALL


def test_batches_hold_some_mib_or_some_frames() -> None:
    tiny = ImagePixel(rows=1, columns=1, bits_allocated=8, number_of_frames=2500)
    assert list(batches(tiny)) == [(0, MAX_BATCH_FRAMES), (1024, MAX_BATCH_FRAMES), (2048, 452)]
    large = ImagePixel(rows=4096, columns=4096, bits_allocated=16, number_of_frames=2)
    assert list(batches(large)) == [(0, 1), (1, 1)]


def test_native_pixel_data_beyond_its_32_bit_length_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    # 1029 Frames of 4 MiB and some: 2^32 bytes and more, from 4 KiB each.
    frame = fragment(bytes(2048 * 2048))
    path = tmp_path / "large.dcm"
    path.write_bytes(META + head(rows=2048, columns=2048, frames=1025) + encapsulated([frame] * 1025))
    with pytest.raises(UnsupportedImageError) as caught:
        decompress_file(path, tmp_path / "out.dcm")
    assert caught.value.kind == "too-large"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("max_basic_offset", [0, 100, 101, 5000])
def test_the_extended_offset_table_takes_over_where_offsets_outgrow_the_basic_one(
    max_basic_offset: int,
) -> None:
    rng = np.random.default_rng(max_basic_offset)
    natives = [rng.integers(0, 256, size, dtype=np.uint8).tobytes() for size in range(1, 60)]
    streams = [zlib.compress(native, 6)[2:-4] for native in natives]
    file = io.BytesIO()
    file.write(file_meta(EXPLICIT) + head(frames=len(streams)))
    writer = FragmentWriter(file, len(streams), max_basic_offset=max_basic_offset)
    for start in range(0, len(streams), 7):
        writer.write(Items.of(streams[start : start + 7]))
    writer.finish()
    assert file.tell() == len(file.getvalue())
    assert file.getvalue().endswith(SEQUENCE_DELIMITATION_ITEM)
    read = judge.read(file.getvalue())
    basic, *fragments = read.walker.items(read.elements[judge.PIXEL_DATA])
    assert [judge.inflate(each) for each in fragments] == natives
    starts, position = [], 0
    for each in fragments:
        starts.append(position)
        position += 8 + len(each)
    if starts[-1] <= max_basic_offset:
        assert list(struct.unpack(f"<{len(starts)}I", basic)) == starts
        assert 0x7FE00001 not in read.elements
    else:
        assert basic == b""
        assert list(struct.unpack(f"<{len(starts)}Q", read.value(0x7FE00001))) == starts
        lengths = list(struct.unpack(f"<{len(starts)}Q", read.value(0x7FE00002)))
        assert lengths == [len(stream) for stream in streams]


def test_native_pixel_data_is_streamed(tmp_path: Path) -> None:
    nbytes = 200 * MIB
    frames = nbytes // (512 * 512 * 2)
    start = file_meta(EXPLICIT) + head(rows=512, columns=512, bits=16, frames=frames) + native_header(nbytes)
    path = write_sparse(tmp_path / "native.dcm", start, nbytes)
    body = "compress_file(*arguments[:2], threads=2), decompress_file(*arguments[1:], threads=2)"
    report = run_child(body, path, tmp_path / "deflated.dcm", tmp_path / "again.dcm")
    assert report.error == ""
    assert report.peak_nbytes < 100 * MIB
    with (tmp_path / "again.dcm").open("rb") as again:
        again.seek(-nbytes - 12, 2)
        assert again.read(12) == native_header(nbytes)
        assert not any(any(again.read(MIB)) for _ in range(nbytes // MIB))
