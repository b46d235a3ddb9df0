# SPDX-License-Identifier: Apache-2.0
"""What the headers of JPEG, JPEG-LS and JPEG 2000 codestreams say, read before a decoder of others sees them."""

import struct
from typing import Final, NamedTuple

__all__ = ["Codestream", "describe_jpeg", "describe_jpeg2000"]

_STANDALONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAME_MARKERS: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_LOSSLESS_FRAME_MARKERS: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_JPEG_LS_FRAME_MARKER: Final = 0xF7
_RGB_COMPONENTS: Final = (b"RGB", b"rgb")


class Codestream(NamedTuple):
    """A codestream's own description of its image.

    Attributes
    ----------
    rows, columns, samples : int
        Size; rows are 0 where a JPEG states them behind its first scan only, which no decoder here understands.
    precision : int
        Bits of a sample.
    is_lossy : bool
        Whether its process loses information: a DCT, a JPEG-LS error bound above 0, an irreversible wavelet.
        A reversible JPEG 2000 codestream may have been cut short all the same.
    has_rgb_components : bool
        Whether the JPEG components are named R, G and B.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    is_lossy: bool
    has_rgb_components: bool = False


def describe_jpeg(frame: bytes) -> Codestream | None:
    """Return what a JPEG (ISO/IEC 10918-1) or JPEG-LS (14495-1) header says; None where it cannot be read."""
    try:
        return _describe_jpeg(frame)
    except (IndexError, struct.error):
        return None


def _describe_jpeg(frame: bytes) -> Codestream | None:
    if frame[:2] != b"\xff\xd8":
        return None
    at, found, marker_of_frame = 2, None, 0
    while True:
        # Any number of FF may stand before a marker (10918-1 B.1.1.2).
        while frame[at] == 0xFF and frame[at + 1] == 0xFF:
            at += 1
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker in _STANDALONE_MARKERS:
            at += 2
            continue
        (segment_nbytes,) = struct.unpack_from(">H", frame, at + 2)
        body = frame[at + 4 : at + 2 + segment_nbytes]
        if marker in _FRAME_MARKERS:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
            names = bytes(body[6 : 6 + 3 * samples : 3])
            is_lossy = marker not in _LOSSLESS_FRAME_MARKERS
            found = Codestream(rows, columns, samples, precision, is_lossy, names in _RGB_COMPONENTS)
            marker_of_frame = marker
        elif marker in (0xD9, 0xDA):
            if found is not None and marker_of_frame == _JPEG_LS_FRAME_MARKER and marker == 0xDA:
                # 14495-1 C.2.3: NEAR follows the list of components.
                return found._replace(is_lossy=body[1 + 2 * body[0]] > 0)
            return found
        at += 2 + segment_nbytes


def describe_jpeg2000(frame: bytes) -> Codestream | None:
    """Return what a JPEG 2000 (ISO/IEC 15444-1, -15) main header says; None where it cannot be read."""
    start = 0
    if frame[4:8] == b"jP  ":
        # Some writers store a whole JP2 file; the codestream is in its "jp2c" box.
        start = frame.find(b"jp2c") + 4
    try:
        return _describe_jpeg2000(memoryview(frame)[start:])
    except (IndexError, struct.error):
        return None


def _describe_jpeg2000(frame: memoryview) -> Codestream | None:
    if bytes(frame[:4]) != b"\xff\x4f\xff\x51":
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    (samples,) = struct.unpack_from(">H", frame, 40)
    precision = (frame[42] & 0x7F) + 1
    is_lossy = False
    at = 2
    while frame[at] == 0xFF and frame[at + 1] not in (0x90, 0xD9):
        (segment_nbytes,) = struct.unpack_from(">H", frame, at + 2)
        if frame[at + 1] == 0x52:
            # A.6.1: the transformation is the last of the five bytes of SPcod; 0 is the irreversible 9-7 filter.
            is_lossy = frame[at + 13] == 0
        at += 2 + segment_nbytes
    return Codestream(bottom - top, right - left, samples, precision, is_lossy)
