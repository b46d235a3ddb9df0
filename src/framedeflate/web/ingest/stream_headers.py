# SPDX-License-Identifier: Apache-2.0
"""What JPEG, JPEG-LS and JPEG 2000 streams say of themselves in their headers; nothing is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from framedeflate.errors import InstanceError

__all__ = ["HEADER_NBYTES", "StreamFacts", "codestream_position", "read_jpeg", "read_jpeg_2000"]

HEADER_NBYTES: Final = 1 << 20
"""As much of a stream is looked at; profiles and thumbnails before its header are rarely larger."""

_JPEG: Final = "1.2.840.10008.1.2.4."
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_SOF: Final = frozenset({0xC0, 0xC1, 0xC3, 0xF7})
_OTHER_SOF: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC, *_SOF})
_BOXED: Final = b"\0\0\0\x0cjP  "


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """One stream.

    Attributes
    ----------
    rows, columns, samples_per_pixel, bits_stored, pixel_representation : int
        As PS3.3 C.7.6.3 calls them.
    photometric_interpretation : str
        What its samples mean, as far as the stream tells.
    transfer_syntaxes : tuple of str
        Which it may stand in; the first, where none is named.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_stored: int
    photometric_interpretation: str
    transfer_syntaxes: tuple[str, ...]
    pixel_representation: int = 0


def _broken(message: str) -> InstanceError:
    return InstanceError(f"a part is no image stream that can be stored: {message}", kind="image-pixel")


def read_jpeg(data: bytes) -> StreamFacts:
    """Read the header of a JPEG or JPEG-LS stream (PS3.5 8.2.1, 8.2.3).

    Parameters
    ----------
    data : bytes
        Its first bytes.

    Raises
    ------
    InstanceError
        kind ``image-pixel``; ``transfer-syntax`` for a process that DICOM has retired, progressive say.
    """
    if data[:2] != b"\xff\xd8":
        raise _broken("it does not begin as JPEG does")
    frame: tuple[int, bytes] | None = None
    adobe = -1
    for marker, segment in _segments(data):
        if marker in _OTHER_SOF:
            raise InstanceError(
                "a part is JPEG in a process that no Transfer Syntax of today is for; send it baseline",
                kind="transfer-syntax",
            )
        if marker in _SOF:
            frame = marker, segment
        elif marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
            adobe = segment[11]
        elif marker == 0xDA and frame is not None:
            return _jpeg_facts(*frame, segment, adobe)
    raise _broken("its header is cut")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise _broken("its markers cannot be read")
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + max(2, length)


def _jpeg_facts(marker: int, frame: bytes, scan: bytes, adobe: int) -> StreamFacts:
    try:
        precision, rows, columns, samples = struct.unpack_from(">BHHB", frame)
        ids = [frame[6 + 3 * index] for index in range(samples)]
        is_subsampled = samples == 3 and frame[7] >> 4 > 1
        # Ss: the predictor of lossless JPEG; in JPEG-LS, NEAR.
        parameter = scan[1 + 2 * scan[0]]
    except (struct.error, IndexError):
        raise _broken("its header is cut") from None
    if samples not in (1, 3) or not rows or not columns:
        raise _broken("it has neither one nor three components, or no size")
    kinds = {
        0xC0: ("50", "51"),
        0xC1: ("51",),
        0xC3: ("70", "57") if parameter == 1 else ("57",),
        0xF7: ("80", "81") if parameter == 0 else ("81",),
    }[marker]
    if samples == 1:
        photometric = "MONOCHROME2"
    elif marker in {0xC3, 0xF7} or adobe == 0 or bytes(ids) == b"RGB":
        photometric = "RGB"
    else:
        photometric = "YBR_FULL_422" if is_subsampled else "YBR_FULL"
    return StreamFacts(
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_stored=precision,
        photometric_interpretation=photometric,
        transfer_syntaxes=tuple(_JPEG + kind for kind in kinds),
    )


def codestream_position(data: bytes) -> int:
    """Return where in a JP2 file its codestream begins, the only part of it that DICOM has (PS3.5 8.2.4).

    Raises
    ------
    InstanceError
        kind ``image-pixel``.
    """
    if not data.startswith(_BOXED):
        return 0
    at = 0
    while at + 8 <= len(data):
        nbytes, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if nbytes == 1 and at + 16 <= len(data):
            (nbytes,) = struct.unpack_from(">Q", data, at + 8)
            header = 16
        if kind == b"jp2c":
            return at + header
        if nbytes < header:
            break
        at += nbytes
    raise _broken("no codestream is found in it")


def read_jpeg_2000(data: bytes, *, high_throughput: bool = False, part_2: bool = False) -> StreamFacts:
    """Read the header of a JPEG 2000 codestream, also of a high-throughput one (PS3.5 8.2.4, 8.2.14).

    Raises
    ------
    InstanceError
        kind ``image-pixel``.
    """
    try:
        if data[:4] != b"\xff\x4f\xff\x51":
            raise _broken("it does not begin as a JPEG 2000 codestream does")
        length, _capabilities, width, height, x, y = struct.unpack_from(">HHIIII", data, 4)
        (samples,) = struct.unpack_from(">H", data, 40)
        depth = data[42]
        at = 4 + length
        while data[at : at + 2] != b"\xff\x52":
            if data[at] != 0xFF:
                raise _broken("its markers cannot be read")
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
        transform, reversible = data[at + 8], data[at + 13] == 1
    except (struct.error, IndexError):
        raise _broken("its header is cut") from None
    if samples not in (1, 3) or width <= x or height <= y:
        raise _broken("it has neither one nor three components, or no size")
    photometric = "MONOCHROME2"
    if samples == 3:
        photometric = ("YBR_RCT" if reversible else "YBR_ICT") if transform else "RGB"
    first, *others = ("201", "202", "203") if high_throughput else ("92", "93") if part_2 else ("90", "91")
    return StreamFacts(
        rows=height - y,
        columns=width - x,
        samples_per_pixel=samples,
        bits_stored=(depth & 0x7F) + 1,
        pixel_representation=depth >> 7,
        photometric_interpretation=photometric,
        transfer_syntaxes=tuple(_JPEG + kind for kind in ((first, *others) if reversible else (others[-1],))),
    )
