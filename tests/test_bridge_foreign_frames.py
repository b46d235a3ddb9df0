# SPDX-License-Identifier: Apache-2.0
import csv
import hashlib
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import RLELosslessEncoder

from framedeflate.errors import FrameDecodeError, FrameDeflateError, MissingExtraError, UnsupportedImageError
from framedeflate.foreign.codestream import describe_jpeg, describe_jpeg2000
from framedeflate.foreign.frames import EncodedImage, ForeignDecoder
from framedeflate.foreign.rle import decode_rle
from framedeflate.image_pixel import ImagePixel
from peers import CORPUS, PYDICOM_FILES, corpus_file, require_peer

RLE, JPEG, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.{last}" for last in ("5", "4.50", "4.80", "4.90"))


def read(path: Path) -> tuple[str, EncodedImage, list[bytes]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path)
        count = int(ds.get("NumberOfFrames") or 1)
        frames = list(generate_frames(ds.PixelData, number_of_frames=count))
    image = EncodedImage(
        rows=ds.Rows,
        columns=ds.Columns,
        bits_allocated=ds.BitsAllocated,
        bits_stored=ds.BitsStored,
        samples_per_pixel=ds.SamplesPerPixel,
        pixel_representation=ds.PixelRepresentation,
        photometric_interpretation=ds.PhotometricInterpretation,
        planar_configuration=ds.get("PlanarConfiguration", 0),
        number_of_frames=count,
    )
    return str(ds.file_meta.TransferSyntaxUID), image, frames


def decode_all(path: Path) -> tuple[ImagePixel, list[bytes]]:
    uid, image, frames = read(path)
    decoder = ForeignDecoder(uid, image, frames[0])
    native = [decoder.decode(frame, frame_number=number) for number, frame in enumerate(frames, 1)]
    assert {len(frame) for frame in native} == {decoder.image_pixel.frame_nbytes}
    return decoder.image_pixel, native


def as_array(px: ImagePixel, frames: list[bytes]) -> "NDArray[Any]":
    if px.bits_allocated == 1:
        bits = [
            np.unpackbits(np.frombuffer(frame, "u1"), bitorder="little")[: px.frame_nbits] for frame in frames
        ]
        return np.stack(bits).reshape(-1, *px.frame_shape)
    dtype = np.dtype(f"<{'ui'[px.pixel_representation]}{px.bits_allocated // 8}")
    return np.frombuffer(b"".join(frames), dtype).reshape(-1, *px.frame_shape)


LOSSLESS = [
    "GDCMJ2K_TextGBR.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "examples_jpeg2k.dcm",
    "rtdose_rle.dcm",
]
LOSSY = [
    "693_J2KI.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_jpeg_no_color_transform_2.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jpeg.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "examples_ybr_color.dcm",
]


@pytest.mark.parametrize("name", LOSSLESS + LOSSY)
def test_pixels_are_those_that_pydicom_shows(name: str) -> None:
    px, frames = decode_all(PYDICOM_FILES / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pydicom.dcmread(PYDICOM_FILES / name).pixel_array
    assert px.photometric_interpretation in ("MONOCHROME1", "MONOCHROME2", "RGB")
    np.testing.assert_array_equal(as_array(px, frames).reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("MR_small_RLE.dcm", "dcmdrle"),
        ("rtdose_rle.dcm", "dcmdrle"),
        ("SC_rgb_rle_16bit_2frame.dcm", "dcmdrle"),
        ("MR_small_jpeg_ls_lossless.dcm", "dcmdjpls"),
        ("JPEGLSNearLossless_16.dcm", "dcmdjpls"),
        ("SC_rgb_jls_lossy_sample.dcm", "dcmdjpls"),
        ("SC_rgb_jpeg_gdcm.dcm", "dcmdjpeg"),
    ],
)
def test_native_bytes_are_those_of_dcmtk(name: str, command: str, tmp_path: Path) -> None:
    subprocess.run([require_peer(command), PYDICOM_FILES / name, tmp_path / "native.dcm"], check=True)
    theirs = pydicom.dcmread(tmp_path / "native.dcm")
    px, frames = decode_all(PYDICOM_FILES / name)
    assert px.photometric_interpretation == theirs.PhotometricInterpretation
    value = np.frombuffer(theirs.PixelData[: px.native_nbytes], "u1")
    if theirs.get("PlanarConfiguration", 0):
        step = px.bits_allocated // 8
        value = value.reshape(len(frames), 3, -1, step).transpose(0, 2, 1, 3).reshape(-1)
    assert b"".join(frames) == value.tobytes()


def manifest_pixels() -> list[tuple[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "manifest.tsv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["pixel_element"].count("frag=")]
    native_or_ours = ("1.2.840.10008.1.2.8.1",)
    return [
        (row["file"], row["pixels_sha256"])
        for row in rows
        if row["transfer_syntax"] not in native_or_ours and row["pixels_sha256"]
    ]


@pytest.mark.parametrize(("name", "digest"), manifest_pixels())
def test_corpus_pixels_match_the_manifest(name: str, digest: str) -> None:
    px, frames = decode_all(corpus_file(name))
    assert hashlib.sha256(as_array(px, frames).tobytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ["liver", "liver_nonbyte_aligned"])
def test_bilevel_rle_and_jpeg_2000_are_the_native_pixels(name: str) -> None:
    expected = pydicom.dcmread(corpus_file(f"pydicom-data__{name}.dcm")).pixel_array
    px, frames = decode_all(corpus_file(f"pydicom-data__{name}_rle.dcm"))
    np.testing.assert_array_equal(as_array(px, frames), expected)
    if name == "liver":
        px, frames = decode_all(corpus_file("pydicom-data__liver_j2k.dcm"))
        np.testing.assert_array_equal(as_array(px, frames), expected)


def rle_segment(data: bytes) -> bytes:
    """Plain literals and runs, as Annex G.3.1 words it, with a no-operation now and then."""
    out, at = bytearray(), 0
    while at < len(data):
        run = 1
        while run < 128 and data[at : at + run + 1] == data[at : at + 1] * (run + 1):
            run += 1
        if run > 1:
            out += bytes([257 - run, data[at]])
            at += run
        else:
            out += bytes([128, 0, data[at]])
            at += 1
    return bytes(out)


def rle_frame(segments: list[bytes]) -> bytes:
    offsets = np.cumsum([64] + [len(segment) for segment in segments])[:-1]
    header = np.zeros(16, "<u4")
    header[0], header[1 : len(segments) + 1] = len(segments), offsets
    return header.tobytes() + b"".join(segments)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_bilevel_rle_is_one_segment_of_packed_pixels(
    rows: int, columns: int, seed: int, padding: int
) -> None:
    px = ImagePixel(rows=rows, columns=columns, bits_allocated=1)
    data = np.random.default_rng(seed).choice([0, 0, 0, 255, 129], px.frame_nbytes).astype("u1").tobytes()
    frame = rle_frame([rle_segment(data) + bytes(padding)])
    assert decode_rle(frame, px) == data
    with pytest.raises(FrameDecodeError) as caught:
        decode_rle(rle_frame([rle_segment(data[:-1])]), px, frame_number=7)
    assert (caught.value.kind, caught.value.frame_number) == ("short-output", 7)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(63),
        bytes(64),
        rle_frame([b"", b""]),
        b"\1\0\0\0" + b"\xff" * 60,
        b"\1\0\0\0" + bytes(100),
    ],
)
def test_an_rle_header_of_another_image_is_bad_data(frame: bytes) -> None:
    with pytest.raises(FrameDecodeError) as caught:
        decode_rle(frame, ImagePixel(rows=5, columns=5, bits_allocated=1))
    assert caught.value.kind == "bad-data"


@pytest.mark.parametrize(("samples", "bits"), [(3, 1), (3, 48), (3, 64)])
def test_what_rle_cannot_hold_is_unsupported(samples: int, bits: int) -> None:
    image = EncodedImage(
        rows=1, columns=1, bits_allocated=bits, samples_per_pixel=samples, photometric_interpretation="RGB"
    )
    with pytest.raises(UnsupportedImageError) as caught:
        ForeignDecoder(RLE, image, bytes(64))
    assert caught.value.kind == "decoder"


def rle_encoded(pixels: "NDArray[Any]", photometric: str, bits_stored: int) -> tuple[EncodedImage, bytes]:
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = pixels.itemsize * 8
    frame = RLELosslessEncoder.encode(
        pixels,
        encoding_plugin="pydicom",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        number_of_frames=1,
        samples_per_pixel=samples,
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation=photometric,
        planar_configuration=0,
    )
    image = EncodedImage(
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        bits_allocated=bits,
        bits_stored=bits_stored,
        samples_per_pixel=samples,
        photometric_interpretation=photometric,
        planar_configuration=1 if samples == 3 else 0,
    )
    return image, frame


@pytest.mark.parametrize("signed", [0, 1])
def test_rle_keeps_the_bits_above_high_bit(signed: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 1 << 16, (9, 7), "<u2")
    image, frame = rle_encoded(pixels, "MONOCHROME2", 12)
    decoder = ForeignDecoder(RLE, replace(image, pixel_representation=signed), frame)
    assert decoder.decode(frame, frame_number=1) == pixels.tobytes()


def test_jpeg_lossless_keeps_the_bits_above_high_bit(tmp_path: Path) -> None:
    ds = pydicom.dcmread(PYDICOM_FILES / "MR_small.dcm")
    pixels = np.random.default_rng(3).integers(0, 1 << 16, (64, 64), "<u2")
    ds.PixelData, ds.PixelRepresentation = pixels.tobytes(), 0
    for name in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if name in ds:
            del ds[name]
    ds.save_as(tmp_path / "native.dcm")
    dcmcjpeg = require_peer("dcmcjpeg")
    subprocess.run([dcmcjpeg, "+tl", tmp_path / "native.dcm", tmp_path / "lossless.dcm"], check=True)
    uid, image, (frame,) = read(tmp_path / "lossless.dcm")
    assert uid == "1.2.840.10008.1.2.4.70"
    for signed in (0, 1):
        decoder = ForeignDecoder(uid, replace(image, bits_stored=12, pixel_representation=signed), frame)
        assert decoder.decode(frame, frame_number=1) == pixels.tobytes()


@pytest.mark.parametrize("photometric", ["YBR_FULL", "RGB"])
def test_rle_colour_is_not_converted(photometric: str) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (5, 4, 3), "u1")
    image, frame = rle_encoded(pixels, photometric, 8)
    decoder = ForeignDecoder(RLE, image, frame)
    assert decoder.decode(frame, frame_number=1) == pixels.tobytes()
    assert decoder.image_pixel.photometric_interpretation == photometric
    changes = decoder.attribute_changes(lossy_image_compression="", encoded_nbytes=len(frame))
    assert changes == {0x00280006: (b"US", b"\0\0")}


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm", "examples_jpeg2k.dcm", "SC_rgb_jls_lossy_line.dcm"])
def test_planes_that_a_source_claims_change_nothing(name: str) -> None:
    uid, image, frames = read(PYDICOM_FILES / name)
    decoders = [ForeignDecoder(uid, replace(image, planar_configuration=n), frames[0]) for n in (0, 1)]
    one, two = (decoder.decode(frames[0], frame_number=1) for decoder in decoders)
    assert one == two
    changes = decoders[1].attribute_changes(lossy_image_compression="00", encoded_nbytes=1)
    assert changes[0x00280006] == (b"US", b"\0\0")


def test_jpeg_ls_colour_stays_ybr_full(tmp_path: Path) -> None:
    source = PYDICOM_FILES / "SC_rgb_dcmtk_+eb+cr.dcm"
    subprocess.run([require_peer("dcmdjpeg"), source, tmp_path / "native.dcm"], check=True)
    ds = pydicom.dcmread(tmp_path / "native.dcm")
    ds.PhotometricInterpretation = "YBR_FULL"
    ds.save_as(tmp_path / "ybr.dcm")
    subprocess.run([require_peer("dcmcjpls"), tmp_path / "ybr.dcm", tmp_path / "jls.dcm"], check=True)
    px, frames = decode_all(tmp_path / "jls.dcm")
    assert px.photometric_interpretation == "YBR_FULL"
    assert frames[0] == pydicom.dcmread(tmp_path / "ybr.dcm").PixelData[: px.native_nbytes]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("JPEGLSNearLossless_16.dcm", b"ISO_14495_1"),
        ("JPEG2000.dcm", b"ISO_15444_1"),
        ("693_J2KI.dcm", None),
        ("SC_rgb_jpeg.dcm", b"ISO_10918_1"),
        ("MR_small_jpeg_ls_lossless.dcm", None),
        ("MR_small_jp2klossless.dcm", None),
        ("SC_rgb_jpeg_gdcm.dcm", None),
        ("MR_small_RLE.dcm", None),
    ],
)
def test_what_is_lossy_without_saying_so_is_said(name: str, method: bytes | None) -> None:
    uid, image, frames = read(PYDICOM_FILES / name)
    decoder = ForeignDecoder(uid, image, frames[0])
    nbytes = sum(map(len, frames))
    said = decoder.attribute_changes(lossy_image_compression="", encoded_nbytes=nbytes)
    assert said.get(0x00282114) == (None if method is None else (b"CS", method))
    assert (0x00282110 in said) == (method is not None)
    if method is not None:
        ratio = float(said[0x00282112][1])
        assert ratio == pytest.approx(decoder.image_pixel.native_nbytes / nbytes, rel=1e-3)
    for value in ("00", "01"):
        kept = decoder.attribute_changes(lossy_image_compression=value, encoded_nbytes=nbytes)
        assert not {0x00282110, 0x00282112, 0x00282114} & set(kept)


ONE_OF_EACH = [
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jpeg.dcm",
]


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("keep", [0, 1, 10, 70, 200])
def test_cut_codestreams_end_in_a_typed_error_with_their_number(name: str, keep: int) -> None:
    uid, image, frames = read(PYDICOM_FILES / name)
    decoder = ForeignDecoder(uid, image, frames[0])
    with pytest.raises(FrameDecodeError) as caught:
        decoder.decode(frames[0][:keep], frame_number=5)
    assert caught.value.frame_number == 5
    assert caught.value.expected_nbytes == decoder.image_pixel.frame_nbytes


@pytest.mark.parametrize("name", ONE_OF_EACH[1:])
def test_a_codestream_of_another_image_is_refused_before_it_is_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, image, frames = read(PYDICOM_FILES / name)
    monkeypatch.setattr("framedeflate.foreign.frames.decode_frame_apart", None)
    for other in (
        replace(image, rows=image.rows + 1),
        replace(image, rows=image.columns + 5, columns=image.rows),
        replace(image, samples_per_pixel=4 - image.samples_per_pixel, photometric_interpretation=""),
        replace(image, rows=65535, columns=65535),
        *([replace(image, bits_allocated=8, bits_stored=8)] if image.bits_allocated == 16 else []),
    ):
        with pytest.raises(FrameDecodeError) as caught:
            ForeignDecoder(uid, other, frames[0])
        assert caught.value.kind == "bad-data"


def test_rle_that_cannot_fill_its_frame_is_refused_before_it_is_allocated() -> None:
    image = EncodedImage(rows=65535, columns=65535, bits_allocated=64)
    with pytest.raises(FrameDecodeError, match="not believed"):
        ForeignDecoder(RLE, image, bytes(1000))


@given(st.sampled_from(ONE_OF_EACH[:1] + ONE_OF_EACH[2:3]), st.data())
def test_only_our_errors_leave(name: str, data: st.DataObject) -> None:
    uid, image, frames = read(PYDICOM_FILES / name)
    broken = bytearray(frames[0])
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, min(len(broken) - 1, 200)))] = data.draw(st.integers(0, 255))
    try:
        decoder = ForeignDecoder(uid, image, bytes(broken))
        assert len(decoder.decode(bytes(broken), frame_number=1)) == decoder.image_pixel.frame_nbytes
    except FrameDeflateError:
        pass


@given(st.binary(max_size=80))
def test_header_readers_take_anything(data: bytes) -> None:
    for prefix in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xf7\0\x0b",
        b"\xff\x4f\xff\x51\0\x29",
        b"\0\0\0\x0cjP  \r\n\x87\n",
    ):
        describe_jpeg(prefix + data)
        describe_jpeg2000(prefix + data)


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.65", "1.2.3"])
def test_a_syntax_that_no_decoder_knows_is_unsupported(uid: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        ForeignDecoder(uid, EncodedImage(rows=1, columns=1, bits_allocated=8), b"")
    assert caught.value.kind == "decoder"


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_420", "YBR_PARTIAL_422", "HSV", "ARGB"])
def test_colour_that_has_no_native_form_is_unsupported(photometric: str) -> None:
    image = EncodedImage(
        rows=2, columns=2, bits_allocated=8, samples_per_pixel=3, photometric_interpretation=photometric
    )
    with pytest.raises(UnsupportedImageError) as caught:
        ForeignDecoder(JPEG_LS, image, b"")
    assert caught.value.kind == "photometric-interpretation"


def test_a_decoder_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_decoder(JPEG_LS), "_available", {})
    with pytest.raises(MissingExtraError) as caught:
        ForeignDecoder(JPEG_LS, EncodedImage(rows=1, columns=1, bits_allocated=8), b"")
    assert caught.value.extra == "codecs"


def test_twelve_bit_jpeg_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    uid, image, frames = read(PYDICOM_FILES / "JPGExtended.dcm")
    plugins = get_decoder(uid)._available
    monkeypatch.setattr(
        get_decoder(uid), "_available", {k: v for k, v in plugins.items() if k != "pylibjpeg"}
    )
    with pytest.raises(UnsupportedImageError, match="pylibjpeg-libjpeg") as caught:
        ForeignDecoder(uid, image, frames[0])
    assert caught.value.kind == "decoder"
