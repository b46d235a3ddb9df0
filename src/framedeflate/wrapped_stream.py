# SPDX-License-Identifier: Apache-2.0
"""Frames that a writer wrapped as zlib (RFC 1950) or gzip (RFC 1952) instead of raw DEFLATE.

Such writers exist. Their frames are read, with their checksum tested, and `verify` reports them.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

__all__ = ["Wrapper", "find_wrapper", "gzip_trailer", "zlib_trailer"]

_GZIP_FIXED_NBYTES = 10
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A header before a raw stream, and the trailer it asks for.

    Attributes
    ----------
    name : {"zlib", "gzip"}
        Which.
    header_nbytes, trailer_nbytes : int
        Sizes in bytes; the raw stream lies between.
    """

    name: Literal["zlib", "gzip"]
    header_nbytes: int
    trailer_nbytes: int

    def trailer_matches(self, trailer: bytes, native: bytes) -> bool:
        """Whether the checksum, and for gzip the size, are those of the Frame's native bytes."""
        if self.name == "zlib":
            return trailer == zlib_trailer(zlib.adler32(native))
        return trailer == gzip_trailer(zlib.crc32(native), len(native))


def zlib_trailer(adler32: int) -> bytes:
    """Return what stands behind a stream in zlib's container (RFC 1950 2.2)."""
    return struct.pack(">I", adler32)


def gzip_trailer(crc32: int, native_nbytes: int) -> bytes:
    """Return what stands behind a stream in gzip's (RFC 1952 2.3.1): the size is told modulo 2^32."""
    return struct.pack("<II", crc32, native_nbytes & 0xFFFFFFFF)


def find_wrapper(fragment: bytes) -> Wrapper | None:
    """Return the wrapper that the first bytes of a Fragment announce, or None."""
    if len(fragment) < 2:
        return None
    method, flags = fragment[0], fragment[1]
    # RFC 1950 2.2: method 8, window up to 32 KiB, header a multiple of 31; a preset dictionary has no meaning here.
    if method & 0x0F == 8 and method >> 4 <= 7 and (method << 8 | flags) % 31 == 0 and not flags & 0x20:
        return Wrapper("zlib", 2, 4)
    if fragment[:3] == b"\x1f\x8b\x08" and len(fragment) > _GZIP_FIXED_NBYTES:
        header_nbytes = _gzip_header_nbytes(fragment)
        return None if header_nbytes is None else Wrapper("gzip", header_nbytes, 8)
    return None


def _gzip_header_nbytes(fragment: bytes) -> int | None:
    """Return the size of a gzip header with its optional fields (RFC 1952 2.3), None where it does not end."""
    flags, at = fragment[3], _GZIP_FIXED_NBYTES
    if flags & _FEXTRA:
        if at + 2 > len(fragment):
            return None
        at += 2 + int(struct.unpack_from("<H", fragment, at)[0])
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            end = fragment.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    if flags & _FHCRC:
        at += 2
    return at if at < len(fragment) else None
