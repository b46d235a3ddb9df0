# SPDX-License-Identifier: Apache-2.0
"""Raw DEFLATE by Python's zlib, and the Items of encapsulated Pixel Data (RFC 1951, PS3.5 A.4)."""

import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["Inflated", "fragments_of", "inflate", "padded", "raw_deflate"]

MOST_NBYTES: Final = 64 << 20
_ITEM: Final = b"\xfe\xff\x00\xe0"


@dataclass(frozen=True, slots=True)
class Inflated:
    """What a stream holds, and how long it is without what follows it."""

    content: bytes
    nbytes: int


def raw_deflate(
    content: bytes, *, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY, flush_at: int = 0
) -> bytes:
    """Return a raw stream; with flush_at there is a full flush in the middle."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
    if not flush_at:
        return deflater.compress(content) + deflater.flush()
    head = deflater.compress(content[:flush_at]) + deflater.flush(zlib.Z_FULL_FLUSH)
    return head + deflater.compress(content[flush_at:]) + deflater.flush()


def padded(stream: bytes) -> bytes:
    """Pad with NULL to even length (PS3.5 A.4)."""
    return stream + bytes(len(stream) % 2)


def inflate(stream: bytes) -> Inflated:
    """Inflate a raw stream of at most 64 MiB.

    Raises
    ------
    ValueError
        It is none, or does not end.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(stream, MOST_NBYTES)
    except zlib.error as error:
        raise ValueError(f"no raw DEFLATE stream of {len(stream)} bytes") from error
    if not inflater.eof:
        raise ValueError(f"a stream of {len(stream)} bytes that does not end")
    return Inflated(content, len(stream) - len(inflater.unused_data))


def fragments_of(value: bytes) -> tuple[bytes, ...]:
    """Return the Fragments of encapsulated Pixel Data, one a Frame, without the Basic Offset Table.

    Raises
    ------
    ValueError
        The Items cannot be told apart.
    """
    fragments: list[bytes] = []
    position = 0
    while value[position : position + 4] == _ITEM:
        nbytes = int.from_bytes(value[position + 4 : position + 8], "little")
        position += 8
        if position + nbytes > len(value):
            raise ValueError("an Item ends behind the value")
        fragments.append(value[position : position + nbytes])
        position += nbytes
    if not fragments:
        raise ValueError("no Items")
    return tuple(fragments[1:])
