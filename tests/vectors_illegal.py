# SPDX-License-Identifier: Apache-2.0
"""Vectors that cannot be read, each with its error and kind."""

from dicom_writer import (
    EXPLICIT_LITTLE,
    SEQUENCE_END,
    UNDEFINED,
    data_set,
    deflate,
    element,
    image,
    item,
    open_sequence,
    padded,
    part10,
    pixel_data,
)
from vector import BYTES, FRAGMENTS, FRAMES, HEAD, TABLE, WHOLE, Vector, one_bit, streams


def bad_streams() -> list[Vector]:
    whole = [padded(deflate(frame)) for frame in BYTES]
    # RFC 1951 3.2.6: final, fixed codes; literal 0; length 3, distance 4, where 1 byte is there; end of block.
    bits = "1" + "10" + "00110000" + "0000001" + "00011" + "0000000"
    too_far = int(bits[::-1], 2).to_bytes(4, "little")
    wrong_sum = [deflate(frame, bits=15)[:-4] + b"\0\0\0\0" for frame in BYTES]
    return [
        streams(
            "I-truncated-stream",
            "cut in the middle",
            [padded(frame[: len(frame) // 2]) for frame in whole],
            read="FrameDecodeError:not-terminated",
            verify="not-terminated",
        ),
        streams(
            "I-no-final-block",
            "flushed, never finished",
            [b"\x00\xc0\x00\x3f\xff" + BYTES[0] + b"\0"] * 3,
            read="FrameDecodeError:not-terminated",
            verify="not-terminated",
        ),
        streams(
            "I-too-short",
            "one byte too few",
            [padded(deflate(frame[:-1])) for frame in BYTES],
            read="FrameDecodeError:short-output",
            verify="short-output",
        ),
        streams(
            "I-too-long",
            "one byte too many",
            [padded(deflate(frame + b"\0")) for frame in BYTES],
            read="FrameDecodeError:excess-output",
            verify="excess-output",
        ),
        streams(
            "I-bomb",
            "4 MiB for a Frame of 192 bytes",
            [padded(deflate(bytes(1 << 22)))] * 3,
            read="FrameDecodeError:excess-output",
            verify="excess-output",
        ),
        streams(
            "I-reserved-block-type",
            "block type 3",
            [b"\x07\x00"] * 3,
            read="FrameDecodeError:bad-data",
            verify="bad-data",
        ),
        streams(
            "I-distance-too-far",
            "a match that starts before the Frame",
            [too_far] * 3,
            read="FrameDecodeError:bad-data",
            verify="bad-data",
        ),
        streams(
            "I-wrong-checksum",
            "RFC 1950 with a wrong Adler-32",
            [padded(frame) for frame in wrong_sum],
            read="FrameDecodeError:bad-data",
            verify="bad-data",
        ),
        streams(
            "I-empty-fragment",
            "the second Fragment is empty",
            [whole[0], b"", whole[2]],
            read="FrameDecodeError:not-terminated",
            verify="empty-fragment not-terminated",
        ),
        Vector(
            "I-huge-frame",
            part10(data_set(image(rows=65535, columns=65535, allocated=8)) + pixel_data(whole)),
            "4 GiB a Frame from a few bytes",
            read="FrameDecodeError:short-output",
            verify="short-output",
            decompress="UnsupportedImageError:too-large",
        ),
    ]


def bad_items() -> list[Vector]:
    split = [half for frame in FRAGMENTS for half in (frame[:8], frame[8:])]
    count = "EncapsulationError:fragment-count"
    past = element(0x7FE00010, "OB", item(b"") + item(b"\1\2", nbytes=1 << 20), nbytes=UNDEFINED)
    undefined = element(
        0x7FE00010, "OB", item(b"") + item(b"\3\0", nbytes=UNDEFINED) + SEQUENCE_END, nbytes=UNDEFINED
    )
    other = element(
        0x7FE00010, "OB", item(b"") + element(0x7FE00020, "OB", b"\3\0") + SEQUENCE_END, nbytes=UNDEFINED
    )
    native = element(0x7FE00010, "OB", bytes(58))
    return [
        one_bit(
            "I-missing-fragment",
            "two Fragments, three Frames",
            HEAD + pixel_data(FRAGMENTS[:2], table=TABLE[:2]),
            read=count,
            verify="fragment-count",
        ),
        one_bit(
            "I-extra-fragment",
            "four Fragments, three Frames, no table",
            HEAD + pixel_data([*FRAGMENTS, FRAGMENTS[0]]),
            read=count,
            verify="fragment-count",
        ),
        one_bit(
            "I-split-frames-no-table",
            "two Fragments a Frame, no table",
            HEAD + pixel_data(split),
            read=count,
            verify="fragment-count",
        ),
        one_bit(
            "I-item-past-the-end",
            "an Item of 1 MiB in a file of 600 bytes",
            HEAD + past,
            read="EncapsulationError:truncated",
            verify="truncated",
        ),
        one_bit(
            "I-item-of-undefined-length",
            "as no Fragment may be",
            HEAD + undefined,
            read="EncapsulationError:bad-item",
            verify="bad-item",
        ),
        one_bit(
            "I-no-item",
            "a Data Element where an Item must be",
            HEAD + other,
            read="EncapsulationError:bad-item",
            verify="bad-item",
        ),
        one_bit(
            "I-native-pixel-data",
            "a defined length under this Transfer Syntax",
            HEAD + native,
            read="EncapsulationError:native",
            verify="native",
        ),
    ]


def bad_attributes() -> list[Vector]:
    def changed(name: str, note: str, kind: str, **changes: int | str | None) -> Vector:
        return one_bit(
            name, note, data_set(image(**changes)) + WHOLE, read=f"UnsupportedImageError:{kind}", verify=kind
        )

    floats = element(0x7FE00008, "OF", bytes(16))
    return [
        changed("I-no-rows", "Rows is absent", "image-pixel", rows=None),
        changed("I-no-columns", "Columns is 0", "image-pixel", columns=0),
        changed("I-no-samples", "Samples per Pixel is absent", "image-pixel", samples=None),
        changed("I-two-samples", "Samples per Pixel is 2", "image-pixel", samples=2),
        changed("I-stored-above-allocated", "Bits Stored is 2 of 1", "image-pixel", stored=2),
        changed("I-no-frames", "Number of Frames is 0", "image-pixel", frames="0"),
        changed("I-frames-not-a-number", 'Number of Frames is "1A"', "number-of-frames", frames="1A"),
        changed("I-twelve-bits", "Bits Allocated is 12", "bits-allocated", allocated=12),
        one_bit(
            "I-no-pixel-data",
            "no Pixel Data at all",
            HEAD,
            read="UnsupportedImageError:no-pixel-data",
            verify="no-pixel-data",
        ),
        one_bit(
            "I-float-pixel-data",
            "Float Pixel Data beside Pixel Data",
            HEAD + floats + WHOLE,
            read="UnsupportedImageError:float-pixel-data",
            verify="float-pixel-data",
        ),
    ]


def bad_files() -> list[Vector]:
    deep = b""
    for _ in range(70):
        deep = open_sequence(0x00081140, deep)
    a5 = "1.2.840.10008.1.2.1.99"
    stream = padded(deflate(HEAD + element(0x7FE00010, "OB", bytes(58))))
    native = HEAD + element(0x7FE00010, "OB", bytes(56))
    color = image(
        samples=3, photometric="YBR_FULL_422", planar=0, rows=4, columns=4, allocated=8, frames=None
    )
    jpeg2000 = image(
        samples=3, photometric="YBR_PARTIAL_420", planar=0, rows=4, columns=4, allocated=8, frames=None
    )
    whole = part10(HEAD + WHOLE)
    header = "DicomFormatError:"
    other = "TransferSyntaxError"
    icon = image(frames=None, rows=65535, columns=65535, allocated=8)
    small = image(frames=None, rows=4, columns=4, allocated=8)
    no_rows = image(frames=None, rows=None, columns=4, allocated=8)
    short = padded(deflate(bytes(range(14))))
    return [
        Vector(
            "I-not-part10",
            HEAD + WHOLE,
            "a Data Set without preamble",
            read=header + "not-part10",
            verify="!" + header + "not-part10",
        ),
        Vector(
            "I-no-transfer-syntax",
            part10(HEAD + WHOLE, uid=None),
            "no (0002,0010)",
            read=header + "bad-meta",
            verify="!" + header + "bad-meta",
        ),
        Vector(
            "I-file-meta-cut",
            whole[:200],
            "the file ends inside its File Meta",
            read=header + "truncated",
            verify="!" + header + "truncated",
        ),
        Vector(
            "I-data-set-cut",
            whole[: whole.index(HEAD) + 30],
            "the file ends inside an attribute",
            read=header + "truncated",
            verify="truncated",
        ),
        Vector(
            "I-stray-delimiter",
            part10(HEAD + SEQUENCE_END + WHOLE),
            "a Sequence Delimitation Item outside a sequence",
            read=header + "bad-structure",
            verify="bad-structure",
        ),
        Vector(
            "I-table-of-undefined-length",
            part10(HEAD + element(0x7FE00001, "UN", SEQUENCE_END, nbytes=UNDEFINED) + WHOLE),
            "an Extended Offset Table as an UN of undefined length",
            read=header + "bad-structure",
            verify="bad-structure",
        ),
        Vector(
            "I-too-deep",
            part10(deep + HEAD + WHOLE),
            "70 sequences within each other",
            read=header + "too-deep",
            verify="too-deep",
        ),
        Vector(
            "I-broken-a5-stream",
            part10(b"\x07\x00", uid=a5),
            "A.5: block type 3",
            read=other,
            compress=header + "bad-value",
            decompress=header + "bad-value",
            verify="transfer-syntax",
        ),
        Vector(
            "I-cut-a5-stream",
            part10(stream[: len(stream) // 2], uid=a5),
            "A.5: cut in the middle",
            read=other,
            compress=header + "truncated",
            decompress=header + "truncated",
            verify="transfer-syntax",
        ),
        Vector(
            "I-short-native",
            part10(native, uid=EXPLICIT_LITTLE),
            "56 bytes where 57 are due",
            read="UnsupportedImageError:short-pixel-data",
            verify="transfer-syntax",
        ),
        Vector(
            "I-encapsulated-native",
            part10(HEAD + WHOLE, uid=EXPLICIT_LITTLE),
            "Items under a native Transfer Syntax",
            read="EncapsulationError:encapsulated",
            verify="transfer-syntax",
        ),
        Vector(
            "I-mislabelled-422",
            part10(data_set(color) + element(0x7FE00010, "OB", bytes(48)), uid=EXPLICIT_LITTLE),
            "YBR_FULL_422 with three samples a pixel",
            read="UnsupportedImageError:image-pixel",
            verify="transfer-syntax",
        ),
        Vector(
            "I-unknown-transfer-syntax",
            part10(HEAD + WHOLE, uid="1.2.840.10008.1.2.4.100"),
            "MPEG-2",
            read=other,
            compress="UnsupportedImageError:decoder",
            decompress="UnsupportedImageError:decoder",
            verify="transfer-syntax",
        ),
        Vector(
            "I-ybr-partial-420",
            part10(data_set(jpeg2000) + pixel_data([b"\xff\x4f\xff\x51"]), uid="1.2.840.10008.1.2.4.90"),
            "a Photometric Interpretation that is never native",
            read=other,
            compress="UnsupportedImageError:photometric-interpretation",
            decompress="UnsupportedImageError:photometric-interpretation",
            verify="transfer-syntax",
        ),
        Vector(
            "I-native-too-large",
            part10(data_set(image(rows=65535, columns=65535, frames="9")) + pixel_data([FRAGMENTS[0]] * 9)),
            "4.5 GiB natively, more than a 32-bit length can state",
            read="FrameDecodeError:short-output",
            decompress="UnsupportedImageError:too-large",
            verify="short-output",
        ),
        Vector(
            "G-huge-icon",
            part10(HEAD + element(0x00880200, "SQ", item(data_set(icon) + pixel_data([b"\3\0"]))) + WHOLE),
            "a deflated Icon Image of 4 GiB: read and compressed, not made native",
            FRAMES,
            decompress="UnsupportedImageError:too-large",
            verify="unchecked-icon",
        ),
        with_icon("G-icon-bad-data", "block type 3", small, [b"\x07\0"], "FrameDecodeError:bad-data"),
        with_icon("G-icon-too-short", "two bytes too few", small, [short], "FrameDecodeError:short-output"),
        with_icon("G-icon-no-fragment", "no Fragment", small, [], "EncapsulationError:fragment-count"),
        with_icon("G-icon-no-rows", "Rows is absent", no_rows, [short], "UnsupportedImageError:image-pixel"),
    ]


def with_icon(
    name: str, note: str, fields: dict[int, tuple[str, bytes]], fragments: list[bytes], error: str
) -> Vector:
    """Good Frames beside an Icon Image that cannot be inflated: they are read, it cannot be made native."""
    icon = item(data_set(fields) + pixel_data(fragments))
    body = HEAD + element(0x00880200, "SQ", icon) + WHOLE
    return one_bit(name, f"a deflated Icon Image: {note}", body, decompress=error, verify="icon")
