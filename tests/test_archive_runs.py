# SPDX-License-Identifier: Apache-2.0
"""Runs over an archive: what is noted, what is done again and what is not, parts, failures, files of others."""

import errno
import hashlib
import io
import json
import os
import shutil
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from itertools import chain
from pathlib import Path

import pydicom
import pytest

from archive_samples import contents, judged_digest, make_small, make_tree, rows, run_archive
from cli_runner import run_command
from corpus import WHEEL, wheel_file
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.one_file import ArchiveJob, Failure, FileOutcome, Work, compress_entry
from framedeflate.archive.places import Entry, Folder
from framedeflate.archive.settings import CompressSettings
from framedeflate.archive.shard import Shard
from framedeflate.atomic_file import atomic_file
from framedeflate.cli import main
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.errors import ArchiveError

Capture = pytest.CaptureFixture[str]
NAMES = ("CT_small.dcm", "liver_1frame.dcm", "rtdose.dcm", "MR_truncated.dcm", "rtplan.dcm", "README.txt")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three images, one that is cut, a plan, and what is no DICOM file."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in NAMES:
        shutil.copyfile(wheel_file(name), folder / ("deep" if name.startswith("r") else "") / name)
    return folder


def test_what_is_noted_is_what_pydicom_and_hashlib_say(study: Path, tmp_path: Path) -> None:
    out, manifest = tmp_path / "out", tmp_path / "m.sqlite"
    run_archive(study, out, manifest)
    noted = {row[0]: row[1:] for row in rows(manifest, "path, state, error_kind")}
    assert noted == {
        "CT_small.dcm": ("done", None),
        "MR_truncated.dcm": ("failed", "short-pixel-data"),
        "README.txt": ("skipped", "not-part10"),
        "deep/rtdose.dcm": ("done", None),
        "deep/rtplan.dcm": ("skipped", "no-pixel-data"),
        "liver_1frame.dcm": ("done", None),
    }
    columns = "path, modality, sop_class_uid, number_of_frames, source_nbytes, result_nbytes"
    columns += ", frames_digest, result_digest"
    for path, modality, uid, frames, before, after, digest, stored in rows(
        manifest, columns, "state = 'done'"
    ):
        source, result = study / path, out / path
        dataset = pydicom.dcmread(source)
        assert (modality, uid) == (dataset.Modality, dataset.SOPClassUID)
        assert frames == int(dataset.get("NumberOfFrames", 1))
        assert (before, after) == (source.stat().st_size, result.stat().st_size)
        assert stored == hashlib.sha256(result.read_bytes()).hexdigest()
        assert digest == judged_digest(source) == judged_digest(result)
    assert rows(manifest, "modality", "path LIKE '%rtplan%'") == [("RTPLAN",)]


def test_a_second_run_does_what_changed_and_nothing_else(study: Path, tmp_path: Path) -> None:
    out, manifest = tmp_path / "out", tmp_path / "m.sqlite"
    run_archive(study, out, manifest)
    before = contents(out)
    assert run_archive(study, out, manifest) == []
    shutil.copyfile(wheel_file("MR_small.dcm"), study / "CT_small.dcm")
    shutil.copyfile(wheel_file("MR_small.dcm"), study / "new.dcm")
    (study / "deep" / "rtdose.dcm").unlink()
    again = run_archive(study, out, manifest)
    assert sorted(outcome.entry.path for outcome in again) == ["CT_small.dcm", "new.dcm"]
    after = contents(out)
    assert after.pop("new.dcm") == after["CT_small.dcm"] != before["CT_small.dcm"]
    assert {path for path in after if after[path] != before[path]} == {"CT_small.dcm"}
    assert after.keys() == before.keys()


def test_a_file_of_others_is_never_replaced(study: Path, tmp_path: Path) -> None:
    out, manifest = tmp_path / "out", tmp_path / "m.sqlite"
    out.mkdir()
    (out / "CT_small.dcm").write_bytes(b"somebody's")
    run_archive(study, out, manifest)
    assert rows(manifest, "error, error_kind, error_side", "path = 'CT_small.dcm'") == [
        ("FileExistsError", "EEXIST", "destination")
    ]
    assert (out / "CT_small.dcm").read_bytes() == b"somebody's"
    overwriting = CompressSettings(overwrite=True)
    run_archive(study, out, manifest, settings=overwriting, retry=("EEXIST",))
    assert judged_digest(out / "CT_small.dcm") == judged_digest(study / "CT_small.dcm")


def test_what_a_kill_left_between_the_file_and_its_row_is_taken_as_it_is(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_archive(study, out, tmp_path / "lost.sqlite")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.dcm")}
    outcomes = run_archive(study, out, tmp_path / "m.sqlite")
    assert {outcome.entry.path for outcome in outcomes if outcome.state == "done"} == {
        "CT_small.dcm",
        "deep/rtdose.dcm",
        "liver_1frame.dcm",
    }
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.dcm")} == before


def test_the_same_bytes_may_be_there_already_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(2):
        with atomic_file(path, overwrite="same") as file:
            file.write(b"abc")
    for other in (b"ab", b"abcd", b"abd"):
        with (
            pytest.raises(FileExistsError, match="something else"),
            atomic_file(path, overwrite="same") as file,
        ):
            file.write(other)
    assert path.read_bytes() == b"abc"
    assert list(tmp_path.iterdir()) == [path]
    # Another process is there first.
    late = tmp_path / "late"
    with atomic_file(late, overwrite="same") as file:
        file.write(b"abc")
        late.write_bytes(b"abc")
    assert sorted(tmp_path.iterdir()) == [path, late]


def test_failures_are_done_again_by_kind(study: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.sqlite"
    shutil.copyfile(wheel_file("badVR.dcm"), study / "bad.dcm")
    run_archive(study, tmp_path / "out", manifest)

    def again(*kinds: str) -> list[str]:
        return [outcome.entry.path for outcome in run_archive(study, tmp_path / "out", manifest, retry=kinds)]

    assert again("short-pixel-data") == ["MR_truncated.dcm"]
    assert again("number-of-frames", "no such kind") == ["bad.dcm"]
    assert again("UnsupportedImageError") == again() == ["MR_truncated.dcm", "bad.dcm"]


def test_parts_make_the_whole(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=40, large=0)
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    done = [
        [
            outcome.entry.path
            for outcome in run_archive(source, tmp_path / "out", tmp_path / f"{n}", shard=Shard(n, 3))
        ]
        for n in (1, 2, 3)
    ]
    assert sorted(chain.from_iterable(done)) == sorted(contents(source))
    assert all(len(part) > 3 for part in done)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_is_left_as_it_is(study: Path, tmp_path: Path) -> None:
    # 12 of 100 would be gained of the CT, 86 of the liver.
    settings = CompressSettings(min_gain=0.5, copy_others=True)
    run_archive(study, tmp_path / "out", tmp_path / "m.sqlite", settings=settings)
    noted = dict(rows(tmp_path / "m.sqlite", "path, state"))
    assert noted == {
        "CT_small.dcm": "copied",
        "MR_truncated.dcm": "failed",
        "README.txt": "copied",
        "deep/rtdose.dcm": "copied",
        "deep/rtplan.dcm": "copied",
        "liver_1frame.dcm": "done",
    }
    after, before = contents(tmp_path / "out"), contents(study)
    assert [path for path in after if after[path] != before[path]] == ["liver_1frame.dcm"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for name in (b"caf\xe9.dcm", b"a\nb.dcm", "übung 1.dcm".encode()):
        try:
            make_small(Path(os.fsdecode(os.path.join(os.fsencode(source), name))), 1)  # noqa: PTH118 - bytes
        except OSError:
            pytest.skip("this system has names of text alone")
    run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert run_archive(source, tmp_path / "out", tmp_path / "m.sqlite") == []
    assert {path for (path,) in rows(tmp_path / "m.sqlite", "path")} == {
        b"caf\xe9.dcm",
        "a\nb.dcm",
        "übung 1.dcm",
    }


def test_a_full_disk_stops_the_run_and_blames_no_file(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=5, large=0)

    def full(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for number, one in enumerate(work):
            if number < 2:
                yield compress_entry(job, one)
            else:
                failure = Failure("OSError", errno.errorcode[errno.ENOSPC], "No space", "destination")
                yield FileOutcome(one.entry, "failed", failure)

    with pytest.raises(ArchiveError) as caught:
        run_archive(source, tmp_path / "out", tmp_path / "m.sqlite", executor=full)
    assert caught.value.kind == "no-space"
    assert [state for (state,) in rows(tmp_path / "m.sqlite", "state")].count("planned") == 3
    assert len(run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")) == 3


def test_a_manifest_is_for_one_archive(study: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.sqlite"
    run_archive(study, tmp_path / "out", manifest)
    for more in ({"settings": CompressSettings(level=5)}, {"shard": Shard(1, 2)}):
        with pytest.raises(ArchiveError) as caught:
            run_archive(study, tmp_path / "out", manifest, **more)
        assert caught.value.kind == "settings"
    with pytest.raises(ArchiveError):
        run_archive(study, tmp_path / "other", manifest)
    # Threads change no byte.
    assert run_archive(study, tmp_path / "out", manifest, settings=CompressSettings(threads=2)) == []


def test_what_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but a file of some length" * 100)
    with pytest.raises(ArchiveError, match="cannot be used") as caught:
        Manifest.open(tmp_path / "text")
    assert caught.value.kind == "manifest"
    with pytest.raises(ArchiveError, match="no such manifest"):
        Manifest.open(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(ArchiveError, match="no manifest of framedeflate"):
        Manifest.open(tmp_path / "empty")


def test_one_run_at_a_time(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)
    with Manifest.create_or_open(tmp_path / "m.sqlite"), pytest.raises(ArchiveError) as caught:
        run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")
    assert caught.value.kind == "locked"
    assert len(run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")) == 1


def test_results_and_manifest_inside_the_source_are_no_sources(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=3, large=0)
    for expected in (3, 0):
        assert len(run_archive(source, source / "out", source / "m.sqlite")) == expected
    assert len(contents(source / "out")) == 3


def test_memory_does_not_grow_with_files(tmp_path: Path) -> None:
    count, folder = 6000, "x" * 200
    with Manifest.create_or_open(tmp_path / "m.sqlite") as manifest:
        entries = (Entry(f"{folder}/{number}.dcm", number, number) for number in range(count))
        tracemalloc.start()
        assert max(manifest.plan(entries)) == count
        assert manifest.planned() == (count, count * (count - 1) // 2)
        for work in manifest.work():
            manifest.record(FileOutcome(work.entry, "skipped"))
        manifest.commit()
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert manifest.planned() == (0, 0)
    # All paths alone would take more than that: 500 rows are held at a time.
    assert peak < count * len(folder)


def test_the_command(capsys: Capture, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run_command(capsys, "compress", study, "-o", out, "--manifest", tmp_path / "m.sqlite", "--json")
    assert ran.code == ExitCode.INVALID_INPUT
    by_name = {Path(fields["source"]).name: fields for fields in ran.objects}
    assert {name: fields["status"] for name, fields in by_name.items()} == {
        "CT_small.dcm": "done",
        "MR_truncated.dcm": "failed",
        "README.txt": "skipped",
        "rtdose.dcm": "done",
        "rtplan.dcm": "skipped",
        "liver_1frame.dcm": "done",
    }
    assert by_name["MR_truncated.dcm"]["error"]["kind"] == "short-pixel-data"
    assert by_name["rtdose.dcm"]["frames_digest"] == judged_digest(study / "deep" / "rtdose.dcm")
    # What failed before is still a failure.
    again = run_command(capsys, "compress", study, "-o", out, "--manifest", tmp_path / "m.sqlite")
    assert again.code == ExitCode.INVALID_INPUT
    assert "0 files to do" in again.out
    assert "6 known from before" in again.out
    assert "1 file failed; --retry-failed" in again.err
    (study / "MR_truncated.dcm").unlink()
    shutil.copyfile(wheel_file("MR_small.dcm"), study / "MR_truncated.dcm")
    mended = run_command(capsys, "compress", study, "-o", out, "--manifest", tmp_path / "m.sqlite")
    assert mended.code == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["in", "-o", "out", "--shard", "3/2"], ExitCode.USAGE, "no part"),
        (["in", "-o", "out", "--shard", "0/2"], ExitCode.USAGE, "no part"),
        (["in", "-o", "out", "--min-gain", "100"], ExitCode.USAGE, "no percentage"),
        (["in", "--in-place", "--manifest", "m"], ExitCode.USAGE, "--in-place has none"),
        (["in", "in", "-o", "out", "--manifest", "m"], ExitCode.USAGE, "one SOURCE"),
        (["in", "-o", "out", "--manifest", "m", "--photometric", "RGB"], ExitCode.USAGE, "SOP Instance UIDs"),
        (["in", "-o", "out", "--manifest", "in"], ExitCode.USAGE, "is a folder"),
        (["missing", "-o", "out", "--manifest", "m"], ExitCode.CANNOT_READ_INPUT, "is not there"),
        (["empty", "-o", "out", "--manifest", "m"], ExitCode.NO_INPUT, "no file in"),
    ],
)
def test_command_lines_that_make_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path / "in", small=1, large=0)
    (tmp_path / "empty").mkdir()
    err = io.StringIO()
    with redirect_stderr(err):
        assert ended_with("compress", *arguments) == code
    assert said in err.getvalue()
    assert not (tmp_path / "out").exists()


def ended_with(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)


def test_real_files_are_judged(tmp_path: Path) -> None:
    """Native files of pydicom's wheel: the digest of each is that of its source, by pydicom."""
    source = tmp_path / "in"
    source.mkdir()
    for path in sorted(WHEEL.glob("*.dcm"))[::2]:
        meta = pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta
        if meta.get("TransferSyntaxUID") in {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"}:
            shutil.copyfile(path, source / path.name)
    run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")
    judged = 0
    for path, digest in rows(tmp_path / "m.sqlite", "path, frames_digest", "state = 'done'"):
        assert digest == judged_digest(tmp_path / "out" / path) == judged_digest(source / path), path
        judged += 1
    assert judged >= 5


def test_settings_that_do_not_matter_are_not_compared() -> None:
    assert "threads" not in json.dumps(CompressSettings().that_matter())
    assert CompressSettings().that_matter() == CompressSettings(level=1, threads=8, check=False).that_matter()
    assert str(Folder(Path("x"))) == "x"
