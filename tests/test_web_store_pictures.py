# SPDX-License-Identifier: Apache-2.0
"""Pixel Data that comes as JPEG, PNG and the like, described by its streams; Pillow and pydicom judge."""

import io
import struct
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

pytest.importorskip("sqlalchemy")
pytest.importorskip("PIL")
from PIL import Image

from corpus import CORPUS
from framedeflate.web.ingest import Ingest
from receiving import EXPLICIT, ct, segmentation
from store_payloads import Part, json_part, metadata_of
from test_web_store import ingest, reasons, stored_uids
from test_web_store_metadata import send_json, stored

__all__ = ["ingest"]

UID = "2.25.2"
JPEG = "1.2.840.10008.1.2.4."
MACRO = [
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "NumberOfFrames",
    "PlanarConfiguration",
]


def undescribed(dataset: Dataset | None = None) -> dict[str, Any]:
    """Metadata without the Image Pixel Description Macro."""
    dataset = ct() if dataset is None else dataset
    for keyword in MACRO:
        if keyword in dataset:
            delattr(dataset, keyword)
    return metadata_of(dataset, bulk={"PixelData": "pixels"})


def grey(seed: int = 1, *, shape: tuple[int, ...] = (41, 37)) -> "np.ndarray[Any, Any]":
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


def written(pixels: Any, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, kind, **options)
    return out.getvalue()


def described(dataset: Dataset) -> tuple[Any, ...]:
    return (
        dataset.PhotometricInterpretation,
        dataset.SamplesPerPixel,
        dataset.Rows,
        dataset.Columns,
        dataset.BitsAllocated,
        dataset.BitsStored,
    )


@pytest.mark.parametrize(
    ("pixels", "options", "photometric"),
    [
        (grey(), {}, "MONOCHROME2"),
        (grey(shape=(41, 37, 3)), {"subsampling": 2}, "YBR_FULL_422"),
        (grey(shape=(41, 37, 3)), {"subsampling": 0}, "YBR_FULL"),
    ],
)
def test_jpeg_is_kept_as_it_came(
    ingest: Ingest, pixels: Any, options: dict[str, Any], photometric: str
) -> None:
    stream = written(pixels, "JPEG", **options)
    assert send_json(ingest, json_part(undescribed()), Part(stream, "image/jpeg", "pixels")).status == 200
    dataset = stored(ingest, UID)
    samples = 1 if pixels.ndim == 2 else 3
    assert described(dataset) == (photometric, samples, 41, 37, 8, 8)
    assert dataset.file_meta.TransferSyntaxUID == JPEG + "50"
    assert dataset.LossyImageCompression == "01"
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    assert frame.removesuffix(b"\0") == stream.removesuffix(b"\0")
    with Image.open(io.BytesIO(stream)) as image:
        judge = np.asarray(image.convert("RGB" if samples == 3 else "L"))
    assert np.abs(judge.astype(int) - dataset.pixel_array.astype(int)).max() <= (3 if samples == 3 else 0)


def test_jpeg_2000_with_and_without_its_boxes(ingest: Ingest) -> None:
    for name, no_boxes in (("a", True), ("b", False)):
        stream = written(grey(), "JPEG2000", irreversible=False, no_jp2=no_boxes)
        dataset = ct(f"2.25.20{name == 'a':d}")
        report = send_json(ingest, json_part(undescribed(dataset)), Part(stream, "image/jp2", "pixels"))
        assert report.status == 200
        got = stored(ingest, dataset.SOPInstanceUID)
        assert got.file_meta.TransferSyntaxUID == JPEG + "90"
        assert described(got) == ("MONOCHROME2", 1, 41, 37, 8, 8)
        assert "LossyImageCompression" not in got
        (frame,) = generate_frames(got.PixelData, number_of_frames=1)
        assert frame.startswith(b"\xff\x4f\xff\x51")
        with Image.open(io.BytesIO(frame)) as image:
            assert np.array_equal(np.asarray(image), grey())


def test_frames_of_jpeg_one_a_part(ingest: Ingest) -> None:
    streams = [written(grey(seed), "JPEG") for seed in (1, 2, 3)]
    parts = [Part(stream, f"image/jpeg; transfer-syntax={JPEG}50", "pixels") for stream in streams]
    assert send_json(ingest, json_part(undescribed()), *parts).status == 200
    dataset = stored(ingest, UID)
    assert dataset.NumberOfFrames == 3
    for frame, stream in zip(generate_frames(dataset.PixelData, number_of_frames=3), streams, strict=True):
        assert frame.removesuffix(b"\0") == stream.removesuffix(b"\0")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("generated/ct_organs_labelmap8_jpegls_512x512x6.dcm", "image/jls"),
        ("generated/ct_organs_labelmap8_rle_512x512x6.dcm", "image/dicom-rle"),
        ("real/pydicom-data__liver_j2k.dcm", "image/jp2"),
    ],
)
def test_frames_of_real_files(ingest: Ingest, name: str, media_type: str) -> None:
    if not CORPUS.exists():
        pytest.skip("no shared corpus")
    source = pydicom.dcmread(CORPUS / name)
    count = int(source.get("NumberOfFrames", 1))
    frames = list(generate_frames(source.PixelData, number_of_frames=count))
    metadata = metadata_of(source, bulk={"PixelData": "pixels"})
    if media_type == "image/jls":
        metadata = undescribed(pydicom.dcmread(CORPUS / name))
    report = send_json(ingest, json_part(metadata), *(Part(frame, media_type, "pixels") for frame in frames))
    assert report.status == 200
    got = stored(ingest, source.SOPInstanceUID)
    assert got.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
    assert [got.get(keyword) for keyword in MACRO[1:8]] == [source.get(keyword) for keyword in MACRO[1:8]]
    assert list(generate_frames(got.PixelData, number_of_frames=count)) == frames


def palette() -> Any:
    return Image.fromarray(grey() % 7).convert("L").quantize(5)


def animation() -> bytes:
    first, *others = (Image.fromarray(grey(seed, shape=(41, 37, 3))).quantize(16) for seed in (1, 2, 3))
    return written(first, "GIF", save_all=True, append_images=others)


SIXTEEN = np.arange(41 * 37, dtype=np.uint16).reshape(41, 37) * 43


@pytest.mark.parametrize(
    ("media_type", "stream", "photometric", "bits"),
    [
        ("image/png", written(grey(), "PNG"), "MONOCHROME2", 8),
        ("image/png", written(grey(shape=(41, 37, 3)), "PNG"), "RGB", 8),
        ("image/png", written(palette(), "PNG"), "RGB", 8),
        ("image/png", written(SIXTEEN, "PNG"), "MONOCHROME2", 16),
        ("image/gif", written(palette(), "GIF"), "RGB", 8),
        ("image/gif", animation(), "RGB", 8),
    ],
)
def test_png_and_gif_become_native(
    ingest: Ingest, media_type: str, stream: bytes, photometric: str, bits: int
) -> None:
    assert send_json(ingest, json_part(undescribed()), Part(stream, media_type, "pixels")).status == 200
    dataset = stored(ingest, UID)
    assert described(dataset) == (photometric, 3 if photometric == "RGB" else 1, 41, 37, bits, bits)
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    with Image.open(io.BytesIO(stream)) as image:
        count = getattr(image, "n_frames", 1)
        judge = []
        for index in range(count):
            image.seek(index)
            mode = "RGB" if photometric == "RGB" else "I" if bits == 16 else "L"
            judge.append(np.asarray(image.convert(mode)))
    assert dataset.get("NumberOfFrames", 1) == count
    assert np.array_equal(dataset.pixel_array, np.squeeze(np.array(judge)))


def changed_header(stream: bytes, width: int) -> bytes:
    """A PNG that says it is wider."""
    import zlib

    header = stream[12:16] + struct.pack(">I", width) + stream[20:29]
    return stream[:12] + header + struct.pack(">I", zlib.crc32(header)) + stream[33:]


GREY_PNG = written(grey(), "PNG")
GREY_JPEG = written(grey(), "JPEG")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([Part(b"no picture", "image/jpeg", "pixels")], 0xA902),
        ([Part(GREY_JPEG[:30], "image/jpeg", "pixels")], 0xA902),
        ([Part(GREY_JPEG, "image/jls", "pixels")], 0xC122),
        ([Part(GREY_JPEG, "image/jp2", "pixels")], 0xA902),
        ([Part(GREY_JPEG, f"image/jpeg; transfer-syntax={JPEG}70", "pixels")], 0xC122),
        ([Part(written(grey(), "JPEG", progressive=True), "image/jpeg", "pixels")], 0xC122),
        (
            [
                Part(GREY_JPEG, "image/jpeg", "pixels"),
                Part(written(grey(shape=(5, 5)), "JPEG"), "image/jpeg", "pixels"),
            ],
            0xA902,
        ),
        ([Part(GREY_JPEG, "image/jpeg", "pixels"), Part(GREY_PNG, "image/png", "pixels")], 0xC009),
        ([Part(b"no picture", "image/png", "pixels")], 0xA902),
        ([Part(GREY_PNG[:60], "image/png", "pixels")], 0xA902),
        ([Part(changed_header(GREY_PNG, 1 << 30), "image/png", "pixels")], 0xA701),
        ([Part(GREY_PNG, "image/gif", "pixels")], 0xA902),
        ([Part(b"RIFF", "image/webp", "pixels")], 0xC122),
        ([Part(b"\0\0\0\x18ftyp", "video/mp4", "pixels")], 0xA902),
        ([Part(b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2", "pixels")], 0xA902),
    ],
)
def test_what_is_no_such_picture(ingest: Ingest, parts: list[Part], reason: int) -> None:
    report = send_json(ingest, json_part(undescribed()), *parts)
    assert reasons(report) == [reason]
    assert stored_uids(ingest) == set()


@pytest.mark.parametrize("keyword", ["Rows", "SamplesPerPixel", "NumberOfFrames"])
def test_attributes_that_contradict_a_stream(ingest: Ingest, keyword: str) -> None:
    tag = f"{pydicom.datadict.tag_for_keyword(keyword):08X}"
    metadata = {**undescribed(), tag: {"vr": "US", "Value": [5]}}
    report = send_json(ingest, json_part(metadata), Part(GREY_JPEG, "image/jpeg", "pixels"))
    assert reasons(report) == [0xA902]


def test_a_film_that_is_described(ingest: Ingest) -> None:
    metadata = metadata_of(segmentation(UID), bulk={"PixelData": "pixels"})
    stream = bytes(range(256)) * 50
    report = send_json(
        ingest, json_part(metadata), Part(stream, f"video/mp4; transfer-syntax={JPEG}102", "pixels")
    )
    assert report.status == 200
    dataset = stored(ingest, UID)
    assert dataset.file_meta.TransferSyntaxUID == JPEG + "102"
    assert next(iter(generate_frames(dataset.PixelData, number_of_frames=1))) == stream
