# SPDX-License-Identifier: Apache-2.0
"""Trouble of one file stays with it: odd names, pipes, blocked folders, full disks, outputs among the sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from cli_runner import run_command
from corpus import wheel_file
from framedeflate.cli.exit_codes import ExitCode

Capture = pytest.CaptureFixture[str]

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file names, pipes and limits")


def run_process(*arguments: object, before: str = "") -> "subprocess.CompletedProcess[bytes]":
    """Run the command in a process of its own, whose output takes UTF-8 only; one that hangs fails."""
    program = f"import sys; {before}\nfrom framedeflate.cli import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *map(os.fspath, map(str, arguments))],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of them in a folder of its own."""
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    for name in ("a.dcm", "b/2.dcm", "c.dcm"):
        shutil.copy(wheel_file("CT_small.dcm"), folder / name)
    return folder


@posix_only
@pytest.mark.parametrize("command", ["compress", "verify"])
def test_name_that_is_not_utf8(folder: Path, tmp_path: Path, command: str) -> None:
    try:
        (folder / "c.dcm").rename(folder / os.fsdecode(b"M\xfcller.dcm"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    output = ["-o", tmp_path / "out"] if command == "compress" else []
    ran = run_process(command, folder, *output)
    # Native files are none that `verify` is for, which it says of each.
    assert ran.returncode == (ExitCode.INVALID_INPUT if command == "verify" else ExitCode.OK), ran.stderr
    assert b"Traceback" not in ran.stderr
    assert b"M\\udcfcller.dcm" in ran.stdout
    if output:
        assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 3


@posix_only
@pytest.mark.parametrize("command", ["compress", "verify"])
def test_pipe_in_a_folder_is_left_out(folder: Path, tmp_path: Path, command: str) -> None:
    os.mkfifo(folder / "pipe.dcm")
    ran = run_process(command, folder, *(["-o", tmp_path / "out"] if command == "compress" else []))
    assert ran.stdout.count(b".dcm") >= 3
    assert b"Traceback" not in ran.stderr
    assert b"pipe.dcm" not in ran.stdout + ran.stderr


@posix_only
@pytest.mark.parametrize(
    "arguments", [["compress", "-o", "out.dcm"], ["inspect"], ["verify"], ["extract"], ["render"]]
)
def test_pipe_given_is_an_error(tmp_path: Path, arguments: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    ran = run_process(arguments[0], tmp_path / "pipe.dcm", *arguments[1:])
    assert ran.returncode in {ExitCode.CANNOT_READ_INPUT, ExitCode.INVALID_INPUT}
    assert b"Traceback" not in ran.stderr
    assert b"pipe.dcm" in ran.stdout + ran.stderr


@pytest.mark.parametrize("jobs", [1, 2])
def test_blocked_folder_costs_its_files_only(
    capsys: Capture, folder: Path, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b").write_bytes(b"precious")
    ran = run_command(capsys, "compress", folder, "-o", out, "--json", "--jobs", jobs)
    assert ran.code == ExitCode.INVALID_OUTPUT_FOLDER
    status = {Path(fields["source"]).name: fields["status"] for fields in ran.objects}
    assert status == {"a.dcm": "done", "2.dcm": "failed", "c.dcm": "done"}
    (failed,) = (fields for fields in ran.objects if fields["status"] == "failed")
    assert "cannot make the folder" in failed["error"]["message"]
    assert (out / "b").read_bytes() == b"precious"


@posix_only
def test_full_disk_is_named(tmp_path: Path) -> None:
    before = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    )
    output = tmp_path / "out.dcm"
    ran = run_process("compress", wheel_file("CT_small.dcm"), "-o", output, before=before)
    assert ran.returncode == ExitCode.CANNOT_WRITE_OUTPUT, ran.stderr
    assert b"None" not in ran.stderr
    assert b"File too large" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_output_folder_inside_its_source(capsys: Capture, folder: Path) -> None:
    names = []
    for arguments in ([], ["--overwrite"]):
        ran = run_command(capsys, "compress", folder, "-o", folder / "out", *arguments)
        assert ran.code == ExitCode.OK
        names.append(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.dcm")))
    assert names[0] == names[1]
    assert not (folder / "out/out").exists()


def test_level_reaches_whole_data_sets(capsys: Capture, tmp_path: Path) -> None:
    sizes = []
    for level in (1, 9):
        output = tmp_path / f"{level}.dcm"
        ran = run_command(
            capsys, "compress", wheel_file("rtplan.dcm"), "-o", output, "--dataset", "--level", level
        )
        assert ran.code == ExitCode.OK
        sizes.append(output.stat().st_size)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(
    ("name", "arguments"), [("CT_small.dcm", ["--photometric", "RGB"]), ("MR_truncated.dcm", [])]
)
def test_dataset_is_no_way_around_an_error(
    capsys: Capture, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    ran = run_command(
        capsys, "compress", wheel_file(name), "-o", tmp_path / "out.dcm", "--dataset", *arguments
    )
    assert ran.code == ExitCode.INVALID_INPUT
    assert not list(tmp_path.iterdir())


def test_whole_data_set_in_implicit_vr(capsys: Capture, tmp_path: Path) -> None:
    source, deflated, back = wheel_file("reportsi.dcm"), tmp_path / "deflated.dcm", tmp_path / "back.dcm"
    assert run_command(capsys, "compress", source, "-o", deflated, "--dataset").code == ExitCode.OK
    assert run_command(capsys, "decompress", deflated, "-o", back, "--implicit-vr").code == ExitCode.OK
    dataset = pydicom.dcmread(back)
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert dataset == pydicom.dcmread(source)


def test_what_was_not_deflated_is_called_encoded(capsys: Capture, tmp_path: Path) -> None:
    ran = run_command(capsys, "decompress", wheel_file("MR_small_RLE.dcm"), "-o", tmp_path / "rle.dcm")
    assert " encoded, " in ran.out
    assert " deflated, " not in ran.out
    deflated = tmp_path / "deflated.dcm"
    assert run_command(capsys, "compress", tmp_path / "rle.dcm", "-o", deflated).code == ExitCode.OK
    ran = run_command(capsys, "decompress", deflated, "-o", tmp_path / "back.dcm")
    assert " deflated, " in ran.out


def test_nothing_to_decompress(capsys: Capture, tmp_path: Path) -> None:
    ran = run_command(capsys, "decompress", wheel_file("rtplan.dcm"), "-o", tmp_path / "plan.dcm")
    assert "nothing to decompress" in ran.out
    assert "--dataset" not in ran.out + ran.err


def test_inspect_says_what_a_deflated_data_set_is(capsys: Capture) -> None:
    ran = run_command(capsys, "inspect", wheel_file("image_dfl.dcm"))
    assert ran.code == ExitCode.OK
    assert pydicom.dcmread(wheel_file("image_dfl.dcm")).SOPClassUID.name.removesuffix(" Storage") in ran.out
    assert "framedeflate decompress" in ran.out


@pytest.mark.parametrize("number", ["abc", "-1", "1.5", ""])
def test_wrong_numbers_are_said(capsys: Capture, number: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command(capsys, "compress", "a", "-o", "b", f"--threads={number}")
    assert caught.value.code == ExitCode.USAGE
    assert f"{number!r} is no whole number, 0 or more" in capsys.readouterr().err
