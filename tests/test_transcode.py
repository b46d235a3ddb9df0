# SPDX-License-Identifier: Apache-2.0
"""What the two commands do beside the pixels: icons, stale elements, levels, threads, policies, reports."""

import struct
from pathlib import Path

import numpy as np
import pytest

import judge
from corpus import wheel_file
from dicom_writer import (
    EXPLICIT_LITTLE,
    data_set,
    element,
    frames_of,
    image,
    item,
    part10,
    pixel_data,
    text,
)
from framedeflate import compress_file, decompress_file, verify_file
from framedeflate.errors import UnsupportedImageError
from framedeflate.transcode import TranscodeResult
from vector import FRAGMENTS, FRAMES, HEAD, STREAMS, TABLE, WHOLE

VECTORS = Path(__file__).parent / "vectors"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


def icon_of(file: judge.Judged) -> dict[int, judge.Raw]:
    """The elements of the one Item of the Icon Image Sequence."""
    sequence = file.elements[0x00880200]
    stop = file.walker.element_or_item(sequence.value_start).value_stop
    at, found = sequence.value_start + 8, {}
    while at < stop:
        raw = file.walker.element(at)
        found[raw.tag] = raw
        at = raw.stop
    return found


def test_a_deflated_icon_stays_deflated_or_becomes_native(tmp_path: Path) -> None:
    source = VECTORS / "L-icon-deflated.dcm"
    compress_file(source, tmp_path / "compressed")
    again = judge.read(tmp_path / "compressed")
    (fragment,) = again.walker.items(icon_of(again)[judge.PIXEL_DATA])[1:]
    assert judge.inflate(fragment) == bytes(range(16))
    decompress_file(source, tmp_path / "native")
    native = judge.read(tmp_path / "native")
    pixels = icon_of(native)[judge.PIXEL_DATA]
    assert (pixels.vr, native.data[pixels.value_start : pixels.value_stop]) == ("OB", bytes(range(16)))


@pytest.mark.parametrize("uid", [judge.DEFLATED_FRAMES, EXPLICIT_LITTLE])
def test_elements_that_are_true_of_the_source_s_encoding_alone_are_dropped(tmp_path: Path, uid: str) -> None:
    stale = element(0x7FE00000, "UL", struct.pack("<I", 99)) + element(
        0x7FE00001, "OV", struct.pack("<3Q", *TABLE)
    )
    stale += element(0x7FE00002, "OV", struct.pack("<3Q", *map(len, STREAMS))) + element(
        0x7FE00003, "UV", bytes(8)
    )
    native = element(0x7FE00010, "OB", bytes(58))
    (tmp_path / "source").write_bytes(
        part10(HEAD + stale + (pixel_data(FRAGMENTS) if uid == judge.DEFLATED_FRAMES else native), uid=uid)
    )
    compress_file(tmp_path / "source", tmp_path / "compressed")
    decompress_file(tmp_path / "source", tmp_path / "native")
    for name in ("compressed", "native"):
        found = judge.read(tmp_path / name)
        assert [tag for tag in found.elements if tag >> 16 == 0x7FE0] == [judge.PIXEL_DATA]
    assert verify_file(tmp_path / "compressed") == []


def test_frames_already_deflated_are_deflated_anew(tmp_path: Path) -> None:
    source = wheel_file("liver_1frame.dcm")
    small = compress_file(source, tmp_path / "9", level=9)
    fast = compress_file(tmp_path / "9", tmp_path / "1", level=1)
    again = compress_file(tmp_path / "1", tmp_path / "9 again", level=9)
    assert small.deflated_nbytes == again.deflated_nbytes < fast.deflated_nbytes
    assert (tmp_path / "9").read_bytes() == (tmp_path / "9 again").read_bytes()
    assert fast.source_transfer_syntax_uid == judge.DEFLATED_FRAMES


@pytest.mark.parametrize("name", ["liver_1frame.dcm", "CT_small.dcm", "rtdose.dcm", "examples_rgb_color.dcm"])
def test_the_bytes_do_not_depend_on_threads_or_checks(tmp_path: Path, name: str) -> None:
    files = []
    for number, options in enumerate([{"threads": 1}, {"threads": 3}, {"threads": 0, "check": False}]):
        compress_file(wheel_file(name), tmp_path / str(number), **options)  # type: ignore[arg-type]
        files.append((tmp_path / str(number)).read_bytes())
    assert files[0] == files[1] == files[2]


def test_frames_as_uncompressed_fragments(tmp_path: Path) -> None:
    odd = frames_of(19, used_bits=6)
    fragments = [frame + b"\0" for frame in odd]
    (tmp_path / "source").write_bytes(part10(HEAD + pixel_data(fragments), uid=ENCAPSULATED_UNCOMPRESSED))
    compress_file(tmp_path / "source", tmp_path / "compressed")
    assert judge.read(tmp_path / "compressed").frames() == odd
    short = [frame[:-2] for frame in fragments]
    (tmp_path / "short").write_bytes(part10(HEAD + pixel_data(short), uid=ENCAPSULATED_UNCOMPRESSED))
    with pytest.raises(UnsupportedImageError) as caught:
        compress_file(tmp_path / "short", tmp_path / "nothing")
    assert caught.value.kind == "short-pixel-data"


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("liver_1frame.dcm", True), ("CT_small.dcm", False), ("examples_rgb_color.dcm", False)],
)
def test_a_policy_chooses(tmp_path: Path, name: str, *, accepted: bool) -> None:
    destination = tmp_path / "out"
    if accepted:
        compress_file(wheel_file(name), destination, policy="bilevel")
        return
    with pytest.raises(UnsupportedImageError) as caught:
        compress_file(wheel_file(name), destination, policy="bilevel")
    assert caught.value.kind == "policy"
    assert not destination.exists()


@pytest.mark.parametrize(
    "said", [{0x00080016: text("UI", "1.2.840.10008.5.1.4.1.1.66.7")}, {0x00620001: text("CS", "LABELMAP")}]
)
def test_label_maps_are_chosen_with_the_one_bit_images(
    tmp_path: Path, said: dict[int, tuple[str, bytes]]
) -> None:
    fields = image(allocated=8) | said | {0x7FE00010: ("OB", bytes(450))}
    (tmp_path / "source").write_bytes(part10(data_set(fields), uid=EXPLICIT_LITTLE))
    compress_file(tmp_path / "source", tmp_path / "out", policy="bilevel")


def test_colours_are_converted_by_name_alone_and_make_another_instance(tmp_path: Path) -> None:
    source = wheel_file("examples_rgb_color.dcm")
    result = compress_file(source, tmp_path / "ybr", photometric_interpretation="YBR_FULL")
    before, after = judge.read(source), judge.read(tmp_path / "ybr")
    assert after.text(0x00280004) == "YBR_FULL"
    assert after.text(0x00080018) != before.text(0x00080018)
    assert after.meta[0x00020003].rstrip(b"\0").decode() == after.text(0x00080018)
    assert after.text(0x00080008).startswith("DERIVED\\")
    assert any("SOP Instance UID" in note for note in result.notes)
    # PS3.3 C.7.6.3.1.2.
    red, green, blue = np.moveaxis(before.pixels().astype(np.float64), -1, 0)
    expected = [
        0.2990 * red + 0.5870 * green + 0.1140 * blue,
        -0.1687 * red - 0.3313 * green + 0.5000 * blue + 128,
        0.5000 * red - 0.4187 * green - 0.0813 * blue + 128,
    ]
    assert np.abs(np.stack(expected, -1) - after.pixels()).max() <= 1.01
    assert verify_file(tmp_path / "ybr") == []
    same = compress_file(source, tmp_path / "rgb", photometric_interpretation="RGB")
    assert judge.read(tmp_path / "rgb").text(0x00080018) == before.text(0x00080018)
    assert same.notes == ()


@pytest.mark.parametrize("command", [compress_file, decompress_file])
def test_the_result_says_what_was_done(tmp_path: Path, command: type) -> None:
    (tmp_path / "source").write_bytes(part10(HEAD + WHOLE))
    seen: list[tuple[int, int]] = []
    result: TranscodeResult = command(
        tmp_path / "source", tmp_path / "out", progress=lambda *at: seen.append(at)
    )
    written = judge.read(tmp_path / "out")
    assert seen[-1] == (3, 3)
    assert (result.source, result.destination) == (tmp_path / "source", tmp_path / "out")
    assert (result.source_transfer_syntax_uid, result.transfer_syntax_uid) == (
        judge.DEFLATED_FRAMES,
        written.uid,
    )
    assert (result.number_of_frames, result.native_nbytes, result.excess_nbytes) == (3, 57, 0)
    expected = written.fragments() if command is compress_file else FRAGMENTS
    assert result.deflated_nbytes == sum(map(len, expected))
    assert result.source_nbytes == (tmp_path / "source").stat().st_size
    assert result.destination_nbytes == (tmp_path / "out").stat().st_size
    assert result.image_pixel is not None
    assert result.image_pixel.frame_nbytes == len(FRAMES[0])
    assert result.checked is (command is compress_file)
    assert result.seconds >= 0


def test_signatures_are_noted(tmp_path: Path) -> None:
    for name, body in {
        "behind": HEAD + WHOLE + element(0xFFFAFFFA, "SQ", item(b"")),
        "before": HEAD + element(0x4FFE0001, "SQ", item(b"")) + WHOLE,
    }.items():
        (tmp_path / name).write_bytes(part10(body))
        result = compress_file(tmp_path / name, tmp_path / f"{name} out")
        assert any("Digital Signatures" in note for note in result.notes)
