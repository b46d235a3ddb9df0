# SPDX-License-Identifier: Apache-2.0
"""The two codecs by themselves: arrays that zarr writes and reads with them, held against zlib and numpy."""

import subprocess
import sys
import tomllib
import zlib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

import framedeflate
from framedeflate import zarr_store
from framedeflate.errors import FrameDecodeError
from framedeflate.zarr_store import DeflatedItems, PackedBits, RawDeflate

zarr_store.register()

RNG = np.random.default_rng(11)
MASKS = np.repeat(np.repeat(RNG.integers(0, 2, (5, 9, 6)), 5, axis=1), 7, axis=2).astype(np.bool_)


def written(array: Any, chunks: tuple[int, ...], **codecs: Any) -> tuple[zarr.Array, MemoryStore]:  # type: ignore[type-arg]
    store = MemoryStore()
    made = zarr.create_array(store, shape=array.shape, dtype=array.dtype, chunks=chunks, **codecs)
    made[...] = array
    return zarr.open_array(store, mode="r"), store


def stored(store: MemoryStore, key: str) -> bytes:
    return store._store_dict[key].to_bytes()


@pytest.mark.parametrize("chunks", [(1, 45, 42), (2, 45, 42), (5, 45, 42), (1, 16, 40), (2, 7, 13)])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_masks_are_written_and_read(chunks: tuple[int, ...], level: int) -> None:
    array, store = written(MASKS, chunks, serializer=PackedBits(), compressors=[RawDeflate(level=level)])
    assert np.array_equal(array[:], MASKS)
    first = np.zeros(chunks, np.bool_)
    part = MASKS[: chunks[0], : chunks[1], : chunks[2]]
    first[: part.shape[0], : part.shape[1], : part.shape[2]] = part
    stream = stored(store, "c/0/0/0")
    assert len(stream) % 2 == 0
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(stream) == np.packbits(first.ravel(), bitorder="little").tobytes()
    assert inflater.unused_data in {b"", b"\0"}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float64"])
@pytest.mark.parametrize("shape", [(4, 30, 20), (40, 3), (100,), (2, 9, 11, 3)])
def test_other_arrays_are_deflated_too(dtype: str, shape: tuple[int, ...]) -> None:
    values = RNG.integers(0, 100, shape).astype(dtype)
    chunks = tuple((length + 1) // 2 for length in shape)
    array, _store = written(values, chunks, compressors=[RawDeflate()])
    assert np.array_equal(array[...], values)


def test_a_scalar_has_a_chunk_too() -> None:
    array, _store = written(np.array(True), (), serializer=PackedBits(), compressors=[RawDeflate()])
    assert array[()] == np.True_


def test_bits_alone_are_numpys_little_ones() -> None:
    array, store = written(MASKS, (1, 45, 42), serializer=PackedBits(), compressors=None)
    assert np.array_equal(array[:], MASKS)
    for index, mask in enumerate(MASKS):
        assert stored(store, f"c/{index}/0/0") == np.packbits(mask.ravel(), bitorder="little").tobytes()


def test_large_chunks_are_decoded_in_threads() -> None:
    masks = np.zeros((3, 1500, 1500), np.bool_)
    masks[:, 100:900, 300:1200] = True
    array, _store = written(masks, (1, 1500, 1500), serializer=PackedBits(), compressors=[RawDeflate()])
    assert np.array_equal(array[:], masks)


def test_a_row_length_is_the_writers_hint() -> None:
    guessed, store = written(MASKS, (1, 45, 42), serializer=PackedBits(), compressors=[RawDeflate()])
    told, told_store = written(
        MASKS, (1, 45, 42), serializer=PackedBits(), compressors=[RawDeflate(row_nbits=42)]
    )
    assert np.array_equal(told[:], guessed[:])
    sizes = [sum(len(stored(s, f"c/{i}/0/0")) for i in range(5)) for s in (told_store, store)]
    assert sizes[0] <= sizes[1]


def test_other_types_than_bool_have_no_bits() -> None:
    with pytest.raises(ValueError, match="bool"):
        zarr.create_array(MemoryStore(), shape=(4,), dtype="uint8", serializer=PackedBits())


@pytest.mark.parametrize(
    "codec", [RawDeflate(), RawDeflate(level=9, row_nbits=512), PackedBits(), PackedBits(3)]
)
def test_metadata_give_the_codec_back(codec: Any) -> None:
    assert type(codec).from_dict(codec.to_dict()) == codec


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "framedeflate.raw_deflate", "configuration": {"level": 0}},
        {"name": "framedeflate.raw_deflate", "configuration": {"level": 10}},
        {"name": "framedeflate.raw_deflate", "configuration": {"level": "1"}},
        {"name": "framedeflate.raw_deflate", "configuration": {"level": True}},
        {"name": "framedeflate.raw_deflate", "configuration": {"row_nbits": 0}},
        {"name": "framedeflate.raw_deflate", "configuration": {"window": 15}},
        {"name": "gzip", "configuration": {"level": 1}},
    ],
)
def test_settings_out_of_range_or_unknown_are_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"raw_deflate|level|row_nbits"):
        RawDeflate.from_dict(metadata)


@pytest.mark.parametrize("bits", [0, -1, "8", 1.5])
def test_a_last_chunk_has_a_positive_number_of_bits(bits: Any) -> None:
    metadata = {"name": "framedeflate.packed_bits", "configuration": {"last_chunk_nbits": bits}}
    with pytest.raises(ValueError, match="last_chunk_nbits"):
        PackedBits.from_dict(metadata)


@pytest.mark.parametrize(
    ("last_chunk_nbits", "nbytes", "kind"),
    [
        (None, 11, "short-output"),
        (None, 13, "excess-output"),
        (40, 4, "short-output"),
        (40, 6, "excess-output"),
    ],
)
def test_a_chunk_of_bits_has_its_size(last_chunk_nbits: int | None, nbytes: int, kind: str) -> None:
    masks = np.ones((1, 12, 8), np.bool_)
    _array, store = written(masks, (1, 12, 8), serializer=PackedBits(last_chunk_nbits), compressors=None)
    store._store_dict["c/0/0/0"] = store._store_dict["c/0/0/0"].from_bytes(bytes(nbytes))
    with pytest.raises(FrameDecodeError) as caught:
        zarr.open_array(store, mode="r")[:]
    assert caught.value.kind == kind


def test_a_short_last_chunk_ends_in_false() -> None:
    masks = np.ones((1, 12, 8), np.bool_)
    _array, store = written(masks, (1, 12, 8), serializer=PackedBits(42), compressors=None)
    store._store_dict["c/0/0/0"] = store._store_dict["c/0/0/0"].from_bytes(b"\xff" * 6)
    found = np.asarray(zarr.open_array(store, mode="r")[:]).ravel()
    assert found.tolist() == [True] * 42 + [False] * 54


def test_wrapped_streams_are_read_as_everywhere() -> None:
    _array, store = written(MASKS, (1, 45, 42), serializer=PackedBits(), compressors=[RawDeflate()])
    native = np.packbits(MASKS[0].ravel(), bitorder="little").tobytes()
    store._store_dict["c/0/0/0"] = store._store_dict["c/0/0/0"].from_bytes(zlib.compress(native))
    assert np.array_equal(zarr.open_array(store, mode="r")[0], MASKS[0])


ROOT = Path(__file__).parents[1]


def test_zarr_finds_the_codecs_by_their_entry_points() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entry_points = project["entry-points"]["zarr.codecs"]
    assert entry_points == {
        codec.from_dict({"name": name}).to_dict()[
            "name"
        ]: f"framedeflate.zarr_store.codecs:{codec.__qualname__}"
        for name, codec in (
            ("framedeflate.raw_deflate", RawDeflate),
            ("framedeflate.packed_bits", PackedBits),
            ("framedeflate.deflated_items", DeflatedItems),
        )
    }
    installed = {
        point.name: point.value
        for point in distribution("framedeflate").entry_points
        if point.group == "zarr.codecs"
    }
    if not installed and Path(framedeflate.__file__).is_relative_to(ROOT / "src"):
        return  # Run from the sources, beside an older installation.
    assert installed == entry_points
    code = (
        "import sys; from zarr.registry import get_codec_class as get\n"
        "assert 'framedeflate' not in sys.modules\n"
        "print(get('framedeflate.raw_deflate').__name__, get('framedeflate.packed_bits').__name__)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout.split() == ["RawDeflate", "PackedBits"]


def test_without_zarr_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['zarr'] = None\n"
        "from framedeflate import zarr_store\n"
        "from framedeflate.errors import MissingExtraError\n"
        "assert callable(zarr_store.references)\n"
        "for name in ('RawDeflate', 'PackedBits', 'DeflatedItems', 'open', 'register'):\n"
        "    try:\n"
        "        getattr(zarr_store, name)\n"
        "    except MissingExtraError as error:\n"
        "        assert error.extra == 'zarr'\n"
        "    else:\n"
        "        raise SystemExit(name)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)
