# SPDX-License-Identifier: Apache-2.0
"""Files of gigabytes, in less than 300 MiB."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from child import run_child
from made_files import (
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    file_meta,
    head,
    item,
    native_header,
    write_sparse,
)

pytestmark = pytest.mark.soak

MIB = 1 << 20
LIMIT = 300 * MIB


@pytest.mark.parametrize(("bits", "threads"), [(1, 1), (1, 0), (16, 1), (16, 0)])
def test_3_gib_of_native_pixel_data(room: Path, say: Callable[[str], None], bits: int, threads: int) -> None:
    # 1-bit Frames of 2047 by 2049 pixels start inside a byte, seven times of eight.
    rows, columns = (2047, 2049) if bits == 1 else (1024, 1024)
    frames = (3 << 33) // (rows * columns * bits)
    nbytes = -(-rows * columns * bits * frames // 8)
    nbytes += nbytes % 2
    start = file_meta(EXPLICIT) + head(rows=rows, columns=columns, bits=bits, frames=frames)
    source = write_sparse(room / "native.dcm", start + native_header(nbytes), nbytes)
    _fill_some(source, len(start) + 12, nbytes)
    deflated, again = room / "deflated.dcm", room / "again.dcm"
    for verb, path, out in (("compress", source, deflated), ("decompress", deflated, again)):
        body = f"{verb}_file(arguments[0], arguments[1], threads={threads})"
        report = run_child(body, path, out)
        assert report.error == ""
        say(
            f"memory: {verb} {nbytes / 2**30:.2f} GiB of {bits} bit, threads={threads}: "
            f"{report.peak_nbytes / MIB:.0f} MiB, {report.seconds:.0f} s"
        )
        assert report.peak_nbytes < LIMIT
    assert _equal_ends(source, again, nbytes)


def _fill_some(path: Path, position: int, nbytes: int) -> None:
    """Write 1 MiB of structure into every 64 MiB of the zeros."""
    rng = np.random.default_rng(6)
    block = np.repeat(rng.integers(0, 256, MIB // 16, dtype=np.uint8), 16).tobytes()
    with path.open("r+b") as file:
        for at in range(0, nbytes - MIB, 64 * MIB):
            file.seek(position + at + at // (64 * MIB))
            file.write(block)


def _equal_ends(first: Path, second: Path, nbytes: int) -> bool:
    """Whether the last `nbytes` are the same."""
    with first.open("rb") as one, second.open("rb") as other:
        one.seek(-nbytes, 2)
        other.seek(-nbytes, 2)
        return all(one.read(16 * MIB) == other.read(16 * MIB) for _ in range(-(-nbytes // (16 * MIB))))


FRAME_NBYTES = 2 * MIB
FRAMES = 2200
"""4.3 GiB, which no native Pixel Data can hold: the source is Encapsulated Uncompressed."""


def test_output_beyond_4_gib(room: Path, say: Callable[[str], None]) -> None:
    noise = np.random.default_rng(7).integers(0, 256, 64 * MIB, dtype=np.uint8).tobytes()

    def native(index: int) -> bytes:
        start = index * 7919 * 4096 % (len(noise) - FRAME_NBYTES)
        return struct.pack("<Q", index) + noise[start + 8 : start + FRAME_NBYTES]

    source, deflated = room / "source.dcm", room / "deflated.dcm"
    image = head(rows=1024, columns=1024, bits=16, frames=FRAMES)
    with source.open("wb") as file:
        file.write(file_meta(ENCAPSULATED_UNCOMPRESSED) + image + PIXEL_DATA + item(b""))
        for index in range(FRAMES):
            file.write(item(native(index)))
        file.write(SEQUENCE_END)
    report = run_child("compress_file(*arguments, threads=0)", source, deflated)
    assert report.error == ""
    say(
        f"memory: compress {source.stat().st_size} bytes to {deflated.stat().st_size}: "
        f"{report.peak_nbytes / MIB:.0f} MiB, {report.seconds:.0f} s"
    )
    assert report.peak_nbytes < LIMIT
    with deflated.open("rb") as written:
        _judge(written, native)

    body = "outcome = [problem.kind for problem in verify_file(arguments[0])]"
    report = run_child(body, deflated)
    say(f"memory: verify it: {report.peak_nbytes / MIB:.0f} MiB, {report.seconds:.0f} s")
    assert report.outcome == []
    assert report.peak_nbytes < LIMIT

    last = f"outcome = FrameReader.open(arguments[0])[{FRAMES - 1}].tobytes()[:8].hex()"
    report = run_child(last, deflated)
    assert report.outcome == struct.pack("<Q", FRAMES - 1).hex()
    assert report.peak_nbytes < 16 * MIB

    report = run_child("decompress_file(*arguments)", deflated, room / "native.dcm")
    assert (report.error, report.kind) == ("UnsupportedImageError", "too-large")
    assert report.peak_nbytes < 16 * MIB
    assert sorted(path.name for path in room.iterdir()) == ["deflated.dcm", "source.dcm"]


def _judge(file: BinaryIO, native: Callable[[int], bytes]) -> None:
    """Walk the elements and Items with struct, and inflate each Fragment with zlib."""
    start = file.read(4096)
    at = start.index(struct.pack("<HH2sHI", 0x7FE0, 0x0001, b"OV", 0, 8 * FRAMES))
    file.seek(at + 12)
    offsets = struct.unpack(f"<{FRAMES}Q", file.read(8 * FRAMES))
    assert file.read(12) == struct.pack("<HH2sHI", 0x7FE0, 0x0002, b"OV", 0, 8 * FRAMES)
    lengths = struct.unpack(f"<{FRAMES}Q", file.read(8 * FRAMES))
    assert file.read(12) == struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    assert file.read(8) == struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    origin = file.tell()
    for index in range(FRAMES):
        assert file.tell() - origin == offsets[index]
        group, element, nbytes = struct.unpack("<HHI", file.read(8))
        assert (group, element, nbytes) == (0xFFFE, 0xE000, lengths[index] + lengths[index] % 2)
        inflater = zlib.decompressobj(-15)
        assert inflater.decompress(file.read(nbytes)) == native(index)
        assert inflater.eof
        assert len(inflater.unused_data) == nbytes - lengths[index]
    assert offsets[-1] > 2**32
    assert file.read() == SEQUENCE_END
