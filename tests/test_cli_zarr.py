# SPDX-License-Identifier: Apache-2.0
"""``framedeflate zarr``: what it writes is read, and what it refuses leaves nothing behind."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli_runner import run_command
from corpus import wheel_file
from framedeflate import zarr_store
from made_segmentations import segmentations
from range_server import RangeServer
from zarr_readers import DEFLATED_FRAMES, READERS, dicom_file

zarr_store.register()
MASKS = np.eye(12, dtype=np.bool_).repeat(5, axis=0).reshape(5, 12, 12)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "masks.dcm"
    path.write_bytes(dicom_file(MASKS, DEFLATED_FRAMES))
    return path


def test_what_is_written_is_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run_command(capsys, "zarr", "masks.dcm")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("masks.refs.json: 5 x 12 x 12 bool in 5 chunks, ")
    references = json.loads((tmp_path / "masks.refs.json").read_bytes())
    assert references == zarr_store.references(source)
    monkeypatch.chdir("/")
    assert np.array_equal(READERS["zarr"](references), MASKS)


def test_json_says_what_was_made(capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path) -> None:
    output = tmp_path / "refs.json"
    url = "https://example.org/masks.dcm"
    ran = run_command(capsys, "zarr", source, "-o", output, "--url", url, "--json")
    assert ran.code == 0
    (said,) = ran.objects
    assert said == {
        "file": str(source),
        "output": str(output),
        "output_nbytes": output.stat().st_size,
        "arrays": {
            "frame_number": {
                "shape": [5],
                "chunk_shape": [5],
                "data_type": "int32",
                "dimension_names": ["frame"],
            },
            "pixels": {
                "shape": [5, 12, 12],
                "chunk_shape": [1, 12, 12],
                "data_type": "bool",
                "dimension_names": ["frame", "row", "column"],
            },
        },
        "chunks": 5,
    }
    assert json.loads(output.read_bytes()) == zarr_store.references(source, url=url)


def test_a_taken_name_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path) -> None:
    output = tmp_path / "refs.json"
    output.write_bytes(b"mine")
    assert run_command(capsys, "zarr", source, "-o", output).code == 40
    assert output.read_bytes() == b"mine"
    assert run_command(capsys, "zarr", source, "-o", output, "--overwrite").code == 0
    assert output.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("MR_small_RLE.dcm", 22, "need another decoder"),
        ("reportsi.dcm", 22, "no Pixel Data"),
        ("SC_ybr_full_422_uncompressed.dcm", 22, "YBR_FULL_422"),
        ("no such file.dcm", 20, "No such file"),
    ],
)
def test_what_cannot_be_referred_to_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, code: int, words: str
) -> None:
    output = tmp_path / "refs.json"
    ran = run_command(capsys, "zarr", wheel_file(name), "-o", output)
    assert ran.code == code
    assert words in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_url_is_a_file_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with RangeServer({"masks.dcm": source}) as server:
        url = f"{server.url('masks.dcm')}?key=secret"
        ran = run_command(capsys, "zarr", url)
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(Path("masks.refs.json").read_bytes()) == zarr_store.references(source, url=url)
        ran = run_command(capsys, "zarr", f"{server.url('none.dcm')}?key=secret")
        assert ran.code == 20
        assert "secret" not in ran.err
        assert "none.dcm" in ran.err
        ran = run_command(capsys, "zarr", url, "--json", "--overwrite")
        assert "secret" not in ran.out


def test_labels_are_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    segmentations()["BINARY"].save_as(tmp_path / "seg.dcm")
    for arguments, labels in (([], 0), (["--segment-labels"], 1)):
        output = tmp_path / f"refs{labels}.json"
        assert run_command(capsys, "zarr", tmp_path / "seg.dcm", "-o", output, *arguments).code == 0
        assert output.read_text(encoding="utf-8").count("organ 1") == labels
