# SPDX-License-Identifier: Apache-2.0
"""Chunks of many Frames: the same pixels by fewer requests, whatever is left for the last chunk."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

from dicom_writer import data_set, deflate, image, item, offsets, padded, part10, pixel_data
from framedeflate import zarr_store
from framedeflate.errors import EncapsulationError, FrameDecodeError
from framedeflate.zarr_store import DeflatedItems
from range_server import RangeServer
from zarr_readers import (
    BIG_ENDIAN,
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    READERS,
    Pixels,
    dicom_file,
    pixels_of,
    through_zarr,
)

zarr_store.register()
RNG = np.random.default_rng(23)

ARRAYS: dict[str, Pixels] = {
    "1 bit": RNG.integers(0, 2, (21, 16, 24)).astype(np.bool_),
    "1 bit, Frames inside a byte": RNG.integers(0, 2, (21, 15, 11)).astype(np.bool_),
    "8 bits": RNG.integers(0, 255, (21, 7, 5), np.uint8),
    "16 bits, signed": RNG.integers(-999, 999, (21, 7, 5), np.int16),
    "RGB": RNG.integers(0, 255, (21, 7, 5, 3), np.uint8),
}
SYNTAXES = {
    "deflated": DEFLATED_FRAMES,
    "native": EXPLICIT_LITTLE,
    "big": BIG_ENDIAN,
    "uncompressed Fragments": ENCAPSULATED_UNCOMPRESSED,
}


def expected_frames_per_chunk(array: Pixels, syntax: str, wanted: int) -> int:
    """What can be had: all, or what ends at a byte, or what divides 21."""
    if syntax == DEFLATED_FRAMES:
        return min(wanted, 21)
    if syntax == ENCAPSULATED_UNCOMPRESSED:
        return 1
    if array.dtype == np.bool_:
        whole = 1 if array[0].size % 8 == 0 else 8
        return max(whole, min(wanted, 21) // whole * whole)
    return {2: 1, 8: 7, 1000: 21}[wanted]


@pytest.mark.parametrize("wanted", [2, 8, 1000])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("kind", ARRAYS)
def test_the_pixels_are_the_same(tmp_path: Path, kind: str, syntax: str, wanted: int) -> None:
    array, path, uid = ARRAYS[kind], tmp_path / "image.dcm", SYNTAXES[syntax]
    for planar in (0, 1) if array.ndim == 4 else (0,):
        path.write_bytes(dicom_file(array, uid, planar=planar))
        references = zarr_store.references(path, frames_per_chunk=wanted)
        pixels = pixels_of(through_zarr(references))
        assert pixels.chunks[0] == expected_frames_per_chunk(array, uid, wanted)
        assert np.array_equal(pixels[:], array)
        assert np.array_equal(pixels[20], array[20])
        assert np.array_equal(pixels_of(zarr_store.open(path, frames_per_chunk=wanted))[3:19], array[3:19])


def test_dask_reads_them(tmp_path: Path) -> None:
    (tmp_path / "image.dcm").write_bytes(dicom_file(ARRAYS["1 bit"], DEFLATED_FRAMES))
    found = READERS["dask"](zarr_store.references(tmp_path / "image.dcm", frames_per_chunk=8))
    assert np.array_equal(found, ARRAYS["1 bit"])


def test_less_than_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "image.dcm").write_bytes(dicom_file(ARRAYS["8 bits"], DEFLATED_FRAMES))
    with pytest.raises(ValueError, match="frames_per_chunk"):
        zarr_store.references(tmp_path / "image.dcm", frames_per_chunk=0)


STREAMS = [padded(deflate(frame.tobytes())) for frame in ARRAYS["8 bits"]]
HEAD = data_set(image(rows=7, columns=5, allocated=8, frames="21"))


def test_many_frames_are_one_request(tmp_path: Path) -> None:
    noise = RNG.integers(0, 256, (40, 60, 60), np.uint8)
    streams = [padded(deflate(frame.tobytes())) for frame in noise]
    head = data_set(image(rows=60, columns=60, allocated=8, frames="40"))
    for table in (offsets(streams), ()):
        with RangeServer({"image.dcm": part10(head + pixel_data(streams, table=table))}) as server:
            pixels = pixels_of(zarr_store.open(server.url("image.dcm"), frames_per_chunk=10))
            server.forget()
            assert np.array_equal(pixels[15:25], noise[15:25])
            assert len(server.requests) == 2
            assert np.array_equal(pixels[:], noise)


BROKEN: dict[str, tuple[bytes, str]] = {
    "a bomb": (padded(deflate(bytes(1 << 22))), "excess-output"),
    "a truncated stream": (STREAMS[0][:20], "not-terminated"),
    "no stream": (b"\x07\0", "bad-data"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_fragment_is_named_within_its_chunk(tmp_path: Path, name: str) -> None:
    fragment, kind = BROKEN[name]
    path = tmp_path / "image.dcm"
    path.write_bytes(part10(HEAD + pixel_data([*STREAMS[:13], fragment, *STREAMS[14:]])))
    pixels = pixels_of(through_zarr(zarr_store.references(path, frames_per_chunk=5)))
    assert np.array_equal(pixels[:10], ARRAYS["8 bits"][:10])
    with pytest.raises(FrameDecodeError) as caught:
        pixels[10]
    assert (caught.value.kind, caught.value.frame_number) == (kind, 4)


ITEMS = b"".join(item(stream) for stream in STREAMS[:5])


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        ITEMS[:-1],
        ITEMS[:-20],
        ITEMS + b"\0\0",
        ITEMS + item(STREAMS[5]),
        ITEMS[8:],
        b"".join(STREAMS[:5]),
    ],
    ids=["nothing", "cut", "cut more", "more behind", "an Item more", "no header", "no Items"],
)
def test_a_chunk_is_just_its_items(chunk: bytes) -> None:
    store = MemoryStore()
    array = zarr.create_array(
        store, shape=(5, 7, 5), dtype="uint8", chunks=(5, 7, 5), serializer=DeflatedItems(), compressors=None
    )
    array[:] = ARRAYS["8 bits"][:5]
    store._store_dict["c/0/0/0"] = store._store_dict["c/0/0/0"].from_bytes(chunk)
    with pytest.raises(EncapsulationError) as caught:
        zarr.open_array(store, mode="r")[:]
    assert caught.value.kind == "bad-item"


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("level", [1, 9])
def test_zarr_writes_items_too(kind: str, level: int) -> None:
    array, store = ARRAYS[kind], MemoryStore()
    codec = DeflatedItems(level=level)
    made = zarr.create_array(
        store,
        shape=array.shape,
        dtype=array.dtype,
        chunks=(7, *array.shape[1:]),
        serializer=codec,
        compressors=None,
    )
    made[:] = array
    assert np.array_equal(zarr.open_array(store, mode="r")[:], array)
    first = store._store_dict[f"c/0{'/0' * (array.ndim - 1)}"].to_bytes()
    assert first[:4] == b"\xfe\xff\x00\xe0"
    native = zlib.decompressobj(-15).decompress(first[8:])
    is_bits = array.dtype == np.bool_
    assert native == (np.packbits(array[0].ravel(), bitorder="little") if is_bits else array[0]).tobytes()
    assert type(codec).from_dict(codec.to_dict()) == codec


@pytest.mark.parametrize(
    "settings", [{"planar_configuration": 2}, {"last_chunk_frames": 0}, {"level": 10}, {"frames": 3}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        DeflatedItems.from_dict({"name": "framedeflate.deflated_items", "configuration": settings})


@pytest.mark.parametrize(("shape", "dtype"), [((4, 4), "uint8"), ((4, 4, 4), "float32")])
def test_what_is_no_frames_is_refused(shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(ValueError, match="frames, rows, columns"):
        zarr.create_array(
            MemoryStore(), shape=shape, dtype=dtype, serializer=DeflatedItems(), compressors=None
        )
