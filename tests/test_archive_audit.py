# SPDX-License-Identifier: Apache-2.0
"""What an audit finds, and that it finds nothing else; what a report says, counted by plain loops."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pydicom
import pytest

from archive_samples import contents, make_small, make_tree, rows, run_archive
from cli_runner import run_command
from corpus import WHEEL
from framedeflate import compress_file
from framedeflate.archive.settings import CompressSettings
from framedeflate.archive.shard import Shard
from framedeflate.cli.exit_codes import ExitCode

Capture = pytest.CaptureFixture[str]


def found_by_audit(capsys: Capture, *arguments: object) -> tuple[int, Counter[tuple[str, str]]]:
    ran = run_command(capsys, "audit", *arguments, "--jobs", 1, "--json")
    *findings, sums = ran.objects
    assert sums["problems"] == len(findings)
    return ran.code, Counter((finding["kind"], finding["path"]) for finding in findings)


def test_everything_that_is_not_as_it_was_is_named(capsys: Capture, tmp_path: Path) -> None:
    source, out, manifest = (
        make_tree(tmp_path / "in", small=8, large=0),
        tmp_path / "out",
        tmp_path / "m.sqlite",
    )
    run_archive(source, out, manifest)
    assert found_by_audit(capsys, manifest, "--source") == (ExitCode.OK, Counter())

    paths = sorted(contents(out))
    (out / paths[0]).unlink()
    # One byte of a Fragment; then another image that is whole; then a byte of the preamble.
    data = bytearray((out / paths[1]).read_bytes())
    data[-12] ^= 0xFF
    (out / paths[1]).write_bytes(data)
    make_small(tmp_path / "other.dcm", 99)
    compress_file(tmp_path / "other.dcm", out / paths[2], overwrite=True)
    data = bytearray((out / paths[3]).read_bytes())
    data[5] ^= 0xFF
    (out / paths[3]).write_bytes(data)
    (out / paths[4]).write_bytes(b"")
    (out / "extra.dcm").write_bytes(b"nobody knows")
    make_small(source / paths[5], 98)
    (source / paths[6]).unlink()
    code, found = found_by_audit(capsys, manifest, "--source")
    assert code == ExitCode.INVALID_INPUT
    kinds = {path: {kind for kind, where in found if where == path} for path in (*paths, "extra.dcm")}
    assert kinds == {
        paths[0]: {"missing"},
        paths[1]: kinds[paths[1]],
        paths[2]: {"changed", "frames"},
        paths[3]: {"changed"},
        paths[4]: {"changed", "unreadable"},
        paths[5]: {"source"},
        paths[6]: set(),
        paths[7]: set(),
        "extra.dcm": {"extra"},
    }
    assert "changed" in kinds[paths[1]]
    assert kinds[paths[1]] & {"frames", "unreadable"}


def test_parts_and_unfinished_and_moved_archives(capsys: Capture, tmp_path: Path) -> None:
    source, out = make_tree(tmp_path / "in", small=12, large=0), tmp_path / "out"
    parts = [tmp_path / f"{number}.sqlite" for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        run_archive(source, out, part, shard=Shard(number, 2))
    # Files of the other part are no business of the first.
    assert found_by_audit(capsys, parts[0]) == (ExitCode.OK, Counter())
    assert found_by_audit(capsys, *parts) == (ExitCode.OK, Counter())
    make_small(source / "later.dcm", 5)
    for number, part in enumerate(parts, 1):
        run_archive(source, out, part, shard=Shard(number, 2), executor=lambda _job, _work: iter(()))
    code, found = found_by_audit(capsys, *parts)
    assert (code, found) == (ExitCode.INVALID_INPUT, Counter({("unfinished", "later.dcm"): 1}))
    out.rename(tmp_path / "moved")
    source.rename(tmp_path / "sources")
    ran = run_command(
        capsys, "audit", *parts, "-o", tmp_path / "moved", "--source-root", tmp_path / "sources", "--json"
    )
    assert [finding.get("kind") for finding in ran.objects[:-1]] == ["unfinished"]
    assert ran.objects[-1]["sources"] == 12


def test_a_result_of_a_source_that_broke_since_is_named(capsys: Capture, tmp_path: Path) -> None:
    source, out, manifest = (
        make_tree(tmp_path / "in", small=2, large=0),
        tmp_path / "out",
        tmp_path / "m.sqlite",
    )
    run_archive(source, out, manifest)
    before = contents(out)
    (source / sorted(before)[0]).write_bytes(b"no image any more")
    (outcome,) = run_archive(source, out, manifest)
    assert outcome.state == "skipped"
    assert contents(out) == before
    assert found_by_audit(capsys, manifest) == (
        ExitCode.INVALID_INPUT,
        Counter({("stale", sorted(before)[0]): 1}),
    )


def test_the_report_is_what_the_files_say(capsys: Capture, tmp_path: Path) -> None:
    manifest = tmp_path / "m.sqlite"
    run_archive(WHEEL / "dicomdirtests", tmp_path / "out", manifest, settings=CompressSettings())
    run_archive(WHEEL / "dicomdirtests", tmp_path / "out", manifest)
    html = tmp_path / "r.html"
    (said,) = run_command(capsys, "report", manifest, "--html", html, "--json").objects
    files = [path for path in (WHEEL / "dicomdirtests").rglob("*") if path.is_file()]
    assert sum(said["states"].values()) == len(files)
    counted: Counter[tuple[str, str]] = Counter()
    before: Counter[tuple[str, str]] = Counter()
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            key = (dataset.Modality, dataset.SOPClassUID.name)
            counted[key] += 1
            before[key] += (WHEEL / "dicomdirtests" / path.relative_to(tmp_path / "out")).stat().st_size
    assert {(one["modality"], one["sop_class"]): one["files"] for one in said["groups"]} == counted
    assert {(one["modality"], one["sop_class"]): one["source_nbytes"] for one in said["groups"]} == before
    failed = Counter({one["kind"]: one["files"] for one in said["failures"]})
    assert failed == Counter(kind for (kind,) in rows(manifest, "error_kind", "error IS NOT NULL"))
    check_page(html.read_text(encoding="utf-8"))
    text = run_command(capsys, "report", manifest).out
    for modality, name in counted:
        assert re.search(rf"^{modality or '-'} +{re.escape(name)} ", text, re.MULTILINE)


class _Page(HTMLParser):
    """Every tag closed that has to be, and every address that a page asks for."""

    open_tags: list[str]
    addresses: list[str]
    tags: Counter[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]


def check_page(text: str) -> None:
    """A page that needs nothing from anywhere."""
    page = _Page()
    page.open_tags, page.addresses, page.tags = [], [], Counter()
    page.feed(text)
    assert page.addresses == []
    assert not re.search(r"https?:|url\(|@import|<script", text)
    assert page.tags["svg"] >= 2
    assert page.tags["table"] >= 1


def test_what_stands_in_a_page_is_escaped(capsys: Capture, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "<script>alert(1)").mkdir(parents=True)
    (source / "<script>alert(1)" / "x&y.dcm").write_bytes((WHEEL / "MR_truncated.dcm").read_bytes())
    make_small(source / "fine.dcm", 1)
    run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")
    html = tmp_path / "r.html"
    run_command(capsys, "report", tmp_path / "m.sqlite", "--html", html, "--paths")
    text = html.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)/x&amp;y.dcm" in text


def test_a_page_and_messages_name_no_file(capsys: Capture, tmp_path: Path) -> None:
    """A folder is called after its patient; each kind of failure has its own words."""
    source, out, manifest = tmp_path / "in", tmp_path / "out", tmp_path / "m.sqlite"
    patient = source / "Doe^John"
    patient.mkdir(parents=True)
    (patient / "cut Doe.dcm").write_bytes((WHEEL / "MR_truncated.dcm").read_bytes())
    (patient / "gone Doe.dcm").symlink_to("nowhere")
    make_small(patient / "taken Doe.dcm", 1)
    make_small(patient / "folder Doe.dcm", 1)
    (out / "Doe^John" / "folder Doe.dcm").mkdir(parents=True)
    (out / "Doe^John" / "taken Doe.dcm").write_bytes(b"somebody's")
    (patient / "link Doe").symlink_to(source)
    make_small(source / "Doe^Jane" / "1.dcm", 1)
    (out / "Doe^Jane").write_bytes(b"a file in the place of a folder")
    run_archive(source, out, manifest)
    assert len(rows(manifest, "path", "state = 'failed'")) == 6
    assert [text for (text,) in rows(manifest, "message") if "Doe" in text] == []
    html = tmp_path / "r.html"
    run_command(capsys, "report", manifest, "--html", html)
    assert "Doe" not in html.read_text(encoding="utf-8")


def test_what_was_copied_is_held_against_its_source(capsys: Capture, tmp_path: Path) -> None:
    source, out, manifest = tmp_path / "in", tmp_path / "out", tmp_path / "m.sqlite"
    source.mkdir()
    (source / "notes.txt").write_text("before")
    make_small(source / "1.dcm", 1)
    run_archive(source, out, manifest, settings=CompressSettings(copy_others=True))
    ran = run_command(capsys, "audit", manifest, "--source", "--jobs", 1, "--json")
    assert (ran.code, ran.objects[-1]["sources"]) == (ExitCode.OK, 2)
    (source / "notes.txt").write_text("after!")
    assert found_by_audit(capsys, manifest, "--source")[1] == Counter({("source", "notes.txt"): 1})


def test_what_is_not_in_the_archive_is_said(capsys: Capture, tmp_path: Path) -> None:
    source, manifest = make_tree(tmp_path / "in", small=1, large=0), tmp_path / "m.sqlite"
    (source / "notes.txt").write_text("no image")
    (source / "cut.dcm").write_bytes((WHEEL / "MR_truncated.dcm").read_bytes())
    run_archive(source, tmp_path / "out", manifest)
    ran = run_command(capsys, "audit", manifest, "--jobs", 1)
    assert ran.code == ExitCode.OK
    assert "failed or were skipped: 2" in ran.out


def test_parts_that_are_missing_or_overlap(capsys: Capture, tmp_path: Path) -> None:
    source, out = make_tree(tmp_path / "in", small=6, large=0), tmp_path / "out"
    names = {}
    for part in ("1/3", "2/3", "3/3", "1/2"):
        names[part] = tmp_path / f"{part.replace('/', 'of')}.sqlite"
        run_archive(source, out, names[part], shard=Shard.of(part))
    for command in (("audit", "--jobs", 1), ("report",)):
        whole = run_command(capsys, *command, names["1/3"], names["2/3"], names["3/3"])
        assert (whole.code, whole.err) == (ExitCode.OK, "")
        some = run_command(capsys, *command, names["2/3"])
        assert some.code == ExitCode.OK
        assert "of 3 parts, no manifest was given for 1, 3" in some.err
        for more in ("2/3", "1/2"):
            twice = run_command(capsys, *command, names["2/3"], names[more])
            assert twice.code == ExitCode.USAGE
            assert "overlap" in twice.err


def test_a_manifest_inside_the_archive_is_not_of_it(capsys: Capture, tmp_path: Path) -> None:
    source, out = make_tree(tmp_path / "in", small=2, large=0), tmp_path / "out"
    out.mkdir()
    run_archive(source, out, out / "m.sqlite")
    assert found_by_audit(capsys, out / "m.sqlite") == (ExitCode.OK, Counter())


def test_a_manifest_that_leads_out_of_the_archive(capsys: Capture, tmp_path: Path) -> None:
    """Whoever may write the manifest must not learn what other files hold, nor stop an audit with a device."""
    source, manifest = make_tree(tmp_path / "in", small=3, large=0), tmp_path / "m.sqlite"
    run_archive(source, tmp_path / "out", manifest)
    paths = sorted(contents(source))
    with closing(sqlite3.connect(manifest)) as database, database:
        for old, new in zip(paths, ("../in/" + paths[0], str(source / paths[1]), "/dev/zero"), strict=True):
            database.execute("UPDATE file SET path = ? WHERE path = ?", (new, old))
    database.close()
    code, found = found_by_audit(capsys, manifest)
    assert code == ExitCode.INVALID_INPUT
    assert {path for kind, path in found if kind == "unreadable"} == {
        "../in/" + paths[0],
        str(source / paths[1]),
        "/dev/zero",
    }


def test_no_attribute_of_a_patient_is_noted(tmp_path: Path) -> None:
    source, manifest = tmp_path / "in", tmp_path / "m.sqlite"
    source.mkdir()
    for name in ("CT_small.dcm", "MR_truncated.dcm", "badVR.dcm"):
        dataset = pydicom.dcmread(WHEEL / name)
        dataset.PatientName, dataset.PatientID, dataset.StudyDescription = (
            "Secret^Person",
            "SECRET1",
            "Secret",
        )
        dataset.save_as(source / name)
    # Not what a Modality may be, in the place of one.
    data = (source / "CT_small.dcm").read_bytes()
    assert data.count(b"CS\x02\x00CT") == 1
    (source / "CT_small.dcm").write_bytes(data.replace(b"CS\x02\x00CT", b"CS\x06\x00secret"))
    run_archive(source, tmp_path / "out", manifest)
    assert b"ecret" not in manifest.read_bytes().replace(str(tmp_path).encode(), b"")
    with closing(sqlite3.connect(manifest)) as database, database:
        assert database.execute("SELECT modality FROM file WHERE state = 'done'").fetchall()[0] == (None,)
    database.close()
