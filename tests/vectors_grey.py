# SPDX-License-Identifier: Apache-2.0
"""Vectors with departures that are read and reported."""

import struct
from dataclasses import replace

from dicom_writer import (
    UNDEFINED,
    data_set,
    deflate,
    element,
    extended,
    image,
    offsets,
    padded,
    part10,
    pixel_data,
)
from vector import (
    BYTES,
    COLOURS,
    FRAGMENTS,
    FRAMES,
    HEAD,
    ONE_BIT,
    RGB,
    STREAMS,
    TABLE,
    WHOLE,
    Vector,
    deflated,
    one_bit,
    streams,
)

ROWS_AND_COLUMNS = (0x00280010, 0x00280011)


def grey_pads() -> list[Vector]:
    """Whatever follows a stream. Streams of odd length get 05, of even length two NULLs."""
    odd = [b"".join([stream, b"\5" if len(stream) % 2 else b""]) for stream in map(deflate, BYTES)]
    twice = [b"".join([stream, b"\0" if len(stream) % 2 else b"\0\0"]) for stream in map(deflate, BYTES)]
    gzipped = [padded(deflate(frame, bits=31)) for frame in BYTES]
    odd_item = [deflate(frame) for frame in BYTES]
    return [
        streams("G-pad-not-null", "the pad is 05", odd, verify="pad-byte"),
        streams("G-two-pad-bytes", "two NULLs behind an even stream", twice, verify="pad-length"),
        streams("G-odd-item", "Items of odd length, without pad", odd_item, verify="odd-fragment"),
        streams(
            "G-zlib-wrapped",
            "RFC 1950",
            [padded(deflate(frame, bits=15)) for frame in BYTES],
            verify="wrapped-stream",
        ),
        streams("G-gzip-wrapped", "RFC 1952", gzipped, verify="wrapped-stream"),
        streams(
            "I-trailing-data",
            "four bytes behind the stream",
            [padded(deflate(frame)) + b"\1\2\3\4" for frame in BYTES],
            read="FrameDecodeError:trailing-data",
            lenient="decode",
            verify="trailing-data",
        ),
    ]


def grey_tables() -> list[Vector]:
    lengths = [len(stream) for stream in STREAMS]
    padded_lengths = [len(fragment) for fragment in FRAGMENTS]
    split = [half for frame in FRAGMENTS for half in (frame[:8], frame[8:])]
    return [
        one_bit(
            "G-wrong-basic-offset-table",
            "offsets 4 too far",
            HEAD + pixel_data(FRAGMENTS, table=[o + 4 for o in TABLE]),
            verify="basic-offset-table",
        ),
        one_bit(
            "G-partial-basic-offset-table",
            "two entries for three Frames",
            HEAD + pixel_data(FRAGMENTS, table=TABLE[:2]),
            verify="basic-offset-table",
        ),
        one_bit(
            "G-both-offset-tables",
            "both filled",
            HEAD + extended(TABLE, lengths) + WHOLE,
            verify="both-offset-tables",
        ),
        one_bit(
            "G-wrong-extended-offset-table",
            "offsets 4 too far",
            HEAD + extended([o + 4 for o in TABLE], lengths) + pixel_data(FRAGMENTS),
            verify="extended-offset-table",
        ),
        one_bit(
            "G-extended-offset-table-alone",
            "without its Lengths",
            HEAD + extended(TABLE, None) + pixel_data(FRAGMENTS),
            verify="extended-offset-table",
        ),
        one_bit(
            "G-wrong-extended-lengths",
            "8 too many",
            HEAD + extended(TABLE, [n + 8 for n in lengths]) + pixel_data(FRAGMENTS),
            verify="extended-offset-table-lengths",
        ),
        one_bit(
            "G-extended-lengths-count-pad",
            "the pad is counted",
            HEAD + extended(TABLE, padded_lengths) + pixel_data(FRAGMENTS),
            verify="extended-offset-table-lengths-count-pad",
        ),
        one_bit(
            "G-split-frames",
            "two Fragments a Frame, told apart by the table",
            HEAD + pixel_data(split, table=offsets(split, 2)),
            verify="split-frame",
        ),
        one_bit(
            "G-no-delimiter",
            "the file ends with the last Item",
            HEAD + pixel_data(FRAGMENTS, table=TABLE, end=b""),
            verify="missing-delimiter",
        ),
        Vector(
            "G-thousand-frames-no-table",
            part10(
                data_set(image(rows=1, columns=8, frames="1000"))
                + pixel_data([padded(deflate(b"\x55"))] * 1000)
            ),
            "an empty Basic Offset Table in a file of 1000 Frames",
            [b"\x55"] * 1000,
            verify="empty-basic-offset-table",
        ),
    ]


def grey_attributes() -> list[Vector]:
    unused = [padded(deflate(frame[:-1] + bytes([frame[-1] | 0xC0]))) for frame in FRAMES]
    implicit = b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, (_vr, value) in sorted(ONE_BIT.items())
    )
    return [
        one_bit(
            "G-unused-bits-set",
            "no departure: the array ignores them",
            HEAD + pixel_data(unused, table=offsets(unused)),
        ),
        one_bit(
            "G-pixel-data-ow",
            "VR OW",
            HEAD + pixel_data(FRAGMENTS, table=TABLE, vr="OW"),
            verify="pixel-data-vr",
        ),
        one_bit(
            "G-high-bit", "High Bit 5 where 0 is due", data_set(image(high=5)) + WHOLE, verify="high-bit"
        ),
        one_bit(
            "G-missing-attributes",
            "no Photometric Interpretation, no Pixel Representation",
            data_set(image(photometric=None, signed=None)) + WHOLE,
            verify="missing-attributes",
        ),
        one_bit(
            "G-elements-out-of-order",
            "Rows and Columns before all others",
            data_set({tag: ONE_BIT[tag] for tag in ONE_BIT if tag in ROWS_AND_COLUMNS})
            + data_set({tag: ONE_BIT[tag] for tag in ONE_BIT if tag not in ROWS_AND_COLUMNS})
            + WHOLE,
            verify="element-order",
        ),
        one_bit(
            "G-empty-attributes",
            "Bits Stored and High Bit have no value",
            data_set(ONE_BIT | {0x00280101: ("US", b""), 0x00280102: ("US", b"")}) + WHOLE,
            verify="missing-attributes",
        ),
        replace(
            deflated("G-no-planar-configuration", "RGB without it", image(**RGB | {"planar": None}), COLOURS),
            verify="missing-attributes",
        ),
        replace(
            deflated(
                "G-three-samples-monochrome",
                "MONOCHROME2 of 3 samples",
                image(**RGB | {"photometric": "MONOCHROME2"}),
                COLOURS,
            ),
            verify="photometric-interpretation",
            compress="UnsupportedImageError:photometric-interpretation",
        ),
        one_bit(
            "G-one-sample-rgb",
            "RGB of 1 sample",
            data_set(image(photometric="RGB")) + WHOLE,
            verify="photometric-interpretation",
            compress="UnsupportedImageError:photometric-interpretation",
        ),
        one_bit(
            "G-one-sample-ybr",
            "YBR_FULL of 1 sample",
            data_set(image(photometric="YBR_FULL")) + WHOLE,
            verify="photometric-interpretation",
            compress="UnsupportedImageError:photometric-interpretation",
        ),
        one_bit(
            "G-photometric-ybr-rct",
            "a colour space of JPEG 2000",
            data_set(image(photometric="YBR_RCT")) + WHOLE,
            verify="photometric-interpretation",
            compress="UnsupportedImageError:photometric-interpretation",
        ),
        one_bit(
            "G-digital-signatures",
            "an empty Digital Signatures Sequence",
            HEAD + WHOLE + element(0xFFFAFFFA, "SQ", b""),
            verify="digital-signatures",
        ),
        one_bit(
            "G-table-behind-pixel-data",
            "an Extended Offset Table behind Pixel Data, where no reader looks",
            HEAD + WHOLE + element(0x7FE00001, "OV", bytes(8)),
            verify="element-order",
            compress="DicomFormatError:bad-structure",
            decompress="DicomFormatError:bad-structure",
        ),
        one_bit(
            "G-second-pixel-data",
            "Pixel Data twice",
            HEAD + WHOLE + WHOLE,
            verify="element-order",
            compress="DicomFormatError:bad-structure",
            decompress="DicomFormatError:bad-structure",
        ),
        Vector(
            "G-other-instance",
            part10(HEAD + WHOLE, instance="2.25.99"),
            "File Meta names another instance",
            FRAMES,
            verify="media-storage-sop-instance-uid",
        ),
        one_bit(
            "G-implicit-vr",
            "the Data Set is in Implicit VR",
            implicit + struct.pack("<HHI", 0x7FE0, 0x0010, UNDEFINED) + WHOLE[12:],
            verify="implicit-vr",
        ),
    ]
