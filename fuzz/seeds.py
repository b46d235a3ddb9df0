# SPDX-License-Identifier: Apache-2.0
"""Writes the inputs that each harness starts from: ``python fuzz/seeds.py FOLDER``.

Streams of every kind of block from zlib, libdeflate and this encoder, Frames and programs that draw some, Data Sets
in every encoding, and the files of tests/vectors. With ``tests`` in PYTHONPATH, whose writers of streams and Data
Sets are used.
"""

import random
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import deflate

from data_set_samples import Node, write
from deflate_streams import any_length_header, deflated, dynamic_header, fixed, stored
from framedeflate import FrameDeflateError, engine
from framedeflate.byte_source import BytesSource
from framedeflate.encapsulation import offset_tables
from framedeflate.part10 import read_file_meta
from made_files import EXPLICIT, IMPLICIT, encapsulated, file_meta, head, item, native_header

VECTORS = sorted((Path(__file__).parents[1] / "tests" / "vectors").glob("*.dcm"))
LARGEST = 8192
"""Seeds beyond this slow every mutation of them; a harness reaches no more with them."""

BIG_ENDIAN = "1.2.840.10008.1.2.2"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"


def frames() -> Iterator[tuple[bytes, int]]:
    """Yield small Frames of every look, and their row_nbits."""
    rng = random.Random(7)
    for width in (8, 40, 61, 64, 200):
        row = (width + 7) // 8
        disc = bytearray()
        for y in range(24):
            bits = 0
            for x in range(width):
                bits |= ((x - width / 2) ** 2 + (y - 12) ** 2 < 90) << x
            disc += bits.to_bytes(row, "little")
        yield bytes(disc), width
    yield bytes(600), 64
    yield b"\xff" * 300, 128
    yield rng.randbytes(200), 80
    yield bytes(rng.choice(b"\0\1\2\x07") for _ in range(500)), 160
    yield b"".join(struct.pack("<H", 1000 + x % 37 + rng.randrange(4)) for x in range(200)), 320
    yield bytes(range(256)) * 3, 2048
    yield bytes((x * x >> 5) & 255 for x in range(400)), 160


def streams() -> Iterator[bytes]:
    """Yield DEFLATE streams: stored, fixed and dynamic blocks, alone and one behind the other, whole and broken."""
    for frame, row_nbits in frames():
        for level in (0, 1, 6, 9):
            yield deflated(frame, level)
        yield deflated(frame, 6, zlib.Z_FIXED)
        yield deflated(frame, 6, zlib.Z_HUFFMAN_ONLY)
        yield deflated(frame, 6, zlib.Z_RLE)
        for level in (1, 6, 12):
            yield bytes(deflate.deflate_compress(frame, level))
        for level in (1, 5, 9):
            yield engine.deflate_frames(frame, len(frame), row_nbits, level, 1)[0]
        flushing = zlib.compressobj(6, zlib.DEFLATED, -15)
        yield (
            flushing.compress(frame[:100])
            + flushing.flush(zlib.Z_FULL_FLUSH)
            + flushing.compress(frame[100:])
            + flushing.flush()
        )
    # A long run, whose matches are read several at once; and one as long as the harness looks.
    for nbytes in (3000, 65000):
        yield deflated(bytes(nbytes))
        yield deflated(b"\1\2\3" * (nbytes // 3))
    yield stored(b"abc", final=0).align().data() + fixed().code("0000000").data()
    yield dynamic_header({0: 1, 256: 1}).code("01").data()
    yield dynamic_header({256: 1, 257: 2}).code("0").data()
    yield dynamic_header({0: 2, 1: 2, 256: 2, 257: 2, 258: 1}, nliterals=258).code("000001").data()
    yield any_length_header(286, 30).data()
    yield b"\7" + bytes(8)


def inflate_inputs() -> Iterator[bytes]:
    """Yield how the Frame's size is chosen, a size, and the stream."""
    for stream in streams():
        for way in range(4):
            yield bytes([way]) + struct.pack("<H", 20) + stream


def encode_inputs() -> Iterator[bytes]:
    """Yield level, row_nbits, and a Frame or a program that draws one."""
    rng = random.Random(11)
    for frame, row_nbits in frames():
        for level in range(16):
            yield bytes([level | 64]) + struct.pack("<H", row_nbits) + frame
    for number in range(200):
        program = b"".join(
            bytes([rng.randrange(256), rng.choice((0, 1, 7, 31, 255)), rng.randrange(256)])
            for _ in range(rng.randrange(2, 60))
        )
        yield (
            bytes([128 | number % 128])
            + struct.pack("<H", rng.choice((8, 61, 64, 65, 512, 515, 4096)))
            + program
        )


def data_sets() -> Iterator[tuple[bytes, int]]:
    """Yield Data Sets and the flags that say how they are encoded."""
    inner = [Node(0x00280010, "US", b"\4\0"), Node(0x00280011, "US", b"\4\0")]
    deep = [Node(0x00080016, "UI", b"1.2.3\0")]
    for _ in range(70):
        deep = [Node(0x00081140, "SQ", [deep, deep[:1]][:1], undefined_length=True)]
    nested = [
        Node(0x00080016, "UI", b"1.2.840\0"),
        Node(0x00081140, "SQ", [inner, inner]),
        Node(0x00081199, "SQ", [inner, []], undefined_length=True),
        *inner,
        Node(0x00880200, "SQ", [[*inner, Node(0x7FE00010, "OW", bytes(16))]], undefined_length=True),
        Node(0x52009229, "SQ", [[Node(0x00289110, "SQ", [inner])]]),
        Node(0x7FE00010, "OW", bytes(32)),
    ]
    for nodes in (nested, deep, nested[:3], [*inner, Node(0x00091010, "UN", b"abcd")]):
        yield write(nodes), 0
        yield write(nodes, implicit=True), 1
        yield write(nodes, big=True), 2
    yield head(), 0
    yield head(implicit=True), 1
    icon = head() + encapsulated([b"ab", b"cd"])
    yield struct.pack("<HH2sHI", 0x0088, 0x0200, b"SQ", 0, len(item(icon))) + item(icon) + head(), 4
    for path in VECTORS:
        file = path.read_bytes()
        yield file[132:], 0
        yield file[132:], 4


def element_scan_inputs() -> Iterator[bytes]:
    """Yield flags, the size of the small windows, and a Data Set."""
    for data_set, flags in data_sets():
        for more in (0, 4, 8, 20, 36):
            yield bytes([flags | more, 30]) + data_set


def grouped(undefined: bool) -> list[list[Node]]:
    """Return Items of Per-Frame Functional Groups."""
    return [
        [
            Node(0x00209113, "SQ", [[Node(0x00200032, "DS", b"1.5\\-2\\3 ")]], undefined),
            Node(
                0x00089124,
                "SQ",
                [[Node(0x00081155, "UI", b"1.2.3\0"), Node(0x0040A170, "SQ", [[]])]],
                undefined,
            ),
            Node(0x0062000A, "SQ", [[Node(0x0062000B, "US", bytes([number, 0]))], []], not undefined),
            Node(0x00620004, "US", bytes([number, 0])),
        ]
        for number in range(3)
    ]


def item_values_inputs() -> Iterator[bytes]:
    """Yield flags, the size of the windows, and Items."""
    for undefined in (False, True):
        for flags in (0, 1, 2):
            for count in range(4):
                items = grouped(undefined)[:count]
                sequence = write(
                    [Node(0x52009230, "SQ", items, undefined)], implicit=flags == 1, big=flags == 2
                )
                for more in (0, 8):
                    yield bytes([flags | more | 4 * undefined, 60]) + sequence[8 if flags == 1 else 12 :]
    deep: list[Node] = []
    for _ in range(66):
        deep = [Node(0x0062000A, "SQ", [deep], undefined_length=True)]
        yield bytes([4, 200]) + write([Node(0x52009230, "SQ", [deep], undefined_length=True)])[12:]


def item_scan_inputs() -> Iterator[bytes]:
    """Yield a start, where to cut, and Items."""
    for count in (0, 1, 3, 40):
        values = encapsulated([bytes([number] * 6) for number in range(count)], basic=bytes(4 * count))[12:]
        for start, cut in ((0, 0), (0, 21), (8, 60), (0, 1000)):
            yield bytes([start]) + struct.pack("<H", cut) + values
            yield bytes([start]) + struct.pack("<H", cut) + values[:-5]


def bits_inputs() -> Iterator[bytes]:
    """Yield bits of a Frame, first bit, Frames, and bytes."""
    rng = random.Random(3)
    for frame_nbits in (1, 7, 8, 9, 15, 63, 64, 65, 150, 512, 1023):
        for first_bit in (0, 1, 7, 64):
            source = rng.choice((bytes(300), b"\xff" * 300, rng.randbytes(300)))
            yield struct.pack("<HBB", frame_nbits - 1, first_bit, 5) + source


def data_set_inputs() -> Iterator[bytes]:
    """Yield flags and a Data Set, for the harnesses of the Python side."""
    for data_set, flags in data_sets():
        yield bytes([flags]) + data_set


def items_inputs() -> Iterator[bytes]:
    """Yield a number of Frames and a Data Set with Fragments and offset tables, right and wrong."""
    for path in VECTORS:
        source = BytesSource(path.read_bytes())
        with suppress(FrameDeflateError):
            data_set = source.get_range(read_file_meta(source).data_set_position, source.nbytes)
            for count in (1, 2, 3):
                yield bytes([count]) + data_set
    for count in (1, 2, 3, 8):
        stored = [bytes([number] * (2 * number + 2)) for number in range(count)]
        tables = offset_tables([len(fragment) for fragment in stored])
        extended = offset_tables([len(fragment) for fragment in stored], max_basic_offset=-1)
        yield bytes([count]) + encapsulated(stored, basic=tables.basic)
        yield bytes([count]) + extended.elements + encapsulated(stored)
        yield bytes([count]) + extended.elements + encapsulated(stored + stored, basic=tables.basic)


def files() -> Iterator[bytes]:
    """Yield whole files for the harnesses of the Python side."""
    for path in VECTORS:
        yield path.read_bytes()
    pixels = [bytes([number] * 16) for number in range(3)]
    streams = [deflated(frame) + b"\0" * (len(deflated(frame)) % 2) for frame in pixels]
    yield file_meta(EXPLICIT) + head(frames=3) + native_header(48) + b"".join(pixels)
    yield (
        file_meta(IMPLICIT)
        + head(frames=3, implicit=True)
        + struct.pack("<HHI", 0x7FE0, 0x0010, 48)
        + b"".join(pixels)
    )
    yield file_meta("1.2.840.10008.1.2.8.1") + head(frames=3) + encapsulated(streams)
    yield file_meta(UNCOMPRESSED) + head(frames=3) + encapsulated(pixels)
    for undefined in (False, True):
        labels = [[Node(0x00620004, "US", b"\1\0"), Node(0x00620005, "LO", b"a\x1b$B0!")]]
        groups = [
            Node(0x00620002, "SQ", labels),
            Node(0x52009229, "SQ", grouped(undefined)[:1]),
            Node(0x52009230, "SQ", grouped(undefined), undefined),
        ]
        yield file_meta(EXPLICIT) + head(frames=3) + write(groups) + native_header(48) + b"".join(pixels)
    for data_set, flags in data_sets():
        yield file_meta({0: EXPLICIT, 1: IMPLICIT, 2: BIG_ENDIAN}.get(flags, EXPLICIT)) + data_set


INPUTS: dict[str, Callable[[], Iterator[bytes]]] = {
    "bits": bits_inputs,
    "data_sets": data_set_inputs,
    "element_scan": element_scan_inputs,
    "encode": encode_inputs,
    "files": files,
    "inflate": inflate_inputs,
    "item_scan": item_scan_inputs,
    "item_values": item_values_inputs,
    "items": items_inputs,
}


def write_seeds(folder: Path) -> None:
    """Write a folder of seeds for each harness."""
    for name, inputs in INPUTS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(data for data in inputs() if len(data) <= LARGEST):
            (folder / name / f"{number:04}").write_bytes(data)


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
