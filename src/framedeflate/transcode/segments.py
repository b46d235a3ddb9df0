# SPDX-License-Identifier: Apache-2.0
"""Parts of a file that are copied: ranges of the source, or bytes made anew."""

from collections.abc import Iterable
from typing import BinaryIO, Final, TypeAlias

from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.errors import DicomFormatError

__all__ = ["MAX_HEADER_NBYTES", "Segment", "copy_segments", "read_segments"]

Segment: TypeAlias = bytes | tuple[int, int]
"""Bytes, or (start, stop) of the source."""

_BLOCK_NBYTES: Final = 4 << 20

MAX_HEADER_NBYTES: Final = 1 << 27
"""Most bytes before or behind Pixel Data that are encoded anew, which takes up to five times their size in memory."""


def copy_segments(segments: Iterable[Segment], source: ByteSource, file: BinaryIO) -> None:
    """Write each segment, a bounded block at a time.

    Raises
    ------
    DicomFormatError
        kind ``truncated``: the source is shorter than it was when it was scanned.
    """
    for segment in segments:
        if isinstance(segment, bytes):
            file.write(segment)
            continue
        start, stop = segment
        for position in range(start, stop, _BLOCK_NBYTES):
            file.write(read_exactly(source, position, min(position + _BLOCK_NBYTES, stop)))


def read_segments(source: ByteSource, segments: Iterable[Segment]) -> bytes:
    """Return the segments as one piece of memory.

    Raises
    ------
    DicomFormatError
        kind ``too-large``: together they pass 128 MiB; ``truncated``: the source became shorter.
    """
    parts = list(segments)
    nbytes = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts)
    if nbytes > MAX_HEADER_NBYTES:
        raise DicomFormatError(
            f"the attributes beside Pixel Data have {nbytes} bytes; at most {MAX_HEADER_NBYTES} are encoded anew. "
            "Convert the file to Explicit VR Little Endian first",
            kind="too-large",
            position=0,
        )
    return b"".join(part if isinstance(part, bytes) else read_exactly(source, *part) for part in parts)
