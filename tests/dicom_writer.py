# SPDX-License-Identifier: Apache-2.0
"""A writer of small DICOM files for the tests, right or wrong as asked: struct and zlib, nothing of the package."""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"
SOP_INSTANCE = "2.25.1234567890"
UNDEFINED = 0xFFFFFFFF
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
WORD_NBYTES = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "UV", "SV"), 8),
}
"""What Big Endian reverses, by VR (PS3.5 7.3); one byte where it is not named."""
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)

Fields = Mapping[int, tuple[str, bytes]]


def us(*numbers: int) -> tuple[str, bytes]:
    """A value of VR US."""
    return "US", struct.pack(f"<{len(numbers)}H", *numbers)


def text(vr: str, value: str) -> tuple[str, bytes]:
    """A value of a character VR, padded to an even length."""
    padding = "\0" if vr == "UI" else " "
    return vr, (value + padding * (len(value) % 2)).encode("ascii")


def element(tag: int, vr: str, value: bytes, *, nbytes: int | None = None) -> bytes:
    """An element in Explicit VR Little Endian; `nbytes` states another length than the value has."""
    length = len(value) if nbytes is None else nbytes
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG_VRS:
        return head + struct.pack("<HI", 0, length) + value
    return head + struct.pack("<H", length) + value


def item(value: bytes, *, nbytes: int | None = None) -> bytes:
    """An Item."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if nbytes is None else nbytes) + value


def open_sequence(tag: int, *items: bytes) -> bytes:
    """A sequence of undefined length, of Items of undefined length."""
    value = b"".join(item(inside, nbytes=UNDEFINED) + ITEM_END for inside in items)
    return element(tag, "SQ", value + SEQUENCE_END, nbytes=UNDEFINED)


def image(**changes: int | str | None) -> dict[int, tuple[str, bytes]]:
    """The attributes of an image: 3 Frames of 15 rows, 10 columns, 1 bit, unless told; None leaves one out."""
    values: dict[str, int | str | None] = {
        "samples": 1,
        "photometric": "MONOCHROME2",
        "planar": None,
        "frames": "3",
        "rows": 15,
        "columns": 10,
        "allocated": 1,
        "stored": None,
        "high": None,
        "signed": 0,
    }
    values |= changes
    if values["stored"] is None:
        values["stored"] = values["allocated"]
    if values["high"] is None and isinstance(values["stored"], int):
        values["high"] = values["stored"] - 1
    tags = {
        0x00280002: "samples",
        0x00280004: "photometric",
        0x00280006: "planar",
        0x00280008: "frames",
        0x00280010: "rows",
        0x00280011: "columns",
        0x00280100: "allocated",
        0x00280101: "stored",
        0x00280102: "high",
        0x00280103: "signed",
    }
    fields = {0x00080016: text("UI", SOP_CLASS), 0x00080018: text("UI", SOP_INSTANCE)}
    for tag, name in tags.items():
        value = values[name]
        if isinstance(value, int):
            fields[tag] = us(value)
        elif value is not None:
            fields[tag] = text("IS" if name == "frames" else "CS", value)
    return fields


def frames_of(nbytes: int, used_bits: int = 8, *, count: int = 3) -> list[bytes]:
    """Frames that differ, repeat themselves here and there, and have the unused bits of their last byte zero."""
    frames = []
    for number in range(count):
        frame = bytearray(
            (i // (2 + number) % (6 + i // 50)) * 40 + number * 37 & 0xFF for i in range(nbytes)
        )
        frame[-1] &= (1 << used_bits) - 1
        frames.append(bytes(frame))
    return frames


def deflate(
    native: bytes, *, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY, bits: int = -15
) -> bytes:
    """A raw stream, or a wrapped one for other `bits`; no pad."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, bits, 9, strategy)
    return deflater.compress(native) + deflater.flush()


def padded(stream: bytes) -> bytes:
    """The stream with the NULL that an odd length asks for."""
    return stream + b"\0" * (len(stream) % 2)


def offsets(fragments: Sequence[bytes], per_frame: int = 1) -> list[int]:
    """Where each Frame starts, from the end of the Basic Offset Table Item."""
    at, found = 0, []
    for number, fragment in enumerate(fragments):
        if number % per_frame == 0:
            found.append(at)
        at += 8 + len(fragment)
    return found


def pixel_data(
    fragments: Iterable[bytes], *, table: Sequence[int] = (), vr: str = "OB", end: bytes = SEQUENCE_END
) -> bytes:
    """Encapsulated Pixel Data; `table` is the Basic Offset Table."""
    items = item(struct.pack(f"<{len(table)}I", *table)) + b"".join(item(fragment) for fragment in fragments)
    return element(0x7FE00010, vr, items + end, nbytes=UNDEFINED)


def extended(table: Sequence[int], lengths: Sequence[int] | None) -> bytes:
    """The Extended Offset Table, with its Lengths unless None."""
    offsets_element = element(0x7FE00001, "OV", struct.pack(f"<{len(table)}Q", *table))
    if lengths is None:
        return offsets_element
    return offsets_element + element(0x7FE00002, "OV", struct.pack(f"<{len(lengths)}Q", *lengths))


def data_set(fields: Fields, *, uid: str = EXPLICIT_LITTLE) -> bytes:
    """The elements, ascending, in one of the three native Transfer Syntaxes; their values are given little endian."""
    encode = {IMPLICIT_LITTLE: _implicit_element, BIG_ENDIAN: _big_element}.get(uid, element)
    return b"".join(encode(tag, *fields[tag]) for tag in sorted(fields))


def _implicit_element(tag: int, _vr: str, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def _big_element(tag: int, vr: str, value: bytes) -> bytes:
    size = WORD_NBYTES.get(vr, 1)
    swapped = b"".join(value[i : i + size][::-1] for i in range(0, len(value), size))
    head = struct.pack(">HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG_VRS:
        return head + struct.pack(">HI", 0, len(value)) + swapped
    return head + struct.pack(">H", len(value)) + swapped


def part10(body: bytes, *, uid: str | None = DEFLATED_FRAMES, instance: str = SOP_INSTANCE) -> bytes:
    """A file around a Data Set."""
    meta = {
        0x00020001: ("OB", b"\0\1"),
        0x00020002: text("UI", SOP_CLASS),
        0x00020003: text("UI", instance),
        0x00020012: text("UI", "2.25.42"),
    }
    if uid is not None:
        meta[0x00020010] = text("UI", uid)
    group = data_set(meta)
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(group))) + group + body
