# SPDX-License-Identifier: Apache-2.0
"""A stored DEFLATE stream as a content coding, without inflating it (PS3.18 8.7.3.3.2 note, RFC 9110 8.4.1).

Content-Encoding deflate is zlib's container (RFC 1950) and gzip its own (RFC 1952): a few bytes before the stream, and
behind it a checksum of what it inflates to. With the checksum stored, both are put together from what is there.

The stream must end at its true end: with the NULL left in that makes a Fragment even (PS3.5 A.4.13), clients refuse the
body.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from framedeflate.wrapped_stream import gzip_trailer, zlib_trailer

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["CODINGS", "Coding", "FrameSums", "coded_nbytes", "ends", "wrap"]

Coding = Literal["deflate", "gzip"]

CODINGS: Final[tuple[Coding, ...]] = ("deflate", "gzip")
"""The codings a stored stream can be sent as, the shorter first."""

_ZLIB_HEADER: Final = (
    b"\x78\x9c"  # RFC 1950 2.2: deflate, a window of 32 KiB, no dictionary; 0x789C is 31 * 996
)
_GZIP_HEADER: Final = (
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952 2.3: no name, no time, unknown system
)
_OVERHEAD_NBYTES: Final[dict[Coding, int]] = {"deflate": 2 + 4, "gzip": 10 + 8}


class FrameSums(NamedTuple):
    """What is kept of a Frame so that its stream can be wrapped; `engine.inflate_checksums` tells all of it.

    Attributes
    ----------
    stream_nbytes : int
        Bytes of the stream up to its true end.
    native_nbytes : int
        Bytes of what it inflates to.
    adler32, crc32 : int
        Checksums of what it inflates to.
    """

    stream_nbytes: int
    native_nbytes: int
    adler32: int
    crc32: int


def coded_nbytes(sums: FrameSums, coding: Coding) -> int:
    """Return the exact Content-Length of a wrapped stream."""
    return sums.stream_nbytes + _OVERHEAD_NBYTES[coding]


def wrap(fragment: "Buffer", sums: FrameSums, coding: Coding) -> Sequence["Buffer"]:
    """Return what to send, in order: a header, the stream in place, a trailer.

    Parameters
    ----------
    fragment : buffer
        The stored stream, with or without its pad. It is not copied: the second buffer is a view of it.
    sums : FrameSums
    coding : "deflate" or "gzip"

    Raises
    ------
    ValueError
        `fragment` is shorter than the stream, or longer by more than the one NULL it may be padded with: it belongs to
        another Frame.
    """
    view = memoryview(fragment).cast("B")
    if not sums.stream_nbytes <= len(view) <= sums.stream_nbytes + 1:
        raise ValueError(f"a fragment of {len(view)} bytes for a stream of {sums.stream_nbytes}")
    header, trailer = ends(sums, coding)
    return header, view[: sums.stream_nbytes], trailer


def ends(sums: FrameSums, coding: Coding) -> tuple[bytes, bytes]:
    """Return what goes before a stream and what behind it; for those who send the stream itself in blocks."""
    if coding == "deflate":
        return _ZLIB_HEADER, zlib_trailer(sums.adler32)
    return _GZIP_HEADER, gzip_trailer(sums.crc32, sums.native_nbytes)
