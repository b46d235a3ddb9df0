# SPDX-License-Identifier: Apache-2.0
"""Vectors that conform."""

import zlib

from dicom_writer import (
    data_set,
    deflate,
    element,
    extended,
    frames_of,
    image,
    item,
    open_sequence,
    padded,
    pixel_data,
)
from vector import (
    BYTES,
    FRAGMENTS,
    FRAMES,
    HEAD,
    RGB,
    STREAMS,
    TABLE,
    WHOLE,
    Vector,
    deflated,
    one_bit,
    streams,
)


def flushed(native: bytes, flush: int) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    half = len(native) // 2
    return b"".join(
        [
            deflater.compress(native[:half]) + deflater.flush(flush),
            deflater.compress(native[half:]) + deflater.flush(flush),
            deflater.flush(),
        ]
    )


def legal() -> list[Vector]:
    icon = data_set(image(frames=None, rows=4, columns=4, allocated=8))
    icon_stream = padded(deflate(bytes(range(16))))
    private = (
        element(0x00290010, "LO", b"X ")
        + element(0x00291000, "OB", WHOLE[:12])
        + open_sequence(0x00291001, open_sequence(0x00291002, b"", element(0x00080100, "SH", b"A ")), b"")
    )
    return [
        one_bit("L-basic-offset-table", "1-bit Frames that natively start inside a byte", HEAD + WHOLE),
        one_bit("L-empty-basic-offset-table", "no table", HEAD + pixel_data(FRAGMENTS)),
        one_bit(
            "L-extended-offset-table",
            "Extended Offset Table; its Lengths without the pad",
            HEAD + extended(TABLE, [len(stream) for stream in STREAMS]) + pixel_data(FRAGMENTS),
        ),
        one_bit(
            "L-trailing-padding",
            "Data Set Trailing Padding behind Pixel Data",
            HEAD + WHOLE + element(0xFFFCFFFC, "OB", bytes(6)),
        ),
        one_bit(
            "L-private-sequence",
            "a private sequence of undefined length before Pixel Data, bytes like its header within",
            HEAD + private + WHOLE,
        ),
        one_bit(
            "L-icon-native",
            "a native Icon Image, kept as it is",
            HEAD
            + element(0x00880200, "SQ", item(icon + element(0x7FE00010, "OB", bytes(range(16)))))
            + WHOLE,
        ),
        one_bit(
            "L-icon-deflated",
            "an Icon Image deflated as the Frames are",
            HEAD + element(0x00880200, "SQ", item(icon + pixel_data([icon_stream]))) + WHOLE,
        ),
        deflated("L-single-frame", "Number of Frames is absent", image(frames=None), FRAMES[:1]),
        deflated(
            "L-uniform-frames", "all zero, all one", image(frames="2", columns=16), [bytes(30), b"\xff" * 30]
        ),
        deflated(
            "L-signed-sixteen",
            "16 bits allocated, 12 stored, signed",
            image(rows=4, columns=5, allocated=16, stored=12, signed=1),
            frames_of(40),
        ),
        deflated(
            "L-thirty-two",
            "32 bits allocated, 8 stored: still 4 bytes a pixel",
            image(rows=4, columns=5, allocated=32, stored=8),
            frames_of(80),
        ),
        deflated("L-sixty-four", "64 bits allocated", image(rows=3, columns=3, allocated=64), frames_of(72)),
        deflated("L-rgb-by-pixel", "Planar Configuration 0", image(**RGB), frames_of(90, count=2)),
        deflated(
            "L-rgb-by-plane", "Planar Configuration 1", image(**RGB | {"planar": 1}), frames_of(90, count=2)
        ),
        deflated(
            "L-odd-rgb",
            "27 bytes: an odd Frame",
            image(**RGB | {"rows": 3, "columns": 3, "frames": "1"}),
            frames_of(27, count=1),
        ),
        deflated(
            "L-ybr-full-422",
            "two samples a pixel",
            image(**RGB | {"photometric": "YBR_FULL_422"}),
            frames_of(60, count=2),
        ),
        deflated("L-one-bit-one-pixel", "one pixel a Frame", image(rows=1, columns=1), [b"\1", b"\0", b"\1"]),
        streams("L-stored-blocks", "level 0", [padded(deflate(frame, level=0)) for frame in BYTES]),
        streams(
            "L-fixed-code",
            "fixed Huffman code",
            [padded(deflate(frame, strategy=zlib.Z_FIXED)) for frame in BYTES],
        ),
        streams(
            "L-huffman-only",
            "no matches",
            [padded(deflate(frame, strategy=zlib.Z_HUFFMAN_ONLY)) for frame in BYTES],
        ),
        streams(
            "L-full-flush",
            "several blocks, empty stored ones among them",
            [padded(flushed(frame, zlib.Z_FULL_FLUSH)) for frame in BYTES],
        ),
        streams(
            "L-sync-flush",
            "the last block is empty",
            [padded(flushed(frame, zlib.Z_SYNC_FLUSH)) for frame in BYTES],
        ),
        streams(
            "L-small-window", "a window of 512 bytes", [padded(deflate(frame, bits=-9)) for frame in BYTES]
        ),
    ]
