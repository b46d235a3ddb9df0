# SPDX-License-Identifier: Apache-2.0
"""Every kind of pixel in every native Transfer Syntax: synthetic files through both commands, read by the judge."""

import struct
from pathlib import Path

import numpy as np
import pytest

import judge
from dicom_writer import (
    BIG_ENDIAN,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    data_set,
    image,
    part10,
)
from framedeflate import FrameReader, compress_file, decompress_file, verify_file

SYNTAXES = {"explicit": EXPLICIT_LITTLE, "implicit": IMPLICIT_LITTLE, "big": BIG_ENDIAN}

RGB: dict[str, int | str | None] = {"samples": 3, "photometric": "RGB", "planar": 0}
KINDS: dict[str, dict[str, int | str | None]] = {
    "one bit, frames inside a byte": {"allocated": 1},
    "one bit, one pixel": {"allocated": 1, "rows": 1, "columns": 1},
    "one bit, an odd number of bytes": {"allocated": 1, "rows": 2, "columns": 4, "frames": "3"},
    "8 bits": {"allocated": 8},
    "8 bits, an odd number of bytes": {"allocated": 8, "rows": 3, "columns": 3},
    "8 bits, signed": {"allocated": 8, "signed": 1},
    "8 bits, one stored": {"allocated": 8, "stored": 1},
    "16 bits": {"allocated": 16},
    "16 bits, 8 stored": {"allocated": 16, "stored": 8},
    "16 bits, one stored": {"allocated": 16, "stored": 1},
    "16 bits, 12 stored, signed": {"allocated": 16, "stored": 12, "signed": 1},
    "24 bits": {"allocated": 24, "rows": 4},
    "32 bits": {"allocated": 32},
    "32 bits, 8 stored": {"allocated": 32, "stored": 8},
    "32 bits, 16 stored, signed": {"allocated": 32, "stored": 16, "signed": 1},
    "64 bits": {"allocated": 64},
    "palette": {"allocated": 8, "photometric": "PALETTE COLOR"},
    "MONOCHROME1": {"allocated": 16, "photometric": "MONOCHROME1"},
    "RGB by pixel": RGB | {"allocated": 8},
    "RGB by plane": RGB | {"allocated": 8, "planar": 1},
    "RGB by plane, 16 bits": RGB | {"allocated": 16, "planar": 1},
    "RGB, 32 bits": RGB | {"allocated": 32},
    "YBR_FULL": RGB | {"allocated": 8, "photometric": "YBR_FULL"},
    "YBR_FULL_422": RGB | {"allocated": 8, "photometric": "YBR_FULL_422"},
}

# Words beside the pixels: a palette, an overlay, a waveform, floats, 64-bit numbers.
WORDS = {
    0x00281201: ("OW", struct.pack("<256H", *range(0, 65536, 256))),
    0x00091001: ("UN", b"PRIVATE "),
    0x60003000: ("OW", bytes(range(38))),
    0x00660016: ("OF", struct.pack("<3f", 1.5, -2, 3e9)),
    0x00720083: ("UV", struct.pack("<2Q", 1, 2**60)),
}


def native_value(changes: dict[str, int | str | None]) -> tuple[bytes, list[bytes]]:
    """Random Pixel Data, the bits above High Bit as they come, and its Frames."""
    numbers = {
        name: int(changes.get(name) or default)
        for name, default in (("rows", 15), ("columns", 10), ("frames", 3))
    }
    samples = 2 if changes.get("photometric") == "YBR_FULL_422" else int(changes.get("samples") or 1)
    nbits = numbers["rows"] * numbers["columns"] * samples * int(changes["allocated"] or 0)
    bits = np.random.default_rng(nbits).integers(0, 2, (numbers["frames"], nbits), np.uint8)
    value = np.packbits(bits.ravel(), bitorder="little").tobytes()
    return value + b"\0" * (len(value) % 2), [
        np.packbits(frame, bitorder="little").tobytes() for frame in bits
    ]


def pixel_vr(syntax: str, allocated: int) -> str:
    # PS3.5 A.1, A.2: Implicit VR is always OW. 24 and 64 bits: OB is one string of bytes, whatever the byte order.
    return "OB" if allocated in {1, 24} or (allocated == 64 and syntax == "big") else "OW"


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_pixel(tmp_path: Path, kind: str, syntax: str) -> None:
    value, frames = native_value(KINDS[kind])
    bits = int(KINDS[kind]["allocated"] or 0)
    fields = image(**KINDS[kind]) | WORDS
    body = data_set(fields, uid=SYNTAXES[syntax])
    vr = pixel_vr(syntax, bits)
    stored = value
    if syntax == "big" and vr == "OW":
        # The writer swaps two bytes at a time; files swap whole samples of 32 bits.
        size = max(2, bits // 8)
        whole = b"".join(value[i : i + size][::-1] for i in range(0, len(value), size))
        stored = b"".join(whole[i : i + 2][::-1] for i in range(0, len(whole), 2))
    body += data_set({0x7FE00010: (vr, stored)}, uid=SYNTAXES[syntax])
    source, compressed, native = tmp_path / "source", tmp_path / "compressed", tmp_path / "native"
    source.write_bytes(part10(body, uid=SYNTAXES[syntax]))

    compress_file(source, compressed)
    assert judge.read(compressed).frames() == frames
    assert verify_file(compressed) == []
    decompress_file(compressed, native)
    written = judge.read(native)
    assert written.value(judge.PIXEL_DATA) == value
    for file in (judge.read(compressed), written):
        found = {element.tag: (element.vr, file.value(element.tag)) for element in file.order}
        found.pop(judge.PIXEL_DATA)
        assert found == dict(sorted(fields.items()))

    decompress_file(compressed, tmp_path / "implicit", implicit_vr=True)
    implicit = judge.read(tmp_path / "implicit")
    assert implicit.uid == IMPLICIT_LITTLE
    assert implicit.value(judge.PIXEL_DATA) == value
    assert {e.tag: implicit.value(e.tag) for e in implicit.order[:-1]} == {
        tag: v for tag, (_, v) in fields.items()
    }

    if bits != 24:
        with FrameReader.open(source) as before, FrameReader.open(compressed) as after:
            assert [frame.tobytes() for frame in before] == [frame.tobytes() for frame in after]


@pytest.mark.parametrize("extra", [2, 3, 100])
def test_excess_behind_the_last_frame_is_left_out_and_said(tmp_path: Path, extra: int) -> None:
    value, frames = native_value({"allocated": 8})
    body = data_set(image(allocated=8) | {0x7FE00010: ("OB", value + b"\7" * (extra + extra % 2))})
    (tmp_path / "source").write_bytes(part10(body, uid=EXPLICIT_LITTLE))
    result = compress_file(tmp_path / "source", tmp_path / "compressed")
    assert result.excess_nbytes == extra + extra % 2
    assert any("left out" in note for note in result.notes)
    assert judge.read(tmp_path / "compressed").frames() == frames


def test_one_byte_too_few_is_too_few(tmp_path: Path) -> None:
    value, _frames = native_value({"allocated": 8, "rows": 3, "columns": 3})
    body = data_set(image(allocated=8, rows=3, columns=3) | {0x7FE00010: ("OB", value[:-2])})
    (tmp_path / "source").write_bytes(part10(body, uid=EXPLICIT_LITTLE))
    with pytest.raises(ValueError, match="26 bytes where 3 Frames need 27"):
        compress_file(tmp_path / "source", tmp_path / "compressed")
