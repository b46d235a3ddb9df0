# SPDX-License-Identifier: Apache-2.0
"""A DICOM file read as Zarr, by reference: the same pixels, by zarr, xarray and dask, whatever the file holds."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judge
from corpus import SourceFile, wheel_file
from dicom_writer import data_set, deflate, element, image, offsets, padded, part10, pixel_data
from framedeflate import FrameReader, zarr_store
from framedeflate.byte_source import BytesSource
from framedeflate.errors import (
    DicomFormatError,
    FrameDecodeError,
    FrameDeflateError,
    TransferSyntaxError,
    UnsupportedImageError,
    UnsupportedSourceError,
)
from transcoded import ALL_FILES, named
from zarr_readers import (
    BIG_ENDIAN,
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    READERS,
    Pixels,
    as_dask,
    dicom_file,
    pixels_of,
    through_xarray,
    through_zarr,
)

zarr_store.register()

RNG = np.random.default_rng(7)


def noise(dtype: str, *shape: int) -> Pixels:
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(np.bool_)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


ARRAYS: dict[str, Pixels] = {
    "1 bit": noise("bool", 5, 16, 24),
    "1 bit, Frames inside a byte": noise("bool", 13, 15, 11),
    "1 bit, Frames of half a byte": noise("bool", 5, 2, 2),
    "1 bit, one pixel": noise("bool", 9, 1, 1),
    "1 bit, one Frame": noise("bool", 1, 3, 7),
    "8 bits": noise("uint8", 3, 7, 5),
    "8 bits, signed": noise("int8", 3, 7, 5),
    "16 bits": noise("uint16", 3, 7, 5),
    "16 bits, signed": noise("int16", 3, 7, 5),
    "32 bits": noise("uint32", 2, 7, 5),
    "64 bits, signed": noise("int64", 2, 3, 5),
    "RGB": noise("uint8", 3, 7, 5, 3),
    "RGB, 16 bits": noise("uint16", 2, 7, 5, 3),
}
SYNTAXES = {
    "deflated": DEFLATED_FRAMES,
    "native": EXPLICIT_LITTLE,
    "uncompressed Fragments": ENCAPSULATED_UNCOMPRESSED,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.dcm"


CASES = [(kind, planar) for kind, array in ARRAYS.items() for planar in ((0, 1) if array.ndim == 4 else (0,))]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("kind", "planar"), CASES)
def test_every_reader_gets_the_pixels(path: Path, kind: str, syntax: str, planar: int) -> None:
    array = ARRAYS[kind]
    path.write_bytes(dicom_file(array, SYNTAXES[syntax], planar=planar))
    references = json.loads(json.dumps(zarr_store.references(path), allow_nan=False))
    assert references["version"] == 1
    for read in READERS.values():
        found = read(references)
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)
    with FrameReader.open(path) as reader:
        assert np.array_equal(reader[:], array)
    pixels = pixels_of(zarr_store.open(path))
    assert np.array_equal(pixels[:], array)
    assert np.array_equal(pixels[-1], array[-1])
    assert pixels.metadata.dimension_names == ("frame", "row", "column", "sample")[: array.ndim]


@pytest.mark.parametrize("kind", ["16 bits", "16 bits, signed", "32 bits", "RGB, 16 bits"])
def test_big_endian_files_are_read_in_place(path: Path, kind: str) -> None:
    path.write_bytes(dicom_file(ARRAYS[kind], BIG_ENDIAN))
    assert np.array_equal(READERS["zarr"](zarr_store.references(path)), ARRAYS[kind])


@pytest.mark.parametrize("kind", ["1 bit", "1 bit, Frames inside a byte", "8 bits"])
def test_bytes_are_not_swapped_in_big_endian(path: Path, kind: str) -> None:
    path.write_bytes(dicom_file(ARRAYS[kind], BIG_ENDIAN))
    assert np.array_equal(READERS["zarr"](zarr_store.references(path)), ARRAYS[kind])


def is_readable(source: SourceFile) -> bool:
    """Whether the judge knows the Transfer Syntax and numpy the samples."""
    try:
        file = judge.read(source.path)
    except (ValueError, KeyError, OSError):
        return False
    is_known = file.uid in judge.NATIVE - {judge.DEFLATED_DATA_SET} | {judge.DEFLATED_FRAMES}
    return is_known and judge.PIXEL_DATA in file.elements and file.bits in {1, 8, 16, 32}


@pytest.mark.filterwarnings("ignore:there are no coordinates:UserWarning")  # pydicom cut Frames off some
@pytest.mark.parametrize("source", [file for file in ALL_FILES if is_readable(file)], ids=named)
def test_real_files_are_read_or_refused(source: SourceFile) -> None:
    file = judge.read(source.path)
    try:
        pixels = pixels_of(zarr_store.open(source.path))
    except FrameDeflateError as error:
        is_swapped = file.uid == judge.BIG_ENDIAN and file.bits <= 8
        is_subsampled = file.text(0x00280004) == "YBR_FULL_422"
        has_reason = is_swapped or is_subsampled
        if has_reason and getattr(error, "kind", "") not in {"not-referable", "image-pixel"}:
            raise
        assert has_reason or refused_by_the_reader(source.path)
        return
    expected = file.pixels()
    found = np.asarray(pixels[:])
    assert np.array_equal(found if found.ndim == 4 else found[..., None], expected)


def refused_by_the_reader(path: Path) -> bool:
    try:
        FrameReader.open(path).close()
    except FrameDeflateError:
        return True
    return False


def test_compressed_otherwise_is_refused_by_name() -> None:
    for name in ("MR_small_RLE.dcm", "image_dfl.dcm"):
        with pytest.raises(TransferSyntaxError) as caught:
            zarr_store.references(wheel_file(name))
        assert caught.value.uid == judge.read(wheel_file(name)).uid
        assert "framedeflate compress" in str(caught.value)


HEAD = data_set(image(rows=16, columns=16, allocated=8, frames="2"))
FRAMES = [bytes(range(256)), bytes(256)]
STREAMS = [padded(deflate(frame)) for frame in FRAMES]
SPLIT = [STREAMS[0][:10], STREAMS[0][10:], STREAMS[1][:4], STREAMS[1][4:]]
YBR = image(samples=3, photometric="YBR_FULL_422", planar=0, allocated=8, rows=4, columns=4)

NOT_REFERABLE = {
    "a split Frame": part10(HEAD + pixel_data(SPLIT, table=offsets(SPLIT, 2))),
    "subsampled": part10(data_set(YBR) + element(0x7FE00010, "OB", bytes(96)), uid=EXPLICIT_LITTLE),
    "bytes in swapped words": dicom_file(ARRAYS["8 bits"], BIG_ENDIAN, vr="OW"),
    "bits in swapped words": dicom_file(ARRAYS["1 bit"], BIG_ENDIAN, vr="OW"),
}


@pytest.mark.parametrize("name", NOT_REFERABLE)
def test_pixels_that_no_range_holds_are_refused(path: Path, name: str) -> None:
    path.write_bytes(NOT_REFERABLE[name])
    with pytest.raises(UnsupportedImageError) as caught:
        zarr_store.references(path)
    assert caught.value.kind == "not-referable"
    assert "framedeflate compress" in str(caught.value)


def test_integers_that_numpy_has_not_are_refused(path: Path) -> None:
    fields = image(allocated=24, rows=4, columns=4)
    path.write_bytes(part10(data_set(fields) + element(0x7FE00010, "OB", bytes(144)), uid=EXPLICIT_LITTLE))
    with pytest.raises(UnsupportedImageError) as caught:
        zarr_store.references(path)
    assert caught.value.kind == "bits-allocated"


def test_more_chunks_than_memory_should_hold_are_refused(path: Path) -> None:
    fields = image(allocated=8, rows=1, columns=1, frames="1048578")
    path.write_bytes(
        part10(data_set(fields) + element(0x7FE00010, "OB", bytes(1048578)), uid=EXPLICIT_LITTLE)
    )
    with pytest.raises(UnsupportedImageError) as caught:
        zarr_store.references(path)
    assert caught.value.kind == "too-large"
    assert len(zarr_store.references(path, frames_per_chunk=1 << 19)["refs"]) < 10


def deflated(path: Path, *fragments: bytes) -> dict[str, Any]:
    path.write_bytes(part10(HEAD + pixel_data(fragments)))
    return zarr_store.references(path)


HOSTILE = {
    "a bomb": (padded(deflate(bytes(1 << 24))), "excess-output"),
    "a truncated stream": (STREAMS[0][:100], "not-terminated"),
    "a short stream": (padded(deflate(bytes(255))), "short-output"),
    "no stream": (b"\x07\0", "bad-data"),
    "bytes behind it": (STREAMS[1] + b"ab\0\0", "trailing-data"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_fragment_is_an_error_and_fails_alone(path: Path, name: str) -> None:
    fragment, kind = HOSTILE[name]
    references = deflated(path, STREAMS[0], fragment)
    for group in (through_zarr(references), zarr_store.open(path)):
        pixels = pixels_of(group)
        assert np.asarray(pixels[0]).tobytes() == FRAMES[0]
        with pytest.raises(FrameDecodeError) as caught:
            pixels[1]
        assert caught.value.kind == kind
        assert caught.value.expected_nbytes == 256


def test_a_missing_file_is_an_error_not_zeros(path: Path) -> None:
    references = deflated(path, *STREAMS)
    path.unlink()
    for read in READERS.values():
        with pytest.raises(RuntimeError):
            read(references)


@pytest.mark.parametrize("kind", ["8 bits", "1 bit, Frames inside a byte", "16 bits"])
def test_a_file_that_became_shorter_is_an_error(path: Path, kind: str) -> None:
    file = dicom_file(ARRAYS[kind], EXPLICIT_LITTLE)
    path.write_bytes(file)
    references, opened = zarr_store.references(path), zarr_store.open(path)
    path.write_bytes(file[:-3])
    with pytest.raises((ValueError, FrameDecodeError)):
        READERS["zarr"](references)
    with pytest.raises(DicomFormatError):
        pixels_of(opened)[:]


def test_the_references_say_which_frame_is_which(path: Path) -> None:
    array = ARRAYS["1 bit, Frames inside a byte"]
    path.write_bytes(dicom_file(array, DEFLATED_FRAMES))
    with through_xarray(zarr_store.references(path)) as dataset:
        assert list(dataset.data_vars) == ["pixels"]
        assert dataset.pixels.dims == ("frame", "row", "column")
        assert dataset.frame_number.values.tolist() == list(range(1, 14))
        chosen = dataset.pixels.isel(frame=dataset.frame_number.values > 11)
        assert np.array_equal(chosen.values, array[11:])


def test_uids_are_the_only_words_of_the_file(path: Path) -> None:
    fields = image() | {0x00100010: ("PN", b"DOE^JANE"), 0x00080018: ("UI", b"2.25.7")}
    path.write_bytes(part10(data_set(fields) + pixel_data([padded(deflate(bytes(19)))] * 3)))
    references = zarr_store.references(path)
    assert "DOE" not in json.dumps(references)
    group = through_zarr(references)
    assert dict(group.attrs) == {
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.7",
        "sop_instance_uid": "2.25.7",
        "transfer_syntax_uid": DEFLATED_FRAMES,
    }
    assert dict(pixels_of(group).attrs) == {
        "bits_stored": 1,
        "coordinates": "frame_number",
        "photometric_interpretation": "MONOCHROME2",
    }


def test_words_that_are_no_uid_stay_in_the_file(path: Path) -> None:
    fields = image(photometric="DOE") | {0x00080018: ("UI", b"DOE^JANE")}
    path.write_bytes(part10(data_set(fields) + pixel_data([padded(deflate(bytes(19)))] * 3)))
    assert "DOE" not in json.dumps(zarr_store.references(path))


def test_the_url_is_the_callers(path: Path) -> None:
    references = deflated(path, *STREAMS)
    named_otherwise = zarr_store.references(path, url="s3://bucket/image.dcm")
    for key, value in references["refs"].items():
        other = named_otherwise["refs"][key]
        assert other == (value if isinstance(value, str) else ["s3://bucket/image.dcm", *value[1:]])
    assert {value[0] for value in references["refs"].values() if isinstance(value, list)} == {str(path)}


def test_what_has_no_path_needs_a_url(path: Path) -> None:
    file = dicom_file(ARRAYS["8 bits"], DEFLATED_FRAMES)
    path.write_bytes(file)
    with pytest.raises(UnsupportedSourceError):
        zarr_store.references(file)
    with path.open("rb") as opened:
        for source in (file, opened, BytesSource(file), f"file://{path}", str(path)):
            assert zarr_store.references(source, url=str(path)) == zarr_store.references(path)
            assert np.array_equal(pixels_of(zarr_store.open(source))[:], ARRAYS["8 bits"])
    assert zarr_store.references(f"file://{path}") == zarr_store.references(path)


def test_the_same_file_gives_the_same_references(path: Path) -> None:
    assert deflated(path, *STREAMS) == deflated(path, *STREAMS)


def test_a_range_is_the_fragment(path: Path) -> None:
    references = deflated(path, *STREAMS)
    file = path.read_bytes()
    for index, stream in enumerate(STREAMS):
        _url, start, nbytes = references["refs"][f"pixels/c/{index}/0/0"]
        assert file[start : start + nbytes] == stream


def test_an_opened_file_goes_to_other_processes(path: Path) -> None:
    array = ARRAYS["1 bit"]
    path.write_bytes(dicom_file(array, DEFLATED_FRAMES))
    pixels = pixels_of(pickle.loads(pickle.dumps(zarr_store.open(path))))  # noqa: S301
    assert np.array_equal(pixels[:], array)
    lazy = as_dask(zarr_store.open(path))
    assert lazy.chunks == ((1,) * 5, (16,), (24,))
    assert np.array_equal(lazy[2:4].compute(scheduler="threads"), array[2:4])


def test_an_opened_file_is_read_only(path: Path) -> None:
    path.write_bytes(dicom_file(ARRAYS["8 bits"], DEFLATED_FRAMES))
    group = zarr_store.open(path)
    pixels = pixels_of(group)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 1
    assert sorted(group.array_keys()) == ["frame_number", "pixels"]
    assert path.read_bytes() == dicom_file(ARRAYS["8 bits"], DEFLATED_FRAMES)
