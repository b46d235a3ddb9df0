# SPDX-License-Identifier: Apache-2.0
"""compress and decompress of a pydicom Dataset, and what other calls do after `register()`."""

import copy
import io
import zlib
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

import framedeflate.pydicom_plugin as plugin
import judge
from dicom_writer import data_set, deflate, image, padded, part10, pixel_data
from framedeflate.errors import FrameDecodeError, FrameEncodeError, TransferSyntaxError, UnsupportedImageError

plugin.register()

RNG = np.random.default_rng(8)
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def dataset_of(pixels: NDArray[Any] | bytes, uid: str = ExplicitVRLittleEndian, **attributes: Any) -> Dataset:
    """A Dataset of two Frames with 6 rows and 10 columns unless told."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    values = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "NumberOfFrames": 2,
        "Rows": 6,
        "Columns": 10,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
    }
    for keyword, value in (values | attributes).items():
        setattr(dataset, keyword, value)
    data = pixels if isinstance(pixels, bytes) else pixels.tobytes()
    dataset.add_new(0x7FE00010, "OW" if dataset.BitsAllocated > 8 else "OB", data + b"\0" * (len(data) % 2))
    return dataset


def inflated(dataset: Dataset) -> list[bytes]:
    """Each Frame's native bytes, by pydicom's cut of the Items and by zlib."""
    found = generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames))
    return [zlib.decompressobj(-15).decompress(fragment) for fragment in found]


def test_bits_above_bits_stored_stay() -> None:
    pixels = RNG.integers(-30000, 30000, (2, 6, 10)).astype("<i2")
    dataset = dataset_of(pixels, BitsAllocated=16, BitsStored=8, HighBit=7, PixelRepresentation=1)
    dataset.compress(judge.DEFLATED_FRAMES)
    assert inflated(dataset) == [frame.tobytes() for frame in pixels]
    plugin.decompress(dataset)
    assert dataset.PixelData == pixels.tobytes()
    assert dataset["PixelData"].VR == "OW"


def test_an_array_of_planes() -> None:
    pixels = RNG.integers(0, 256, (2, 6, 10, 3), np.uint8)
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
    dataset = dataset_of(
        b"", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=1, Rows=6
    )
    dataset.compress(judge.DEFLATED_FRAMES, pixels)
    assert inflated(dataset) == [frame.tobytes() for frame in planes]
    assert np.array_equal(dataset.pixel_array, pixels)


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_an_array_takes_the_place_of_pixel_data(bits: int) -> None:
    pixels = RNG.integers(0, 2, (2, 6, 11)).astype(np.uint16 if bits == 16 else np.uint8)
    dataset = dataset_of(b"", BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1, Columns=11)
    dataset.compress(judge.DEFLATED_FRAMES, pixels, generate_instance_uid=True)
    assert np.array_equal(dataset.pixel_array, pixels)
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID != "1.2.3.4"


def test_a_new_uid_is_2_25_and_a_number() -> None:
    # PS3.5 B.2: no root of anybody's is used.
    dataset = dataset_of(bytes(120))
    dataset.compress(judge.DEFLATED_FRAMES, generate_instance_uid=True)
    uid = UID(dataset.SOPInstanceUID)
    assert uid.is_valid
    assert uid.startswith("2.25.")
    assert int(uid.removeprefix("2.25.")) < 1 << 128


@pytest.mark.parametrize("wrong", [(1, 6, 10), (2, 10, 6), (2, 6, 10, 3)])
def test_an_array_that_does_not_fit(wrong: tuple[int, ...]) -> None:
    dataset = dataset_of(b"")
    before = copy.deepcopy(dataset)
    with pytest.raises((FrameEncodeError, UnsupportedImageError)):
        dataset.compress(judge.DEFLATED_FRAMES, np.zeros(wrong, np.uint8))
    assert dataset == before


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_big_endian_words_are_swapped(vr: str) -> None:
    pixels = RNG.integers(0, 60000, (2, 6, 10)).astype("<u2")
    words = np.array([1, 2, 0x1234], "<u2")
    attributes = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    dataset = dataset_of(pixels.astype(">u2"), BIG_ENDIAN, **attributes)
    if vr == "OB":
        dataset = dataset_of(pixels.astype(np.uint8), BIG_ENDIAN)
        pixels = pixels.astype(np.uint8)
    dataset.add_new(0x00281201, "OW", words.astype(">u2").tobytes())
    nested = Dataset()
    nested.add_new(0x00281202, "OW", words.astype(">u2").tobytes())
    dataset.add_new(0x00081140, "SQ", [nested])
    stored = io.BytesIO()
    dataset.save_as(stored, enforce_file_format=True)
    read = pydicom.dcmread(io.BytesIO(stored.getvalue()))
    read.compress(judge.DEFLATED_FRAMES)
    written = io.BytesIO()
    read.save_as(written)
    again = pydicom.dcmread(io.BytesIO(written.getvalue()))
    assert np.array_equal(again.pixel_array, pixels)
    assert again.Rows == 6
    assert again[0x00281201].value == words.tobytes()
    assert again[0x00081140][0][0x00281202].value == words.tobytes()


def test_the_extended_table_and_back() -> None:
    pixels = RNG.integers(0, 256, (2, 6, 10), np.uint8)
    dataset = dataset_of(pixels)
    dataset.compress(judge.DEFLATED_FRAMES, encapsulate_ext=True)
    assert len(dataset.ExtendedOffsetTable) == len(dataset.ExtendedOffsetTableLengths) == 16
    assert np.array_equal(dataset.pixel_array, pixels)
    dataset.decompress()
    assert "ExtendedOffsetTable" not in dataset
    assert "ExtendedOffsetTableLengths" not in dataset
    assert dataset.SOPInstanceUID == "1.2.3.4"
    assert dataset.PixelData == pixels.tobytes()


def test_the_level_reaches_the_encoder() -> None:
    pixels = (RNG.random((2, 600, 600)) < 0.05).astype(np.uint8)
    sizes = []
    for level in (1, 9):
        dataset = dataset_of(pixels, Rows=600, Columns=600)
        dataset.compress(judge.DEFLATED_FRAMES, level=level)
        sizes.append(len(dataset.PixelData))
    assert sizes[1] < sizes[0]


def test_colours_are_converted_by_name_alone() -> None:
    pixels = RNG.integers(0, 256, (2, 6, 10, 3), np.uint8)
    colour: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
    }
    dataset = dataset_of(pixels, **colour)
    with pytest.warns(UserWarning, match="SOP Instance UID is new"):
        dataset.compress(judge.DEFLATED_FRAMES, photometric_interpretation="YBR_FULL")
    assert dataset.PhotometricInterpretation == "YBR_FULL"
    assert dataset.SOPInstanceUID != "1.2.3.4"
    assert dataset.ImageType[0] == "DERIVED"
    expected = convert_color_space(pixels, "RGB", "YBR_FULL")
    found = np.frombuffer(b"".join(inflated(dataset)), np.uint8).reshape(pixels.shape)
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


def test_subsampled_chrominance_is_kept_and_read() -> None:
    pairs = RNG.integers(0, 256, (2, 6, 5, 4), np.uint8)
    colour: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL_422",
        "PlanarConfiguration": 0,
    }
    dataset = dataset_of(pairs, **colour)
    plugin.compress(dataset)
    assert inflated(dataset) == [frame.tobytes() for frame in pairs]
    expected = np.repeat(pairs[..., None, :], 2, axis=3)
    samples = np.stack([pairs[..., :2], expected[..., 2], expected[..., 3]], -1).reshape(2, 6, 10, 3)
    raw = get_decoder(judge.DEFLATED_FRAMES).as_array(dataset, raw=True)[0]
    assert np.array_equal(raw, samples)
    plugin.decompress(dataset)
    assert dataset.PixelData == pairs.tobytes()
    assert dataset.PhotometricInterpretation == "YBR_FULL_422"


def deflated_file(fragments: list[bytes], **attributes: int | str | None) -> Dataset:
    head = data_set(image(frames=str(len(fragments)), **attributes))
    return pydicom.dcmread(io.BytesIO(part10(head + pixel_data(fragments))))


BROKEN = {
    "bomb": (padded(deflate(bytes(1 << 28))), "excess-output"),
    "truncated": (padded(deflate(b"abcd" * 50 + bytes(range(200)))[:-9]), "not-terminated"),
    "short": (padded(deflate(bytes(100))), "short-output"),
    "garbage": (b"\xff" * 30, "bad-data"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("bits", [1, 8])
def test_broken_frames(name: str, bits: int) -> None:
    fragment, kind = BROKEN[name]
    dataset = deflated_file([fragment], rows=40, columns=80, allocated=bits)
    with pytest.raises(FrameDecodeError) as caught:
        plugin.decompress(dataset)
    assert (caught.value.kind, caught.value.frame_number) == (kind, 1)
    assert dataset.file_meta.TransferSyntaxUID == judge.DEFLATED_FRAMES
    with pytest.raises(RuntimeError):
        _ = dataset.pixel_array


def test_what_is_refused() -> None:
    dataset = dataset_of(bytes(120))
    dataset.compress(RLELossless, generate_instance_uid=False)
    assert dataset.file_meta.TransferSyntaxUID == RLELossless
    with pytest.raises(TransferSyntaxError, match="compressed already"):
        dataset.compress(judge.DEFLATED_FRAMES)
    with pytest.raises(TransferSyntaxError, match="not in Deflated Image Frame"):
        plugin.decompress(dataset)
    dataset.decompress()
    assert dataset.PixelData == bytes(120)
    dataset.FloatPixelData = bytes(4)
    with pytest.raises(UnsupportedImageError, match="Float"):
        plugin.compress(dataset)
    del dataset.FloatPixelData, dataset.file_meta.TransferSyntaxUID
    with pytest.raises(TransferSyntaxError, match="no Transfer Syntax"):
        plugin.compress(dataset)
    with pytest.raises(UnsupportedImageError, match="Pixel Data"):
        plugin.compress(dataset_of(bytes(20)))


def test_the_coders_themselves() -> None:
    pixels = RNG.integers(0, 2, (2, 6, 11)).astype(np.uint8)
    native = dataset_of(judge_packed(pixels), BitsAllocated=1, BitsStored=1, HighBit=0, Columns=11)
    encoder = get_encoder(judge.DEFLATED_FRAMES)
    packed = [np.packbits(frame, bitorder="little").tobytes() for frame in pixels]
    fragments = list(encoder.iter_encode(native))
    assert [zlib.decompress(fragment, -15) for fragment in fragments] == packed
    assert zlib.decompress(encoder.encode(native, index=1), -15) == packed[1]
    plugin.compress(native)
    decoder = get_decoder(judge.DEFLATED_FRAMES)
    assert "framedeflate" in encoder.available_plugins[0]
    assert "framedeflate" in decoder.available_plugins[0]
    assert np.array_equal(decoder.as_array(native)[0], pixels)


def judge_packed(pixels: NDArray[np.uint8]) -> bytes:
    """All Frames without a gap, as native 1-bit Pixel Data has them."""
    return np.packbits(pixels.ravel(), bitorder="little").tobytes()
