# SPDX-License-Identifier: Apache-2.0
"""A file of tests/vectors as it is made, and the image that most of them hold."""

import hashlib
from dataclasses import dataclass

from dicom_writer import data_set, deflate, frames_of, image, offsets, padded, part10, pixel_data


@dataclass
class Vector:
    """A file, and what is expected of it.

    read, lenient, compress, decompress are "decode" or an error and its kind; empty means the same as `read`.
    verify is the kinds of problems. frames are the native Frames, each from its first bit on, unused bits zero.
    """

    name: str
    file: bytes
    note: str
    frames: list[bytes] | None = None
    read: str = "decode"
    verify: str = ""
    lenient: str = ""
    compress: str = ""
    decompress: str = ""

    @property
    def row(self) -> list[str]:
        """The line of the table."""
        kind = {"L": "legal", "G": "grey", "I": "illegal"}[self.name[0]]
        same = (self.lenient or self.read, self.compress or self.read, self.decompress or self.read)
        digest = hashlib.sha256(b"".join(self.frames)).hexdigest() if self.frames else ""
        return [f"{self.name}.dcm", kind, self.read, *same, self.verify, digest, self.note]


ONE_BIT = image()
FRAMES = frames_of(19, used_bits=6)
STREAMS = [deflate(frame) for frame in FRAMES]
FRAGMENTS = [padded(stream) for stream in STREAMS]
TABLE = offsets(FRAGMENTS)
HEAD = data_set(ONE_BIT)
WHOLE = pixel_data(FRAGMENTS, table=TABLE)

EIGHT_BIT = image(rows=16, columns=12, allocated=8)
BYTES = frames_of(192)

RGB: dict[str, int | str | None] = {
    "samples": 3,
    "photometric": "RGB",
    "planar": 0,
    "allocated": 8,
    "rows": 5,
    "columns": 6,
    "frames": "2",
}
COLOURS = frames_of(90, count=2)


def deflated(name: str, note: str, fields: dict[int, tuple[str, bytes]], frames: list[bytes]) -> Vector:
    """A legal file of the given attributes and Frames."""
    fragments = [padded(deflate(frame)) for frame in frames]
    return Vector(
        name, part10(data_set(fields) + pixel_data(fragments, table=offsets(fragments))), note, frames
    )


def streams(name: str, note: str, made: list[bytes], **expected: str) -> Vector:
    """The 8-bit image with Fragments given."""
    frames = BYTES if "decode" in (expected.get("read", "decode"), expected.get("lenient")) else None
    file = part10(data_set(EIGHT_BIT) + pixel_data(made, table=offsets(made)))
    return Vector(name, file, note, frames, **expected)


def one_bit(name: str, note: str, body: bytes, **expected: str) -> Vector:
    """A file with the 1-bit image's Frames somewhere in its Data Set."""
    frames = None if expected.get("read", "decode") != "decode" else FRAMES
    return Vector(name, part10(body), note, frames, **expected)
