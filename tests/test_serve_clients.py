# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote, on the server: dicomweb-client and its command, curl, requests, httpx, pydicom."""

import io
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests

pytest.importorskip("httpx")
pytest.importorskip("starlette")
pytest.importorskip("dicomweb_client")
import httpx
from dicomweb_client.web import DICOMwebClient

import framedeflate.pydicom_plugin as plugin
from dimse_peers import installed
from framedeflate.web.conformance.made_samples import NAME, RunUids, made_samples, with_uid
from framedeflate.web.conformance.samples import Sample
from web_server import put_in_store, running_server

plugin.register()

EXPLICIT, FRAMES = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.8.1"
DEFLATED_ROLES = ("bits", "labels", "colour", "single")
NATIVE_ROLES = ("native", "native-bits", "native-frames")
UIDS = RunUids.new()


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    return made_samples(UIDS)


@pytest.fixture(scope="module")
def root(samples: dict[str, Sample], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with all samples in its store; its service root."""
    folder = tmp_path_factory.mktemp("served")
    for role, sample in samples.items():
        (folder / f"{role}.dcm").write_bytes(sample.file)
    put_in_store(folder / "store", *sorted(folder.glob("*.dcm")))
    with running_server(folder / "store", allow_delete=True) as base_url:
        yield f"{base_url}/dicomweb"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as opened:
        yield opened


@pytest.fixture
def client(root: str) -> Iterator[DICOMwebClient]:
    with requests.Session() as session:
        yield DICOMwebClient(root, session=session)


def uids(sample: Sample) -> tuple[str, str, str]:
    return sample.study, sample.series, sample.uid


def pixels(sample: Sample) -> Any:
    return pydicom.dcmread(io.BytesIO(sample.file)).pixel_array


def numbers(sample: Sample) -> list[int]:
    return list(range(1, len(sample.frames) + 1))


# dicomweb-client


def test_search_finds_studies_series_and_instances(
    client: DICOMwebClient, samples: dict[str, Sample]
) -> None:
    [study] = client.search_for_studies(search_filters={"StudyInstanceUID": UIDS.study})
    assert study["00100010"]["Value"][0]["Alphabetic"] == NAME
    [again] = client.search_for_studies(
        search_filters={"PatientID": UIDS.patient_id}, fields=["StudyDescription"]
    )
    assert again["0020000D"] == study["0020000D"]
    assert again["00081030"]["Value"]
    series = client.search_for_series(UIDS.study)
    assert {one["0020000E"]["Value"][0] for one in series} == {sample.series for sample in samples.values()}
    everything = client.search_for_instances(UIDS.study)
    assert {one["00080018"]["Value"][0] for one in everything} == {sample.uid for sample in samples.values()}
    paged = client.search_for_instances(UIDS.study, limit=3, get_remaining=True)
    assert len(paged) == len(samples)
    wanted = samples["bits"]
    [found] = client.search_for_instances(
        UIDS.study, search_filters={"SOPClassUID": wanted.sop_class, "Modality": "SEG"}
    )
    assert found["00080018"]["Value"] == [wanted.uid]
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


@pytest.mark.parametrize("role", [*DEFLATED_ROLES, *NATIVE_ROLES, "data-set", "implicit"])
def test_an_instance_comes_in_explicit_vr(
    role: str, client: DICOMwebClient, samples: dict[str, Sample]
) -> None:
    dataset = client.retrieve_instance(*uids(samples[role]), media_types=("application/dicom",))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert np.array_equal(dataset.pixel_array, pixels(samples[role]))
    original = pydicom.dcmread(io.BytesIO(samples[role].file))
    del original.PixelData, dataset.PixelData
    assert dataset == original


@pytest.mark.parametrize("media_types", [None, (("application/dicom", "*"),)])
@pytest.mark.parametrize("role", DEFLATED_ROLES)
def test_a_stored_instance_comes_as_it_is(
    role: str, media_types: Any, client: DICOMwebClient, samples: dict[str, Sample]
) -> None:
    dataset = client.retrieve_instance(*uids(samples[role]), media_types=media_types)
    assert dataset.file_meta.TransferSyntaxUID == FRAMES
    assert dataset.PixelData == pydicom.dcmread(io.BytesIO(samples[role].file)).PixelData
    assert np.array_equal(dataset.pixel_array, pixels(samples[role]))


@pytest.mark.parametrize("media_types", [None, (("application/dicom", "*"),), ("application/dicom",)])
def test_studies_and_series_come_whole(
    media_types: Any, client: DICOMwebClient, samples: dict[str, Sample]
) -> None:
    by_uid = {sample.uid: role for role, sample in samples.items()}
    study = client.retrieve_study(UIDS.study, media_types=media_types)
    assert {one.SOPInstanceUID for one in study} == set(by_uid)
    series = list(client.iter_series(UIDS.study, samples["native"].series, media_types=media_types))
    assert {one.SOPInstanceUID for one in series} == {
        sample.uid for sample in samples.values() if sample.series == samples["native"].series
    }
    for one in [*study, *series]:
        assert np.array_equal(one.pixel_array, pixels(samples[by_uid[one.SOPInstanceUID]]))


@pytest.mark.parametrize("role", [*DEFLATED_ROLES, *NATIVE_ROLES])
@pytest.mark.parametrize(
    "media_types",
    [None, ("application/octet-stream",), (("application/octet-stream", "*"),),
     (("application/octet-stream", EXPLICIT),), ("image/jls", "application/octet-stream")],
)  # fmt: skip
def test_frames_come_native(
    role: str, media_types: Any, client: DICOMwebClient, samples: dict[str, Sample]
) -> None:
    sample = samples[role]
    asked = {} if media_types is None else {"media_types": media_types}
    frames = client.retrieve_instance_frames(*uids(sample), numbers(sample), **asked)
    assert frames == list(sample.frames)
    assert list(client.iter_instance_frames(*uids(sample), numbers(sample)[-1:], **asked)) == [
        sample.frames[-1]
    ]


@pytest.mark.parametrize("role", DEFLATED_ROLES)
def test_frames_come_deflated(role: str, client: DICOMwebClient, samples: dict[str, Sample]) -> None:
    sample = samples[role]
    streams = client.retrieve_instance_frames(*uids(sample), numbers(sample), media_types=(("*/*", "*"),))
    assert streams == list(sample.streams)
    assert [zlib.decompress(stream, -zlib.MAX_WBITS) for stream in streams] == list(sample.frames)


@pytest.mark.parametrize("role", [*DEFLATED_ROLES, *NATIVE_ROLES])
def test_metadata_and_bulk_data(role: str, client: DICOMwebClient, samples: dict[str, Sample]) -> None:
    sample = samples[role]
    metadata = client.retrieve_instance_metadata(*uids(sample))
    url = metadata["7FE00010"]["BulkDataURI"]
    [native] = map(bytes, client.retrieve_bulkdata(url))
    assert native.ljust(len(sample.native), b"\0") == sample.native
    assert client.retrieve_bulkdata(url, media_types=("application/octet-stream",)) == [native]
    dataset = pydicom.Dataset.from_json(metadata, bulk_data_uri_handler=lambda _tag, _vr, _uri: native)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
    dataset["PixelData"].VR = "OB" if sample.bits_allocated <= 8 else "OW"
    assert np.array_equal(dataset.pixel_array, pixels(sample))
    assert metadata in client.retrieve_series_metadata(sample.study, sample.series)
    assert metadata in client.retrieve_study_metadata(sample.study)


def test_rendered(client: DICOMwebClient, samples: dict[str, Sample]) -> None:
    image = pytest.importorskip("PIL.Image")
    for role, kind in (("native", "image/png"), ("single", "image/jpeg"), ("single", "image/png")):
        content = client.retrieve_instance_rendered(*uids(samples[role]), media_types=(kind,))
        assert image.open(io.BytesIO(content)).size == (samples[role].columns, samples[role].rows)
    content = client.retrieve_instance_frames_rendered(
        *uids(samples["bits"]), [2], media_types=("image/png",)
    )
    shown = np.asarray(image.open(io.BytesIO(content)).convert("L")) > 0
    assert np.array_equal(shown, pixels(samples["bits"])[1] > 0)


@pytest.mark.parametrize("role", ["bits", "single", "labels", "colour", "native"])
def test_a_round_trip(role: str, client: DICOMwebClient, samples: dict[str, Sample]) -> None:
    sample = with_uid(samples[role])
    dataset = pydicom.dcmread(io.BytesIO(sample.file))
    response = client.store_instances([dataset])
    assert "FailedSOPSequence" not in response
    assert [item.ReferencedSOPInstanceUID for item in response.ReferencedSOPSequence] == [sample.uid]
    back = client.retrieve_instance(*uids(sample), media_types=(("application/dicom", "*"),))
    assert back == dataset
    assert back.PixelData == dataset.PixelData
    assert back.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
    client.delete_instance(*uids(sample))
    with pytest.raises(requests.HTTPError, match="404"):
        client.retrieve_instance(*uids(sample))


def test_what_is_not_stored_is_told(client: DICOMwebClient, samples: dict[str, Sample]) -> None:
    dataset = pydicom.dcmread(io.BytesIO(with_uid(samples["native"]).file))
    with pytest.raises(requests.HTTPError, match="409"):
        client.store_instances([dataset], study_instance_uid="1.2.3")


# Its command


def command(root: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from dicomweb_client.cli import _main; _main()", "--url", root, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_the_command_searches_and_retrieves(root: str, samples: dict[str, Sample], tmp_path: Path) -> None:
    sample = samples["bits"]
    found = json.loads(
        command(root, "search", "instances", "--study", sample.study, "--filter", "Modality=SEG")
    )
    assert found[0]["00080018"]["Value"] == [sample.uid]
    where = (
        "retrieve",
        "instances",
        "--study",
        sample.study,
        "--series",
        sample.series,
        "--instance",
        sample.uid,
    )
    # By default it takes what is stored, which pydicom 3.0 by itself does not write.
    command(
        root, *where, "full", "--media-type", "application/dicom", "--save", "--output-dir", str(tmp_path)
    )
    [path] = tmp_path.iterdir()
    assert np.array_equal(pydicom.dcmread(path).pixel_array, pixels(sample))
    path.unlink()
    command(
        root, *where, "frames", "--numbers", "3", "--media-type", "application/octet-stream",
        "--save", "--output-dir", str(tmp_path),
    )  # fmt: skip
    [path] = tmp_path.iterdir()
    assert path.read_bytes() == sample.frames[2]


def test_the_command_stores(
    root: str, http: httpx.Client, samples: dict[str, Sample], tmp_path: Path
) -> None:
    sample = with_uid(samples["native"])
    (tmp_path / "native.dcm").write_bytes(sample.file)
    command(root, "store", "instances", str(tmp_path / "native.dcm"))
    answer = http.get(f"{root}{sample.path}", headers={"Accept": "application/dicom"})
    assert pydicom.dcmread(io.BytesIO(answer.content)) == pydicom.dcmread(io.BytesIO(sample.file))


# Content-Encoding


@pytest.mark.parametrize("coding", ["deflate", "gzip", "gzip, deflate"])
@pytest.mark.parametrize("role", [*DEFLATED_ROLES, *NATIVE_ROLES])
def test_every_coding_is_read(
    *,
    coding: str,
    role: str,
    root: str,
    samples: dict[str, Sample],
    client: DICOMwebClient,
    http: httpx.Client,
) -> None:
    sample = samples[role]
    for number, frame in enumerate(sample.frames, 1):
        url = f"{root}{sample.path}/frames/{number}"
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": coding}
        by_requests = client._session.get(url, headers=headers)
        by_httpx = http.get(url, headers=headers)
        assert by_requests.content == by_httpx.content == frame
        for answer in (by_requests, by_httpx):
            assert answer.headers["Content-Type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
            if role in DEFLATED_ROLES:
                assert answer.headers["Content-Encoding"] in coding
                assert int(answer.headers["Content-Length"]) <= len(sample.streams[number - 1]) + 18


@pytest.mark.parametrize("role", ["bits", "colour"])
def test_curl_reads_them(role: str, root: str, samples: dict[str, Sample], tmp_path: Path) -> None:
    curl = installed("curl")
    sample = samples[role]
    urls = [f"{root}{sample.path}/frames/{number}" for number in numbers(sample)]
    files = [tmp_path / str(number) for number in numbers(sample)]
    wanted = [part for url, path in zip(urls, files, strict=True) for part in (url, "-o", str(path))]
    for coding in ("deflate", "gzip"):
        subprocess.run(
            [curl, "-sS", "--fail", "--compressed", "-H", "Accept: application/octet-stream",
             "-H", f"Accept-Encoding: {coding}", *wanted],
            check=True,
            timeout=60,
        )  # fmt: skip
        assert [path.read_bytes() for path in files] == list(sample.frames)


def test_pydicom_reads_what_curl_brings(root: str, samples: dict[str, Sample], tmp_path: Path) -> None:
    path = tmp_path / "whole.dcm"
    sample = samples["labels"]
    accept = "Accept: application/dicom; transfer-syntax=*"
    subprocess.run(
        [installed("curl"), "-sS", "--fail", "-H", accept, "-o", str(path), f"{root}{sample.path}"],
        check=True,
        timeout=60,
    )
    assert path.read_bytes() == sample.file
    assert np.array_equal(pydicom.dcmread(path).pixel_array, pixels(sample))


# The cases of orthanc-tests' test_accept_negotiation, with the statuses of PS3.18: 406 where that expects 400.

DICOM, JSON = "application/dicom", "application/dicom+json"


@pytest.mark.parametrize(
    ("below", "accept", "status", "answered"),
    [
        ("", 'multipart/related; type="application/dicom"', 200, "multipart/related"),
        ("", "multipart/related; type=application/dicom", 200, "multipart/related"),
        ("", "multipart/related", 200, "multipart/related"),
        ("", "multipart/related; type=*/*", 200, "multipart/related"),
        ("", "*/*", 200, "multipart/related"),
        ("", "application/dicom", 200, DICOM),
        ("", "text/html", 406, ""),
        ("", "nope", 406, ""),
        ("", 'multipart/related; type="image/jls"', 406, ""),
        ("", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50", 406, ""),
        ("", "application/dicom; transfer-syntax=nope", 406, ""),
        ("/metadata", "*/*", 200, JSON),
        ("/metadata", "application/*", 200, JSON),
        ("/metadata", "application/json", 406, ""),
        ("/metadata", "application/dicom+json", 200, JSON),
        ("/metadata", 'multipart/related; type="application/dicom+xml"', 200, "multipart/related"),
        ("/metadata", "image/png", 406, ""),
        ("/frames/1", 'multipart/related; type="application/octet-stream"', 200, "multipart/related"),
        (
            "/frames/1",
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            200,
            "multipart/related",
        ),
        ("/frames/1", "application/octet-stream", 200, "application/octet-stream"),
        ("/frames/1", "text/plain", 406, ""),
        ("/frames/1", f"application/octet-stream; transfer-syntax={FRAMES}", 406, ""),
        ("/frames/0", "*/*", 400, ""),
        ("/frames/7", "*/*", 404, ""),
        ("/rendered", "image/jpeg", 200, "image/jpeg"),
        ("/rendered", "*/*", 200, "image/jpeg"),
        ("/rendered", "image/*", 200, "image/jpeg"),
        ("/rendered", "application/json", 406, ""),
    ],
)
def test_accept_negotiation(
    *,
    below: str,
    accept: str,
    status: int,
    answered: str,
    root: str,
    samples: dict[str, Sample],
    http: httpx.Client,
) -> None:
    sample = samples["single"] if below == "/rendered" else samples["bits"]
    answer = http.get(f"{root}{sample.path}{below}", headers={"Accept": accept})
    assert answer.status_code == status
    if answered:
        assert answer.headers["content-type"].partition(";")[0] == answered
    else:
        assert "kind" in answer.json()
