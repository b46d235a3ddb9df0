# SPDX-License-Identifier: Apache-2.0
"""Payloads of known length that are made as they are sent, from any byte on (RFC 9110 14)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from framedeflate.byte_source import ByteSource, read_exactly

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BLOCK_NBYTES", "Body", "Joined", "MemoryBody", "StoredBytes", "pieces_between"]

BLOCK_NBYTES: Final = 1 << 18
"""What is read of a file at a time: enough that the disk and the threads are kept busy, little beside a thousand
connections."""


class Body(Protocol):
    """A payload, or a part of one. Any number of requests may read it at once."""

    @property
    def nbytes(self) -> int:
        """Its length, exactly."""

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """Yield the bytes ``[start, stop)`` in order; what is computed is computed when its turn comes.

        Raises
        ------
        FrameDeflateError, OSError
            What is stored cannot be read. The connection must be cut then: Content-Length is out already.
        """


def pieces_between(pieces: "Iterator[Buffer]", start: int, stop: int) -> "Iterator[Buffer]":
    """Yield what lies in ``[start, stop)`` of pieces that are one behind the other; no piece is made behind `stop`."""
    at = 0
    for piece in pieces:
        view = memoryview(piece).cast("B")
        end = at + len(view)
        if end > start:
            yield view[max(start - at, 0) : stop - at] if at < start or end > stop else view
        at = end
        if at >= stop:
            return


class MemoryBody:
    """Bytes in memory.

    Parameters
    ----------
    data : buffer
        Kept, not copied.
    """

    __slots__ = ("_view",)

    def __init__(self, data: "Buffer") -> None:
        self._view = memoryview(data).cast("B")

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return len(self._view)

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        if start < stop:
            yield self._view[start:stop]


class StoredBytes:
    """Bytes ``[position, position + nbytes)`` of a source, as they are.

    Parameters
    ----------
    source : ByteSource
        Held, and so kept open.
    position, nbytes : int
    """

    __slots__ = ("_nbytes", "_position", "_source")

    def __init__(self, source: ByteSource, position: int, nbytes: int) -> None:
        self._source = source
        self._position = position
        self._nbytes = nbytes

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        end = self._position + stop
        for at in range(self._position + start, end, BLOCK_NBYTES):
            yield read_exactly(self._source, at, min(at + BLOCK_NBYTES, end))


class Joined:
    """Bodies, one behind the other.

    Parameters
    ----------
    bodies : sequence of Body
    """

    __slots__ = ("_bodies", "_nbytes")

    def __init__(self, bodies: Sequence[Body]) -> None:
        self._bodies = bodies
        self._nbytes = sum(body.nbytes for body in bodies)

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        at = 0
        for body in self._bodies:
            first, last = max(start - at, 0), min(stop - at, body.nbytes)
            if first < last:
                yield from body.pieces(first, last)
            at += body.nbytes
            if at >= stop:
                return
