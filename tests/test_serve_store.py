# SPDX-License-Identifier: Apache-2.0
"""Store over HTTP, by clients that others wrote; and a server that is killed while many upload."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pydicom
import pytest
import requests
from pydicom.dataset import Dataset

pytest.importorskip("sqlalchemy")
pytest.importorskip("uvicorn")
from cli_runner import run_command
from receiving import ct, deflated, masks, segmentation
from receiving import report as sr_report
from store_payloads import Part, dicom_part, file_bytes, json_part, metadata_of, multipart
from store_server import (
    MULTIPART,
    check_all_there_is,
    instance_path,
    many,
    serve_process,
    unfinished,
    upload_until,
)
from web_server import running_server

STUDIES = "/dicomweb/studies"
JSON = "application/dicom+json"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    with running_server(store, max_parts=50) as url:
        yield url


def stored(store: Path, uid: str) -> bytes:
    (path,) = store.glob(f"??/{uid}.dcm")
    return path.read_bytes()


def wait_until_nothing_is_unfinished(store: Path) -> None:
    deadline = time.monotonic() + 20
    while unfinished(store) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert unfinished(store) == []


def post(url: str, parts: list[Part], path: str = STUDIES, **headers: str) -> httpx.Response:
    return httpx.post(url + path, content=multipart(parts), headers={**MULTIPART, **headers}, timeout=60)


def test_dicomweb_client_stores_and_gets_back_what_it_sent(url: str, store: Path) -> None:
    client = pytest.importorskip("dicomweb_client").DICOMwebClient(url + "/dicomweb")
    datasets = [deflated("2.25.101"), ct("2.25.102"), sr_report("2.25.103")]
    report = client.store_instances(datasets)
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [
        "2.25.101",
        "2.25.102",
        "2.25.103",
    ]
    assert "FailedSOPSequence" not in report
    # As the client wrote it: by pydicom, without a preamble, which no Dataset made in memory has.
    for dataset in datasets:
        sent = Dataset()
        sent.update(dataset)
        got = pydicom.dcmread(next(store.glob(f"??/{dataset.SOPInstanceUID}.dcm")))
        assert got == sent
        assert got.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
        assert got.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        pydicom.dataset.validate_file_meta(got.file_meta)
    again = client.store_instances(datasets)
    assert len(again.ReferencedSOPSequence) == 3
    back = client.retrieve_instance(
        "2.25.10", "2.25.11", "2.25.101", media_types=(("application/dicom", "*"),)
    )
    assert back.PixelData == datasets[0].PixelData


def test_requests_toolbelt_and_httpx_stream_their_payloads(url: str, store: Path, tmp_path: Path) -> None:
    from requests_toolbelt import MultipartEncoder

    data = file_bytes(deflated("2.25.111"))
    (tmp_path / "one.dcm").write_bytes(data)
    with (tmp_path / "one.dcm").open("rb") as file:
        encoder = MultipartEncoder({"one": ("one.dcm", file, "application/dicom")})
        kind = f'multipart/related; type="application/dicom"; boundary={encoder.boundary_value}'
        answer = requests.post(url + STUDIES, data=encoder, headers={"Content-Type": kind}, timeout=60)
    assert answer.status_code == 200
    assert stored(store, "2.25.111") == data

    payload = multipart([dicom_part(deflated("2.25.112"))])
    pieces = (payload[at : at + 777] for at in range(0, len(payload), 777))
    assert httpx.post(url + STUDIES, content=pieces, headers=MULTIPART, timeout=60).status_code == 200
    assert stored(store, "2.25.112") == file_bytes(deflated("2.25.112"))


def test_what_the_answer_says(url: str) -> None:
    whole, broken = ct("2.25.121"), deflated("2.25.122")
    broken.NumberOfFrames = "9"
    broken.file_meta.MediaStorageSOPClassUID = broken.SOPClassUID
    answer = post(url, [dicom_part(whole), dicom_part(broken), Part(b"?")])
    assert (answer.status_code, answer.headers["content-type"]) == (202, JSON)
    assert answer.headers["location"] == f"{url}{STUDIES}/2.25.10"
    report = Dataset.from_json(answer.text)
    assert report.ReferencedSOPSequence[0].RetrieveURL == url + instance_path("2.25.121")
    assert report.FailedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.122"
    assert report.FailedSOPSequence[0].FailureReason == 0xC001
    assert report.OtherFailuresSequence[0].FailureReason == 0xC000
    for accept, kind in {
        "application/dicom+xml": "application/dicom+xml",
        'multipart/related; type="application/dicom+xml"': "application/dicom+xml",
        "application/dicom+xml;q=0.2, application/dicom+json": JSON,
        "*/*": JSON,
        "image/png": JSON,
    }.items():
        assert post(url, [dicom_part(whole)], Accept=accept).headers["content-type"] == kind


def test_one_instance_without_parts_and_metadata_with_bulk_data(url: str, store: Path) -> None:
    data = file_bytes(deflated("2.25.131"))
    answer = httpx.post(url + STUDIES, content=data, headers={"Content-Type": "application/dicom"})
    assert answer.status_code == 200
    assert stored(store, "2.25.131") == data
    dataset = ct("2.25.132")
    parts = [
        json_part(metadata_of(dataset, bulk={"PixelData": "here"})),
        Part(dataset.PixelData, "application/octet-stream", "here"),
    ]
    kind = f'multipart/related; type="{JSON}"; boundary="a boundary"'
    assert post(url, parts, **{"Content-Type": kind}).status_code == 200
    assert pydicom.dcmread(next(store.glob("??/2.25.132.dcm"))).PixelData == dataset.PixelData


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, f"{STUDIES}/2.25.99", 409),
        ({}, f"{STUDIES}/..%2f..%2fetc", 404),
        ({}, f"{STUDIES}/no-uid", 400),
        ({"Content-Encoding": "gzip"}, STUDIES, 415),
        ({"Content-Type": "application/zip"}, STUDIES, 415),
        ({"Content-Type": 'multipart/related; type="image/png"; boundary="a boundary"'}, STUDIES, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, STUDIES, 415),
        ({"Content-Type": "application/dicom+json"}, STUDIES, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, STUDIES, 400),
        ({"Content-Type": "multipart/related; type=application/dicom; boundary=other"}, STUDIES, 400),
        ({"Content-Type": "?"}, STUDIES, 400),
    ],
)
def test_what_is_refused(url: str, store: Path, headers: dict[str, str], path: str, status: int) -> None:
    answer = post(url, [dicom_part(ct("2.25.141"))], path, **headers)
    assert answer.status_code == status
    assert not list(store.glob("??/2.25.141.dcm"))
    wait_until_nothing_is_unfinished(store)


def test_more_parts_than_the_limit(url: str, store: Path) -> None:
    answer = post(url, [Part(b"x")] * 51)
    assert answer.status_code == 413
    assert unfinished(store) == []


def test_a_server_that_only_reads_has_no_store(tmp_path: Path) -> None:
    with running_server(tmp_path, read_only=True) as url:
        assert post(url, [dicom_part(ct())]).status_code in {404, 405}


@pytest.mark.parametrize("how", ["gone", "cut", "reset"])
def test_a_client_that_goes_leaves_nothing_half(url: str, store: Path, how: str) -> None:
    uid = f"2.25.15{len(how)}"
    payload = multipart([dicom_part(ct(f"{uid}1")), dicom_part(deflated(f"{uid}2", masks(5, frames=200)))])
    host, _, port = url.removeprefix("http://").partition(":")
    length = len(payload) if how != "cut" else len(payload) - 100
    head = (
        f"POST {STUDIES} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {length}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n"
    )
    with closing(socket.create_connection((host, int(port)), timeout=20)) as connection:
        connection.sendall(head.encode() + payload[:-100])
        if how == "cut":
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 202 ")
        elif how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until_nothing_is_unfinished(store)
    assert not list(store.glob(f"??/{uid}2.dcm"))


def test_killed_while_200_upload(tmp_path: Path) -> None:
    sent = many(200)
    store = tmp_path / "store"
    with serve_process(store) as server:
        acknowledged = upload_until(server.url, sent, 40, server.kill)
    assert 40 <= len(acknowledged) < 200
    with serve_process(store) as server:
        server.event("indexed")
        check_all_there_is(server, store, sent, acknowledged)
        assert server.stop() == 0


def test_a_full_disk_is_an_error_and_no_loss(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    store = tmp_path / "store"
    small, large = many(3), many(1, frames=900)["2.25.100000"].replace(b"2.25.100000", b"2.25.200000")
    limit = 300_000

    def no_larger_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    assert len(large) > limit > max(map(len, small.values()))
    with serve_process(store, before=no_larger_files) as server:
        first, *others = small.items()
        assert post(server.url, [Part(first[1])]).status_code == 200
        answer = post(server.url, [Part(large)])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert Dataset.from_json(answer.text).FailedSOPSequence[0].FailureReason == 0xA700
        assert post(server.url, [Part(data) for _, data in others]).status_code == 200
        check_all_there_is(server, store, small, set(small))
        assert server.stop() == 0


def test_what_a_receiver_stores_beside_it_is_served(tmp_path: Path) -> None:
    pytest.importorskip("pynetdicom")
    from framedeflate.dimse.receiver import Receiver
    from framedeflate.instance_store import InstanceStore
    from receiving import Running

    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (incoming / "one.dcm").write_bytes(file_bytes(deflated("2.25.302")))
    store = tmp_path / "store"
    with serve_process(store, "--watch", str(incoming)) as server:
        server.event("indexed")
        with InstanceStore(store, min_free_nbytes=1) as instances, Receiver(instances) as receiver:
            _host, port = receiver.start()
            running = Running(port, store, instances, receiver)
            assert running.send(segmentation("2.25.301")) == 0
        server.event("stored")
        deadline = time.monotonic() + 30
        with httpx.Client(timeout=60, headers={"Accept": "application/dicom; transfer-syntax=*"}) as client:
            for uid in ("2.25.301", "2.25.302"):
                while (answer := client.get(server.url + instance_path(uid))).status_code == 404:
                    assert time.monotonic() < deadline, "never indexed"
                    time.sleep(0.1)
                assert answer.content == stored(store, uid)
        assert server.stop() == 0


def test_uploads_at_once_with_either_index(index_url: str, tmp_path: Path) -> None:
    sent = many(24)
    with running_server(tmp_path / "store", index_url=index_url) as url:
        assert upload_until(url, sent, 999, lambda: None, at_once=12) == set(sent)
        with httpx.Client(timeout=60, headers={"Accept": "application/dicom; transfer-syntax=*"}) as client:
            for uid, data in sent.items():
                assert client.get(url + instance_path(uid)).content == data


@pytest.mark.parametrize(("folder", "said"), [("nowhere", "no such folder"), ("store", "must lie apart")])
def test_a_folder_that_cannot_be_watched(
    folder: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run_command(capsys, "serve", tmp_path / "store", "--port", "0", "--watch", tmp_path / folder)
    assert ran.code == 1
    assert said in ran.err
    assert ran.out == ""
