# SPDX-License-Identifier: Apache-2.0
"""Frames are streamed: the peak memory of a process does not grow with the file. The gigabytes are for `make soak`."""

from pathlib import Path

import numpy as np
import pytest

from child import run_child
from dicom_writer import EXPLICIT_LITTLE, data_set, element, image, part10

WORK = """
source, compressed, native = arguments
compress_file(source, compressed, threads=2)
outcome = [p.kind for p in verify_file(compressed)]
if native != "-":
    decompress_file(compressed, native, threads=2)
"""


def peak_nbytes(source: Path, compressed: Path, native: Path | str) -> int:
    """Peak memory, beyond its imports, of a fresh process that compresses, verifies and decompresses."""
    report = run_child(WORK, str(source), str(compressed), str(native))
    assert (report.error, report.outcome) == ("", [])
    return report.peak_nbytes


def write_source(path: Path, nbytes: int, side: int, bits: int) -> int:
    """A native file of about `nbytes` of zeros, sparse on the disk; returns the size of its Pixel Data."""
    frames = nbytes * 8 // (side * side * bits)
    size = frames * side * side * bits // 8
    head = data_set(image(rows=side, columns=side, allocated=bits, frames=str(frames)))
    with path.open("wb") as file:
        file.write(part10(head + element(0x7FE00010, "OW", b"", nbytes=size), uid=EXPLICIT_LITTLE))
        file.truncate(file.tell() + size)
    return size


@pytest.mark.parametrize(("side", "bits"), [(512, 1), (512, 16), (4000, 8)])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, side: int, bits: int) -> None:
    size = write_source(tmp_path / "source", 150 << 20, side, bits)
    assert peak_nbytes(tmp_path / "source", tmp_path / "compressed", tmp_path / "native") < 200 << 20
    written = (tmp_path / "native").stat().st_size
    assert written - size < 1000


FRAMES_SETUP = """
import numpy as np
import pydicom
from framedeflate import FrameReader, verify_file
from framedeflate.pydicom_plugin import write_segmentation
template = pydicom.dcmread(arguments[0])
"""

FRAMES = """
planes = int(arguments[2])
rows, columns = np.mgrid[:512, :512]

def label_planes():
    for index in range(planes):
        labels = np.zeros((512, 512), np.uint8)
        for segment in range(10):
            row, column = 50 + 95 * (segment // 2), 120 + 260 * (segment % 2)
            square = np.s_[row - 40 : row + 40, column - 100 : column + 100]
            distance = 9 * (rows[square] - row) ** 2 + (columns[square] - column) ** 2
            labels[square][distance < (70 + (index + segment) % 30) ** 2] = segment + 1
        yield labels

positions = ((0, 0, 1.25 * index) for index in range(planes))
write_segmentation(arguments[1], template, label_planes(), positions=positions, threads=2)
outcome = [problem.kind for problem in verify_file(arguments[1])]
with FrameReader.open(arguments[1]) as reader:
    # Frames lie segment by segment, and the planes from the top.
    number, plane = 6 * planes + planes // 3, planes - 1 - planes // 3
    expected = next(labels for index, labels in enumerate(label_planes()) if index == plane) == 7
    outcome += [len(reader), bool(np.array_equal(reader[number], expected))]
"""


def segmentation_peak_nbytes(folder: Path, planes: int) -> int:
    """Peak memory of a process that writes ten segments in each of some planes of 512x512."""
    samples = pytest.importorskip("segmentation_samples")
    template = samples.built(
        samples.series(1, rows=512, columns=512), np.ones((1, 512, 512), np.uint8), segments=10
    )
    template.save_as(folder / "template.dcm")
    report = run_child(FRAMES, folder / "template.dcm", folder / "seg.dcm", planes, setup=FRAMES_SETUP)
    assert (report.error, report.outcome) == ("", [10 * planes, True])
    return report.peak_nbytes


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_segmentations_are_written_plane_by_plane(tmp_path: Path) -> None:
    # As 8-bit arrays of all segments, 200 MiB.
    assert segmentation_peak_nbytes(tmp_path, 80) < 60 << 20


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_segmentation_of_10_000_frames(tmp_path: Path) -> None:
    assert segmentation_peak_nbytes(tmp_path, 1000) < 60 << 20
