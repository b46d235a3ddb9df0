# SPDX-License-Identifier: Apache-2.0
"""What is stored, and what must come back: instances with UIDs made for the run, or read from the server.

A sample is known by the roles it can play:

bits         deflated, several Frames of one bit, no multiple of 8 of them, streams of odd length among them
labels       deflated, several Frames of 8 bits and an odd number of bytes
colour       deflated, several Frames of RGB
single       deflated, one Frame of 16 bits
native-bits  Explicit VR Little Endian, Frames of one bit that begin inside a byte
native-frames  Explicit VR Little Endian, several Frames of 8 bits and an odd number of bytes
native       Explicit VR Little Endian, one Frame
data-set     the whole Data Set deflated (1.2.840.10008.1.2.1.99)
implicit     Implicit VR Little Endian
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info

from framedeflate.web.conformance.media import DEFLATED, EXPLICIT, FRAME_SYNTAX, IMPLICIT
from framedeflate.web.conformance.streams import fragments_of, inflate, padded, raw_deflate

__all__ = ["Sample", "encapsulated", "joined_frames", "part10", "roles_of", "sample_of"]

PIXEL_DATA: Final = 0x7FE00010


@dataclass(frozen=True)
class Sample:
    """An instance, and what is in it.

    Attributes
    ----------
    study, series, uid, sop_class : str
        UIDs.
    syntax : str
        Transfer Syntax UID.
    file : bytes
        The Part 10 file.
    frames : tuple of bytes
        Native Frames, each from its first bit.
    fragments : tuple of bytes
        Their Fragments, where they are deflated.
    rows, columns, bits_allocated, samples_per_pixel : int
        As in the Image Pixel Module.
    dataset : pydicom.Dataset
        Without Pixel Data.
    """

    study: str
    series: str
    uid: str
    sop_class: str
    syntax: str
    file: bytes
    frames: tuple[bytes, ...]
    fragments: tuple[bytes, ...]
    rows: int
    columns: int
    bits_allocated: int
    samples_per_pixel: int
    dataset: Any = field(repr=False)

    @property
    def path(self) -> str:
        """Its place behind the service root."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.uid}"

    @property
    def streams(self) -> tuple[bytes, ...]:
        """Its Fragments up to where their streams end."""
        return tuple(fragment[: inflate(fragment).nbytes] for fragment in self.fragments)

    @property
    def native(self) -> bytes:
        """The value of its Pixel Data in a native Transfer Syntax, padded to even."""
        bits = self.rows * self.columns * self.samples_per_pixel if self.bits_allocated == 1 else 0
        joined = joined_frames(self.frames, bits)
        return joined + bytes(len(joined) % 2)


def joined_frames(frames: Sequence[bytes], frame_nbits: int) -> bytes:
    """Join native Frames: bit by bit where they have one bit a pixel (PS3.5 8.1.1), else byte by byte."""
    if not frame_nbits:
        return b"".join(frames)
    bits = [
        np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[:frame_nbits] for frame in frames
    ]
    return np.packbits(np.concatenate(bits), bitorder="little").tobytes()


def cut_frames(native: bytes, dataset: Any) -> tuple[bytes, ...]:
    """Cut native Pixel Data into its Frames, each from its first bit."""
    count = int(dataset.get("NumberOfFrames") or 1)
    pixels = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    if dataset.BitsAllocated != 1:
        nbytes = pixels * dataset.BitsAllocated // 8
        return tuple(native[index * nbytes : (index + 1) * nbytes] for index in range(count))
    bits = np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")[: pixels * count]
    return tuple(np.packbits(one, bitorder="little").tobytes() for one in bits.reshape(count, pixels))


def encapsulated(fragments: Sequence[bytes]) -> bytes:
    """Return Items: an empty Basic Offset Table and a Fragment each (PS3.5 A.4)."""
    items = [b"", *fragments]
    return b"".join(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items)


def part10(dataset: Dataset, syntax: str) -> bytes:
    """Return the file of a Dataset whose Pixel Data is encoded already."""
    meta: Any = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = "2.25.229334530214243837270823451120366206145"
    file: Any = BytesIO()
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=True)
    content = data_set_bytes(dataset, implicit=syntax == IMPLICIT)
    return bytes(file.getvalue()) + (padded(raw_deflate(content)) if syntax == DEFLATED else content)


def data_set_bytes(dataset: Dataset, *, implicit: bool = False) -> bytes:
    """Encode a Data Set by pydicom."""
    out: Any = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, implicit
    write_dataset(out, dataset)
    return bytes(out.getvalue())


def sample_of(file: bytes) -> Sample:
    """Read a file into a sample.

    Raises
    ------
    ValueError
        It is no image, or in a syntax that the checks do not know.
    """
    dataset: Any = dcmread(BytesIO(file))
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in {FRAME_SYNTAX, EXPLICIT, DEFLATED, IMPLICIT} or "PixelData" not in dataset:
        raise ValueError("no image whose pixels the checks can tell")
    value = bytes(dataset.PixelData)
    fragments: tuple[bytes, ...] = ()
    if syntax == FRAME_SYNTAX:
        fragments = fragments_of(value)
        frames = tuple(inflate(fragment).content for fragment in fragments)
    else:
        frames = cut_frames(value, dataset)
    del dataset[PIXEL_DATA]
    return Sample(
        study=str(dataset.StudyInstanceUID),
        series=str(dataset.SeriesInstanceUID),
        uid=str(dataset.SOPInstanceUID),
        sop_class=str(dataset.SOPClassUID),
        syntax=syntax,
        file=file,
        frames=frames,
        fragments=fragments,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits_allocated=int(dataset.BitsAllocated),
        samples_per_pixel=int(dataset.SamplesPerPixel),
        dataset=dataset,
    )


def roles_of(sample: Sample) -> tuple[str, ...]:
    """Which roles it can play."""
    several, bilevel = len(sample.frames) > 1, sample.bits_allocated == 1
    colour = sample.samples_per_pixel == 3
    deflated = {
        "bits": several and bilevel and len(sample.frames) > 2,
        "labels": several and sample.bits_allocated == 8 and not colour,
        "colour": several and colour,
        "single": not several,
    }
    by_syntax: dict[str, dict[str, bool]] = {
        FRAME_SYNTAX: deflated,
        EXPLICIT: {
            "native-bits": several and bilevel,
            "native-frames": len(sample.frames) > 2 and not bilevel,
            "native": not several,
        },
        DEFLATED: {"data-set": True},
        IMPLICIT: {"implicit": True},
    }
    return tuple(role for role, plays in by_syntax[sample.syntax].items() if plays)
