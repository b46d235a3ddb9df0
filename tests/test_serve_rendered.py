# SPDX-License-Identifier: Apache-2.0
"""Pictures over HTTP: what an <img> would show, held against the pixels that pydicom reads."""

import io
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from corpus import wheel_file
from framedeflate import compress_file
from web_server import put_in_store, running_server

CT, SEG, RGB, JPEG = "CT_small.dcm", "liver.dcm", "SC_rgb_small_odd.dcm", "SC_rgb_jpeg_dcmtk.dcm"
PNG = {"Accept": "image/png"}


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three masks, deflated, the second of them with most in it."""
    data_set = pydicom.dcmread(wheel_file("liver_1frame.dcm"))
    one = data_set.pixel_array.astype(bool)
    noise = np.random.default_rng(3).integers(0, 2, one.shape).astype(bool)
    data_set.NumberOfFrames = 3
    bits = np.packbits(np.stack([one, noise, ~one]).ravel(), bitorder="little")
    data_set.PixelData = bits.tobytes()
    data_set.pop("PerFrameFunctionalGroupsSequence", None)
    folder = tmp_path_factory.mktemp("masks")
    data_set.save_as(folder / "native.dcm")
    compress_file(folder / "native.dcm", folder / "deflated.dcm")
    return folder / "deflated.dcm"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, masks: Path) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("store")
    second = pydicom.dcmread(wheel_file(CT))
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("2.25.4711")
    second.save_as(folder.parent / "second.dcm")
    paths = [wheel_file(name) for name in (CT, RGB, "rtplan.dcm")]
    put_in_store(folder, *paths, masks, folder.parent / "second.dcm")
    with running_server(folder) as base_url, httpx.Client(base_url=f"{base_url}/dicomweb") as client:
        yield client


def series_of(path: Path) -> str:
    data_set = pydicom.dcmread(path, stop_before_pixels=True)
    return f"/studies/{data_set.StudyInstanceUID}/series/{data_set.SeriesInstanceUID}"


def instance_of(path: Path) -> str:
    return f"{series_of(path)}/instances/{pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID}"


def picture(answer: httpx.Response) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert image.get_format_mimetype() == answer.headers["content-type"]
    return np.asarray(image)


def test_a_browser_gets_a_jpeg_and_asks_once(client: httpx.Client) -> None:
    path = f"{instance_of(wheel_file(CT))}/rendered"
    answer = client.get(path, headers={"Accept": "image/avif,image/webp,*/*;q=0.8"})
    assert answer.headers["content-type"] == "image/jpeg"
    assert picture(answer).shape == (128, 128)
    again = client.get(path, headers={"Accept": "*/*", "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("media_type", ["image/png", "image/gif"])
def test_a_window_that_is_asked_for(client: httpx.Client, media_type: str) -> None:
    path = f"{instance_of(wheel_file(CT))}/rendered?window=40,400,linear"
    found = picture(client.get(path, headers={"Accept": media_type}))
    data_set = pydicom.dcmread(wheel_file(CT))
    values = data_set.pixel_array * float(data_set.RescaleSlope) + float(data_set.RescaleIntercept)
    expected = np.clip(((values - 39.5) / 399 + 0.5) * 255, 0, 255)
    assert np.abs(found - expected).max() <= 1


def test_frames_of_a_mask(client: httpx.Client, masks: Path) -> None:
    expected = pydicom.dcmread(wheel_file("liver_1frame.dcm")).pixel_array.astype(bool)
    url = instance_of(masks)
    first = picture(client.get(f"{url}/frames/1/rendered", headers=PNG))
    assert np.array_equal(first, np.where(expected, 255, 0))
    third = picture(client.get(f"{url}/frames/3/rendered", headers=PNG))
    assert np.array_equal(third, np.where(expected, 0, 255))
    # The one with most in it stands for the instance.
    whole = picture(client.get(f"{url}/rendered", headers=PNG))
    second = picture(client.get(f"{url}/frames/2/rendered", headers=PNG))
    assert np.array_equal(whole, second)


def parts_of(answer: httpx.Response) -> list[tuple[str, NDArray[np.uint8]]]:
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content, policy=policy.HTTP)
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert int(part["content-length"]) == len(content)
        image = Image.open(io.BytesIO(content))
        assert image.get_format_mimetype() == part["content-type"]
        found.append((str(part["content-location"]), np.asarray(image)))
    return found


def test_several_frames_come_in_parts(client: httpx.Client, masks: Path) -> None:
    url = f"{instance_of(masks)}/frames/1,3/rendered"
    accept = 'multipart/related; type="image/png"'
    first, second = parts_of(client.get(url, headers={"Accept": accept}))
    assert np.array_equal(first[1], 255 - second[1])
    assert first[0].endswith("/frames/1/rendered")
    assert client.get(url, headers=PNG).status_code == 406


def test_a_study_has_a_picture_of_each_image(client: httpx.Client) -> None:
    study = series_of(wheel_file(CT)).partition("/series/")[0]
    for url in (f"{study}/rendered", f"{series_of(wheel_file(CT))}/rendered"):
        answer = client.get(url, headers={"Accept": "*/*"})
        assert answer.headers["cache-control"] == "private, no-cache"
        assert [image.shape for _, image in parts_of(answer)] == [(128, 128)] * 2
    lone = client.get(f"{series_of(wheel_file(RGB))}/rendered", headers=PNG)
    assert picture(lone).shape == (3, 3, 3)


def test_thumbnails_at_every_level(client: httpx.Client, masks: Path) -> None:
    study = series_of(masks).partition("/series/")[0]
    for url in (study, series_of(masks), instance_of(masks), f"{instance_of(masks)}/frames/2"):
        small = picture(client.get(f"{url}/thumbnail", headers=PNG))
        assert max(small.shape) == 128
        smaller = picture(client.get(f"{url}/thumbnail?viewport=32,64", headers=PNG))
        assert smaller.shape == (32, 32)


def test_a_viewport_and_quality(client: httpx.Client) -> None:
    url = f"{instance_of(wheel_file(CT))}/rendered"
    whole = picture(client.get(url, headers=PNG))
    part = picture(client.get(f"{url}?viewport=20,20,30,40,-20,20", headers=PNG))
    assert np.array_equal(part, whole[40:60, 30:50][:, ::-1])
    sizes = [
        len(client.get(f"{url}?quality={q}", headers={"Accept": "image/jpeg"}).content) for q in (1, 100)
    ]
    assert sizes[0] < sizes[1] / 4


def test_what_is_left_out_is_said(client: httpx.Client) -> None:
    url = f"{instance_of(wheel_file(CT))}/rendered?annotation=patient&iccprofile=srgb"
    warning = client.get(url, headers=PNG).headers["warning"]
    assert (
        warning
        == '299 framedeflate "annotation is not supported", 299 framedeflate "iccprofile is not supported"'
    )


@pytest.mark.parametrize(
    ("tail", "accept", "status"),
    [
        ("/rendered", "application/dicom", 406),
        ("/rendered", "image/png, application/dicom", 400),
        ("/rendered", None, 406),
        ("/rendered?window=1,0,linear", "*/*", 400),
        ("/rendered?viewport=5,5,128,0,5,5", "*/*", 400),
        ("/rendered?viewport=100000,5", "*/*", 400),
        ("/frames/2/rendered", "*/*", 404),
        ("/frames/0/rendered", "*/*", 400),
        ("/frames/1,x/rendered", "*/*", 400),
        ("/rendered?accept=image/png", "*/*", 200),
    ],
)
def test_refusals(client: httpx.Client, tail: str, accept: str | None, status: int) -> None:
    request = client.build_request("GET", instance_of(wheel_file(CT)) + tail)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    answer = client.send(request)
    assert answer.status_code == status
    assert status == 200 or answer.json()["status"] == status


def test_pictures_that_are_too_large(
    tmp_path: Path, client: httpx.Client, masks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = pydicom.dcmread(wheel_file(CT))
    wide.Rows, wide.Columns, wide.PixelData = 1, 65535, bytes(2 * 65535)
    wide.save_as(tmp_path / "wide.dcm")
    put_in_store(tmp_path / "store", tmp_path / "wide.dcm")
    with running_server(tmp_path / "store") as base_url:
        url = f"{base_url}/dicomweb{instance_of(tmp_path / 'wide.dcm')}/rendered"
        answer = httpx.get(url, headers={"Accept": "image/jpeg"})
        assert (answer.status_code, answer.json()["kind"]) == (406, "too-large")
        assert picture(httpx.get(url, headers=PNG)).shape[:2] == (1, 65535)
    # Pixels of one bit are drawn as bytes: an eighth of the limit is all of it.
    mask = pydicom.dcmread(masks, stop_before_pixels=True)
    monkeypatch.setattr("framedeflate.web.server.pictures.MAX_FRAME_NBYTES", mask.Rows * mask.Columns - 1)
    answer = client.get(instance_of(masks) + "/frames/1/rendered?quality=11", headers=PNG)
    assert (answer.status_code, answer.json()["kind"]) == (406, "too-large")


def test_what_has_no_pixels_has_no_picture(client: httpx.Client) -> None:
    for tail in ("/rendered", "/thumbnail"):
        assert client.get(instance_of(wheel_file("rtplan.dcm")) + tail).status_code == 406
        assert client.get(series_of(wheel_file("rtplan.dcm")) + tail).status_code == 406
    assert client.get("/studies/1.2.3/rendered").status_code == 404
