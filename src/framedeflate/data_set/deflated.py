# SPDX-License-Identifier: Apache-2.0
"""The Data Set as one deflate stream: Deflated Explicit VR Little Endian and its JPIP relatives (PS3.5 A.5)."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from framedeflate.errors import DicomFormatError

__all__ = ["DEFAULT_INFLATE_LIMIT_NBYTES", "InflatedDataSet", "deflate_data_set", "inflate_data_set"]

DEFAULT_INFLATE_LIMIT_NBYTES: Final = 8 << 30
"""8 GiB: a native Data Set whose Pixel Data fills its 32-bit length, twice over. DEFLATE expands up to 1032 to 1."""

_BLOCK_NBYTES: Final = 1 << 18
_OUT_BLOCK_NBYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class InflatedDataSet:
    """How a Data Set's stream ended.

    Attributes
    ----------
    nbytes : int
        Size of the inflated Data Set.
    stream_nbytes : int
        Bytes of the source up to the stream's end, a wrapper included.
    trailing_nbytes : int
        Bytes behind it, without the single NULL that an odd length asks for. They were left out.
    wrapper : {"", "zlib", "gzip"}
        Header that should not be there; its checksum was tested.
    """

    nbytes: int
    stream_nbytes: int
    trailing_nbytes: int
    wrapper: Literal["", "zlib", "gzip"]


def inflate_data_set(
    read: Callable[[int], bytes],
    write: Callable[[bytes], object],
    *,
    limit_nbytes: int = DEFAULT_INFLATE_LIMIT_NBYTES,
    position: int = 0,
) -> InflatedDataSet:
    """Inflate the part of a file behind its File Meta Information, a block at a time.

    Parameters
    ----------
    read : callable
        Returns up to so many next bytes of the source, none at its end; a file's ``read``.
    write : callable
        Takes the Data Set in blocks of up to 1 MiB.
    limit_nbytes : int
        The largest Data Set that is accepted, 8 GiB unless stated.
    position : int
        Where the stream starts in its file; for errors alone.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-value`` (not a deflate stream) | ``too-large``. What was written until then is of
        no use.
    """
    data = read(_BLOCK_NBYTES)
    wrapper = _wrapper(data)
    inflater = zlib.decompressobj({"": -15, "zlib": 15, "gzip": 31}[wrapper])
    nbytes = consumed = 0
    while not inflater.eof:
        try:
            block = inflater.decompress(data, _OUT_BLOCK_NBYTES)
        except zlib.error as error:
            raise DicomFormatError(
                f"the deflate stream of the Data Set is broken near its byte {consumed} (PS3.5 A.5)",
                kind="bad-value",
                position=position + consumed,
            ) from error
        nbytes += len(block)
        if nbytes > limit_nbytes:
            raise DicomFormatError(
                f"the deflated Data Set is larger than the limit of {limit_nbytes} bytes",
                kind="too-large",
                position=position + consumed,
            )
        write(block)
        rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        consumed += len(data) - len(rest)
        data = rest
        # A full block may have left more inside the inflater, even where it took all it was given.
        if (
            not data
            and not inflater.eof
            and len(block) < _OUT_BLOCK_NBYTES
            and not (data := read(_BLOCK_NBYTES))
        ):
            raise DicomFormatError(
                f"the file ends inside the deflate stream of its Data Set, {nbytes} bytes in (PS3.5 A.5)",
                kind="truncated",
                position=position + consumed,
            )
    trailing_nbytes, first = len(inflater.unused_data), inflater.unused_data[:1]
    while block := read(_BLOCK_NBYTES):
        first = first or block[:1]
        trailing_nbytes += len(block)
    if trailing_nbytes == 1 and first == b"\0" and consumed & 1:
        trailing_nbytes = 0
    return InflatedDataSet(nbytes, consumed, trailing_nbytes, wrapper)


def _wrapper(head: bytes) -> Literal["", "zlib", "gzip"]:
    """Tell which header stands before the raw stream; some writers put one there, and readers in the field take it."""
    if head[:3] == b"\x1f\x8b\x08":
        # As raw DEFLATE this would be a block of the reserved type.
        return "gzip"
    if len(head) >= 2 and head[0] & 0x0F == 8 and head[0] >> 4 <= 7 and (head[0] << 8 | head[1]) % 31 == 0:
        # Raw, this is a stored block: then its length is followed by its complement (RFC 1951 3.2.4).
        is_stored = len(head) >= 5 and head[1] ^ head[3] == 0xFF and head[2] ^ head[4] == 0xFF
        return "" if is_stored else "zlib"
    return ""


def deflate_data_set(
    read: Callable[[int], bytes], write: Callable[[bytes], object], *, level: int = 6
) -> int:
    """Deflate an Explicit VR Little Endian Data Set as one raw stream, padded with NULL to an even length (PS3.5 A.5).

    Parameters
    ----------
    read, write : callable
        As for `inflate_data_set`.
    level : int
        1 (fastest) to 9 (smallest), those of zlib.

    Returns
    -------
    int
        Bytes written, the pad included.
    """
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
    nbytes = 0
    while data := read(_BLOCK_NBYTES):
        block = deflater.compress(data)
        nbytes += len(block)
        write(block)
    block = deflater.flush()
    block += b"\0" * (nbytes + len(block) & 1)
    write(block)
    return nbytes + len(block)
