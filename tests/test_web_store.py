# SPDX-License-Identifier: Apache-2.0
"""A Store's payload, from bytes to files and index; no sockets."""

import io
import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

pytest.importorskip("sqlalchemy")
from framedeflate.errors import StoreIndexError
from framedeflate.instance_store import Arrival, InstanceStore
from framedeflate.web.index import Index
from framedeflate.web.ingest import Ingest, StoreLimits, StoreReport, StoreTransaction
from framedeflate.web.ingest.failure_reasons import FAILURE_REASONS
from framedeflate.web.store_request import StoreRequest
from receiving import (
    DEFLATED,
    ct,
    deflated,
    files_of,
    masks,
    packed,
    raw_deflate,
    segmentation,
    stored_pixels,
)
from receiving import report as sr_report
from store_payloads import Part, dicom_part, file_bytes, multipart

BOUNDARY = "a boundary"
ROOT = "http://there/dicomweb"
MIB = 1 << 20


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with (
        InstanceStore(tmp_path / "store", min_free_nbytes=MIB, max_object_nbytes=8 * MIB) as store,
        Index.open(f"sqlite:///{tmp_path}/index.sqlite") as index,
    ):
        yield Ingest(store, index)


def send(
    ingest: Ingest,
    payload: bytes | Iterable[bytes],
    *,
    media_type: str = "application/dicom",
    boundary: str | None = BOUNDARY,
    study: str | None = None,
    limits: StoreLimits | None = None,
) -> StoreReport:
    request = StoreRequest(media_type, boundary)
    with closing(StoreTransaction(ingest, request, study_instance_uid=study, limits=limits)) as transaction:
        for piece in [payload] if isinstance(payload, bytes) else payload:
            transaction.feed(piece)
        return transaction.finish()


def test_what_the_index_refuses_of_one_is_not_the_others_failure(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, begun, go_on = ingest.index.add, threading.Event(), threading.Event()

    def refuses(instances: list[Any], *, replace: bool = False) -> None:
        uids = {one.instance.sop_instance_uid for one in instances}
        if uids == {"2.25.60"}:
            begun.set()
            assert go_on.wait(20)
        if "2.25.62" in uids:
            raise StoreIndexError("no", kind="failed")
        add(instances, replace=replace)

    monkeypatch.setattr(ingest.index, "add", refuses)
    reports: dict[str, StoreReport] = {}

    def store(uid: str) -> None:
        reports[uid] = send(ingest, multipart([dicom_part(ct(uid))]))

    threads = [threading.Thread(target=store, args=(f"2.25.{number}",)) for number in range(60, 64)]
    threads[0].start()
    assert begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    deadline = time.monotonic() + 20
    while len(ingest._commits._queue) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert {uid: len(report.stored) for uid, report in reports.items()} == {
        "2.25.60": 1,
        "2.25.61": 1,
        "2.25.62": 0,
        "2.25.63": 1,
    }


def reasons(report: StoreReport) -> list[int]:
    """Failure Reasons of instances, as pydicom reads the report."""
    module = Dataset.from_json(report.json(ROOT).decode())
    return [item.FailureReason for item in module.get("FailedSOPSequence", [])]


def other_reasons(report: StoreReport) -> list[int]:
    module = Dataset.from_json(report.json(ROOT).decode())
    return [item.FailureReason for item in module.get("OtherFailuresSequence", [])]


def unfinished(ingest: Ingest) -> list[Path]:
    return files_of(ingest.store.folder / ".arriving")


def stored_uids(ingest: Ingest) -> set[str]:
    """UIDs of the files and of the index, which must be the same."""
    files = {path.stem for path in ingest.store.folder.glob("??/*.dcm")}
    assert {uid for uid, _, _ in ingest.index.known()} == files
    assert unfinished(ingest) == []
    return files


@pytest.mark.parametrize("cut", [1, 7, 1000, 1 << 20])
def test_files_arrive_as_they_were_sent_however_they_are_cut(ingest: Ingest, cut: int) -> None:
    datasets = [deflated("2.25.4"), ct("2.25.2"), sr_report("2.25.3")]
    payload = multipart([dicom_part(one) for one in datasets])
    report = send(ingest, (payload[at : at + cut] for at in range(0, len(payload), cut)))
    assert report.status == 200
    assert stored_uids(ingest) == {"2.25.2", "2.25.3", "2.25.4"}
    for one in datasets:
        assert ingest.store.path_of(one.SOPInstanceUID).read_bytes() == file_bytes(one)
    module = Dataset.from_json(report.json(ROOT).decode())
    assert module.RetrieveURL == f"{ROOT}/studies/2.25.10"
    assert [item.ReferencedSOPInstanceUID for item in module.ReferencedSOPSequence] == [
        "2.25.4",
        "2.25.2",
        "2.25.3",
    ]
    first = module.ReferencedSOPSequence[0]
    assert first.ReferencedSOPClassUID == datasets[0].SOPClassUID
    assert first.RetrieveURL == f"{ROOT}/studies/2.25.10/series/2.25.11/instances/2.25.4"
    indexed = ingest.index.instance("2.25.10", "2.25.11", "2.25.4")
    assert indexed is not None
    assert indexed.frames is not None
    assert [int(one) for one in indexed.frames["adler32"]] == [
        zlib.adler32(packed(frame)) for frame in masks(4)
    ]


def test_a_mask_is_deflated_on_its_way_in_as_by_dimse(ingest: Ingest) -> None:
    assert send(ingest, multipart([dicom_part(segmentation("2.25.1"))])).status == 200
    path = ingest.store.path_of("2.25.1")
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == DEFLATED
    assert np.array_equal(stored_pixels(path), masks())


def test_one_instance_may_be_the_whole_payload(ingest: Ingest) -> None:
    data = file_bytes(deflated())
    assert send(ingest, [data[:100], data[100:]], boundary=None).status == 200
    assert ingest.store.path_of("2.25.4").read_bytes() == data


def without_preamble(dataset: Dataset) -> bytes:
    """As clients send it that call pydicom's dcmwrite: no preamble, and of the meta group what is there."""
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    data = out.getvalue()
    assert data[:2] == b"\x02\0"
    return data


def test_a_file_without_preamble_becomes_one_as_ps3_10_has_it(ingest: Ingest) -> None:
    broken = broken_frame()
    data = multipart([Part(without_preamble(one)) for one in (deflated(), ct(), broken)])
    report = send(ingest, (data[at : at + 3] for at in range(0, len(data), 3)))
    assert (report.status, reasons(report)) == (202, [0xC002])
    assert report.failed[0].sop_instance_uid == broken.SOPInstanceUID
    for dataset in (deflated(), ct()):
        got = pydicom.dcmread(ingest.store.path_of(dataset.SOPInstanceUID))
        assert got.preamble == bytes(128)
        pydicom.dataset.validate_file_meta(got.file_meta)
        assert got.file_meta.FileMetaInformationGroupLength
        assert got.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID
        assert got.PixelData == dataset.PixelData
    assert stored_uids(ingest) == {"2.25.4", "2.25.2"}


def test_the_same_again_is_a_success_and_another_under_its_uid_is_none(ingest: Ingest) -> None:
    data = multipart([dicom_part(deflated())])
    assert [send(ingest, data).status for _ in range(2)] == [200, 200]
    before = ingest.store.path_of("2.25.4").read_bytes()
    other = deflated("2.25.4", masks(9))
    report = send(ingest, multipart([dicom_part(other), dicom_part(ct())]))
    assert (report.status, reasons(report)) == (202, [0x0111])
    assert ingest.store.path_of("2.25.4").read_bytes() == before
    assert send(ingest, multipart([dicom_part(other)])).status == 409
    assert stored_uids(ingest) == {"2.25.4", "2.25.2"}


def test_what_was_placed_and_not_indexed_is_indexed_when_it_comes_again(ingest: Ingest) -> None:
    with ingest.arrival() as arrival:
        arrival.write(file_bytes(deflated()))
        ingest.place(arrival)
    assert list(ingest.index.known()) == []
    assert send(ingest, multipart([dicom_part(deflated())])).status == 200
    assert stored_uids(ingest) == {"2.25.4"}


def test_an_instance_of_another_study_than_the_url_is_not_stored(ingest: Ingest) -> None:
    other = ct("2.25.5")
    other.StudyInstanceUID = "2.25.99"
    report = send(ingest, multipart([dicom_part(ct()), dicom_part(other)]), study="2.25.10")
    assert (report.status, reasons(report)) == (202, [0xC005])
    assert stored_uids(ingest) == {"2.25.2"}
    assert send(ingest, multipart([dicom_part(other)]), study="2.25.10").status == 409


def edited(dataset: Dataset, **values: Any) -> Dataset:
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def broken_frame() -> Dataset:
    dataset = deflated("2.25.6")
    frames = [raw_deflate(packed(frame)) for frame in masks(4)]
    frames[2] = raw_deflate(packed(masks(4)[2])[:-1])
    dataset.PixelData = encapsulate(frames)
    return dataset


def bomb() -> Dataset:
    dataset = deflated("2.25.7")
    dataset.PixelData = encapsulate(
        [raw_deflate(bytes(64 * MIB)), *[raw_deflate(packed(f)) for f in masks(4)[1:]]]
    )
    return dataset


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (broken_frame(), 0xC002),
        (bomb(), 0xC002),
        (edited(deflated("2.25.8"), NumberOfFrames="6"), 0xC001),
        (edited(ct("2.25.8"), PixelData=bytes(16)), 0xC001),
        (edited(ct("2.25.8"), StudyInstanceUID=None), 0xC004),
        (edited(ct("2.25.8"), SeriesInstanceUID=""), 0xC004),
        (edited(ct("2.25.8"), SamplesPerPixel=4), 0xA902),
    ],
)
def test_what_is_wrong_with_an_instance_is_said_of_it_and_the_others_are_stored(
    ingest: Ingest, dataset: Dataset, reason: int
) -> None:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    report = send(
        ingest, multipart([dicom_part(ct("2.25.20")), dicom_part(dataset), dicom_part(sr_report())])
    )
    assert (report.status, reasons(report), other_reasons(report)) == (202, [reason], [])
    module = Dataset.from_json(report.json(ROOT).decode())
    assert module.FailedSOPSequence[0].ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert stored_uids(ingest) == {"2.25.20", "2.25.3"}


def test_parts_that_are_no_instances_are_other_failures(ingest: Ingest) -> None:
    parts = [Part(b"no DICOM"), Part(b"{}", "application/json"), Part(b""), dicom_part(ct())]
    report = send(ingest, multipart(parts))
    assert (report.status, other_reasons(report)) == (202, [0xC000, 0xC006, 0xC000])
    assert stored_uids(ingest) == {"2.25.2"}
    assert send(ingest, multipart(parts[:3])).status == 409


def test_a_cut_instance_is_none(ingest: Ingest) -> None:
    data = file_bytes(ct())
    report = send(ingest, multipart([Part(data[:-10])]))
    assert (report.status, reasons(report)) == (409, [0xC001])
    assert stored_uids(ingest) == set()


@pytest.mark.parametrize("end", [-1, -2, -12, -300])
def test_a_payload_that_breaks_off_keeps_what_was_whole(ingest: Ingest, end: int) -> None:
    payload = multipart([dicom_part(ct("2.25.20")), dicom_part(ct("2.25.21"))])
    payload = payload.removesuffix(b"--\r\n")
    report = send(ingest, payload[:end])
    assert (report.status, other_reasons(report)) == (202, [0xC007])
    assert stored_uids(ingest) in ({"2.25.20"}, {"2.25.20", "2.25.21"})
    assert {one.sop_instance_uid for one in report.stored} == stored_uids(ingest)


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"", 400),
        (b"no boundary at all", 400),
        (b"--a boundary--\r\n", 400),
        (b"--a boundary\r\nContent-Type", 400),
        (multipart([Part(b"x" * 10)])[:-8], 400),
    ],
)
def test_a_payload_that_cannot_be_read(ingest: Ingest, payload: bytes, status: int) -> None:
    report = send(ingest, payload)
    assert report.status == status
    assert report.stored == []
    assert stored_uids(ingest) == set()


def test_more_parts_than_the_limit(ingest: Ingest) -> None:
    parts = [dicom_part(ct(f"2.25.{number}")) for number in range(30, 34)]
    payload = multipart(parts)
    pieces = (payload[at : at + 100] for at in range(0, len(payload), 100))
    report = send(ingest, pieces, limits=StoreLimits(parts=3))
    assert (report.status, other_reasons(report)) == (202, [0xA701])
    assert len(stored_uids(ingest)) == len(report.stored) in {2, 3}


def test_an_instance_larger_than_the_limit(ingest: Ingest) -> None:
    large = file_bytes(edited(ct("2.25.22"), PixelData=bytes(9 * MIB)))
    payload = multipart([Part(large)])
    report = send(ingest, (payload[at : at + MIB] for at in range(0, len(payload), MIB)))
    assert (report.status, reasons(report)) == (413, [0xA701])
    assert stored_uids(ingest) == set()


def test_a_full_disk_is_an_error_and_loses_nothing(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(ingest, multipart([dicom_part(ct("2.25.20"))])).status == 200
    write = Arrival.write

    def full(self: Arrival, data: Any) -> None:
        if self.nbytes + len(data) > 400:
            raise OSError(28, os.strerror(28))
        write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Arrival, "write", full)
        report = send(ingest, multipart([dicom_part(ct("2.25.21")), dicom_part(ct("2.25.22"))]))
    assert report.status == 503
    assert reasons(report) + other_reasons(report) == [0xA700, 0xA700]
    assert stored_uids(ingest) == {"2.25.20"}
    assert send(ingest, multipart([dicom_part(ct("2.25.21"))])).status == 200


def test_1000_tiny_parts(ingest: Ingest) -> None:
    data = file_bytes(sr_report("2.25.7000"))
    parts = [Part(b"%d" % number, "text/plain") for number in range(1000)]
    for number in range(0, 1000, 100):
        parts[number] = Part(data.replace(b"2.25.7000", b"2.25.%d" % (7000 + number)))
    report = send(ingest, multipart(parts))
    assert (report.status, len(report.stored), other_reasons(report)) == (202, 10, [0xC006] * 990)
    assert len(stored_uids(ingest)) == 10


def test_uploads_of_one_instance_at_once_are_stored_once(ingest: Ingest) -> None:
    payload = multipart([dicom_part(deflated()), dicom_part(ct())])
    reports: list[StoreReport] = []
    threads = [threading.Thread(target=lambda: reports.append(send(ingest, payload))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in reports] == [200] * 6
    assert stored_uids(ingest) == {"2.25.4", "2.25.2"}


def test_a_client_that_goes_leaves_nothing_behind(ingest: Ingest) -> None:
    payload = multipart([dicom_part(ct()), dicom_part(deflated())])
    with closing(StoreTransaction(ingest, StoreRequest("application/dicom", BOUNDARY))) as transaction:
        transaction.feed(payload[:-200])
        assert len(unfinished(ingest)) == 1
    assert unfinished(ingest) == []
    assert stored_uids(ingest) == {"2.25.2"}


def test_the_report_as_xml(ingest: Ingest) -> None:
    from xml.etree import ElementTree

    report = send(ingest, multipart([dicom_part(ct()), dicom_part(broken_frame()), Part(b"?")]))
    root = ElementTree.fromstring(report.xml(ROOT))  # noqa: S314
    assert root.tag.rpartition("}")[2] == "NativeDicomModel"

    def values(parent: Any) -> dict[str, Any]:
        return {one.get("keyword"): [item.text or values(item) for item in one] for one in parent if len(one)}

    assert values(root) == {
        "RetrieveURL": [f"{ROOT}/studies/2.25.10"],
        "FailedSOPSequence": [
            {
                "ReferencedSOPClassUID": [broken_frame().SOPClassUID],
                "ReferencedSOPInstanceUID": ["2.25.6"],
                "FailureReason": ["49154"],
            }
        ],
        "ReferencedSOPSequence": [
            {
                "ReferencedSOPClassUID": [ct().SOPClassUID],
                "ReferencedSOPInstanceUID": ["2.25.2"],
                "RetrieveURL": [f"{ROOT}/studies/2.25.10/series/2.25.11/instances/2.25.2"],
            }
        ],
        "OtherFailuresSequence": [{"FailureReason": ["49152"]}],
    }


@pytest.mark.parametrize("name", FAILURE_REASONS)
def test_the_table_of_failure_reasons_is_the_code_s(name: str) -> None:
    row = FAILURE_REASONS[name]
    document = Path(__file__).parents[1] / "docs" / "dicomweb.md"
    assert f"| {row.code:04X} | {row.meaning} | {row.comment} |" in document.read_text(encoding="utf-8")
    assert len(row.comment) <= 64


WHOLE = multipart(
    [dicom_part(deflated("2.25.50")), dicom_part(ct("2.25.51")), dicom_part(sr_report("2.25.52"))]
)


@settings(max_examples=settings().max_examples // 6)
@given(st.data())
def test_any_payload_is_answered_and_what_is_stored_is_acknowledged(data: st.DataObject) -> None:
    payload = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(payload) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert", "drop", "repeat"])):
            case "set":
                payload[at] = data.draw(st.integers(0, 255))
            case "cut":
                del payload[at + 1 :]
            case "insert":
                payload[at:at] = data.draw(
                    st.sampled_from([b"\r\n--a boundary\r\n", b"--", b"\0" * 9, b"\r\n\r\n"])
                )
            case "drop":
                del payload[at : at + data.draw(st.integers(1, 300))]
                payload = payload or bytearray(b"-")
            case "repeat":
                payload[at:at] = payload[max(0, at - 500) : at]
    cut = data.draw(st.sampled_from([1 << 20, 1000, 333]))
    with (
        TemporaryDirectory() as folder,
        InstanceStore(Path(folder) / "store", min_free_nbytes=1) as store,
        Index.open(f"sqlite:///{folder}/index.sqlite") as index,
    ):
        ingest = Ingest(store, index)
        report = send(ingest, (bytes(payload[at : at + cut]) for at in range(0, len(payload), cut)))
        assert report.status in {200, 202, 400, 409, 413}
        assert {one.sop_instance_uid for one in report.stored} == stored_uids(ingest)
        Dataset.from_json(report.json(ROOT).decode())
