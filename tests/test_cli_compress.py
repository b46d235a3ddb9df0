# SPDX-License-Identifier: Apache-2.0
"""`framedeflate compress` and `decompress`: files, folders, exit codes, what is left behind."""

import hashlib
import shutil
import stat
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_fragments

from cli_runner import run_command
from corpus import wheel_file
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

Capture = pytest.CaptureFixture[str]


def snapshot(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder as they come: images, a report, a text file, a broken image."""
    folder = tmp_path / "study"
    (folder / "series").mkdir(parents=True)
    shutil.copy(wheel_file("CT_small.dcm"), folder / "ct.dcm")
    shutil.copy(wheel_file("liver_1frame.dcm"), folder / "series/liver.dcm")
    shutil.copy(wheel_file("reportsi.dcm"), folder / "report.dcm")
    (folder / "notes.txt").write_text("no image")
    # Cut inside its Pixel Data.
    (folder / "series/cut.dcm").write_bytes(wheel_file("liver_1frame.dcm").read_bytes()[:20_000])
    return folder


def test_one_file(capsys: Capture, tmp_path: Path) -> None:
    source, output, back = wheel_file("CT_small.dcm"), tmp_path / "ct.dcm", tmp_path / "back.dcm"
    ran = run_command(capsys, "compress", source, "-o", output)
    assert ran.code == ExitCode.OK
    assert "checked" in ran.out
    assert not ran.err
    original, deflated = pydicom.dcmread(source), pydicom.dcmread(output)
    assert deflated.file_meta.TransferSyntaxUID == DEFLATED_IMAGE_FRAME_COMPRESSION
    _table, fragment = generate_fragments(deflated.PixelData)
    assert zlib.decompressobj(-15).decompress(fragment) == original.PixelData
    assert run_command(capsys, "decompress", output, "-o", back).code == ExitCode.OK
    assert pydicom.dcmread(back).PixelData == original.PixelData


def test_folder(capsys: Capture, study: Path, tmp_path: Path) -> None:
    before = snapshot(study)
    ran = run_command(capsys, "compress", study, "-o", tmp_path / "out", "--json")
    assert ran.code == ExitCode.INVALID_INPUT
    status = {Path(fields["source"]).name: fields["status"] for fields in ran.objects}
    assert status == {
        "ct.dcm": "done",
        "liver.dcm": "done",
        "cut.dcm": "failed",
        "notes.txt": "skipped",
        "report.dcm": "skipped",
    }
    assert set(snapshot(tmp_path / "out")) == {"ct.dcm", "series/liver.dcm"}
    assert snapshot(study) == before
    (cut,) = (fields for fields in ran.objects if fields["status"] == "failed")
    assert cut["error"]["kind"] == "short-pixel-data"
    assert cut["destination"] is None


def test_several_processes_do_the_same(capsys: Capture, study: Path, tmp_path: Path) -> None:
    one = run_command(capsys, "compress", study, "-o", tmp_path / "one")
    two = run_command(capsys, "compress", study, "-o", tmp_path / "two", "--jobs", 2)
    assert one.code == two.code == ExitCode.INVALID_INPUT
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    # The archive keeps a manifest, of which it says more.
    assert two.err.startswith(one.err.replace("/one/", "/two/"))


def test_others_are_copied(capsys: Capture, study: Path, tmp_path: Path) -> None:
    ran = run_command(capsys, "compress", study, "-o", tmp_path / "out", "--copy-others")
    assert ran.code == ExitCode.INVALID_INPUT
    for name in ("notes.txt", "report.dcm"):
        assert (tmp_path / "out" / name).read_bytes() == (study / name).read_bytes()


def test_whole_data_sets(capsys: Capture, study: Path, tmp_path: Path) -> None:
    output, back = tmp_path / "report.dcm", tmp_path / "back.dcm"
    assert (
        run_command(capsys, "compress", study / "report.dcm", "-o", output, "--dataset").code == ExitCode.OK
    )
    assert pydicom.dcmread(output).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1.99"
    # Deflated already: nothing to do, and that is no failure.
    again = run_command(capsys, "compress", output, "-o", tmp_path / "again.dcm", "--dataset")
    assert again.code == ExitCode.NO_VALID_INPUT
    assert run_command(capsys, "decompress", output, "-o", back).code == ExitCode.OK
    assert pydicom.dcmread(back) == pydicom.dcmread(study / "report.dcm")


def test_policy_chooses(capsys: Capture, study: Path, tmp_path: Path) -> None:
    ran = run_command(capsys, "compress", study, "-o", tmp_path / "out", "--policy", "bilevel", "--json")
    status = {Path(fields["source"]).name: fields["status"] for fields in ran.objects}
    assert status["ct.dcm"] == "skipped"
    assert status["liver.dcm"] == "done"


def test_policy_that_chooses_nothing_is_no_failure(capsys: Capture, tmp_path: Path) -> None:
    ran = run_command(
        capsys, "compress", wheel_file("CT_small.dcm"), "-o", tmp_path / "ct.dcm", "--policy", "bilevel"
    )
    assert ran.code == ExitCode.OK
    assert not (tmp_path / "ct.dcm").exists()


def test_photometric_warns_and_makes_another_instance(capsys: Capture, tmp_path: Path) -> None:
    source, output = wheel_file("examples_rgb_color.dcm"), tmp_path / "ybr.dcm"
    ran = run_command(capsys, "compress", source, "-o", output, "--photometric", "YBR_FULL")
    assert ran.code == ExitCode.OK
    assert "warning" in ran.err
    converted, original = pydicom.dcmread(output), pydicom.dcmread(source)
    assert converted.PhotometricInterpretation == "YBR_FULL"
    assert converted.SOPInstanceUID != original.SOPInstanceUID


def test_output_is_not_replaced_unasked(capsys: Capture, tmp_path: Path) -> None:
    source, output = wheel_file("CT_small.dcm"), tmp_path / "ct.dcm"
    output.write_bytes(b"precious")
    assert run_command(capsys, "compress", source, "-o", output).code == ExitCode.CANNOT_WRITE_OUTPUT
    assert output.read_bytes() == b"precious"
    assert run_command(capsys, "compress", source, "-o", output, "--overwrite").code == ExitCode.OK
    assert output.read_bytes() != b"precious"
    assert set(snapshot(tmp_path)) == {"ct.dcm"}


def test_source_is_not_its_own_output(capsys: Capture, tmp_path: Path) -> None:
    path = Path(shutil.copy(wheel_file("CT_small.dcm"), tmp_path / "ct.dcm"))
    before = snapshot(tmp_path)
    ran = run_command(capsys, "compress", path, "-o", path, "--overwrite")
    assert ran.code == ExitCode.CANNOT_WRITE_OUTPUT
    assert "--in-place" in ran.err
    assert snapshot(tmp_path) == before


def test_in_place_keeps_the_mode(capsys: Capture, study: Path) -> None:
    path = study / "ct.dcm"
    path.chmod(0o640)
    assert run_command(capsys, "compress", path, "--in-place").code == ExitCode.OK
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == DEFLATED_IMAGE_FRAME_COMPRESSION
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert np.array_equal(
        np.frombuffer(pydicom.dcmread(wheel_file("CT_small.dcm")).PixelData, "<i2"), _first_frame(path, "<i2")
    )


def _first_frame(path: Path, dtype: str) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    _table, fragment, *_ = generate_fragments(pydicom.dcmread(path).PixelData)
    return np.frombuffer(zlib.decompressobj(-15).decompress(fragment), dtype)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["missing.dcm", "-o", "out.dcm"], ExitCode.CANNOT_READ_INPUT),
        (["{study}/notes.txt", "-o", "out.dcm"], ExitCode.NO_VALID_INPUT),
        (["{study}/ct.dcm"], ExitCode.USAGE),
        (["{study}/ct.dcm", "-o", "out.dcm", "--in-place"], ExitCode.USAGE),
        (["{study}/ct.dcm", "-o", "{study}/notes.txt/folder/"], ExitCode.INVALID_OUTPUT_FOLDER),
        (["{study}", "-o", "{study}/notes.txt"], ExitCode.INVALID_OUTPUT_FOLDER),
    ],
)
def test_exit_codes(
    capsys: Capture, study: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(study.parent)
    before = snapshot(study.parent)
    ran = run_command(capsys, "compress", *(argument.format(study=study) for argument in arguments))
    assert ran.code == code
    assert snapshot(study.parent) == before


@pytest.mark.parametrize(
    "arguments", [["--level", "0"], ["--level", "10"], ["--threads", "-1"], ["--jobs", "x"]]
)
def test_wrong_arguments_are_usage(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command(capsys, "compress", "a", "-o", "b", *arguments)
    assert caught.value.code == ExitCode.USAGE
