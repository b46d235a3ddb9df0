# SPDX-License-Identifier: Apache-2.0
"""Stored files that depart from the standard and can be read: each Frame leaves the server right, or not at all."""

import hashlib
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest

from departures import FOLDER, OURS, Row, as_instance
from framedeflate.instance_store import InstanceStore
from web_server import running_server

READABLE = [row for row in OURS if row["read"] == "decode"]
REFUSED = {
    # file: Failure Reason of a Store (PS3.18 Table I.2-2), though `compress` and `decompress` read it.
    "G-no-delimiter.dcm": 0xC001,
    "G-implicit-vr.dcm": 0xC122,
}
AS_EXPLICIT = {
    # Elements behind Pixel Data that belong before it, and icons that cannot be made native: such a file is sent as it
    # is stored, and no other is made of it.
    "G-table-behind-pixel-data.dcm": 500,
    "G-second-pixel-data.dcm": 500,
    "G-huge-icon.dcm": 406,
    "G-icon-bad-data.dcm": 500,
    "G-icon-too-short.dcm": 500,
    "G-icon-no-fragment.dcm": 500,
    "G-icon-no-rows.dcm": 406,
}
NO_DIGEST = {"G-unused-bits-set.dcm", "G-thousand-frames-no-table.dcm"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        running_server(tmp_path_factory.mktemp("served")) as url,
        httpx.Client(base_url=f"{url}/dicomweb") as client,
    ):
        yield client


def stored(client: httpx.Client, row: Row) -> tuple[dict[str, Any], str]:
    data, uid = as_instance(row)
    answer = client.post(
        "/studies",
        content=data,
        headers={"Content-Type": "application/dicom", "Accept": "application/dicom+json"},
    )
    assert answer.status_code in {200, 409}
    return answer.json(), f"/studies/1.2/series/1.2.3/instances/{uid}"


def got(client: httpx.Client, url: str, accept: str, coding: str = "identity") -> httpx.Response:
    return client.get(url, headers={"Accept": accept, "Accept-Encoding": coding})


@pytest.mark.parametrize("row", READABLE, ids=lambda row: row["file"])
def test_each_frame_leaves_right_or_not_at_all(client: httpx.Client, row: Row) -> None:
    answer, url = stored(client, row)
    if row["file"] in REFUSED:
        assert answer["00081198"]["Value"][0]["00081197"]["Value"] == [REFUSED[row["file"]]]
        assert got(client, url, "application/dicom").status_code == 404
        return
    assert "00081199" in answer
    frames = []
    for number in range(1, min(_number_of_frames(row), 4) + 1):
        frame = got(client, f"{url}/frames/{number}", "application/octet-stream")
        assert frame.status_code == 200
        frames.append(frame.content)
        coded = got(client, f"{url}/frames/{number}", "application/octet-stream", "gzip, deflate, br")
        assert (coded.status_code, coded.content) == (200, frame.content)
        stream = got(client, f"{url}/frames/{number}", "application/x-deflate")
        inflater = zlib.decompressobj(-15)
        assert (stream.status_code, inflater.decompress(stream.content)) == (200, frame.content)
        if row["file"] != "G-split-frames.dcm":
            assert (inflater.eof, inflater.unused_data) == (True, b"")
    if row["file"] not in NO_DIGEST:
        assert hashlib.sha256(b"".join(frames)).hexdigest() == row["sha256_frames"]
    whole = got(client, url, "application/dicom")
    assert whole.status_code == AS_EXPLICIT.get(row["file"], 200)
    if whole.status_code == 200:
        read = pydicom.dcmread(BytesIO(whole.content))
        assert read.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert got(client, url, "application/dicom; transfer-syntax=*").content == as_instance(row)[0]


def _number_of_frames(row: Row) -> int:
    return int(pydicom.dcmread(FOLDER / row["file"]).get("NumberOfFrames", 1))


def test_any_sop_class_is_stored(client: httpx.Client) -> None:
    data, uid = as_instance(OURS[0])
    private = b"2.25.11111111111111111111"
    data = data.replace(b"1.2.840.10008.5.1.4.1.1.7", private).replace(uid.encode(), b"2.25.7654321000")
    headers = {"Content-Type": "application/dicom", "Accept": "application/dicom+json"}
    assert client.post("/studies", content=data, headers=headers).status_code == 200
    (found,) = client.get(f"/instances?SOPClassUID={private.decode()}", headers=headers).json()
    assert found["00080018"]["Value"] == ["2.25.7654321000"]


def test_what_names_no_study_is_kept_by_a_receiver_and_not_taken_by_the_web(
    client: httpx.Client, tmp_path: Path
) -> None:
    data = (FOLDER / OURS[0]["file"]).read_bytes()
    with InstanceStore(tmp_path, min_free_nbytes=1 << 20) as store, store.arrival() as arrival:
        arrival.write(data)
        assert store.put(arrival).is_new
    headers = {"Content-Type": "application/dicom", "Accept": "application/dicom+json"}
    answer = client.post("/studies", content=data, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC004]
