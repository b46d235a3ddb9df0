# SPDX-License-Identifier: Apache-2.0
"""Every real file through both commands, read by the judge, by pydicom, and by ourselves last."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

import judge
from corpus import CORPUS, SourceFile, corpus_file, corpus_files, wheel_file, wheel_files
from exceptions_table import SOURCE_DEPARTURES, plain_name, refusal
from framedeflate import FrameReader, compress_file, decompress_file, verify_file
from transcoded import ALL_FILES, IMAGES, NATIVE, REFUSED, named, transcode, uid_of


def test_the_shared_corpus_is_collected_where_it_is_there() -> None:
    if CORPUS.exists():
        names = {file.name for file in corpus_files()}
        on_disk = {path.name for kind in ("real", "generated") for path in (CORPUS / kind).glob("*.dcm")}
        assert names
        assert names == on_disk
        assert {file.name for file in ALL_FILES} >= names
    assert len(wheel_files()) > 100


@pytest.mark.parametrize("source", corpus_files(), ids=named)
def test_the_corpus_is_what_its_manifest_says(source: SourceFile) -> None:
    assert hashlib.sha256(source.path.read_bytes()).hexdigest() == source.sha256


@pytest.mark.parametrize("source", NATIVE, ids=named)
def test_compressed_native_frames_are_those_of_the_source(folder: Path, source: SourceFile) -> None:
    compressed = judge.read(transcode(folder, source).compressed)
    assert compressed.uid == judge.DEFLATED_FRAMES
    assert compressed.frames() == judge.read(source.path).frames()


@pytest.mark.parametrize("source", [file for file in IMAGES if file.pixels_sha256], ids=named)
def test_compressed_pixels_have_the_sha_of_the_manifest(folder: Path, source: SourceFile) -> None:
    compressed = judge.read(transcode(folder, source).compressed)
    if compressed.text(0x00280004).startswith("YBR"):
        pytest.skip("the manifest's are RGB: the next test has pydicom convert ours")
    pixels = compressed.pixels()
    if is_big_endian(source):
        pixels = pixels.astype(pixels.dtype.newbyteorder(">"))
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == source.pixels_sha256


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # it comments on the sources
@pytest.mark.parametrize("source", IMAGES, ids=named)
def test_pydicom_reads_the_same_from_the_source_and_the_decompressed(
    folder: Path, source: SourceFile
) -> None:
    pixels = pydicom.dcmread(transcode(folder, source).decompressed).pixel_array
    if source.pixels_sha256:
        ordered = pixels.astype(pixels.dtype.newbyteorder(">")) if is_big_endian(source) else pixels
        assert hashlib.sha256(ordered.tobytes()).hexdigest() == source.pixels_sha256
    elif "_rle" in source.name and "liver" in source.name:
        # pydicom decodes no RLE of one bit; the same toolkit stored the same image natively.
        twin = next(file for file in IMAGES if file.name == source.name.replace("_rle", ""))
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == twin.pixels_sha256
    else:
        expected = pydicom.dcmread(source.path).pixel_array
        assert pixels.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
        assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("source", NATIVE, ids=named)
def test_decompressed_pixel_data_is_the_source_s_to_the_bit(folder: Path, source: SourceFile) -> None:
    before, after = judge.read(source.path), judge.read(transcode(folder, source).decompressed)
    nbits = before.frame_count * before.frame_nbits
    value = after.value(judge.PIXEL_DATA)
    assert len(value) == (nbits + 15) // 16 * 2
    assert after.elements[judge.PIXEL_DATA].vr == ("OW" if after.bits > 8 else "OB")
    if before.walker.big:
        assert after.frames() == before.frames()
        return
    whole, rest = divmod(nbits, 8)
    assert value[:whole] == before.value(judge.PIXEL_DATA)[:whole]
    if rest:
        assert value[whole] == before.value(judge.PIXEL_DATA)[whole] & ((1 << rest) - 1)
    assert not any(value[whole + bool(rest) :])


@pytest.mark.parametrize("source", IMAGES, ids=named)
def test_the_source_stays_as_it_was(folder: Path, source: SourceFile) -> None:
    transcode(folder, source)
    assert hashlib.sha256(source.path.read_bytes()).hexdigest() == source.sha256


@pytest.mark.parametrize("source", IMAGES, ids=named)
def test_what_we_write_conforms(folder: Path, source: SourceFile) -> None:
    expected, _reason = SOURCE_DEPARTURES.get(plain_name(source.name), (set(), ""))
    assert {problem.kind for problem in verify_file(transcode(folder, source).compressed)} == expected


@pytest.mark.parametrize("source", IMAGES, ids=named)
def test_the_reader_gives_the_judge_s_pixels(folder: Path, source: SourceFile) -> None:
    path = transcode(folder, source).compressed
    expected = judge.read(path)
    with FrameReader.open(path) as reader:
        assert len(reader) == expected.frame_count
        if reader.image_pixel.is_subsampled:
            assert reader[0].shape == reader.image_pixel.frame_shape
            return
        pixels = expected.pixels().reshape(len(reader), *reader.image_pixel.frame_shape)
        numbers = sorted({1, (len(reader) + 1) // 2, len(reader)}, reverse=True)
        assert np.array_equal(reader.read(numbers), pixels[[number - 1 for number in numbers]])
        if len(reader) <= 200:
            assert np.array_equal(np.stack(list(reader)), pixels)


@pytest.mark.parametrize("source", REFUSED, ids=named)
def test_what_cannot_be_carried_is_refused_as_the_table_says(tmp_path: Path, source: SourceFile) -> None:
    row = refusal(source.name)
    assert row is not None
    error, kind, _reason = row
    for command in (compress_file, decompress_file):
        with pytest.raises(error) as caught:
            command(source.path, tmp_path / "out.dcm")
        assert getattr(caught.value, "kind", "") == kind
        assert list(tmp_path.iterdir()) == []
    assert hashlib.sha256(source.path.read_bytes()).hexdigest() == source.sha256


@pytest.mark.parametrize(
    ("native", "deflated"),
    [
        ("pydicom-data__liver.dcm", "pydicom-data__liver_deflate.dcm"),
        ("pydicom-data__liver_expb.dcm", "pydicom-data__liver_deflate.dcm"),
        ("pydicom-data__liver_nonbyte_aligned.dcm", "pydicom-data__liver_nonbyte_aligned_deflate.dcm"),
    ],
)
def test_our_frames_are_those_that_another_toolkit_deflated(
    tmp_path: Path, native: str, deflated: str
) -> None:
    source, other = corpus_file(native), corpus_file(deflated)
    if source is None or other is None:
        pytest.skip("needs the shared corpus")
    ours = tmp_path / "ours.dcm"
    compress_file(source, ours)
    theirs = judge.read(other)
    assert judge.read(ours).frames() == theirs.frames()
    with FrameReader.open(other) as reader:
        assert np.array_equal(np.stack(list(reader)), theirs.pixels()[..., 0])


def test_a_ct_is_no_larger_than_the_encoder_guide_s(tmp_path: Path) -> None:
    source, compressed = wheel_file("CT_small.dcm"), tmp_path / "ct.dcm"
    compress_file(source, compressed)
    # As pydicom's PixelData: Item headers and the Basic Offset Table counted, the delimiter not.
    assert len(judge.read(compressed).value(judge.PIXEL_DATA)) <= 22_288


def is_big_endian(source: SourceFile) -> bool:
    return uid_of(source) == judge.BIG_ENDIAN
