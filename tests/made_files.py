# SPDX-License-Identifier: Apache-2.0
"""DICOM files laid down byte by byte: images of any size, true or not, sparse where they are large."""

import struct
from collections.abc import Iterable
from pathlib import Path

from data_set_samples import Node, write

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

PIXEL_DATA = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def file_meta(uid: str) -> bytes:
    """Preamble and File Meta Information."""
    group = write([Node(0x00020001, "OB", b"\0\1"), Node(0x00020010, "UI", _even(uid))])
    return bytes(128) + b"DICM" + write([Node(0x00020000, "UL", struct.pack("<I", len(group)))]) + group


def head(
    *,
    rows: int = 4,
    columns: int = 4,
    bits: int = 8,
    frames: int | str = 1,
    implicit: bool = False,
    before: bytes = b"",
) -> bytes:
    """The Data Set up to Pixel Data; `before` stands in front of the Image Pixel attributes."""
    pixels = [
        Node(0x00280002, "US", struct.pack("<H", 1)),
        Node(0x00280004, "CS", b"MONOCHROME2 "),
        Node(0x00280008, "IS", _even(str(frames))),
        Node(0x00280010, "US", struct.pack("<H", rows)),
        Node(0x00280011, "US", struct.pack("<H", columns)),
        Node(0x00280100, "US", struct.pack("<H", bits)),
        Node(0x00280101, "US", struct.pack("<H", bits)),
        Node(0x00280102, "US", struct.pack("<H", bits - 1)),
        Node(0x00280103, "US", struct.pack("<H", 0)),
    ]
    return before + write(pixels, implicit=implicit)


def native_header(nbytes: int, *, vr: bytes = b"OW") -> bytes:
    """Header of native Pixel Data in Explicit VR."""
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, vr, 0, nbytes)


def item(value: bytes, nbytes: int | None = None) -> bytes:
    """An Item; `nbytes` is the length it states."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if nbytes is None else nbytes) + value


def encapsulated(fragments: Iterable[bytes], *, basic: bytes = b"") -> bytes:
    """Pixel Data with a Basic Offset Table and a Fragment for each value, which must have an even length."""
    return PIXEL_DATA + item(basic) + b"".join(item(fragment) for fragment in fragments) + SEQUENCE_END


def write_native(
    path: Path,
    pixel_data: bytes,
    *,
    rows: int = 4,
    columns: int = 4,
    bits: int = 8,
    frames: int = 1,
    tail: bytes = b"",
) -> Path:
    """A file in Explicit VR Little Endian."""
    image = head(rows=rows, columns=columns, bits=bits, frames=frames)
    path.write_bytes(file_meta(EXPLICIT) + image + native_header(len(pixel_data)) + pixel_data + tail)
    return path


def write_sparse(path: Path, start: bytes, nbytes: int, end: bytes = b"") -> Path:
    """A file of `start`, `nbytes` of zeros that take no room on the disk, and `end`."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + nbytes)
        file.seek(0, 2)
        file.write(end)
    return path


def _even(text: str) -> bytes:
    value = text.encode("ascii")
    return value + b"\0" * (len(value) % 2)
