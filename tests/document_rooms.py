# SPDX-License-Identifier: Apache-2.0
"""The room in which a page's commands run: the files and peers that it names, and no others.

A page gets its room by naming things. A file or folder that a block names as a word of its own (`seg.dcm`, `study/`)
is made before the page runs, if `FILES` has it: what a page makes itself needs no entry. Hosts and ports are replaced
as document_peers.HOSTS says, and the peer behind one is started. So a new page needs nothing here as long as it calls
its files as the others do:

seg.dcm       a native Segmentation of 20 Frames of one bit, five of each of four segments; the UIDs of its study,
              series and instance are 1.2, 1.3 and 1.4, which a page may therefore write into URLs
ct.dcm        a native CT image of 16 bits
slide.dcm     tiles in colour, deflated
study/        both in folders of their own, and a file that is no DICOM
native/       both
studies       nine small files, as an archive
instances/    a store that holds seg.dcm, deflated; also what `framedeflate serve` and `receive` keep
inbox         an empty folder; pages call it /data/inbox
*.pem, *.key  certificates of localhost that vouch for themselves
"""

import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from dicom_writer import EXPLICIT_LITTLE, data_set, element, image, open_sequence, part10, text
from framedeflate import compress_file
from peers import PYDICOM_FILES

__all__ = ["CT_INSTANCE", "FILES", "fill_room", "slide_pixels", "write_segmentation"]


CT_INSTANCE: Final = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
"""SOP Instance UID of ct.dcm."""


def write_segmentation(path: Path) -> None:
    """The native file that the documents call seg.dcm: 20 Frames of one bit, 5 of each of 4 segments."""
    masks = np.zeros((20, 64, 64), bool)
    masks[5:15, 20:40, 10:50] = True
    native = np.packbits(masks.ravel(), bitorder="little").tobytes()
    numbers = [struct.pack("<H", number) for number in range(1, 5)]
    uids = {0x00080018: text("UI", "1.4"), 0x0020000D: text("UI", "1.2"), 0x0020000E: text("UI", "1.3")}
    head = (
        data_set(image(rows=64, columns=64, frames="20") | uids)
        + open_sequence(
            0x00620002, *(element(0x00620004, "US", n) + element(0x00620005, "LO", b"Part") for n in numbers)
        )
        + open_sequence(
            0x52009230,
            *(
                open_sequence(0x00209113, element(0x00200032, *text("DS", f"0\\0\\{index % 5}")))
                + open_sequence(0x0062000A, element(0x0062000B, "US", numbers[index // 5]))
                for index in range(20)
            ),
        )
    )
    path.write_bytes(part10(head + element(0x7FE00010, "OB", native), uid=EXPLICIT_LITTLE, instance="1.4"))


def _write_ct(path: Path) -> None:
    dataset = pydicom.dcmread(PYDICOM_FILES / "CT_small.dcm")
    # Its File Meta Information names another instance, which `framedeflate verify` calls an error.
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)


def _write_both(folder: Path) -> None:
    folder.mkdir()
    write_segmentation(folder / "seg.dcm")
    _write_ct(folder / "ct.dcm")


def _write_study(folder: Path) -> None:
    for name in ("series1", "series2"):
        (folder / name).mkdir(parents=True)
    write_segmentation(folder / "series1" / "seg.dcm")
    _write_ct(folder / "series2" / "ct.dcm")
    (folder / "notes.txt").write_text("no DICOM\n", encoding="utf-8")


def _write_slide(path: Path) -> None:
    pytest.importorskip("highdicom")
    from ecosystem.samples import slide

    native = path.with_name("native-slide.dcm")
    slide().save_as(native, enforce_file_format=True)
    compress_file(native, path)
    native.unlink()


def slide_pixels(path: Path) -> NDArray[np.uint8]:
    """All pixels of a room's slide.dcm, by pydicom and zlib."""
    frames = generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=6)
    native = b"".join(zlib.decompressobj(-15).decompress(frame) for frame in frames)
    tiles = np.frombuffer(native, np.uint8).reshape(2, 3, 32, 32, 3)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(64, 96, 3)


def _write_archive(folder: Path) -> None:
    from archive_samples import make_tree

    make_tree(folder, small=9, large=0)


def _write_store(folder: Path) -> None:
    from framedeflate.instance_store import InstanceStore

    native = folder.with_name("native-instance.dcm")
    write_segmentation(native)
    with InstanceStore(folder, min_free_nbytes=1 << 20) as store, store.arrival() as arrival:
        arrival.write(native.read_bytes())
        store.put(arrival)
    native.unlink()


def _write_certificates(path: Path) -> None:
    from certificates import self_signed

    folder = path.parent
    if not (folder / "cert.pem").exists():
        self_signed(folder)
    shutil.copy(folder / ("key.pem" if path.suffix == ".key" else "cert.pem"), path)


def _write_nothing(folder: Path) -> None:
    folder.mkdir()


FILES: Final[dict[str, Callable[[Path], None]]] = {
    "seg.dcm": write_segmentation,
    "ct.dcm": _write_ct,
    "slide.dcm": _write_slide,
    "study": _write_study,
    "native": _write_both,
    "studies": _write_archive,
    "instances": _write_store,
    "/data/inbox": _write_nothing,
    "ca.pem": _write_certificates,
    "us.pem": _write_certificates,
    "us.key": _write_certificates,
    "hospital.pem": _write_certificates,
}
"""What a page may name, and what makes it."""


def fill_room(room: Path, names_in: str) -> None:
    """Make each file and folder that is named in a text."""
    for name, make in FILES.items():
        if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", names_in):
            make(room / Path(name).name)
