# SPDX-License-Identifier: Apache-2.0
"""Folders that are watched: what others put there, and what they put into the store itself."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
from framedeflate.errors import StoreIndexError
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index
from framedeflate.web.ingest import Ingest
from framedeflate.web.ingest.folder_watch import FolderWatch
from framedeflate.web.ingest.polling import Polling, StoppedError
from framedeflate.web.ingest.store_watch import StoreWatch
from receiving import ct, deflated
from receiving import report as sr_report
from store_payloads import file_bytes
from test_web_store import ingest, stored_uids

__all__ = ["ingest"]

SETTLED = 0.05


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def watch(ingest: Ingest, folder: Path, **options: object) -> tuple[FolderWatch, list[str]]:
    failures: list[str] = []
    found = FolderWatch(
        ingest,
        folder,
        settle_seconds=SETTLED,
        on_failure=lambda path, error: failures.append(f"{path.name} {getattr(error, 'kind', '')}".strip()),
        **options,  # type: ignore[arg-type]
    )
    return found, failures


def look(*watches: Polling) -> None:
    for one in watches:
        one.look()
    time.sleep(2 * SETTLED)
    for one in watches:
        one.look()


def test_files_are_copied_once_they_stay_the_same(ingest: Ingest, folder: Path) -> None:
    one, failures = watch(ingest, folder)
    (folder / "a" / "b").mkdir(parents=True)
    files = {folder / "a" / "one": deflated(), folder / "a" / "b" / "two.dcm": ct()}
    for path, dataset in files.items():
        path.write_bytes(file_bytes(dataset))
    growing = folder / "growing.dcm"
    data = file_bytes(sr_report())
    growing.write_bytes(data[:400])
    one.look()
    assert stored_uids(ingest) == set()
    time.sleep(2 * SETTLED)
    with growing.open("ab") as file:
        file.write(data[400:])
    one.look()
    assert stored_uids(ingest) == {"2.25.4", "2.25.2"}
    look(one)
    assert stored_uids(ingest) == {"2.25.4", "2.25.2", "2.25.3"}
    assert failures == []
    assert {path: path.read_bytes() for path in files} == {path: file_bytes(of) for path, of in files.items()}
    assert (one.counts.stored, one.counts.stored_before, one.counts.failed) == (3, 0, 0)


def test_what_cannot_be_stored_is_told_once_until_it_changes(ingest: Ingest, folder: Path) -> None:
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "empty").touch()
    (folder / "cut.dcm").write_bytes(file_bytes(ct())[:-20])
    (folder / ".hidden.dcm").write_bytes(file_bytes(ct()))
    (folder / "link.dcm").symlink_to(folder / ".hidden.dcm")
    os.mkfifo(folder / "pipe")
    one, failures = watch(ingest, folder)
    for _ in range(3):
        look(one)
    assert sorted(failures) == ["cut.dcm short-pixel-data", "empty not-part10", "notes.txt not-part10"]
    (folder / "cut.dcm").write_bytes(file_bytes(ct()))
    look(one)
    assert len(failures) == 3
    assert stored_uids(ingest) == {"2.25.2"}


def test_files_are_removed_where_that_is_asked_for_and_only_when_safe(
    ingest: Ingest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "one.dcm").write_bytes(file_bytes(ct()))
    (folder / "notes.txt").write_text("no DICOM")
    one, failures = watch(ingest, folder, remove=True)

    def away(*_: object) -> None:
        raise StoreIndexError("the database is away", kind="unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(Index, "add", away)
        look(one)
    assert failures == ["notes.txt not-part10", "one.dcm unavailable"]
    assert (folder / "one.dcm").exists()
    monkeypatch.setattr("framedeflate.web.ingest.folder_watch._RETRY_SECONDS", 0.0)
    again, _failures = watch(ingest, folder, remove=True)
    look(again)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert stored_uids(ingest) == {"2.25.2"}


def test_a_full_disk_is_waited_for(ingest: Ingest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "one.dcm").write_bytes(file_bytes(ct()))
    monkeypatch.setattr("framedeflate.web.ingest.folder_watch._RETRY_SECONDS", 0.0)
    one, failures = watch(ingest, folder)

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("framedeflate.instance_store.store.put_in_place", full)
        patch.setattr("framedeflate.instance_store.arrivals.Arrival.write", full)
        look(one)
    assert failures == ["one.dcm"]
    assert stored_uids(ingest) == set()
    look(one)
    assert stored_uids(ingest) == {"2.25.2"}


def test_a_folder_that_overlaps_the_store_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    for folder in (tmp_path, ingest.store.folder, ingest.store.folder / ".arriving"):
        with pytest.raises(ValueError, match="apart"):
            FolderWatch(ingest, folder)
    with pytest.raises(NotADirectoryError):
        FolderWatch(ingest, tmp_path / "nowhere")


def put_by_another(store: Path, *datasets: object) -> None:
    with InstanceStore(store, min_free_nbytes=1) as other:
        for dataset in datasets:
            with other.arrival() as arrival:
                arrival.write(file_bytes(dataset))  # type: ignore[arg-type]
                other.put(arrival)


def test_what_another_process_stores_is_indexed(ingest: Ingest) -> None:
    one = StoreWatch(ingest)
    one.look()
    put_by_another(ingest.store.folder, ct("2.25.30"), deflated("2.25.31"))
    one.look()
    one.look()
    assert stored_uids(ingest) == {"2.25.30", "2.25.31"}
    assert one.indexed == 2
    put_by_another(ingest.store.folder, ct("2.25.32"))
    one.look()
    one.look()
    assert stored_uids(ingest) == {"2.25.30", "2.25.31", "2.25.32"}
    # Deleted, and stored again by the other.
    ingest.index.remove("2.25.30")
    ingest.store.path_of("2.25.30").rename(ingest.store.folder / "elsewhere")
    one.look()
    put_by_another(ingest.store.folder, ct("2.25.30"))
    one.look()
    one.look()
    assert ingest.index.files_known(["2.25.30"])


def test_an_index_that_is_away_for_a_time_misses_nothing(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreIndexError("the database is away", kind="unavailable")

    one = StoreWatch(ingest)
    put_by_another(ingest.store.folder, ct("2.25.30"))
    for name in ("files_known", "add"):
        with monkeypatch.context() as patch:
            patch.setattr(Index, name, away)
            if name == "files_known":
                with pytest.raises(StoreIndexError):
                    one.look()
            else:
                one.look()
                with pytest.raises(StoreIndexError):
                    one.look()
    one.look()
    assert stored_uids(ingest) == {"2.25.30"}


def test_a_file_that_cannot_be_indexed_is_told_once(ingest: Ingest, caplog: pytest.LogCaptureFixture) -> None:
    path = ingest.store.path_of("2.25.40")
    path.parent.mkdir()
    path.write_bytes(b"no DICOM")
    (path.parent / "notes.txt").touch()
    put_by_another(ingest.store.folder, ct("2.25.30"))
    one = StoreWatch(ingest)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            one.look()
    assert [record.getMessage()[:12] for record in caplog.records] == ["2.25.40.dcm "]
    assert ingest.index.files_known(["2.25.30"])


def test_a_file_under_another_name_does_not_stand_for_its_instance(ingest: Ingest) -> None:
    put_by_another(ingest.store.folder, ct("2.25.30"))
    one = StoreWatch(ingest)
    one.look()
    one.look()
    (known,) = ingest.index.known()
    wrong = ingest.store.path_of("2.25.31")
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_bytes(file_bytes(ct("2.25.30", seed=5)))
    one.look()
    one.look()
    assert list(ingest.index.known()) == [known]


class Counting(Polling):
    def __init__(self) -> None:
        super().__init__(seconds=0.001, name="counting")
        self.looks = 0
        self.enough = threading.Event()

    def look(self) -> float:
        self.looks += 1
        if self.looks == 3:
            raise OSError(5, os.strerror(5))
        if self.looks > 8:
            self.enough.set()
            self.check_stopped()
        return 0.0


def test_a_watch_goes_on_after_an_error_and_ends_when_told(caplog: pytest.LogCaptureFixture) -> None:
    one = Counting()
    with one:
        assert one.enough.wait(20)
    with pytest.raises(StoppedError):
        one.check_stopped()
    assert [record.getMessage() for record in caplog.records] == ["counting: OSError: Input/output error"]
