# SPDX-License-Identifier: Apache-2.0
"""The index of a store: where Frames are, held against zlib and the bytes of the file."""

import logging
import os
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from framedeflate.errors import FrameDecodeError, InstanceError, StoreIndexError
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import FRAME, Index, NewInstance, ReindexCounts, describe_instance, reindex
from framedeflate.web.representations import Category
from framedeflate.web.search.attributes import Level
from framedeflate.web.search.query import parse_query
from indexed_files import made_dataset, made_frames, save, save_deflated


def test_the_frame_table_leads_to_the_streams(index_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    stored = save_deflated(made_dataset("1.2", "1.3", "1.4"), path, made_frames(70, 9, 11), 9, 11)
    with Index.open(index_url) as index:
        assert index.was_empty
        index.add([describe_instance(path)])
    with Index.open(index_url) as index:
        assert not index.was_empty
        assert index.cached("1.2", "1.3", "1.4") is None
        found = index.instance("1.2", "1.3", "1.4")
        assert found is not None
        assert index.cached("1.2", "1.3", "1.4") is found
        assert index.instance("1.2", "1.3", "1.5") is index.instance("1.2", "1.4", "1.4") is None
    data = path.read_bytes()
    assert found.nbytes == len(data)
    assert found.stored.category is Category.MULTI_FRAME
    assert found.stored.number_of_frames == 70
    assert found.frames is not None
    assert found.frames.dtype == FRAME
    assert not found.frames.flags.writeable
    for row, (stream, frame) in zip(found.frames, stored, strict=True):
        start = int(row["position"])
        assert data[start : start + int(row["stream_nbytes"])] == stream
        assert int.from_bytes(data[start - 4 : start], "little") == row["item_nbytes"]
        assert (row["adler32"], row["crc32"]) == (zlib.adler32(frame), zlib.crc32(frame))
    assert found.pixel_data is not None
    assert found.pixel_data.position + found.pixel_data.nbytes == len(data)


def test_native_pixels_are_placed(index_url: str, tmp_path: Path) -> None:
    dataset = made_dataset("1.2", "1.3", "1.4", Rows=2, Columns=3, SamplesPerPixel=1, BitsAllocated=8)
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.HighBit = "MONOCHROME2", 8, 7
    dataset.PixelRepresentation, dataset.PixelData = 0, b"abcdef"
    path = save(dataset, tmp_path / "a.dcm")
    with Index.open(index_url) as index:
        index.add([describe_instance(path)])
        found = index.instance("1.2", "1.3", "1.4")
    assert found is not None
    assert found.frames is None
    assert found.pixel_data is not None
    start = found.pixel_data.position
    assert path.read_bytes()[start : start + found.pixel_data.nbytes] == b"abcdef"
    assert found.stored.frame_nbits == 48


def test_what_is_listed_is_in_order_and_what_is_removed_is_gone(index_url: str, tmp_path: Path) -> None:
    with Index.open(index_url) as index:
        for number, (series, sop) in enumerate([("1.3", "1.9"), ("1.3", "1.8"), ("1.1", "1.7")]):
            dataset = made_dataset("1.2", series, sop, InstanceNumber=5 - number, SeriesNumber=len(series))
            one = describe_instance(save(dataset, tmp_path / f"{sop}.dcm"))
            index.add([one])
            index.add([one, one])
        assert [one.sop_instance_uid for one in index.instances("1.2")] == ["1.7", "1.8", "1.9"]
        assert [one.sop_instance_uid for one in index.instances("1.2", "1.3")] == ["1.8", "1.9"]
        assert [uid for uid, _, _ in index.known()] == ["1.7", "1.8", "1.9"]
        assert index.instance("1.2", "1.1", "1.7") is not None
        assert index.remove("1.7")
        assert not index.remove("1.7")
        assert index.instance("1.2", "1.1", "1.7") is None
        index.clear()
        assert index.instances("1.2") == []


def stored(store: InstanceStore, sop: str, **attributes: Any) -> Path:
    """Put an instance in a store."""
    with store.arrival() as arrival:
        save(made_dataset("1.2", "1.3", sop, **attributes), Path(f"{arrival.path}.made"))
        arrival.write(Path(f"{arrival.path}.made").read_bytes())
        Path(f"{arrival.path}.made").unlink()
        return store.put(arrival).path


def test_the_index_is_made_true_to_the_files(index_url: str, tmp_path: Path) -> None:
    with InstanceStore(tmp_path / "store", min_free_nbytes=0) as store, Index.open(index_url) as index:
        for number in range(1, 8):
            stored(store, f"1.4.{number}", InstanceNumber=number)
        broken = store.path_of("1.4.2")
        broken.write_bytes(b"no DICOM")
        stray = store.path_of("1.4.3").with_name("1.9.dcm")
        stray.write_bytes(b"of another shard")
        seen = []
        counts = reindex(store, index, lambda counts: seen.append(counts.files))
        assert (counts.files, counts.added, counts.damaged) == (7, 6, 1)
        assert counts.damaged_uids == ["1.4.2"]
        assert seen == list(range(1, 8))
        assert [one.sop_instance_uid for one in index.instances("1.2")] == [
            f"1.4.{n}" for n in (1, 3, 4, 5, 6, 7)
        ]
        assert index.instance("1.2", "1.3", "1.4.4") is not None
        # One gone, one changed, one that came to be broken, one new.
        store.path_of("1.4.4").unlink()
        save(made_dataset("1.2", "1.3", "1.4.5", InstanceNumber=100), store.path_of("1.4.5"))
        store.path_of("1.4.6").write_bytes(b"no DICOM")
        stored(store, "1.4.8", InstanceNumber=8)
        counts = reindex(store, index)
        assert (counts.added, counts.unchanged, counts.removed, counts.damaged) == (2, 3, 1, 2)
        assert index.instance("1.2", "1.3", "1.4.4") is None
        assert [one.sop_instance_uid for one in index.instances("1.2")] == [
            f"1.4.{n}" for n in (1, 3, 7, 8, 5)
        ]
        assert reindex(store, index, everything=True).added == 5
        # Broken without a sign of it: size and time are as they were.
        path = store.path_of("1.4.7")
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert reindex(store, index).damaged == 2
        assert reindex(store, index, everything=True).damaged == 3
        assert index.instance("1.2", "1.3", "1.4.7") is None
        assert index.count() == 4


@pytest.mark.parametrize("again", [False, True])
def test_files_that_go_while_the_index_is_made_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    with (
        InstanceStore(tmp_path / "store", min_free_nbytes=0) as store,
        Index.open(f"sqlite:///{tmp_path / 'index.sqlite'}") as index,
    ):
        for number in (1, 2):
            stored(store, f"1.4.{number}")
        add = index.add
        seen: list[str] = []

        def deleted_meanwhile(counts: ReindexCounts) -> None:
            if counts.files == 2:
                store.remove("1.4.1")
                if again:
                    path = stored(store, "1.4.1", InstanceNumber=7)
                    add([describe_instance(path)])

        def noted(instances: list[NewInstance], *, replace: bool = False) -> None:
            seen.extend(one.instance.sop_instance_uid for one in instances)
            add(instances, replace=replace)

        monkeypatch.setattr(index, "add", noted)
        reindex(store, index, deleted_meanwhile)
        assert seen == ["1.4.2"]
        assert index.count() == 1 + again
        if again:
            (one, _) = sorted(index.instances("1.2"), key=lambda one: one.sop_instance_uid)
            assert one.etag == describe_instance(store.path_of("1.4.1")).instance.etag


def test_a_database_of_another_version_is_made_anew(index_url: str, tmp_path: Path) -> None:
    one = describe_instance(save(made_dataset("1.2", "1.3", "1.4"), tmp_path / "a.dcm"))
    with Index.open(index_url) as index:
        index.add([one])
    engine = create_engine(index_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE framedeflate_schema SET version = 0"))
    engine.dispose()
    with Index.open(index_url) as index:
        assert index.was_empty
        assert list(index.known()) == []
        index.add([one])
    with Index.open(index_url) as index:
        assert not index.was_empty
        assert index.instance("1.2", "1.3", "1.4") is not None


def test_threads_and_processes_write_at_the_same_time(index_url: str, tmp_path: Path) -> None:
    made = [
        describe_instance(
            save(made_dataset(f"1.2.{n % 3}", f"1.3.{n % 5}", f"1.4.{n}"), tmp_path / f"{n}.dcm")
        )
        for n in range(30)
    ]
    # Two indexes stand for two processes: they share nothing but the database.
    with Index.open(index_url) as first, Index.open(index_url) as second, ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(index.add, made[n : n + 5])
            for n in range(0, 30, 5)
            for index in (first, second, first)
        ]
        for job in jobs:
            job.result(timeout=60)
        assert len(list(first.known())) == 30
        for n in range(3):
            there = {one.sop_instance_uid for one in second.instances(f"1.2.{n}")}
            assert there == {f"1.4.{m}" for m in range(n, 30, 3)}


def test_instances_arrive_while_the_index_is_made_anew(index_url: str, tmp_path: Path) -> None:
    with InstanceStore(tmp_path / "store", min_free_nbytes=0) as store, Index.open(index_url) as index:
        for number in range(20):
            stored(store, f"1.4.{number}")

        def arrive(_counts: object) -> None:
            # Each file that is looked at brings another, indexed by who put it there.
            number = len(arrived)
            arrived.append(number)
            path = stored(store, f"1.5.{number}")
            index.add([describe_instance(path)])

        arrived: list[int] = []
        counts = reindex(store, index, arrive, everything=True)
        assert counts.damaged == counts.removed == 0
        there = {uid for uid, _, _ in index.known()}
        assert there == {f"1.4.{n}" for n in range(20)} | {f"1.5.{n}" for n in range(len(arrived))}
        assert len(arrived) >= 20


def test_the_least_uid_speaks_for_its_study(index_url: str, tmp_path: Path) -> None:
    made = [
        describe_instance(
            save(made_dataset("1.2", "1.3", sop, PatientID=f"P{sop}", Modality="CT"), tmp_path / f"{sop}.dcm")
        )
        for sop in ("1.4.5", "1.4.3", "1.4.9")
    ]

    def speakers(index: Index) -> list[str]:
        found = index.search(parse_query(Level.STUDY, "PatientID=*")).matches
        (speaker,) = [one.attributes["00100020"]["Value"][0] for one in found]
        assert index.search(parse_query(Level.STUDY, f"PatientID={speaker}")).total == 1
        return [speaker]

    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        with Index.open(index_url) as index:
            index.clear()
            for number in order:
                index.add([made[number]])
            assert speakers(index) == ["P1.4.3"]
            index.remove("1.4.3")
            assert speakers(index) == ["P1.4.5"]
            index.remove("1.4.5")
            index.remove("1.4.9")
            assert index.search(parse_query(Level.STUDY, "")).total == 0


def test_a_full_disk_is_an_error_and_no_loss(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    save_deflated(made_dataset("1.2", "1.3", "1.5"), path, made_frames(4000, 1, 8), 1, 8)
    small = describe_instance(save(made_dataset("1.2", "1.3", "1.4"), tmp_path / "b.dcm"))
    with Index.open(f"sqlite:///{tmp_path / 'index.sqlite'}") as index:
        index.add([small])
        engine = index._database.engine  # as many pages as there are, and no more
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreIndexError) as caught:
            index.add([describe_instance(path)])
        assert caught.value.kind == "full"
        assert [uid for uid, _, _ in index.known()] == ["1.4"]
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        index.add([describe_instance(path)])
        found = index.instance("1.2", "1.3", "1.5")
        assert found is not None
        assert found.frames is not None
        assert len(found.frames) == 4000


def test_what_is_no_index_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"no database" * 100)
    for url, kind in (
        (f"sqlite:///{path}", "damaged"),
        ("mysql://x", "url"),
        ("nonsense", "url"),
        (f"sqlite:///{tmp_path}/missing/index.sqlite", "unavailable"),
        (f"postgresql+psycopg://x@/x?host={tmp_path}", "unavailable"),
    ):
        with pytest.raises(StoreIndexError) as caught:
            Index.open(url)
        assert caught.value.kind == kind, url


def test_a_frame_that_does_not_inflate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    frames = [*made_frames(3, 9, 11), bytes(12)]
    save_deflated(made_dataset("1.2", "1.3", "1.4"), path, frames, 9, 11)
    with pytest.raises(FrameDecodeError) as caught:
        describe_instance(path)
    assert (caught.value.frame_number, caught.value.kind) == (4, "short-output")


def test_an_instance_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstanceError) as caught:
        describe_instance(save(made_dataset("", "1.3", "1.4"), tmp_path / "a.dcm"))
    assert caught.value.kind == "no-uid"


def test_no_error_of_a_database_shows_a_value(
    index_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = describe_instance(save(made_dataset("1.2", "1.3", "1.4", PatientID="SECRET"), tmp_path / "a.dcm"))
    with Index.open(index_url) as index:
        engine = create_engine(index_url)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE study_values RENAME TO gone"))
        engine.dispose()
        query = parse_query(Level.STUDY, "PatientID=SECRET")
        for fails in (lambda: index.add([one]), lambda: index.search(query)):
            with pytest.raises(StoreIndexError) as caught:
                fails()
            assert "SECRET" not in "".join(traceback.format_exception(caught.value))
        assert list(index.known()) == []
    assert "SECRET" not in caplog.text
