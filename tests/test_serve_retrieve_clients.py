# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote: curl, requests and httpx for content codings, dicomweb-client for all else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
import requests

from dimse_peers import installed
from framedeflate import compress_file
from indexed_files import made_dataset, save
from web_server import put_in_store, running_server

ROWS, COLUMNS, COUNT = 13, 21, 6
NBITS = ROWS * COLUMNS
PIXELS = np.random.default_rng(3).random((COUNT, NBITS)) < 0.2
FRAMES = [np.packbits(frame, bitorder="little").tobytes() for frame in PIXELS]
UIDS = ("1.2", "1.3", "1.4")
INSTANCE = "/dicomweb/studies/{}/series/{}/instances/{}".format(*UIDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    native = made_dataset(*UIDS, Rows=ROWS, Columns=COLUMNS, SamplesPerPixel=1, BitsAllocated=1, BitsStored=1)
    native.PhotometricInterpretation, native.HighBit, native.PixelRepresentation = "MONOCHROME2", 0, 0
    native.NumberOfFrames = COUNT
    joined = np.packbits(PIXELS.ravel(), bitorder="little").tobytes()
    native.PixelData = joined + bytes(len(joined) % 2)
    native["PixelData"].VR = "OB"
    save(native, folder / "native.dcm")
    compress_file(folder / "native.dcm", folder / "deflated.dcm")
    put_in_store(folder / "store", folder / "deflated.dcm")
    return folder


@pytest.fixture(scope="module")
def base_url(folder: Path) -> Iterator[str]:
    with running_server(folder / "store") as base_url:
        yield base_url


def by_curl(url: str, accept: str, coding: str, folder: Path) -> tuple[bytes, str]:
    header = folder / "header.txt"
    command = [installed("curl"), "--silent", "--fail", "--compressed", "--dump-header", str(header)]
    fields = ["--header", f"Accept: {accept}", "--header", f"Accept-Encoding: {coding}"]
    done = subprocess.run([*command, *fields, url], capture_output=True, check=True, timeout=30)
    return done.stdout, header.read_text(encoding="latin-1").lower()


def by_requests(url: str, accept: str, coding: str, folder: Path) -> tuple[bytes, str]:
    answer = requests.get(url, headers={"Accept": accept, "Accept-Encoding": coding}, timeout=30)
    answer.raise_for_status()
    return answer.content, "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).lower()


def by_httpx(url: str, accept: str, coding: str, folder: Path) -> tuple[bytes, str]:
    answer = httpx.get(url, headers={"Accept": accept, "Accept-Encoding": coding}, timeout=30)
    answer.raise_for_status()
    return answer.content, "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).lower()


@pytest.mark.parametrize("ask", [by_curl, by_requests, by_httpx])
def test_content_codings(base_url: str, folder: Path, ask: Any) -> None:
    for number, frame in ((1, FRAMES[0]), (COUNT, FRAMES[-1])):
        for asked, coding in (
            ("gzip, deflate", "deflate"),
            ("gzip", "gzip"),
            ("deflate, gzip;q=0.5", "deflate"),
        ):
            url = f"{base_url}{INSTANCE}/frames/{number}"
            content, header = ask(url, "application/octet-stream", asked, folder)
            assert content == frame
            assert f"content-encoding: {coding}" in header
    content, header = ask(f"{base_url}{INSTANCE}/metadata", "application/dicom+json", "gzip, deflate", folder)
    assert b'"00080018"' in content
    assert "content-encoding: " in header


def test_dicomweb_client(base_url: str, folder: Path) -> None:
    api = pytest.importorskip("dicomweb_client.api")
    client = api.DICOMwebClient(f"{base_url}/dicomweb")
    stored = (folder / "deflated.dcm").read_bytes()

    numbers = [1, 2, 6]
    assert client.retrieve_instance_frames(*UIDS, numbers) == [FRAMES[number - 1] for number in numbers]
    deflated = client.retrieve_instance_frames(*UIDS, [2], media_types=(("*/*", "*"),))
    assert deflated[0] in stored
    assert deflated[0] != FRAMES[1]
    native = client.retrieve_instance_frames(*UIDS, [3], media_types=(("application/octet-stream", "*"),))
    assert native == [FRAMES[2]]
    # Which is what it asks for by itself.
    kept = client.retrieve_instance(*UIDS)
    assert kept == pydicom.dcmread(folder / "deflated.dcm")
    assert kept.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.8.1"
    explicit = (("application/dicom", "1.2.840.10008.1.2.1"),)
    inflated = client.retrieve_instance(*UIDS, media_types=explicit)
    assert inflated.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert np.array_equal(inflated.pixel_array.reshape(COUNT, NBITS), PIXELS)
    assert inflated.PixelData == pydicom.dcmread(folder / "native.dcm").PixelData
    (of_series,) = client.retrieve_series(*UIDS[:2], media_types=explicit)
    (of_study,) = client.retrieve_study(UIDS[0], media_types=explicit)
    assert of_series == of_study == inflated
    (value,) = client.retrieve_bulkdata(f"{base_url}{INSTANCE}/bulkdata/7FE00010")
    assert value == np.packbits(PIXELS.ravel(), bitorder="little").tobytes()
    metadata = client.retrieve_instance_metadata(*UIDS)
    assert metadata["7FE00010"]["BulkDataURI"] == f"{base_url}{INSTANCE}/bulkdata/7FE00010"
