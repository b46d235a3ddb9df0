# SPDX-License-Identifier: Apache-2.0
"""The instances that a run stores: small, in every form that servers stumble over, nobody's data."""

import uuid
import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from framedeflate.web.conformance.media import DEFLATED, EXPLICIT, FRAME_SYNTAX, IMPLICIT
from framedeflate.web.conformance.samples import (
    PIXEL_DATA,
    Sample,
    encapsulated,
    joined_frames,
    part10,
    sample_of,
)
from framedeflate.web.conformance.streams import padded, raw_deflate

__all__ = ["DESCRIPTION", "NAME", "RunUids", "broken_samples", "made_samples", "new_uid", "with_uid"]

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTI_FRAME_BIT = "1.2.840.10008.5.1.4.1.1.7.1"
MULTI_FRAME_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
MULTI_FRAME_COLOUR = "1.2.840.10008.5.1.4.1.1.7.4"

NAME = "Prüfung^Größe"
"""Patient's Name; in the files it is Latin-1, in JSON it must be UTF-8."""
DESCRIPTION = "Conformance of a DICOMweb server"
ROWS, COLUMNS = 37, 53


def new_uid() -> str:
    """Return a UID that nobody has (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


@dataclass(frozen=True, slots=True)
class RunUids:
    """What is unique in a run: one study for what must be stored, one for what is broken."""

    study: str
    broken_study: str
    patient_id: str

    @classmethod
    def new(cls) -> "RunUids":
        """Make them."""
        return cls(new_uid(), new_uid(), f"CONFORMANCE-{uuid.uuid4().hex[:12].upper()}")


def _base(uids: RunUids, sop_class: str, series: str, number: int) -> Any:
    dataset: Any = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, new_uid()
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20240229", "101530", "4711"
    dataset.Modality = "SEG" if sop_class == SEGMENTATION else "OT"
    dataset.StudyDescription, dataset.ReferringPhysicianName = DESCRIPTION, ""
    dataset.PatientName, dataset.PatientID = NAME, uids.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = "19000101", "O"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.StudyID = uids.study, series, "1"
    dataset.SeriesNumber, dataset.InstanceNumber = 1 if sop_class == SEGMENTATION else 2, number
    if sop_class != SEGMENTATION:
        dataset.ConversionType = "WSD"
    return dataset


def _describe(dataset: Any, bits: int, frames: int, *, colour: bool = False) -> None:
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    if frames:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0


def _deflated(dataset: Any, streams: list[bytes]) -> Sample:
    dataset.add_new(PIXEL_DATA, "OB", encapsulated([padded(stream) for stream in streams]))
    dataset[PIXEL_DATA].is_undefined_length = True
    return sample_of(part10(dataset, FRAME_SYNTAX))


def _native(dataset: Any, value: bytes, syntax: str) -> Sample:
    wide = syntax == IMPLICIT or dataset.BitsAllocated > 8
    dataset.add_new(PIXEL_DATA, "OW" if wide else "OB", padded(value))
    return sample_of(part10(dataset, syntax))


def _bit_frames(random: np.random.Generator, count: int) -> list[bytes]:
    return [
        np.packbits(random.random(ROWS * COLUMNS) < 0.08, bitorder="little").tobytes() for _ in range(count)
    ]


def bit_streams(frames: list[bytes]) -> list[bytes]:
    """Every kind of block; the third stream ends in a byte of zero that is its own, and is padded with another."""
    dynamic, fixed, stored, flushed, *plain = frames
    return [
        raw_deflate(dynamic),
        raw_deflate(fixed, strategy=zlib.Z_FIXED),
        raw_deflate(stored, level=0),
        raw_deflate(flushed, flush_at=len(flushed) // 2),
        *(raw_deflate(frame) for frame in plain),
    ]


def _bits(uids: RunUids, series: str, random: np.random.Generator) -> Sample:
    frames = [*_bit_frames(random, 4), bytes(-(-ROWS * COLUMNS // 8)), *_bit_frames(random, 1)]
    frames[2] = frames[2][:-1] + b"\0"
    # Both parities must occur, or nothing is seen of the pad.
    streams = bit_streams(frames)
    while len(streams[0]) % 2 == 0:
        frames[0] = _bit_frames(random, 1)[0]
        streams = bit_streams(frames)
    while len(streams[5]) % 2:
        frames[5] = _bit_frames(random, 1)[0]
        streams = bit_streams(frames)
    dataset = _base(uids, SEGMENTATION, series, 1)
    _describe(dataset, 1, len(frames))
    dataset.SegmentationType, dataset.LossyImageCompression = "BINARY", "00"
    segment: Any = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "part", "MANUAL"
    dataset.SegmentSequence = DicomSequence([segment])
    return _deflated(dataset, streams)


def made_samples(uids: RunUids, seed: int = 6) -> dict[str, Sample]:
    """Return the samples of a run by role."""
    random = np.random.default_rng(seed)
    masks, pictures = new_uid(), new_uid()
    labels = [np.repeat(random.integers(0, 5, ROWS), COLUMNS).astype("u1").tobytes() for _ in range(3)]
    colours = [random.integers(0, 4, (ROWS, COLUMNS, 3)).astype("u1").tobytes() for _ in range(2)]
    grey = random.integers(0, 500, (ROWS, COLUMNS)).astype("<u2").tobytes()
    native_bits = _bit_frames(random, 3)
    byte_frame = random.integers(0, 250, (ROWS, COLUMNS)).astype("u1").tobytes()

    def one(sop_class: str, number: int, bits: int, frames: int, *, colour: bool = False) -> Any:
        dataset = _base(uids, sop_class, pictures, number)
        _describe(dataset, bits, frames, colour=colour)
        return dataset

    return {
        "native": _native(one(SECONDARY_CAPTURE, 1, 8, 0), byte_frame, EXPLICIT),
        "native-bits": _native(
            one(MULTI_FRAME_BIT, 2, 1, 3), joined_frames(native_bits, ROWS * COLUMNS), EXPLICIT
        ),
        "native-frames": _native(one(MULTI_FRAME_BYTE, 8, 8, 3), b"".join(labels), EXPLICIT),
        "bits": _bits(uids, masks, random),
        "labels": _deflated(one(MULTI_FRAME_BYTE, 3, 8, 3), [raw_deflate(frame) for frame in labels]),
        "colour": _deflated(
            one(MULTI_FRAME_COLOUR, 4, 8, 2, colour=True), [raw_deflate(frame) for frame in colours]
        ),
        "single": _deflated(one(SECONDARY_CAPTURE, 5, 16, 0), [raw_deflate(grey)]),
        "data-set": _native(one(SECONDARY_CAPTURE, 6, 16, 0), grey, DEFLATED),
        "implicit": _native(one(SECONDARY_CAPTURE, 7, 16, 0), grey, IMPLICIT),
    }


@cache
def broken_samples(uids: RunUids) -> dict[str, Sample]:
    """Return deflated instances of one Frame whose stream is not that Frame, by what is wrong.

    `frames` of each is the Frame that its attributes describe.
    """
    frame = bytes(ROWS * COLUMNS)
    good = raw_deflate(np.random.default_rng(7).integers(0, 250, ROWS * COLUMNS).astype("u1").tobytes())
    streams = {
        # 48 MiB of zeros for a Frame of 2 kB.
        "bomb": raw_deflate(bytes(48 << 20)),
        "truncated": good[: len(good) // 2],
        "short": raw_deflate(frame[:-100]),
        "zlib-wrapped": zlib.compress(frame),
    }
    made: dict[str, Sample] = {}
    for name, stream in streams.items():
        dataset = _base(uids, MULTI_FRAME_BYTE, new_uid(), 1)
        dataset.StudyInstanceUID = uids.broken_study
        _describe(dataset, 8, 1)
        whole = _deflated(dataset, [raw_deflate(frame)])
        dataset[PIXEL_DATA].value = encapsulated([padded(stream)])
        made[name] = with_file(whole, part10(dataset, FRAME_SYNTAX))
    return made


def with_file(sample: Sample, file: bytes) -> Sample:
    """Return the sample with another file."""
    return replace(sample, file=file)


def with_uid(sample: Sample) -> Sample:
    """Return the same picture as another instance of its series."""
    uid = new_uid()
    # Of one length, the other UID can take its place in the file.
    while len(uid) != len(sample.uid):
        uid = new_uid()
    return sample_of(sample.file.replace(sample.uid.encode(), uid.encode()))
