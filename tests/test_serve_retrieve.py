# SPDX-License-Identifier: Apache-2.0
"""Retrieve: what is sent, held against the stored bytes, zlib and pydicom."""

import zlib
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from bench_serve import running
from indexed_files import made_dataset, made_frames, save, save_deflated
from made_files import file_meta
from serve_requests import flat_memory, made_store
from web_server import put_in_store, running_server

FRAMES_1BIT = made_frames(11, 9, 7)
URL = "/dicomweb/studies/1.2/series/1.3/instances"


def native(frames: list[bytes], nbits: int) -> bytes:
    """Frames joined bit by bit."""
    bits = [np.unpackbits(np.frombuffer(frame, "u1"), count=nbits, bitorder="little") for frame in frames]
    return np.packbits(np.concatenate(bits), bitorder="little").tobytes()


def split(answer: httpx.Response) -> list[tuple[dict[str, str], bytes]]:
    """The parts, by plain searching."""
    boundary = answer.headers["content-type"].split("boundary=")[1].strip('"').encode()
    pieces = answer.content.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    found = []
    for piece in pieces[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(BytesHeaderParser().parsebytes(head + b"\r\n\r\n"))
        content = body.removesuffix(b"\r\n")
        assert int(fields["Content-Length"]) == len(content)
        found.append((fields, content))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retrieve")


@pytest.fixture(scope="module")
def streams(folder: Path) -> list[tuple[bytes, bytes]]:
    return save_deflated(made_dataset("1.2", "1.3", "1.4"), folder / "seg.dcm", FRAMES_1BIT, 9, 7)


def surfaces(path: Path, sop: str, **encoding: bool) -> Path:
    """Values of words and of bytes, on the top and in Items."""
    dataset = made_dataset("1.2", "1.3", sop)
    floats = np.arange(1500, dtype=">f4" if encoding.get("big") else "<f4").tobytes()
    dataset.add_new(0x00660016, "OF", floats)
    dataset.add_new(0x00420011, "OB", bytes(range(200)) * 10)
    first, second = pydicom.Dataset(), pydicom.Dataset()
    second.add_new(0x00660016, "OF", floats[:40])
    dataset.add_new(0x00660002, "SQ", [first, second])
    return written(path, dataset, **encoding)


def gray(path: Path, sop: str, **encoding: bool) -> Path:
    """Three frames of 16 bits."""
    dataset = made_dataset("1.2", "1.3", sop, Rows=4, Columns=5, SamplesPerPixel=1, BitsAllocated=16)
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.HighBit = "MONOCHROME2", 12, 11
    dataset.PixelRepresentation, dataset.NumberOfFrames = 0, 3
    pixels = np.arange(60, dtype=">u2" if encoding.get("big") else "<u2")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return written(path, dataset, **encoding)


def written(path: Path, dataset: pydicom.Dataset, **encoding: bool) -> Path:
    """In any native encoding."""
    memory = BytesIO()
    dataset.save_as(
        memory, implicit_vr=encoding.get("implicit", False), little_endian=not encoding.get("big", False)
    )
    uid = "1.2.840.10008.1.2.2" if encoding.get("big") else "1.2.840.10008.1.2"
    if not encoding:
        uid += ".1"
    data = memory.getvalue()
    if encoding.get("deflated"):
        uid = "1.2.840.10008.1.2.1.99"
        coder = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = coder.compress(data) + coder.flush()
        data += bytes(len(data) % 2)
    path.write_bytes(file_meta(uid) + data)
    return path


@pytest.fixture(scope="module")
def client(folder: Path, streams: list[tuple[bytes, bytes]]) -> Iterator[httpx.Client]:
    native_1bit = made_dataset("1.2", "1.3", "1.5", Rows=9, Columns=7, SamplesPerPixel=1, BitsAllocated=1)
    native_1bit.PhotometricInterpretation, native_1bit.BitsStored, native_1bit.HighBit = "MONOCHROME2", 1, 0
    native_1bit.PixelRepresentation, native_1bit.NumberOfFrames = 0, len(FRAMES_1BIT)
    joined = native(FRAMES_1BIT, 63)
    native_1bit.PixelData = joined + bytes(len(joined) % 2)
    native_1bit["PixelData"].VR = "OB"
    put_in_store(
        folder / "store",
        folder / "seg.dcm",
        save(native_1bit, folder / "native.dcm"),
        gray(folder / "a.dcm", "1.6"),
        gray(folder / "b.dcm", "1.7", implicit=True),
        gray(folder / "c.dcm", "1.8", big=True),
        gray(folder / "d.dcm", "1.9", deflated=True),
        surfaces(folder / "f.dcm", "1.11"),
        surfaces(folder / "g.dcm", "1.12", big=True),
        surfaces(folder / "h.dcm", "1.13", deflated=True),
        save(made_dataset("1.2", "1.33", "1.10", PatientName="A^B"), folder / "e.dcm"),
    )
    with running_server(folder / "store") as base_url, httpx.Client(base_url=base_url) as client:
        yield client


def test_the_stored_stream_is_a_frame(client: httpx.Client, streams: list[tuple[bytes, bytes]]) -> None:
    for number, (stream, _) in enumerate(streams, 1):
        answer = client.get(f"{URL}/1.4/frames/{number}", headers={"Accept": "application/x-deflate"})
        assert answer.status_code == 200
        assert answer.content == stream
        assert (
            answer.headers["content-type"] == "application/x-deflate; transfer-syntax=1.2.840.10008.1.2.8.1"
        )


@pytest.mark.parametrize("coding", ["deflate", "gzip", "identity"])
def test_native_pixels_whatever_the_coding(client: httpx.Client, coding: str) -> None:
    for number, frame in enumerate(FRAMES_1BIT, 1):
        answer = client.get(
            f"{URL}/1.4/frames/{number}",
            headers={"Accept": "application/octet-stream", "Accept-Encoding": coding},
        )
        assert answer.status_code == 200
        assert answer.content == frame
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("sop", ["1.4", "1.5"])
def test_frames_of_one_bit_deflated_and_native(client: httpx.Client, sop: str) -> None:
    base = str(client.base_url).rstrip("/")
    for numbers in ([1], [2], [2, 3, 11], list(range(1, 12))):
        listed = ",".join(map(str, numbers))
        answer = client.get(f"{URL}/{sop}/frames/{listed}", headers={"Accept": "*/*"})
        parts = split(answer)
        assert [body for _, body in parts] == [FRAMES_1BIT[number - 1] for number in numbers]
        for (fields, _), number in zip(parts, numbers, strict=True):
            assert fields["Content-Location"] == f"{base}{URL}/{sop}/frames/{number}"
            assert fields["Content-Type"].endswith("transfer-syntax=1.2.840.10008.1.2.1")
    answer = client.get(f"{URL}/{sop}/frames/2", headers={"Accept": "application/octet-stream"})
    assert answer.content == FRAMES_1BIT[1]
    answer = client.get(f"{URL}/{sop}/pixeldata", headers={"Accept": "application/octet-stream"})
    assert answer.content == native(FRAMES_1BIT, 63)
    assert client.get(f"{URL}/{sop}/bulkdata/7FE00010", headers={"Accept": "*/*"}).status_code == 200


def test_pixel_data_in_streams(client: httpx.Client, streams: list[tuple[bytes, bytes]]) -> None:
    accept = {"Accept": 'multipart/related; type="application/x-deflate"'}
    for path in ("/pixeldata", "/bulkdata/7FE00010", ""):
        answer = client.get(f"{URL}/1.4{path}", headers=accept)
        assert [body for _, body in split(answer)] == [stream for stream, _ in streams]


def test_the_stored_file(client: httpx.Client, folder: Path) -> None:
    stored = (folder / "seg.dcm").read_bytes()
    for syntax in ("*", "1.2.840.10008.1.2.8.1"):
        accept = f"application/dicom; transfer-syntax={syntax}"
        answer = client.get(f"{URL}/1.4", headers={"Accept": accept})
        assert answer.content == stored
        ((fields, body),) = split(
            client.get(
                f"{URL}/1.4",
                headers={"Accept": f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'},
            )
        )
        assert body == stored
        assert fields["Content-Type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.8.1"


@pytest.mark.parametrize("sop", ["1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10"])
def test_explicit_little_endian_of_everything(client: httpx.Client, sop: str) -> None:
    url = URL.replace("1.3", "1.33") if sop == "1.10" else URL
    answer = client.get(f"{url}/{sop}", headers={"Accept": "application/dicom"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    dataset = pydicom.dcmread(BytesIO(answer.content))
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert dataset.SOPInstanceUID == sop
    if sop == "1.10":
        assert dataset.PatientName == "A^B"
    elif sop in {"1.4", "1.5"}:
        expected = native(FRAMES_1BIT, 63)
        assert dataset.PixelData == expected + bytes(len(expected) % 2)
    else:
        assert np.array_equal(dataset.pixel_array.ravel(), np.arange(60))
    # From any byte on, the same bytes.
    for start, stop in ((0, 1), (150, 260), (len(answer.content) - 9, len(answer.content))):
        part = client.get(
            f"{url}/{sop}", headers={"Accept": "application/dicom", "Range": f"bytes={start}-{stop - 1}"}
        )
        assert part.status_code == 206
        assert part.content == answer.content[start:stop]
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(answer.content)}"


@pytest.mark.parametrize("sop", ["1.6", "1.7", "1.8", "1.9"])
def test_native_frames_of_every_encoding(client: httpx.Client, sop: str) -> None:
    expected = np.arange(60, dtype="<u2")
    answer = client.get(f"{URL}/{sop}/frames/2,3", headers={"Accept": "*/*"})
    assert [body for _, body in split(answer)] == [expected[20:40].tobytes(), expected[40:].tobytes()]
    answer = client.get(f"{URL}/{sop}/frames/1", headers={"Accept": "application/octet-stream"})
    assert answer.content == expected[:20].tobytes()
    answer = client.get(f"{URL}/{sop}/pixeldata", headers={"Accept": "application/octet-stream"})
    assert answer.content == expected.tobytes()


@pytest.mark.parametrize("sop", ["1.11", "1.12", "1.13"])
def test_values_by_their_paths(client: httpx.Client, sop: str) -> None:
    accept = {"Accept": "application/octet-stream"}
    floats = np.arange(1500, dtype="<f4").tobytes()
    for path, expected in (
        ("00660016", floats),
        ("00660002/2/00660016", floats[:40]),
        ("00420011", bytes(range(200)) * 10),
    ):
        answer = client.get(f"{URL}/{sop}/bulkdata/{path}", headers=accept)
        assert answer.content == expected, path
        part = client.get(f"{URL}/{sop}/bulkdata/{path}", headers=accept | {"Range": "bytes=7-21"})
        assert part.content == expected[7:22], path
        ((fields, body),) = split(client.get(f"{URL}/{sop}/bulkdata/{path}", headers={"Accept": "*/*"}))
        assert body == expected
        assert fields["Content-Location"].endswith(f"{sop}/bulkdata/{path}")
    for path in ("00660017", "00660002/3/00660016", "0066", "..%2F..", "00660002/0/00660016", "00660002"):
        assert client.get(f"{URL}/{sop}/bulkdata/{path}", headers=accept).status_code == 404, path


def test_series_and_study(client: httpx.Client) -> None:
    study = split(client.get("/dicomweb/studies/1.2", headers={"Accept": "*/*"}))
    series = split(client.get("/dicomweb/studies/1.2/series/1.3", headers={"Accept": "*/*"}))
    uids = [pydicom.dcmread(BytesIO(body)).SOPInstanceUID for _, body in study]
    assert sorted(uids) == sorted(f"1.{number}" for number in range(4, 14))
    assert len(series) == 9
    answer = client.get("/dicomweb/studies/1.2", headers={"Accept": "application/dicom"})
    assert answer.status_code == 406


def test_streams_of_a_study_of_one_instance(tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    streams = save_deflated(made_dataset("1.2", "1.3", "1.4"), path, made_frames(6, 33, 40), 33, 40)
    assert any(len(stream) % 2 for stream, _ in streams)  # those have a pad in the file
    put_in_store(tmp_path / "store", path)
    with running_server(tmp_path / "store") as base_url:
        for resource in ("/dicomweb/studies/1.2", "/dicomweb/studies/1.2/series/1.3", f"{URL}/1.4"):
            accept = {"Accept": 'multipart/related; type="application/x-deflate"'}
            answer = httpx.get(base_url + resource, headers=accept)
            assert [body for _, body in split(answer)] == [stream for stream, _ in streams], resource


def test_a_jpeg_of_odd_columns(tmp_path: Path) -> None:
    pixels = np.add.outer(np.arange(9) * 9, np.arange(7) * 9).astype("u1")
    memory = BytesIO()
    Image.fromarray(np.stack([pixels, 255 - pixels, pixels // 2], -1)).save(memory, "JPEG", subsampling=1)
    dataset = made_dataset("1.2", "1.3", "1.4", Rows=9, Columns=7, SamplesPerPixel=3, BitsAllocated=8)
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.HighBit = "YBR_FULL_422", 8, 7
    dataset.PixelRepresentation = dataset.PlanarConfiguration = 0
    dataset.PixelData = encapsulate([memory.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    put_in_store(tmp_path / "store", save(dataset, tmp_path / "a.dcm", "1.2.840.10008.1.2.4.50"))
    with running_server(tmp_path / "store") as base_url:
        frame = f"{base_url}{URL}/1.4/frames/1"
        answer = httpx.get(frame, headers={"Accept": "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"})
        assert answer.content.removesuffix(b"\0") == memory.getvalue()
        answer = httpx.get(frame, headers={"Accept": "application/octet-stream"})
        found = np.frombuffer(answer.content, "u1").reshape(9, 7, 3).astype(int)
        assert np.abs(found - np.asarray(Image.open(memory))).max() <= 3


def test_frames_that_cannot_be(client: httpx.Client) -> None:
    for listed, status, kind in (
        ("0", 400, "frame-list"),
        ("1,1", 400, "frame-list"),
        ("2,1", 400, "frame-list"),
        ("1,", 400, "frame-list"),
        ("-1", 400, "frame-list"),
        ("x", 400, "frame-list"),
        ("%D9%A1", 400, "frame-list"),
        ("12", 404, "unknown-frame"),
        ("1,9999999999", 404, "unknown-frame"),
    ):
        answer = client.get(f"{URL}/1.4/frames/{listed}", headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()["kind"]) == (status, kind), listed
    assert client.get("/dicomweb/studies/1.2/series/1.33/instances/1.10/pixeldata").status_code == 404


def test_conditions_and_ranges(client: httpx.Client, streams: list[tuple[bytes, bytes]]) -> None:
    tags = set()
    for accept, coding in (
        ("application/x-deflate", "identity"),
        ("application/octet-stream", "identity"),
        ("application/octet-stream", "deflate"),
        ("application/octet-stream", "gzip"),
        ("*/*", "identity"),
    ):
        for number in (1, 2):
            headers = {"Accept": accept, "Accept-Encoding": coding}
            answer = client.get(f"{URL}/1.4/frames/{number}", headers=headers)
            tags.add(tag := answer.headers["etag"])
            assert "immutable" in answer.headers["cache-control"]
            assert "private" in answer.headers["cache-control"]
            known = client.get(
                f"{URL}/1.4/frames/{number}", headers=headers | {"If-None-Match": f'"x", {tag}'}
            )
            assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
            assert known.headers.get("content-location") == answer.headers.get("content-location")
            other = client.get(f"{URL}/1.4/frames/3", headers=headers | {"If-None-Match": tag})
            assert other.status_code == 200
            head = client.head(f"{URL}/1.4/frames/{number}", headers=headers)
            assert head.status_code == 200
            assert head.content == b""
            if accept != "*/*":
                assert head.headers["content-length"] == answer.headers["content-length"]
    assert len(tags) == 10
    stream = streams[0][0]
    headers = {"Accept": "application/x-deflate", "Range": "bytes=3-"}
    tag = client.get(f"{URL}/1.4/frames/1", headers={"Accept": "application/x-deflate"}).headers["etag"]
    part = client.get(f"{URL}/1.4/frames/1", headers=headers | {"If-Range": tag})
    assert (part.status_code, part.content) == (206, stream[3:])
    whole = client.get(f"{URL}/1.4/frames/1", headers=headers | {"If-Range": '"other"'})
    assert (whole.status_code, whole.content) == (200, stream)
    beyond = client.get(f"{URL}/1.4/frames/1", headers=headers | {"Range": f"bytes={len(stream)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(stream)}")
    coded = client.get(
        f"{URL}/1.4/frames/1",
        headers={"Accept": "application/octet-stream", "Accept-Encoding": "deflate", "Range": "bytes=1-2"},
    )
    assert (coded.status_code, coded.content) == (200, FRAMES_1BIT[0])


def test_refusals_say_what_is_available(client: httpx.Client) -> None:
    answer = client.get(f"{URL}/1.4/frames/1", headers={"Accept": "image/jp2"})
    assert answer.status_code == 406
    assert any(name.startswith("application/x-deflate") for name in answer.json()["available"])
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    parameter = client.get(f"{URL}/1.4/frames/1?accept=application/x-deflate", headers={"Accept": "*/*"})
    assert parameter.headers["content-type"].startswith("application/x-deflate")


def test_what_is_too_large_to_be_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_store(tmp_path / "store", gray(tmp_path / "a.dcm", "1.9", deflated=True))
    with running_server(tmp_path / "store", max_inflated_nbytes=300) as base_url:
        for path in ("", "/frames/1", "/pixeldata", "/bulkdata/00080018"):
            answer = httpx.get(f"{base_url}{URL}/1.9{path}", headers={"Accept": "*/*"})
            assert (answer.status_code, answer.json()["kind"]) == (406, "too-large")
    monkeypatch.setattr("framedeflate.web.server.contents._MIN_FREE_NBYTES", 1 << 60)
    monkeypatch.setattr("framedeflate.web.server.contents._DISK_CHECK_NBYTES", 1)
    with running_server(tmp_path / "store") as base_url:
        answer = httpx.get(f"{base_url}{URL}/1.9", headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()["kind"]) == (503, "disk-left")


def test_a_file_that_is_damaged_or_gone(tmp_path: Path) -> None:
    put_in_store(tmp_path / "store", gray(tmp_path / "a.dcm", "1.6"), gray(tmp_path / "b.dcm", "1.7"))
    with running_server(tmp_path / "store") as base_url:
        paths = sorted((tmp_path / "store").glob("??/*.dcm"), key=lambda path: path.stem)
        paths[0].write_bytes(paths[0].read_bytes()[:-4])
        paths[1].unlink()
        for path, sop, status, kind in ((paths[0], "1.6", 500, "damaged"), (paths[1], "1.7", 404, "gone")):
            for resource in ("", "/frames/1", "/pixeldata"):
                answer = httpx.get(f"{base_url}{URL}/{sop}{resource}", headers={"Accept": "*/*"})
                assert (answer.status_code, answer.json()["kind"]) == (status, kind)
                assert str(path) not in answer.text


def test_an_answer_that_cannot_be_finished_is_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.dcm"
    frames = made_frames(40, 512, 512)
    save_deflated(made_dataset("1.2", "1.3", "1.4"), path, frames, 512, 512)
    put_in_store(tmp_path / "store", path)
    (stored,) = (tmp_path / "store").glob("??/*.dcm")
    with running_server(tmp_path / "store") as base_url:
        with stored.open("r+b") as file:
            # Inside the last stream: its Item, which is looked at first, is whole.
            file.seek(-9000, 2)
            file.write(bytes(5000))
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{base_url}{URL}/1.4", headers={"Accept": "application/dicom"})
        assert "failed with FrameDecodeError" in caplog.text
        assert httpx.get(f"{base_url}{URL}/1.4/frames/1", headers={"Accept": "*/*"}).status_code == 200


def test_memory_is_flat(tmp_path: Path) -> None:
    made_store(tmp_path)
    with running(tmp_path / "store") as base:
        count, before, after = flat_memory(base, 60, tmp_path)
    assert count >= 300
    assert after - before < 16 << 20
