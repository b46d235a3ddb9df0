# SPDX-License-Identifier: Apache-2.0
"""Small instances with chosen attributes, written by pydicom; deflated ones by zlib."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from made_files import file_meta

NATIVE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.8.1"


def raw_deflate(frame: bytes) -> bytes:
    """A stream of raw RFC 1951."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return coder.compress(frame) + coder.flush()


def made_dataset(study: str, series: str, sop: str, **attributes: Any) -> Dataset:
    """An instance without pixels."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = sop
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def save(dataset: Dataset, path: Path, uid: str = NATIVE) -> Path:
    """Write it as a DICOM file; pydicom 3.0 does not know every Transfer Syntax, so it writes the Data Set alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    memory = BytesIO()
    dataset.save_as(memory, implicit_vr=False, little_endian=True)
    path.write_bytes(file_meta(uid) + memory.getvalue())
    return path


def made_frames(count: int, rows: int, columns: int, seed: int = 1) -> list[bytes]:
    """Frames of one bit a pixel, each beginning at a byte."""
    pixels = np.random.default_rng(seed).random((count, rows * columns)) < 0.1
    return [np.packbits(frame, bitorder="little").tobytes() for frame in pixels]


def save_deflated(
    dataset: Dataset, path: Path, frames: list[bytes], rows: int, columns: int
) -> list[tuple[bytes, bytes]]:
    """Write 1-bit frames, deflated; return the stream of each and the frame."""
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, len(frames)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    streams = [raw_deflate(frame) for frame in frames]
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    save(dataset, path, DEFLATED)
    return list(zip(streams, frames, strict=True))
