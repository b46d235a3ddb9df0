# SPDX-License-Identifier: Apache-2.0
"""References over HTTP, read in a fresh process: the same pixels, and one request of a chunk's size for each chunk."""

import json
import pickle
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_writer import data_set, deflate, image, offsets, padded, part10, pixel_data
from framedeflate import zarr_store
from framedeflate.errors import RemoteSourceError, UnsupportedImageError
from range_server import RangeServer
from zarr_readers import DEFLATED_FRAMES, EXPLICIT_LITTLE, dicom_file, pixels_of

MASKS = np.zeros((24, 61, 53), np.bool_)
for _index in range(24):
    MASKS[_index, 5 + _index : 40, 10 : 30 + _index] = True
GREY = np.arange(6 * 40 * 30, dtype=np.int16).reshape(6, 40, 30) - 3000

READ = """
import sys
import dask.array, fsspec, numpy as np, xarray, zarr
from zarr.storage import FsspecStore
from framedeflate import zarr_store

zarr_store.register()
remote = {"asynchronous": True}

def by_zarr(refs):
    fs = fsspec.filesystem("reference", fo=refs, asynchronous=True, remote_options=remote)
    pixels = zarr.open_group(FsspecStore(fs, read_only=True), mode="r")["pixels"]
    return pixels[3], pixels[:]

def by_xarray(refs):
    options = {"fo": refs, "remote_options": remote}
    with xarray.open_zarr("reference://", storage_options=options) as dataset:
        return dataset.pixels[3].values, dataset.pixels.values

def by_dask(refs):
    options = {"fo": refs, "remote_options": remote}
    pixels = dask.array.from_zarr("reference://", component="pixels", storage_options=options)
    return pixels[3].compute(), pixels.compute(num_workers=2)

READERS = {"zarr": by_zarr, "xarray": by_xarray, "dask": by_dask}
"""


def run(code: str, *arguments: object) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", READ + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def ranges(references: dict[str, Any]) -> list[tuple[int, int]]:
    places = [value for value in references["refs"].values() if isinstance(value, list)]
    return [(start, start + nbytes) for _url, start, nbytes in places]


def test_frames_are_read_over_http(tmp_path: Path) -> None:
    arrays = {"deflated": (MASKS, DEFLATED_FRAMES), "native": (GREY, EXPLICIT_LITTLE)}
    made = {}
    with RangeServer({}) as server:
        for name, (array, syntax) in arrays.items():
            for reader in ("zarr", "xarray", "dask"):
                server.files[f"{name}-{reader}"] = dicom_file(array, syntax)
            (tmp_path / name).write_bytes(dicom_file(array, syntax))
            for reader in ("zarr", "xarray", "dask"):
                key = f"{name}-{reader}"
                made[key] = zarr_store.references(tmp_path / name, url=server.url(key))
                (tmp_path / f"{key}.json").write_text(json.dumps(made[key]), encoding="utf-8")
        run(
            "for key in sys.argv[2:]:\n"
            "    one, whole = READERS[key.partition('-')[2]](f'{sys.argv[1]}/{key}.json')\n"
            "    np.savez(f'{sys.argv[1]}/{key}.npz', one=one, whole=whole)",
            tmp_path,
            *made,
        )
        asked = list(server.requests)
    for key, references in made.items():
        array, _syntax = arrays[key.partition("-")[0]]
        found = np.load(tmp_path / f"{key}.npz")
        assert np.array_equal(found["one"], array[3])
        assert np.array_equal(found["whole"], array)
        # One request for the one Frame, and one for each of all.
        expected = [ranges(references)[3], *ranges(references)]
        assert sorted((start, stop) for path, start, stop in asked if path == f"/{key}") == sorted(expected)


def test_a_server_at_fault_is_an_error_never_zeros(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(dicom_file(MASKS, DEFLATED_FRAMES))
    faults = ["status-404", "status-500", "short-range", "no-ranges", "short-body"]
    with ExitStack() as stack:
        for fault in faults:
            server = stack.enter_context(RangeServer({"image.dcm": path}, fault=fault))
            references = zarr_store.references(path, url=server.url("image.dcm"))
            (tmp_path / f"{fault}.json").write_text(json.dumps(references), encoding="utf-8")
        said = run(
            "for fault in sys.argv[2:]:\n"
            "    try: by_zarr(f'{sys.argv[1]}/{fault}.json')\n"
            "    except (RuntimeError, ValueError) as error: print(type(error).__name__)",
            tmp_path,
            *faults,
        ).split()
    unreachable = {"status-404", "status-500", "short-body"}
    assert dict(zip(faults, said, strict=True)) == {
        fault: "ReferenceNotReachable" if fault in unreachable else "FrameDecodeError" for fault in faults
    }


def test_a_url_is_opened_right_away(tmp_path: Path) -> None:
    with RangeServer({"image.dcm": dicom_file(MASKS, DEFLATED_FRAMES)}) as server:
        url = server.url("image.dcm")
        (tmp_path / "image.dcm").write_bytes(dicom_file(MASKS, DEFLATED_FRAMES))
        assert zarr_store.references(url) == zarr_store.references(tmp_path / "image.dcm", url=url)
        for group in (zarr_store.open(url), pickle.loads(pickle.dumps(zarr_store.open(url)))):  # noqa: S301
            assert np.array_equal(pixels_of(group)[:], MASKS)
            assert url in repr(group)
        secret = zarr_store.DicomStore(f"{url}?signature=abc")
        assert "abc" not in f"{secret} {secret!r}"
        server.fault = "status-403"
        with pytest.raises(RemoteSourceError):
            zarr_store.open(url)


def test_a_server_that_fails_later_is_an_error_too() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (4, 200, 200), np.uint8)
    with RangeServer({"image.dcm": dicom_file(noise, EXPLICIT_LITTLE)}) as server:
        pixels = pixels_of(zarr_store.open(server.url("image.dcm"), options={"retries": 0}))
        server.forget()
        assert np.array_equal(pixels[3], noise[3])
        ((_path, start, stop),) = server.requests
        assert stop is not None
        assert stop - start == 40_000
        server.fault = "status-403"
        with pytest.raises(RemoteSourceError):
            pixels[2]


NOISE = np.random.default_rng(3).integers(0, 256, (12, 150, 150), np.uint8)
STREAMS = [padded(deflate(frame.tobytes())) for frame in NOISE]
TABLE = offsets(STREAMS)
HEAD = data_set(image(rows=150, columns=150, allocated=8, frames="12"))
TABLED = part10(HEAD + pixel_data(STREAMS, table=TABLE))


def test_a_frame_is_read_by_one_request_after_the_header() -> None:
    with RangeServer({"image.dcm": TABLED}) as server:
        pixels = pixels_of(zarr_store.open(server.url("image.dcm")))
        assert len(server.requests) <= 3
        assert server.body_nbytes < 100_000
        server.forget()
        assert np.array_equal(pixels[7], NOISE[7])
        ((_path, start, stop),) = server.requests
        assert stop is not None
        assert stop - start == len(STREAMS[7]) + 8
        assert np.array_equal(pixels[:], NOISE)


SPLIT_LAST = [*STREAMS[:-1], STREAMS[-1][:200], STREAMS[-1][200:]]
WRONG_TABLES = {
    "shifted": [0, *TABLE[2:], TABLE[-1] + 100],
    "into a Fragment": [offset + 20 * bool(offset) for offset in TABLE],
    "too few": TABLE[:-1],
    "all the same": [0] * 12,
}


@pytest.mark.parametrize("name", ["right", *WRONG_TABLES])
def test_references_are_made_of_items_not_of_tables(tmp_path: Path, name: str) -> None:
    table = WRONG_TABLES.get(name, TABLE)
    path = tmp_path / "image.dcm"
    path.write_bytes(part10(HEAD + pixel_data(STREAMS, table=table)))
    with RangeServer({"image.dcm": path}) as server:
        url = server.url("image.dcm")
        made = zarr_store.references(url)
        assert [path.read_bytes()[start:stop] for start, stop in ranges(made)] == STREAMS
        assert made == zarr_store.references(path, url=url)


@pytest.mark.parametrize("name", WRONG_TABLES)
def test_a_wrong_table_is_not_believed(name: str) -> None:
    with RangeServer({"image.dcm": part10(HEAD + pixel_data(STREAMS, table=WRONG_TABLES[name]))}) as server:
        assert np.array_equal(pixels_of(zarr_store.open(server.url("image.dcm")))[:], NOISE)


def test_a_split_frame_is_seen_behind_a_table(tmp_path: Path) -> None:
    (tmp_path / "image.dcm").write_bytes(part10(HEAD + pixel_data(SPLIT_LAST, table=TABLE)))
    with RangeServer({"image.dcm": tmp_path / "image.dcm"}) as server:
        for source in (server.url("image.dcm"), tmp_path / "image.dcm"):
            with pytest.raises(UnsupportedImageError) as caught:
                zarr_store.references(source)
            assert caught.value.kind == "not-referable"


def test_headers_of_many_items_are_asked_for_together() -> None:
    with RangeServer({"image.dcm": TABLED}) as server:
        zarr_store.references(server.url("image.dcm"))
        # The Items are too far apart for one request: one each, and those at the same time.
        assert len(server.requests) <= 3 + len(STREAMS) + 1
        assert server.body_nbytes < 100_000
