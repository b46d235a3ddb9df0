# SPDX-License-Identifier: Apache-2.0
"""What stands in the way of a listing or of a run: links, folders that nobody may list, odd clocks, lost mounts."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive_samples import contents, make_small, make_tree, rows, run_archive, serially
from cli_runner import run_command
from framedeflate.archive import manifest_file
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.one_file import ArchiveJob, Failure, FileOutcome, Work, compress_entry
from framedeflate.archive.places import Entry, Folder
from framedeflate.archive.run import MOST_REFUSED, Executor
from framedeflate.archive.settings import CompressSettings
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.errors import ArchiveError

Capture = pytest.CaptureFixture[str]


def listed(root: Path) -> dict[str, str]:
    return {entry.path: entry.problem for entry in Folder(root).entries()}


def refuse_to_list(monkeypatch: pytest.MonkeyPatch, refused: Path) -> None:
    """As a folder of somebody else does; whoever runs the tests may be root, to whom all is open."""
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if Path(path) == refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_links_are_told_apart(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)
    (source / "linked.dcm").symlink_to(source / "study0" / "00000.dcm")
    (source / "around").symlink_to(source)
    (source / "study0" / "other").symlink_to(tmp_path)
    (source / "broken").symlink_to("nowhere")
    (source / "itself").symlink_to("itself")
    os.mkfifo(source / "pipe")
    found = listed(source)
    assert found.keys() == {
        "around",
        "broken",
        "itself",
        "linked.dcm",
        "study0/00000.dcm",
        "study0/other",
    }
    assert {path for path, problem in found.items() if "link to a folder" in problem} == {
        "around",
        "study0/other",
    }
    run_archive(source, tmp_path / "out", tmp_path / "m")
    assert dict(rows(tmp_path / "m", "path, error_kind")) == {
        "around": "listing",
        "broken": "ENOENT",
        "itself": "ELOOP",
        "linked.dcm": None,
        "study0/00000.dcm": None,
        "study0/other": "listing",
    }


def test_a_folder_that_nobody_may_list_stops_nothing_and_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source, out, manifest = make_tree(tmp_path / "in", small=8, large=0), tmp_path / "out", tmp_path / "m"
    command = ("compress", source, "-o", out, "--manifest", manifest)
    with monkeypatch.context() as patch:
        refuse_to_list(patch, source / "study1")
        ran = run_command(capsys, *command)
        assert ran.code == ExitCode.INVALID_INPUT_FOLDER
        assert rows(manifest, "path, state, error_kind", "path LIKE 'study1%'") == [
            ("study1/", "failed", "listing")
        ]
        assert contents(out).keys() == {path for path in contents(source) if not path.startswith("study1")}
        # Asking again does not help as long as it is so.
        assert run_command(capsys, *command, "--retry-failed").code == ExitCode.INVALID_INPUT_FOLDER
    assert run_command(capsys, *command).code == ExitCode.OK
    assert contents(out).keys() == contents(source).keys()
    assert rows(manifest, "path", "state != 'done'") == []


def test_a_root_that_nobody_may_list_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, manifest = make_tree(tmp_path / "in", small=2, large=0), tmp_path / "m"
    run_archive(source, tmp_path / "out", manifest)
    before = rows(manifest)
    refuse_to_list(monkeypatch, source)
    with pytest.raises(ArchiveError) as caught:
        run_archive(source, tmp_path / "out", manifest)
    assert caught.value.kind == "folder"
    monkeypatch.undo()
    # What was mounted there is gone: nothing is there, and nothing is said to be gone.
    for path in list(source.iterdir()):
        shutil.move(path, tmp_path / "elsewhere" / path.name)
    with pytest.raises(ArchiveError) as caught:
        run_archive(source, tmp_path / "out", manifest)
    assert caught.value.kind == "empty"
    assert rows(manifest) == before
    with Manifest.open(manifest) as opened:
        assert opened.last_run == 1


def test_a_source_that_was_mistyped_is_not_noted(tmp_path: Path) -> None:
    source, empty, manifest = make_tree(tmp_path / "in", small=2, large=0), tmp_path / "ni", tmp_path / "m"
    empty.mkdir()
    for wrong, kind in ((empty, "empty"), (tmp_path / "nowhere", "folder")):
        with pytest.raises(ArchiveError) as caught:
            run_archive(wrong, tmp_path / "out", manifest)
        assert caught.value.kind == kind
    assert len(run_archive(source, tmp_path / "out", manifest)) == 2
    with pytest.raises(ArchiveError) as caught:
        run_archive(empty, tmp_path / "out", manifest)
    assert caught.value.kind == "settings"


def test_a_clock_that_is_centuries_ahead(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)
    path = source / "study0" / "00000.dcm"
    os.utime(path, ns=(0, (1 << 63) + 10**18))
    if path.stat().st_mtime_ns < 1 << 63:
        pytest.skip("this file system has no such time")
    assert len(run_archive(source, tmp_path / "out", tmp_path / "m")) == 1
    assert run_archive(source, tmp_path / "out", tmp_path / "m") == []


def test_a_manifest_in_its_source_is_no_file_of_it(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=2, large=0)
    link = source / "by a link"
    link.symlink_to(source / "m")
    for manifest in (link, link, source / "m"):
        run_archive(source, tmp_path / "out", manifest)
        others = [path for (path,) in rows(manifest, "path") if not path.startswith("study")]
        # Any other link is a file of the archive, whatever it leads to.
        assert others == ([] if manifest == link else ["by a link"])
    assert (source / "m.lock").exists()
    assert not (source / "by a link.lock").exists()


def test_a_lock_that_is_somebody_s_file_is_told(tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)
    (tmp_path / "m.lock").write_bytes(b"somebody's" * 1000)
    with pytest.raises(ArchiveError, match="cannot lock") as caught:
        run_archive(source, tmp_path / "out", tmp_path / "m")
    assert caught.value.kind == "manifest"
    assert (tmp_path / "m.lock").read_bytes() == b"somebody's" * 1000


def test_a_clock_that_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    source, manifest = make_tree(tmp_path / "in", small=3, large=0), tmp_path / "m"
    run_archive(source, tmp_path / "out", manifest)
    make_small(source / "later.dcm", 9)
    os.utime(source / "later.dcm", ns=(0, 0))
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert len(run_archive(source, tmp_path / "out", manifest)) == 1
    assert run_command(capsys, "report", manifest, "--html", tmp_path / "r.html").code == ExitCode.OK


def test_a_root_whose_name_is_no_text(tmp_path: Path, capsys: Capture) -> None:
    source, out = (Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/in\xe9", b"/out\xe9"))
    try:
        make_small(source / "1.dcm", 1)
    except OSError:
        pytest.skip("this system has names of text alone")
    for expected in (1, 0):
        assert len(run_archive(source, out, tmp_path / "m")) == expected
    assert run_command(capsys, "audit", tmp_path / "m", "--source", "--jobs", 1).code == ExitCode.OK


def test_others_may_read_while_a_listing_takes_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_file, "_BUSY_SECONDS", 0.1)
    path, count = tmp_path / "m", 20_000
    with Manifest.create_or_open(path) as manifest:
        manifest.require_facts({"source": "in"})
        plan = manifest.plan(Entry(f"{number:0200}", number, number) for number in range(count))
        while next(plan) < count - 1000:
            pass
        with Manifest.open(path) as reader:
            assert reader.facts == {}
            assert reader.planned() == (0, 0)
        assert [*plan][-1] == count
        assert manifest.facts == {"source": "in"}
    assert len(rows(path, "path")) == count


def test_a_run_that_ended_while_it_listed_is_none(tmp_path: Path, capsys: Capture) -> None:
    source, manifest = make_tree(tmp_path / "in", small=3, large=0), tmp_path / "m"
    run_archive(source, tmp_path / "out", manifest)

    def broken() -> Iterator[Entry]:
        yield Entry("study0/00000.dcm", 1, 1)
        raise ArchiveError("killed", kind="folder")

    with Manifest.create_or_open(manifest) as opened, pytest.raises(ArchiveError):
        list(opened.plan(broken()))
    (said,) = run_command(capsys, "report", manifest, "--json").objects
    assert (said["gone"], said["states"]) == (0, {"done": 3})


def test_what_is_gone_from_the_source_fails_no_more(tmp_path: Path, capsys: Capture) -> None:
    source, manifest = make_tree(tmp_path / "in", small=2, large=0), tmp_path / "m"
    (source / "broken.dcm").symlink_to("nowhere")
    (source / "later.dcm").symlink_to("nowhere")
    command = ("compress", source, "-o", tmp_path / "out", "--manifest", manifest)
    assert run_command(capsys, *command).code == ExitCode.CANNOT_READ_INPUT
    (source / "broken.dcm").unlink()
    assert run_command(capsys, *command).code == ExitCode.CANNOT_READ_INPUT
    (source / "later.dcm").unlink()
    assert run_command(capsys, *command, "--retry-failed").code == ExitCode.OK
    assert run_command(capsys, "audit", manifest, "--jobs", 1).code == ExitCode.OK
    (said,) = run_command(capsys, "report", manifest, "--json").objects
    assert (said["gone"], said["states"], said["failures"]) == (2, {"done": 2}, [])


def moved_away(folder: Path, after: int) -> Executor:
    """What works until the folder is not there any more."""

    def execute(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for number, one in enumerate(work):
            if number == after:
                folder.rename(folder.with_name("away"))
            yield compress_entry(job, one)

    return execute


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_mount_that_is_lost_blames_no_file(tmp_path: Path, side: str) -> None:
    source, out, manifest = make_tree(tmp_path / "in", small=6, large=0), tmp_path / "out", tmp_path / "m"
    lost = source if side == "source" else out
    with pytest.raises(ArchiveError) as caught:
        run_archive(source, out, manifest, executor=moved_away(lost, 2))
    assert caught.value.kind == side
    # Nothing was put where the mount would be.
    assert not lost.exists()
    assert [state for (state,) in rows(manifest, "state")].count("planned") == 4
    lost.with_name("away").rename(lost)
    assert len(run_archive(source, out, manifest)) == 4


def test_a_source_whose_mount_is_empty_blames_no_file(tmp_path: Path) -> None:
    source, manifest = make_tree(tmp_path / "in", small=4, large=0), tmp_path / "m"

    def emptied(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for number, one in enumerate(work):
            if number == 1:
                shutil.rmtree(source)
                source.mkdir()
            yield compress_entry(job, one)

    with pytest.raises(ArchiveError, match="is it mounted"):
        run_archive(source, tmp_path / "out", manifest, executor=emptied)
    assert [state for (state,) in rows(manifest, "state")].count("planned") == 3


def test_a_destination_that_takes_nothing_is_not_asked_a_million_times(tmp_path: Path) -> None:
    source, manifest = make_tree(tmp_path / "in", small=50, large=0), tmp_path / "m"
    asked: list[str] = []

    def refused(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for one in work:
            asked.append(one.entry.path)
            yield FileOutcome(
                one.entry, "failed", Failure("OSError", "EIO", "Input/output error", "destination")
            )

    with pytest.raises(ArchiveError, match="in a row"):
        run_archive(source, tmp_path / "out", manifest, executor=refused)
    assert len(asked) == MOST_REFUSED
    assert {state for (state,) in rows(manifest, "state")} == {"planned"}

    def sometimes(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for number, one in enumerate(work):
            yield from serially(job, [one]) if number % 10 == 5 else refused(job, [one])

    outcomes = run_archive(source, tmp_path / "out", manifest, executor=sometimes)
    assert len(outcomes) == 50
    states = [state for (state,) in rows(manifest, "state")]
    assert (states.count("done"), states.count("failed")) == (5, 45)


def test_a_disk_that_cannot_be_read_is_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)

    def failing(*_arguments: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", failing)
    (outcome,) = run_archive(source, tmp_path / "out", tmp_path / "m")
    assert outcome.failure == Failure("OSError", "EIO", os.strerror(errno.EIO), "source")


def test_source_and_destination_are_two_places(tmp_path: Path, capsys: Capture) -> None:
    source = make_tree(tmp_path / "in", small=1, large=0)
    before = contents(source)
    (tmp_path / "link").symlink_to(source)
    for same in (source, tmp_path / "link", tmp_path / "in" / ".." / "in"):
        ran = run_command(capsys, "compress", source, "-o", same, "--manifest", tmp_path / "m", "--overwrite")
        assert ran.code == ExitCode.USAGE
        assert "source and destination" in ran.err
    (tmp_path / "file").write_bytes(b"")
    ran = run_command(capsys, "compress", source, "-o", tmp_path / "file", "--manifest", tmp_path / "m")
    assert (ran.code, ran.err.count("\n")) == (ExitCode.INVALID_OUTPUT_FOLDER, 1)
    assert contents(source) == before
    assert not (tmp_path / "m").exists()


def test_an_archive_that_was_moved_goes_on_where_it_is(tmp_path: Path, capsys: Capture) -> None:
    source, out, manifest = make_tree(tmp_path / "in", small=4, large=0), tmp_path / "out", tmp_path / "m"
    run_archive(source, out, manifest)
    source.rename(tmp_path / "in2")
    out.rename(tmp_path / "out2")
    command = ("compress", tmp_path / "in2", "-o", tmp_path / "out2", "--manifest", manifest)
    refused = run_command(capsys, *command)
    assert refused.code == ExitCode.USAGE
    assert "--moved" in refused.err
    make_small(tmp_path / "in2" / "later.dcm", 9)
    assert "1 file to do" in run_command(capsys, *command, "--moved").out
    # From now on, it is where it is.
    assert "0 files to do" in run_command(capsys, *command).out
    assert run_command(capsys, "audit", manifest, "--source", "--jobs", 1).code == ExitCode.OK
    assert run_command(capsys, *command, "--moved", "--level", 9).code == ExitCode.USAGE


def test_a_link_to_a_manifest_has_its_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "m")
    with Manifest.create_or_open(tmp_path / "m"), pytest.raises(ArchiveError) as caught:
        Manifest.create_or_open(tmp_path / "link")
    assert caught.value.kind == "locked"


def test_a_manifest_without_room_says_so(tmp_path: Path) -> None:
    with Manifest.create_or_open(tmp_path / "m") as manifest:
        # Of so many pages there may be no more, as on a full disk.
        manifest._database.execute("PRAGMA max_page_count = 20")
        with pytest.raises(ArchiveError) as caught:
            list(manifest.plan(Entry(f"{number:0200}", 1, 1) for number in range(2000)))
    assert caught.value.kind == "no-space"


def spoil_nothing(_manifest: Path) -> None:
    """Killed before anything was noted."""


def spoil_facts(manifest: Path) -> None:
    with closing(sqlite3.connect(manifest)) as database, database:
        database.executemany(
            "INSERT INTO fact VALUES (?, ?)",
            [("source", "in"), ("destination", "out"), ("shard", "x"), ("settings", "{")],
        )
    database.close()


def spoil_pages(manifest: Path) -> None:
    data = bytearray(manifest.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    manifest.write_bytes(data)


@pytest.mark.parametrize("spoil", [spoil_nothing, spoil_facts, spoil_pages])
def test_a_manifest_that_is_no_good_is_told(
    tmp_path: Path, capsys: Capture, spoil: Callable[[Path], None]
) -> None:
    manifest = tmp_path / "m"
    Manifest.create_or_open(manifest).close()
    spoil(manifest)
    for command in (("audit", "--jobs", 1), ("report", "--html", tmp_path / "r.html")):
        ran = run_command(capsys, *command, manifest)
        assert ran.code == ExitCode.CANNOT_READ_INPUT
        assert str(manifest) in ran.err


def test_a_path_leads_out_of_no_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out")
    job = ArchiveJob(Folder(tmp_path / "in"), folder, CompressSettings())
    make_small(tmp_path / "in" / "1.dcm", 1)
    for path in ("../in/1.dcm", "a/../../in/1.dcm", str(tmp_path / "in" / "1.dcm"), ".."):
        with pytest.raises(OSError, match="leads out"):
            folder.path_of(path)
        outcome = compress_entry(job, Work(Entry(path, 1, 1)))
        assert outcome.state == "failed"
