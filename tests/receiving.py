# SPDX-License-Identifier: Apache-2.0
"""A receiver on loopback, what is sent to it, and pynetdicom as the peer that sends."""

import copy
import socket
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import UID

pytest.importorskip("pynetdicom")
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import build_context
from pynetdicom.transport import AssociationSocket

from framedeflate.dimse.commitment import CommitmentReport
from framedeflate.dimse.receiver import Received, Receiver
from framedeflate.instance_store import InstanceStore


def _close(self: AssociationSocket) -> None:
    """As pynetdicom's, which leaves the socket open where the other side was first."""
    if self.socket is not None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


AssociationSocket._shutdown_socket = _close  # type: ignore[method-assign]

DEFLATED = "1.2.840.10008.1.2.8.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"

ROWS, COLUMNS, FRAMES = 41, 33, 5


def masks(
    seed: int = 1, *, frames: int = FRAMES, rows: int = ROWS, columns: int = COLUMNS
) -> "np.ndarray[Any, Any]":
    return np.random.default_rng(seed).random((frames, rows, columns)) < 0.02


def segmentation(
    uid: str = "2.25.1", pixels: "np.ndarray[Any, Any] | None" = None, *, sop_class: str = SEG
) -> Dataset:
    """1-bit Frames that start inside a byte, native, Explicit VR Little Endian."""
    pixels = masks() if pixels is None else pixels
    dataset = _image(uid, sop_class, pixels.shape)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + bytes(len(packed) % 2)
    dataset["PixelData"].VR = "OB"
    return dataset


def ct(uid: str = "2.25.2", *, seed: int = 2) -> Dataset:
    pixels = np.random.default_rng(seed).integers(0, 4000, (1, 16, 16), np.uint16)
    dataset = _image(uid, CT, pixels.shape)
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def report(uid: str = "2.25.3") -> Dataset:
    dataset = _dataset(uid, SR)
    dataset.ContentLabel = "LABEL"
    return dataset


def _dataset(uid: str, sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), UID(uid)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID("2.25.10"), UID("2.25.11")
    dataset.PatientName = "Nobody^Known"
    item = Dataset()
    item.CodeValue = "1"
    dataset.ProcedureCodeSequence = [item]
    return dataset


def _image(uid: str, sop_class: str, shape: Sequence[int]) -> Dataset:
    dataset = _dataset(uid, sop_class)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = 0
    return dataset


def deflated(uid: str = "2.25.4", pixels: "np.ndarray[Any, Any] | None" = None, *, level: int = 6) -> Dataset:
    """Deflated by zlib, a Fragment a Frame."""
    pixels = masks(4) if pixels is None else pixels
    dataset = segmentation(uid, pixels)
    dataset.PixelData = encapsulate([raw_deflate(packed(frame), level) for frame in pixels])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = UID(DEFLATED)
    return dataset


def packed(frame: "np.ndarray[Any, Any]") -> bytes:
    return np.packbits(frame.ravel(), bitorder="little").tobytes()


def raw_deflate(data: bytes, level: int = 6) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15)
    stream = compressor.compress(data) + compressor.flush()
    return stream + bytes(len(stream) % 2)


def encoded(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """The Data Set as it goes over the wire, by pydicom."""
    out = pydicom.filebase.DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == IMPLICIT, syntax != BIG_ENDIAN
    if syntax == BIG_ENDIAN and "PixelData" in dataset and dataset["PixelData"].VR == "OW":
        # pydicom writes the words of Pixel Data as they are given.
        dataset = copy.deepcopy(dataset)
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    pydicom.filewriter.write_dataset(out, dataset)
    data = out.getvalue()
    return raw_deflate(data) if syntax == DEFLATED_DATA_SET else data


def stored_pixels(path: Path) -> "np.ndarray[Any, Any]":
    """The 1-bit Frames of a stored file, by zlib and numpy."""
    dataset = pydicom.dcmread(path)
    count = int(dataset.NumberOfFrames)
    shape = (count, dataset.Rows, dataset.Columns)
    nbits = dataset.Rows * dataset.Columns
    if dataset.file_meta.TransferSyntaxUID != DEFLATED:
        bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
        return bits[: count * nbits].reshape(shape).astype(bool)
    # By the Items, not by an offset table, which may be wrong while the Items are right.
    fragments = list(generate_fragments(dataset.PixelData))[1:]
    frames = [zlib.decompress(fragment, -15) for fragment in fragments]
    rows = [np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[:nbits] for frame in frames]
    return np.array(rows).reshape(shape).astype(bool)


def files_of(store: Path) -> list[Path]:
    """Every file of a store, those that are arriving included, the locks not."""
    return sorted(path for path in store.rglob("*") if path.is_file() and path.name != "lock")


@dataclass
class Running:
    """A receiver that listens."""

    port: int
    folder: Path
    store: InstanceStore
    receiver: Receiver
    received: list[Received] = field(default_factory=list)
    reports: list[CommitmentReport] = field(default_factory=list)

    @contextmanager
    def association(self, *contexts: tuple[str, Sequence[str]], **options: Any) -> Iterator[Any]:
        """An association of pynetdicom's, a context for each pair of SOP Class and Transfer Syntaxes."""
        entity = AE(options.pop("calling", "TESTER"))
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
        proposed = [build_context(uid, list(syntaxes)) for uid, syntaxes in contexts]
        association = entity.associate("127.0.0.1", self.port, contexts=proposed, **options)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()
            else:
                association.kill()

    def report(self) -> CommitmentReport:
        """The only report, once it is delivered: its listener has it before the receiver knows that."""
        deadline = time.monotonic() + 15
        while not self.reports and time.monotonic() < deadline:
            time.sleep(0.01)
        (report,) = self.reports
        return report

    def send(self, dataset: Dataset, syntax: str = EXPLICIT, **options: Any) -> int:
        """Send one instance in a Transfer Syntax; return the status."""
        return self.send_bytes(
            encoded(dataset, syntax), syntax, str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), **options
        )

    def send_bytes(self, data: bytes, syntax: str, sop_class: str, uid: str, **options: Any) -> int:
        """Send any bytes as an instance's Data Set; return the status, -1 where the association was aborted."""
        with self.association((options.pop("context", sop_class), [syntax]), **options) as association:
            assert association.is_established, "the association was refused"
            return store_bytes(association, data, sop_class, uid)


def store_bytes(association: Any, data: bytes, sop_class: str, uid: str, *, context: int = 0) -> int:
    """C-STORE any bytes; return the status, -1 where there is no answer."""
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, uid
    request.Priority = 2
    request.DataSet = BytesIO(data)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        # Else its own thread might take the answer away.
        time.sleep(0.0001)
    association.dimse.send_msg(request, association.accepted_contexts[context].context_id)
    _context, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return -1 if answer is None else int(answer.Status)


@contextmanager
def receiving(folder: Path, **options: Any) -> Iterator[Running]:
    """Run a receiver in this process."""
    of_store = {"policy", "level", "max_object_nbytes", "min_free_nbytes"}
    own = {name: options.pop(name) for name in list(options) if name in of_store}
    received: list[Received] = []
    reports: list[CommitmentReport] = []
    # The disk of a test machine may be nearly full.
    with InstanceStore(folder, **{"min_free_nbytes": 1 << 20} | own) as store:
        receiver = Receiver(store, on_received=received.append, on_report=reports.append, **options)
        _host, port = receiver.start()
        try:
            yield Running(port, folder, store, receiver, received, reports)
        finally:
            receiver.stop(2.0)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value
