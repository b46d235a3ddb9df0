# SPDX-License-Identifier: Apache-2.0
"""An independent judge: compares a deflated file with its source by Python's zlib, numpy and pydicom alone."""

import zlib
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_fragments

__all__ = ["same_native", "same_pixels"]


def same_pixels(source: Path, deflated: Path) -> bool:
    """Whether every frame of `deflated` inflates to the bits that `source` holds natively."""
    native = pydicom.dcmread(source)
    encoded = pydicom.dcmread(deflated)
    count = int(native.get("NumberOfFrames", 1))
    nbits = _frame_nbits(native)
    _table, *fragments = generate_fragments(encoded.PixelData)
    if len(fragments) != count:
        return False
    for index, fragment in enumerate(fragments):
        inflater = zlib.decompressobj(wbits=-15)
        frame = inflater.decompress(fragment) + inflater.flush()
        # One NULL may stand behind the stream, to make its length even; the stream itself must have ended.
        whole = inflater.eof and inflater.unused_data in (b"", b"\0") and len(frame) == (nbits + 7) // 8
        if not whole or not np.array_equal(_bits(frame)[:nbits], _native_bits(native, index, nbits)):
            return False
    return True


def _frame_nbits(dataset: pydicom.Dataset) -> int:
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else dataset.SamplesPerPixel
    return int(dataset.Rows * dataset.Columns * samples * dataset.BitsAllocated)


def _native_bits(dataset: pydicom.Dataset, index: int, nbits: int) -> NDArray[np.uint8]:
    """Bits of one native frame; a frame of single bits may start inside a byte."""
    first = index * nbits
    block = dataset.PixelData[first // 8 : (first + nbits + 7) // 8]
    return _bits(block)[first % 8 : first % 8 + nbits]


def _bits(data: bytes) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")


def same_native(source: Path, inflated: Path) -> bool:
    """Whether two native files hold the same frames, whatever pads them."""
    one, other = pydicom.dcmread(source), pydicom.dcmread(inflated)
    nbits = int(one.get("NumberOfFrames", 1)) * _frame_nbits(one)
    return np.array_equal(_bits(one.PixelData)[:nbits], _bits(other.PixelData)[:nbits])
