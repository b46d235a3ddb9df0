# SPDX-License-Identifier: Apache-2.0
"""Frames are streamed: the peak memory of a process does not grow with the file. The gigabytes are for `make soak`."""

from pathlib import Path

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
