# SPDX-License-Identifier: Apache-2.0
"""`framedeflate inspect` and `verify`: what they tell, to people and to programs."""

import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_fragments

from cli_runner import run_command
from corpus import SourceFile, wheel_file, wheel_files
from framedeflate import compress_file
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.pydicom_bridge import uid_name

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def deflated(tmp_path: Path) -> Path:
    """A file of fifteen frames; its source is conforming but for a SOP Instance UID."""
    path = tmp_path / "dose.dcm"
    compress_file(wheel_file("rtdose.dcm"), path)
    return path


def test_inspect_tells_what_pydicom_reads(capsys: Capture, deflated: Path) -> None:
    (facts,) = run_command(capsys, "inspect", deflated, "--frames", "--json").objects
    dataset = pydicom.dcmread(deflated)
    fragments = list(generate_fragments(dataset.PixelData))[1:]
    assert facts["image"]["rows"] == dataset.Rows
    assert facts["image"]["number_of_frames"] == dataset.NumberOfFrames
    assert facts["sop_class_uid"] == dataset.SOPClassUID
    assert facts["native_nbytes"] == len(pydicom.dcmread(wheel_file("rtdose.dcm")).PixelData)
    assert facts["encoded_nbytes"] == sum(len(fragment) for fragment in fragments)
    assert facts["offset_table"] == "basic"
    data = deflated.read_bytes()
    stored = [data[frame["position"] : frame["position"] + frame["nbytes"]] for frame in facts["frames"]]
    assert stored == fragments


BROKEN = {"wheel/meta_missing_tsyntax.dcm", "wheel/rtplan_truncated.dcm"}


@pytest.mark.parametrize("source", wheel_files(), ids=lambda file: file.name)
def test_layout_adds_up_to_the_file(capsys: Capture, source: SourceFile) -> None:
    ran = run_command(capsys, "inspect", source.path, "--json")
    if source.name in BROKEN:
        assert ran.code == ExitCode.INVALID_INPUT
        return
    assert ran.code == ExitCode.OK
    (facts,) = ran.objects
    assert sum(facts["layout"].values()) == facts["file_nbytes"] == source.path.stat().st_size
    assert all(nbytes >= 0 for nbytes in facts["layout"].values())


def test_inspect_for_people(capsys: Capture, deflated: Path) -> None:
    ran = run_command(capsys, "inspect", deflated, "--frames")
    assert ran.code == ExitCode.OK
    assert "Deflated Image Frame Compression" in ran.out
    assert "15 of 10 x 10" in ran.out
    assert len(ran.out.splitlines()) > 15


def test_inspect_without_an_image(capsys: Capture) -> None:
    (facts,) = run_command(capsys, "inspect", wheel_file("reportsi.dcm"), "--json").objects
    assert facts["image"] is None
    assert run_command(capsys, "inspect", wheel_file("reportsi.dcm")).code == ExitCode.OK


@pytest.mark.parametrize("command", ["inspect", "render", "extract"])
def test_what_is_no_dicom_file(capsys: Capture, tmp_path: Path, command: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    assert run_command(capsys, command, path).code == ExitCode.INVALID_INPUT
    assert run_command(capsys, command, tmp_path / "missing").code == ExitCode.CANNOT_READ_INPUT
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_verify_conforming(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    compress_file(wheel_file("CT_small.dcm"), path)
    ran = run_command(capsys, "verify", path)
    assert (ran.code, ran.out) == (ExitCode.OK, f"{path}: conforms\n")


def test_verify_reports_and_goes_on(capsys: Capture, deflated: Path, tmp_path: Path) -> None:
    compress_file(wheel_file("liver_1frame.dcm"), tmp_path / "liver.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    broken = tmp_path / "broken.dcm"
    data = bytearray((tmp_path / "liver.dcm").read_bytes())
    # In the middle of the only Fragment.
    data[-300:-290] = bytes(10)
    broken.write_bytes(data)
    ran = run_command(capsys, "verify", tmp_path, "--json")
    assert ran.code == ExitCode.INVALID_INPUT
    found = {Path(fields["file"]).name: fields for fields in ran.objects}
    assert {name: fields["status"] for name, fields in found.items()} == {
        "broken.dcm": "errors",
        "dose.dcm": "errors",
        "liver.dcm": "conforms",
        "notes.txt": "skipped",
    }
    assert [problem["kind"] for problem in found["dose.dcm"]["problems"]] == [
        "media-storage-sop-instance-uid"
    ]
    (problem,) = found["broken.dcm"]["problems"]
    assert problem["frame_number"] == 1
    people = run_command(capsys, "verify", tmp_path)
    assert people.code == ExitCode.INVALID_INPUT
    assert "1 error, 0 warnings" in people.out


def test_verify_of_nothing_dicom(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    assert run_command(capsys, "verify", tmp_path).code == ExitCode.NO_VALID_INPUT


def test_verify_names_another_transfer_syntax(capsys: Capture, tmp_path: Path) -> None:
    path = Path(shutil.copy(wheel_file("CT_small.dcm"), tmp_path))
    (fields,) = run_command(capsys, "verify", path, "--json").objects
    assert [problem["kind"] for problem in fields["problems"]] == ["transfer-syntax"]


def test_many_problems_of_one_kind_are_summed_up(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    compress_file(wheel_file("rtdose.dcm"), path)
    (facts,) = run_command(capsys, "inspect", path, "--frames", "--json").objects
    data = bytearray(path.read_bytes())
    for frame in facts["frames"]:
        # The reserved block type 11 (RFC 1951 3.2.3).
        data[frame["position"]] = 0x07
    path.write_bytes(data)
    ran = run_command(capsys, "verify", path)
    assert "and 10 more of kind" in ran.out
    (fields,) = run_command(capsys, "verify", path, "--json").objects
    assert sum(problem["frame_number"] is not None for problem in fields["problems"]) == 15


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", "nonsense"])
def test_names_of_uids(uid: str) -> None:
    assert uid_name(uid) == pydicom.uid.UID(uid, validation_mode=0).name
