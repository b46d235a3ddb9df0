# SPDX-License-Identifier: Apache-2.0
"""Which of pydicom's calls are right for this Transfer Syntax: run by itself, with ``--register`` after `register()`.

Prints JSON: each call's name, and the kinds of image for which it fails or gives wrong pixels.
"""

import io
import json
import sys
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID

DEFLATED = UID("1.2.840.10008.1.2.8.1")
RNG = np.random.default_rng(2)


class Image:
    """A small image of one kind: its Dataset, native and deflated, its pixels, and each Frame's native bytes."""

    def __init__(
        self, pixels: NDArray[Any], frames: list[bytes], *, big_endian: bool = False, **attributes: Any
    ) -> None:
        self.pixels = pixels
        self.frames = frames
        self.uid = "1.2.840.10008.1.2.2" if big_endian else "1.2.840.10008.1.2.1"
        self.attributes = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
            "SOPInstanceUID": "1.2.3.4",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "NumberOfFrames": len(frames),
            "Rows": pixels.shape[1],
            "Columns": pixels.shape[2],
            "PixelRepresentation": 0,
        } | attributes
        bits = self.attributes["BitsAllocated"]
        if bits == 1:
            self.value = np.packbits(pixels.ravel(), bitorder="little").tobytes()
        else:
            self.value = b"".join(frames)
        if big_endian:
            self.value = np.frombuffer(self.value, "<u2").astype(">u2").tobytes()

    def dataset(self, uid: str, value: bytes) -> Dataset:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(uid)
        dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
        dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
        for keyword, attribute in self.attributes.items():
            setattr(dataset, keyword, attribute)
        vr = "OW" if self.attributes["BitsAllocated"] > 8 and uid != DEFLATED else "OB"
        dataset.add_new(0x7FE00010, vr, value + b"\0" * (len(value) % 2))
        return dataset

    @property
    def native(self) -> Dataset:
        return self.dataset(self.uid, self.value)

    @property
    def deflated(self) -> Dataset:
        streams = []
        for frame in self.frames:
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
            streams.append(deflater.compress(frame) + deflater.flush())
        dataset = self.dataset(DEFLATED, encapsulate(streams))
        dataset["PixelData"].is_undefined_length = True
        return dataset


def images() -> dict[str, Image]:
    """One of each kind that people have, or that is easily got wrong."""
    bits = RNG.integers(0, 2, (3, 5, 7)).astype(np.uint8)
    bytes_ = RNG.integers(0, 256, (3, 5, 8), np.uint8)
    shorts = RNG.integers(0, 256, (3, 5, 8)).astype("<u2")
    colour = RNG.integers(0, 256, (3, 6, 8, 3), np.uint8)
    pairs = RNG.integers(0, 256, (3, 6, 4, 4), np.uint8)
    wide = np.stack([pairs[..., :2], *(np.repeat(pairs[..., i, None], 2, -1) for i in (2, 3))], -1)
    eight: dict[str, Any] = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    rgb: dict[str, Any] = eight | {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
    sixteen: dict[str, Any] = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    return {
        "1 bit": Image(
            bits,
            [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in bits],
            BitsAllocated=1,
            BitsStored=1,
            HighBit=0,
        ),
        "8 bits": Image(bytes_, [frame.tobytes() for frame in bytes_], **eight),
        "8 of 16 bits": Image(
            shorts, [frame.tobytes() for frame in shorts], BitsAllocated=16, BitsStored=8, HighBit=7
        ),
        "colour-by-pixel": Image(colour, [frame.tobytes() for frame in colour], PlanarConfiguration=0, **rgb),
        "colour-by-plane": Image(
            colour,
            [np.moveaxis(frame, -1, 0).tobytes() for frame in colour],
            PlanarConfiguration=1,
            **rgb,
        ),
        "YBR_FULL_422": Image(
            wide.reshape(3, 6, 8, 3),
            [frame.tobytes() for frame in pairs],
            PlanarConfiguration=0,
            **rgb | {"PhotometricInterpretation": "YBR_FULL_422"},
        ),
        "Big Endian": Image(shorts, [frame.tobytes() for frame in shorts], big_endian=True, **sixteen),
    }


def file_of(dataset: Dataset) -> io.BytesIO:
    """The Dataset as a file."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return file


def read_native(image: Image) -> Dataset:
    """The native Dataset as it is once it was read from a file."""
    return pydicom.dcmread(file_of(image.native))


def streams_are_right(image: Image, dataset: Dataset) -> bool:
    found = list(generate_frames(dataset.PixelData, number_of_frames=3))
    return (
        [zlib.decompressobj(-15).decompress(fragment) for fragment in found] == image.frames
        and dataset.file_meta.TransferSyntaxUID == DEFLATED
        and dataset.SOPInstanceUID == "1.2.3.4"
    )


def compress(image: Image) -> bool:
    dataset = read_native(image)
    dataset.compress(DEFLATED)
    return streams_are_right(image, dataset)


def compress_array(image: Image) -> bool:
    if image.attributes["PhotometricInterpretation"] == "YBR_FULL_422":
        return True  # arrays do not have shared samples, so there is nothing to compress
    dataset = image.native
    dataset.compress(DEFLATED, image.pixels)
    return streams_are_right(image, dataset)


def write_and_read(image: Image) -> bool:
    dataset = pydicom.dcmread(file_of(image.deflated))
    return bool(dataset.PixelData == image.deflated.PixelData)


def pixel_array_property(image: Image) -> bool:
    # pydicom shows YBR as RGB; its own reading of the native Dataset is the judge.
    return np.array_equal(image.deflated.pixel_array, image.native.pixel_array)


def pixel_array_index(image: Image) -> bool:
    file = file_of(image.deflated)
    return all(np.array_equal(pixel_array(file, index=i, raw=True), image.pixels[i]) for i in range(3))


def iterate(image: Image) -> bool:
    frames = list(iter_pixels(file_of(image.deflated), raw=True))
    return len(frames) == 3 and np.array_equal(np.stack(frames), image.pixels)


def decompress(image: Image) -> bool:
    dataset = image.deflated
    dataset.decompress(as_rgb=False)
    native = dataset.PixelData[: len(image.value)]
    expected = image.value
    if image.uid != dataset.file_meta.TransferSyntaxUID:
        expected = np.frombuffer(expected, ">u2").astype("<u2").tobytes()
    return bool(native == expected and dataset.SOPInstanceUID == "1.2.3.4")


def refuse_a_bomb(image: Image) -> bool:
    """Sixteen MiB behind a Frame of a few bytes must not come out as pixels."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(image.frames[0] + bytes(1 << 24)) + deflater.flush()
    dataset = image.deflated
    dataset.PixelData = encapsulate([bomb] * 3)
    dataset["PixelData"].is_undefined_length = True
    try:
        _ = dataset.pixel_array
    except RuntimeError:
        return True
    return False


CALLS: dict[str, Callable[[Image], bool]] = {
    "Dataset.compress(uid)": compress,
    "Dataset.compress(uid, array)": compress_array,
    "Dataset.save_as, dcmread": write_and_read,
    "Dataset.pixel_array": pixel_array_property,
    "pixel_array(file, index=i)": pixel_array_index,
    "iter_pixels(file)": iterate,
    "Dataset.decompress()": decompress,
    "a Frame that inflates to more than its size is refused": refuse_a_bomb,
}


def failures(call: Callable[[Image], bool]) -> list[str]:
    found = []
    for kind, image in images().items():
        try:
            right = call(image)
        except Exception:  # noqa: BLE001 - whatever it raises, the call does not work
            right = False
        if not right:
            found.append(kind)
    return found


def main() -> None:
    if "--register" in sys.argv:
        import framedeflate.pydicom_plugin as plugin

        plugin.register()
    import logging

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    print(json.dumps({name: failures(call) for name, call in CALLS.items()}))


if __name__ == "__main__":
    main()
