# SPDX-License-Identifier: Apache-2.0
"""Frames are streamed: the peak memory of a process does not grow with the file. The gigabytes are for `make soak`."""

from pathlib import Path

import pytest

import judge
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


@pytest.mark.soak
def test_three_gigabytes_take_less_than_300_mib(tmp_path: Path) -> None:
    size = write_source(tmp_path / "source", 3 << 30, 512, 1)
    assert peak_nbytes(tmp_path / "source", tmp_path / "compressed", tmp_path / "native") < 300 << 20
    assert (tmp_path / "native").stat().st_size >= size


@pytest.mark.soak
def test_an_output_of_more_than_4_gib_has_the_extended_offset_table(tmp_path: Path) -> None:
    # Noise does not deflate: stored blocks and Items make the last offset pass 32 bits.
    import random

    frames, side = 65_535, 256
    block = random.Random(1).randbytes(256 * side * side)  # noqa: S311
    source = tmp_path / "source"
    with source.open("wb") as file:
        head = data_set(image(rows=side, columns=side, allocated=8, frames=str(frames)))
        file.write(
            part10(head + element(0x7FE00010, "OB", b"", nbytes=frames * side * side), uid=EXPLICIT_LITTLE)
        )
        for start in range(0, frames, 256):
            file.write(block[: min(256, frames - start) * side * side])
    assert peak_nbytes(source, tmp_path / "compressed", "-") < 300 << 20
    assert (tmp_path / "compressed").stat().st_size > 1 << 32
    with (tmp_path / "compressed").open("rb") as file:
        # The tables alone: the judge reads whole files.
        beginning = file.read(4000)
    at = beginning.index(b"\xe0\x7f\x01\x00OV")
    walker = judge.Walker(beginning)
    assert walker.number("I", at + 8) == 8 * frames
    lengths_at = at + 12 + 8 * frames
    with (tmp_path / "compressed").open("rb") as file:
        file.seek(lengths_at - 8)
        last_offset = int.from_bytes(file.read(8), "little")
        assert last_offset > 0xFFFFFFFF
        file.seek(lengths_at + 12 + 8 * frames + 12)
        assert file.read(8) == b"\xfe\xff\x00\xe0\0\0\0\0"
        origin = file.tell()
        file.seek(origin + last_offset)
        assert file.read(4) == b"\xfe\xff\x00\xe0"
        fragment = file.read(int.from_bytes(file.read(4), "little"))
    assert judge.inflate(fragment) == block[(frames - 1) % 256 * side * side :][: side * side]
