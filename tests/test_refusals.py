# SPDX-License-Identifier: Apache-2.0
"""Images whose attributes contradict their bytes: refused where pixels would be lost, told where bytes are left out."""

from pathlib import Path

import pytest

import judge
from dicom_writer import (
    EXPLICIT_LITTLE,
    data_set,
    element,
    image,
    part10,
)
from framedeflate import FrameReader, compress_file, decompress_file, verify_file
from framedeflate.errors import UnsupportedImageError

PIXELS = bytes(range(250)) * 2


Changes = dict[str, int | str | None]


def native_file(path: Path, pixels: bytes, changes: Changes, *, behind: bytes = b"") -> Path:
    usual: Changes = {"rows": 10, "columns": 10, "allocated": 8, "frames": None}
    body = data_set(image(**(usual | changes))) + element(0x7FE00010, "OB", pixels)
    path.write_bytes(part10(body + behind, uid=EXPLICIT_LITTLE))
    return path


CONTRADICTIONS: dict[str, tuple[Changes, str]] = {
    "RGB without Samples per Pixel": ({"photometric": "RGB", "samples": None}, "image-pixel"),
    "RGB of no sample": ({"photometric": "RGB", "samples": 0}, "image-pixel"),
    "RGB of one sample": ({"photometric": "RGB", "samples": 1, "frames": "5"}, "photometric-interpretation"),
    "MONOCHROME2 of three": ({"samples": 3, "frames": "1"}, "photometric-interpretation"),
    "YBR_RCT natively": (
        {"photometric": "YBR_RCT", "samples": 3, "planar": 0, "frames": "1"},
        "photometric-interpretation",
    ),
    "five Frames, no number of them": ({}, "number-of-frames"),
}


@pytest.mark.parametrize(("changes", "kind"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
@pytest.mark.parametrize("in_place", [False, True])
def test_contradictions_are_refused(tmp_path: Path, changes: Changes, kind: str, *, in_place: bool) -> None:
    source = native_file(tmp_path / "source", PIXELS, changes)
    before = source.read_bytes()
    with pytest.raises(UnsupportedImageError) as caught:
        compress_file(source, None if in_place else tmp_path / "out", in_place=in_place)
    assert caught.value.kind == kind
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert source.read_bytes() == before


def test_whole_frames_too_many_are_left_out_and_told_but_never_in_place(tmp_path: Path) -> None:
    source = native_file(tmp_path / "source", PIXELS, {"frames": "3"})
    result = compress_file(source, tmp_path / "out")
    assert result.excess_nbytes == 200
    assert any("200 bytes" in note for note in result.notes)
    assert judge.read(tmp_path / "out").frames() == [PIXELS[:100], PIXELS[100:200], PIXELS[200:300]]
    before = source.read_bytes()
    with pytest.raises(UnsupportedImageError) as caught:
        compress_file(source, in_place=True)
    assert caught.value.kind == "number-of-frames"
    assert source.read_bytes() == before


def test_less_than_a_frame_too_many_is_left_out_in_place_too(tmp_path: Path) -> None:
    source = native_file(tmp_path / "source", PIXELS[:250], {"frames": "2"})
    assert compress_file(source, in_place=True).excess_nbytes == 50
    assert judge.read(source).frames() == [PIXELS[:100], PIXELS[100:200]]


@pytest.mark.parametrize("nbytes", [1, 2, 7, 8, 10, 511, 70_000])
def test_padding_behind_the_data_set_is_left_out(tmp_path: Path, nbytes: int) -> None:
    source = native_file(tmp_path / "source", PIXELS, {"frames": "5"}, behind=bytes(nbytes))
    result = compress_file(source, tmp_path / "out")
    assert any(f"{nbytes} NULL" in note for note in result.notes)
    assert verify_file(tmp_path / "out") == []
    decompress_file(tmp_path / "out", tmp_path / "back")
    assert judge.read(tmp_path / "back").frames() == [PIXELS[i : i + 100] for i in range(0, 500, 100)]


def test_a_data_element_behind_pixel_data_is_kept(tmp_path: Path) -> None:
    padding = element(0xFFFCFFFC, "OB", bytes(8))
    source = native_file(tmp_path / "source", PIXELS, {"frames": "5"}, behind=padding)
    assert compress_file(source, tmp_path / "out").notes == ()
    assert (tmp_path / "out").read_bytes().endswith(padding)


@pytest.mark.parametrize("nbytes", range(65_400, 65_600, 2))
def test_file_meta_of_any_length_is_read(tmp_path: Path, nbytes: int) -> None:
    # The scanner reads 64 KiB first; a header may straddle that, or end there.
    whole = native_file(tmp_path / "short", PIXELS, {"frames": "5"}).read_bytes()
    _, at = judge.read_meta(whole)
    filler = b"\x02\x00\x02\x01OB\0\0" + (nbytes - at - 12).to_bytes(4, "little") + bytes(nbytes - at - 12)
    (tmp_path / "long").write_bytes(whole[:at] + filler + whole[at:])
    with FrameReader.open(tmp_path / "long") as reader:
        assert reader[4].tobytes() == PIXELS[400:]


def test_policies_and_colours_have_names(tmp_path: Path) -> None:
    source = native_file(tmp_path / "source", PIXELS, {"frames": "5"})
    with pytest.raises(ValueError, match="policy"):
        compress_file(source, tmp_path / "out", policy="bilevl")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="photometric"):
        compress_file(source, tmp_path / "out", photometric_interpretation="HSV")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
