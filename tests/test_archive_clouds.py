# SPDX-License-Identifier: Apache-2.0
"""Archives in Google Cloud Storage and Azure Blob Storage: emulators answer, others' clients say what is there."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive_samples import COMMAND, contents, make_large, make_small, make_tree, rows, run_archive, serially
from cloud_stores import Cloud, azure, google
from framedeflate.archive.one_file import ArchiveJob, FileOutcome
from framedeflate.archive.places import place_of
from framedeflate.archive.run import ArchiveRun
from framedeflate.archive.settings import CompressSettings
from framedeflate.errors import ArchiveError, RemoteSourceError

pytest.importorskip("obstore")


@pytest.fixture(params=["gs", "az"])
def cloud(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    folder = tmp_path / "emulator"
    folder.mkdir()
    with google() if request.param == "gs" else azure(folder) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        # A connection is kept for its URL, and each test has a server of its own.
        forget_connections()
        yield found
        forget_connections()


def forget_connections() -> None:
    from framedeflate.archive import store_place

    store_place._connected.cache_clear()


def run(source: str, destination: str, manifest: Path) -> list[FileOutcome]:
    job = ArchiveJob(place_of(source), place_of(destination), CompressSettings())
    with ArchiveRun(job=job, manifest=manifest).begin() as begun:
        return list(begun.outcomes(serially))


def test_from_a_cloud_into_a_cloud_and_back(cloud: Cloud, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=5, large=0)
    # More than one part of an upload.
    make_large(source / "large" / "0.dcm", 1, frames=110)
    make_small(source / "deep" / "a b+ü%20.dcm", 3)
    for path in contents(source):
        cloud.put(f"in/{path}", (source / path).read_bytes())
    cloud.put("in2/not ours.dcm", b"")
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    expected = contents(tmp_path / "whole")
    outcomes = run(f"{cloud.url}/in", f"{cloud.url}/out", tmp_path / "m")
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert cloud.contents("out/") == expected
    assert max(size for (size,) in rows(tmp_path / "m", "result_nbytes")) > 8 << 20
    assert run(f"{cloud.url}/in", f"{cloud.url}/out", tmp_path / "m") == []
    # Its manifest is lost: what is there is found to be the same, and somebody's object stays.
    other = min(expected)
    cloud.put(f"out/{other}", b"somebody's")
    again = run(f"{cloud.url}/in", f"{cloud.url}/out", tmp_path / "lost")
    assert {outcome.entry.path for outcome in again if outcome.state == "failed"} == {other}
    run(f"{cloud.url}/out", str(tmp_path / "back"), tmp_path / "b")
    assert {path: digest for path, digest in expected.items() if path != other} == contents(tmp_path / "back")


def test_the_command_takes_credentials_from_the_environment(cloud: Cloud, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=4, large=0)
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    manifest = tmp_path / "m.sqlite"
    for arguments, said in (
        (["compress", str(source), "-o", f"{cloud.url}/out", "--manifest", str(manifest)], "4 compressed"),
        (["audit", str(manifest), "--source", "--jobs", "1"], "4 files, 8 frames, 4 sources: all as"),
    ):
        done = subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True)
        assert said in done.stdout, done.stderr
    assert cloud.contents("out/") == contents(tmp_path / "whole")


def test_what_stands_for_a_folder_is_no_file(cloud: Cloud, tmp_path: Path) -> None:
    make_small(tmp_path / "1.dcm", 1)
    cloud.put("in/study/1.dcm", (tmp_path / "1.dcm").read_bytes())
    cloud.put("in/empty", b"")
    # As the stores' own pages make folders.
    for name in ("in/", "in/study/", "in/nothing/"):
        cloud.put(name, b"")
    run(f"{cloud.url}/in", str(tmp_path / "out"), tmp_path / "m")
    assert dict(rows(tmp_path / "m", "path, state")) == {"empty": "skipped", "study/1.dcm": "done"}


def test_a_name_that_no_folder_could_hold_is_told(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put("in/a//b", b"")
    with pytest.raises(RemoteSourceError, match="rename it"):
        run(f"{cloud.url}/in", str(tmp_path / "out"), tmp_path / "m")
    assert not (tmp_path / "out").exists()


def test_credentials_that_end_midway_blame_no_file(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cloud.strangers:
        pytest.skip("the emulator believes everybody")
    source, manifest = make_tree(tmp_path / "in", small=5, large=0), tmp_path / "m"
    job = ArchiveJob(place_of(str(source)), place_of(f"{cloud.url}/out"), CompressSettings())
    with ArchiveRun(job=job, manifest=manifest).begin() as begun:
        outcomes = begun.outcomes(serially)
        next(outcomes)
        for variable, value in cloud.strangers.items():
            monkeypatch.setenv(variable, value)
        forget_connections()
        with pytest.raises(ArchiveError) as caught:
            list(outcomes)
    assert caught.value.kind == "destination"
    assert [state for (state,) in rows(manifest, "state")].count("planned") == 4
