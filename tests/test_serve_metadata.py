# SPDX-License-Identifier: Apache-2.0
"""Metadata over HTTP, as clients ask for it: what pydicom says of the same files."""

import gzip
import json
import zlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import numpy as np
import pydicom
import pytest

from corpus import wheel_file
from dicom_json_judge import in_one_spelling, pydicom_json
from web_server import put_in_store, running_server

NAMES = ("CT_small.dcm", "MR_small_bigendian.dcm", "liver_1frame.dcm", "image_dfl.dcm", "rtplan.dcm")
JSON = {"Accept": "application/dicom+json"}
XML = 'multipart/related; type="application/dicom+xml"'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    paths = [wheel_file(name) for name in NAMES]
    second = pydicom.dcmread(wheel_file("CT_small.dcm"))
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("2.25.4711")
    second.InstanceNumber = 9
    second.PatientName = "Müller^Jörg"
    second.SpecificCharacterSet = "ISO_IR 100"
    second.save_as(folder.parent / "second.dcm")
    put_in_store(folder, *paths, folder.parent / "second.dcm")
    return folder


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with running_server(store) as base_url, httpx.Client(base_url=f"{base_url}/dicomweb") as client:
        yield client


def study_of(name: str) -> str:
    return f"/studies/{pydicom.dcmread(wheel_file(name)).StudyInstanceUID}"


def instance_of(name: str) -> str:
    data_set = pydicom.dcmread(wheel_file(name))
    return f"{study_of(name)}/series/{data_set.SeriesInstanceUID}/instances/{data_set.SOPInstanceUID}"


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_is_what_pydicom_says(client: httpx.Client, name: str) -> None:
    answer = client.get(f"{instance_of(name)}/metadata", headers=JSON)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    (model,) = answer.json()
    assert in_one_spelling(model) == in_one_spelling(pydicom_json(wheel_file(name)))


@pytest.mark.parametrize("level", ["study", "series"])
def test_a_study_is_one_array(client: httpx.Client, level: str) -> None:
    path = instance_of("CT_small.dcm")
    path = path.partition("/series/" if level == "study" else "/instances/")[0]
    first, second = client.get(f"{path}/metadata", headers=JSON).json()
    assert in_one_spelling(first) == in_one_spelling(pydicom_json(wheel_file("CT_small.dcm")))
    assert second["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]


def test_pixel_data_is_named_where_it_can_be_had(client: httpx.Client) -> None:
    (model,) = client.get(f"{instance_of('CT_small.dcm')}/metadata", headers=JSON).json()
    expected = str(client.base_url).rstrip("/") + instance_of("CT_small.dcm") + "/bulkdata/7FE00010"
    assert model["7FE00010"]["BulkDataURI"] == expected


@pytest.mark.parametrize(("coding", "open_"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_what_is_kept_deflated_is_sent_in_each_coding(client: httpx.Client, coding: str, open_: Any) -> None:
    path = f"{study_of('CT_small.dcm')}/metadata"
    plain = client.get(path, headers={**JSON, "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", path, headers={**JSON, "Accept-Encoding": coding}) as answer:
        coded = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == coding
        assert answer.headers["etag"] != plain.headers["etag"]
    assert open_(coded) == plain.content
    assert len(coded) < len(plain.content) / 3


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_xml_comes_in_parts(client: httpx.Client, coding: str) -> None:
    headers = {"Accept": XML, "Accept-Encoding": coding}
    answer = client.get(f"{study_of('CT_small.dcm')}/metadata", headers=headers)
    assert answer.status_code == 200
    kind = answer.headers["content-type"]
    assert kind.startswith('multipart/related; type="application/dicom+xml"; boundary=')
    message = message_from_bytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + answer.content, policy=policy.HTTP
    )
    parts = list(message.iter_parts())
    assert len(parts) == 2
    for part in parts:
        document = part.get_payload(decode=True)
        assert isinstance(document, bytes)
        assert part["content-type"] == "application/dicom+xml"
        assert int(part["content-length"]) == len(document)
        root = ElementTree.fromstring(document)  # noqa: S314 - our own
        uid = root.findtext("DicomAttribute[@keyword='SOPInstanceUID']/Value")
        assert str(part["content-location"]).endswith(f"/instances/{uid}/metadata")


def test_the_length_of_one_instance_is_known(client: httpx.Client) -> None:
    for headers in (JSON, {"Accept": XML}, {**JSON, "Accept-Encoding": "identity"}):
        with client.stream("GET", f"{instance_of('CT_small.dcm')}/metadata", headers=headers) as answer:
            assert int(answer.headers["content-length"]) == len(b"".join(answer.iter_raw()))


def test_a_copy_that_is_good_is_not_sent_again(client: httpx.Client) -> None:
    path = f"{instance_of('CT_small.dcm')}/metadata"
    answer = client.get(path, headers=JSON)
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(path, headers={**JSON, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(path, headers={**JSON, "If-None-Match": '"another"'})
    assert other.status_code == 200
    study = client.get(f"{study_of('CT_small.dcm')}/metadata", headers=JSON)
    assert study.headers["cache-control"] == "private, no-cache"
    assert client.head(path, headers=JSON).headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/studies/1.2.3.4/metadata", "application/dicom+json", 404),
        ("/studies/1.2.x/metadata", "application/dicom+json", 400),
        ("CT", "application/dicom", 406),
        ("CT", "image/jpeg, application/dicom+json", 200),
        ("CT", "image/png, application/dicom+json", 400),
        ("CT", "*/*", 200),
    ],
)
def test_refusals(client: httpx.Client, path: str, accept: str, status: int) -> None:
    path = f"{study_of('CT_small.dcm')}/metadata" if path == "CT" else path
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == status
    assert status == 200 or json.loads(answer.content)["status"] == status


def test_a_file_that_is_gone_or_damaged(tmp_path: Path) -> None:
    put_in_store(tmp_path, *[wheel_file(name) for name in NAMES])
    with running_server(tmp_path) as base_url:
        path = f"{base_url}/dicomweb{instance_of('liver_1frame.dcm')}/metadata"
        (stored,) = tmp_path.glob(f"??/{instance_of('liver_1frame.dcm').rpartition('/')[2]}.dcm")
        data = stored.read_bytes()
        stored.chmod(0o600)
        stored.write_bytes(data[:2000])
        assert httpx.get(path, headers=JSON).status_code == 500
        stored.unlink()
        assert httpx.get(path, headers=JSON).status_code == 404


def uris_of(model: Any) -> Iterator[tuple[str, str]]:
    for attribute in model.values():
        if "BulkDataURI" in attribute:
            yield attribute["vr"], attribute["BulkDataURI"]
        for item in attribute.get("Value", []) if attribute["vr"] == "SQ" else []:
            yield from uris_of(item)


def test_each_uri_answers(client: httpx.Client) -> None:
    for name in NAMES:
        (model,) = client.get(f"{instance_of(name)}/metadata", headers=JSON).json()
        data_set = pydicom.dcmread(wheel_file(name))
        for vr, uri in uris_of(model):
            answer = client.get(uri, headers={"Accept": "application/octet-stream"})
            assert answer.status_code == 200, (name, uri, answer.text)
            *into, last = uri.partition("/bulkdata/")[2].split("/")
            value = data_set
            for tag, number in zip(into[::2], into[1::2], strict=True):
                value = value[int(tag, 16)].value[int(number) - 1]
            stored = value[int(last, 16)].value
            if name == "MR_small_bigendian.dcm" and vr == "OW":
                stored = np.frombuffer(stored, ">u2").astype("<u2").tobytes()
            # Pixel Data without the pad that makes it even.
            assert stored.startswith(answer.content), (name, uri)
            assert len(stored) - len(answer.content) <= 1, (name, uri)
