# SPDX-License-Identifier: Apache-2.0
"""`framedeflate extract` and `render`: pictures judged by Pillow, arrays by numpy and pydicom."""

import tracemalloc
import zlib
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import generate_fragments
from pydicom.pixels.processing import apply_color_lut

from cli_runner import run_command
from corpus import wheel_file
from framedeflate import compress_file, engine
from framedeflate.cli import contact_sheet
from framedeflate.cli.contact_sheet import Tile, choose_frames, draw_sheet, resize
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.lettering import text_width, write_text
from framedeflate.pictures.display import choose_window, label_colour
from framedeflate.pictures.png import encode_png

Capture = pytest.CaptureFixture[str]


def picture(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as image:
        return np.asarray(image)


def deflate(name: str, folder: Path) -> Path:
    path = folder / name
    compress_file(wheel_file(name), path)
    return path


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 2, 3), (1, 1, 3)])
def test_png_is_what_pillow_reads(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(encode_png(pixels))
    assert np.array_equal(picture(path), pixels)


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2), np.uint16), np.zeros((2, 2, 4), np.uint8), np.zeros((0, 2), np.uint8)]
)
def test_png_of_anything_else_is_refused(pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    with pytest.raises(ValueError, match=r"picture|PNG"):
        encode_png(pixels)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 20))
def test_chosen_frames_are_spread(weights: list[int], count: int) -> None:
    chosen = choose_frames(weights, count)
    assert len(chosen) == min(count, len(weights))
    assert chosen == sorted(set(chosen))
    stretch = len(weights) / len(chosen)
    for place, index in enumerate(chosen):
        # Each lies in its own stretch, and nothing in it has more to see.
        start, stop = int(place * stretch), int((place + 1) * stretch)
        assert start <= index < max(stop, start + 1)
        assert weights[index] == max(weights[start:stop])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.integers(1, 50))
def test_resize_keeps_the_mean(rows: int, columns: int, new_rows: int, new_columns: int) -> None:
    source = np.random.default_rng(rows * columns).integers(0, 256, (rows, columns, 3), np.uint8)
    result = resize(source, new_rows, new_columns)
    assert result.shape == (new_rows, new_columns, 3)
    # Rounding is the only loss.
    assert np.abs(result.mean((0, 1)) - source.mean((0, 1))).max() <= 0.51


def test_resize_repeats_pixels_by_whole_factors() -> None:
    source = np.random.default_rng(2).integers(0, 256, (4, 3, 3), np.uint8)
    assert np.array_equal(resize(source, 12, 6), source.repeat(3, 0).repeat(2, 1))


def test_resize_by_blocks_shares_rows_at_their_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    source = np.random.default_rng(3).integers(0, 256, (37, 11, 3), np.uint8)
    monkeypatch.setattr(contact_sheet, "_BLOCK_PIXELS", 33)
    # Every source pixel becomes 5 x 3 ones, of which 37 x 11 make a target pixel.
    expected = source.repeat(5, 0).repeat(3, 1).reshape(5, 37, 3, 11, 3).mean((1, 3))
    assert np.abs(resize(source, 5, 3) - expected).max() <= 0.501


def write_image(path: Path, rows: int, columns: int) -> None:
    """Write one Frame of 8 bits, left half black, right half white."""
    dataset = pydicom.dcmread(wheel_file("CT_small.dcm"))
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = (bytes(columns // 2) + b"\xff" * (columns // 2)) * rows
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)


def test_render_of_a_huge_frame_takes_little_memory(capsys: Capture, tmp_path: Path) -> None:
    native, deflated, output = tmp_path / "native.dcm", tmp_path / "huge.dcm", tmp_path / "sheet.png"
    write_image(native, 9000, 8000)
    compress_file(native, deflated)
    tracemalloc.start()
    try:
        assert run_command(capsys, "render", deflated, "-o", output).code == ExitCode.OK
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The Frame, and much less than the picture of it, which has three bytes a pixel.
    # The core inflates in place; Python's zlib gives a copy, which grows by copying.
    copies = 1 if engine.name == "native" else 3
    assert peak < copies * 9000 * 8000 + (64 << 20)
    sheet = picture(output)
    assert (sheet == 255).all(axis=2).sum() == pytest.approx(512 * 455 / 2, rel=0.05)


@pytest.mark.parametrize("name", ["SC_rgb_rle.dcm", "MR_small_RLE.dcm"])
@pytest.mark.parametrize("suffix", [".png", ".npy", ".raw"])
def test_pictures_of_another_compression(capsys: Capture, tmp_path: Path, name: str, suffix: str) -> None:
    back, shown, expected = tmp_path / "native.dcm", tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    assert run_command(capsys, "decompress", wheel_file(name), "-o", back).code == ExitCode.OK
    assert run_command(capsys, "extract", wheel_file(name), "-o", shown).code == ExitCode.OK
    assert run_command(capsys, "extract", back, "-o", expected).code == ExitCode.OK
    assert shown.read_bytes() == expected.read_bytes()
    if suffix == ".npy":
        assert np.array_equal(np.load(shown), pydicom.dcmread(wheel_file(name)).pixel_array)
    sheet = tmp_path / "sheet.png"
    assert run_command(capsys, "render", wheel_file(name), "-o", sheet).code == ExitCode.OK
    assert picture(sheet).any()


def test_pictures_of_a_deflated_data_set(capsys: Capture, tmp_path: Path) -> None:
    name = "image_dfl.dcm"
    array, sheet = tmp_path / "frame.npy", tmp_path / "sheet.png"
    assert run_command(capsys, "extract", wheel_file(name), "-o", array).code == ExitCode.OK
    assert np.array_equal(np.load(array), pydicom.dcmread(wheel_file(name)).pixel_array)
    assert run_command(capsys, "render", wheel_file(name), "-o", sheet).code == ExitCode.OK


def test_padding_does_not_spoil_the_window() -> None:
    frame = np.full((100, 100), -2000, np.int16)
    frame[20:80, 20:80] = np.arange(3600).reshape(60, 60) % 400
    window = choose_window([frame])
    assert 0 <= window.black < 20
    assert 380 < window.white <= 400


def test_labels_have_different_colours() -> None:
    colours = [label_colour(label) for label in range(200)]
    assert colours[0] == (0, 0, 0)
    assert len(set(colours)) == 200
    assert min(max(colour) for colour in colours[1:]) > 150


def test_letters_are_cut_at_the_edge() -> None:
    sheet = np.zeros((9, 20, 3), np.uint8)
    write_text(sheet, "frame \N{SNOWMAN} 12", row=4, column=3, colour=(255, 0, 0))
    assert sheet[..., 0].any()
    assert not sheet[:4].any()
    assert not sheet[..., 1:].any()
    assert text_width("") == 0


def test_tiles_do_not_touch() -> None:
    tile = Tile(np.full((10, 20, 3), 200, np.uint8), "frame 1")
    sheet = draw_sheet([tile] * 5, title="t", tile_size=20, per_row=3)
    bright = (sheet == 200).all(axis=2)
    assert bright.sum() == 5 * 10 * 20


@pytest.mark.parametrize("name", ["rtdose.dcm", "examples_rgb_color.dcm", "CT_small.dcm", "liver_1frame.dcm"])
def test_extract_array_and_bytes(capsys: Capture, tmp_path: Path, name: str) -> None:
    path = deflate(name, tmp_path)
    dataset = pydicom.dcmread(wheel_file(name))
    number = int(dataset.get("NumberOfFrames", 1))
    array, raw = tmp_path / "frame.npy", tmp_path / "frame.raw"
    assert run_command(capsys, "extract", path, "--frame", number, "-o", array).code == ExitCode.OK
    assert run_command(capsys, "extract", path, "--frame", number, "-o", raw).code == ExitCode.OK
    pixels = dataset.pixel_array[-1] if number > 1 else dataset.pixel_array
    assert np.array_equal(np.load(array), pixels)
    fragment = list(generate_fragments(pydicom.dcmread(path).PixelData))[number]
    assert raw.read_bytes() == zlib.decompressobj(-15).decompress(fragment)


def test_extract_picture(capsys: Capture, tmp_path: Path) -> None:
    path, output = deflate("examples_rgb_color.dcm", tmp_path), tmp_path / "frame.png"
    assert run_command(capsys, "extract", path, "-o", output).code == ExitCode.OK
    assert np.array_equal(picture(output), pydicom.dcmread(wheel_file(path.name)).pixel_array)


def test_palette_as_pydicom_applies_it(capsys: Capture, tmp_path: Path) -> None:
    path, output = deflate("examples_palette.dcm", tmp_path), tmp_path / "frame.png"
    assert run_command(capsys, "extract", path, "-o", output).code == ExitCode.OK
    dataset = pydicom.dcmread(wheel_file(path.name))
    expected = apply_color_lut(dataset.pixel_array, dataset) >> 8
    assert np.array_equal(picture(output), expected)


def test_bits_are_coloured_over_black(capsys: Capture, tmp_path: Path) -> None:
    path, output = deflate("liver_1frame.dcm", tmp_path), tmp_path / "frame.png"
    assert run_command(capsys, "extract", path, "-o", output).code == ExitCode.OK
    mask = pydicom.dcmread(wheel_file(path.name)).pixel_array.astype(bool)
    shown = picture(output)
    assert np.array_equal(shown.any(axis=2), mask)
    assert len(np.unique(shown[mask], axis=0)) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--frame", "16", "-o", "x.png"], ExitCode.INVALID_INPUT),
        (["--frame", "0", "-o", "x.raw"], ExitCode.INVALID_INPUT),
        (["-o", "x.jpg"], ExitCode.USAGE),
        (["-o", "taken.png"], ExitCode.CANNOT_WRITE_OUTPUT),
    ],
)
def test_extract_refuses(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").write_bytes(b"precious")
    ran = run_command(capsys, "extract", wheel_file("rtdose.dcm"), *arguments)
    assert ran.code == code
    assert ran.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken.png"]
    assert (tmp_path / "taken.png").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "rtdose.dcm",
        "liver_1frame.dcm",
        "liver_expb_1frame.dcm",
        "examples_rgb_color.dcm",
        "examples_palette.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_small_odd.dcm",
        "MR_small_bigendian.dcm",
        "examples_overlay.dcm",
    ],
)
def test_render_native_and_deflated_alike(capsys: Capture, tmp_path: Path, name: str) -> None:
    path = deflate(name, tmp_path)
    native, deflated = tmp_path / "native.png", tmp_path / "deflated.png"
    assert run_command(capsys, "render", wheel_file(name), "-o", native).code == ExitCode.OK
    assert run_command(capsys, "render", path, "-o", deflated).code == ExitCode.OK
    assert np.array_equal(picture(native), picture(deflated))


@pytest.mark.parametrize("arguments", [["--tiles", "0"], ["--size", "1"], ["-o", "sheet.jpg"]])
def test_render_usage(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(capsys, "render", wheel_file("CT_small.dcm"), *arguments).code == ExitCode.USAGE
    assert not list(tmp_path.iterdir())


def test_render_prefers_frames_with_something_to_see(capsys: Capture, tmp_path: Path) -> None:
    """A structure in three of thirty frames is shown, native or deflated."""
    dataset = pydicom.dcmread(wheel_file("liver_1frame.dcm"))
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = 30, 16, 16
    bits = np.zeros((30, 16, 16), np.uint8)
    bits[17:20, 3:9, 2:12:2] = 1
    dataset.PixelData = np.packbits(bits, bitorder="little").tobytes()
    native, deflated = tmp_path / "native.dcm", tmp_path / "deflated.dcm"
    dataset.save_as(native)
    compress_file(native, deflated)
    for path in (native, deflated):
        output = path.with_suffix(".png")
        assert run_command(capsys, "render", path, "-o", output, "--tiles", 2).code == ExitCode.OK
        orange = (picture(output) == label_colour(1)).all(axis=2)
        assert orange.any()


def test_merge_lays_segments_of_a_place_together(capsys: Capture, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(wheel_file("liver_1frame.dcm"))
    group = dataset.PerFrameFunctionalGroupsSequence[0]
    groups = []
    for segment, z in ((1, 0.0), (2, 0.0), (1, 5.0)):
        copy = deepcopy(group)
        copy.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment
        copy.PlanePositionSequence[0].ImagePositionPatient = [0, 0, z]
        groups.append(copy)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = 3, 8, 8
    # Left half, right half, nothing.
    dataset.PixelData = b"\x0f" * 8 + b"\xf0" * 8 + bytes(8)
    native, output = tmp_path / "seg.dcm", tmp_path / "sheet.png"
    dataset.save_as(native)
    ran = run_command(capsys, "render", native, "--merge", "--size", 64, "-o", output)
    assert ran.code == ExitCode.OK
    assert "2 tiles" in ran.out
    sheet = picture(output)
    for segment in (1, 2):
        assert ((sheet == label_colour(segment)).all(axis=2)).sum() >= 64 * 32
