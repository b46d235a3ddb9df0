# SPDX-License-Identifier: Apache-2.0
"""Texts kept deflated, which joined are a payload in any content coding without being deflated again."""

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from framedeflate.web.content_encoding import Coding, FrameSums, ends
from framedeflate.web.metadata.checksums import joined_adler32, joined_crc32

__all__ = ["CodedText", "PayloadCoder", "code"]

_LEVEL: Final = 4  # twice as fast as 6, and a tenth longer
_HELD_NBYTES: Final = 8 << 20
_BLOCK_NBYTES: Final = 1 << 18

_END: Final = b"\x03\x00"  # an empty last block (RFC 1951 3.2.3)


class NamelessFile:
    """A temporary file that vanishes when nobody holds it any more.

    Attributes
    ----------
    descriptor : int
    """

    __slots__ = ("descriptor",)

    def __init__(self, folder: Path | None) -> None:
        with TemporaryFile(dir=folder) as file:
            self.descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        descriptor = getattr(self, "descriptor", -1)
        if descriptor >= 0:
            os.close(descriptor)

    def write(self, data: bytes) -> None:
        """Write at the end."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]


@dataclass(frozen=True, slots=True)
class CodedText:
    """A text as DEFLATE blocks that end at a byte, the last of them not marked as the last.

    Attributes
    ----------
    blocks : tuple of bytes
        The stream, where it is held in memory.
    file : NamelessFile or None
        Where it lies otherwise.
    stream_nbytes : int
        Length of the stream.
    nbytes : int
        Length of the text.
    adler32, crc32 : int
        Checksums of the text.
    """

    blocks: tuple[bytes, ...]
    file: NamelessFile | None
    stream_nbytes: int
    nbytes: int
    adler32: int
    crc32: int

    def stream(self) -> Iterator[bytes]:
        """Yield the stream in blocks; several threads may do so."""
        if self.file is None:
            yield from self.blocks
            return
        descriptor = self.file.descriptor
        for at in range(0, self.stream_nbytes, _BLOCK_NBYTES):
            yield os.pread(descriptor, min(_BLOCK_NBYTES, self.stream_nbytes - at), at)

    def text(self) -> Iterator[bytes]:
        """Yield the text in blocks."""
        inflater = zlib.decompressobj(-15)
        for block in self.stream():
            while block:
                if text := inflater.decompress(block, _BLOCK_NBYTES):
                    yield text
                block = inflater.unconsumed_tail  # noqa: PLW2901 - what is left of it
        # A full block may leave more inside.
        while text := inflater.decompress(b"", _BLOCK_NBYTES):
            yield text


def code(text: Iterable[bytes], *, folder: Path | None = None) -> CodedText:
    """Deflate a text.

    Parameters
    ----------
    text : iterable of bytes
        Taken up as it comes; errors of its maker pass.
    folder : Path, optional
        Where a stream of more than 8 MiB is put, in a file without a name.
    """
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    blocks: list[bytes] = []
    file: NamelessFile | None = None
    held = stream_nbytes = nbytes = crc32 = 0
    adler32 = 1
    for piece in _with_flush(text, deflater):
        if isinstance(piece, memoryview):
            nbytes += len(piece)
            adler32, crc32 = zlib.adler32(piece, adler32), zlib.crc32(piece, crc32)
            continue
        blocks.append(piece)
        held += len(piece)
        stream_nbytes += len(piece)
        if held > _HELD_NBYTES:
            file = file or NamelessFile(folder)
            file.write(b"".join(blocks))
            blocks.clear()
            held = 0
    if file is not None:
        file.write(b"".join(blocks))
        blocks.clear()
    return CodedText((b"".join(blocks),), file, stream_nbytes, nbytes, adler32, crc32)


def _with_flush(text: Iterable[bytes], deflater: "zlib._Compress") -> Iterator[bytes | memoryview]:
    """Yield each block of the text as a view, and what of the stream comes of it as bytes."""
    for block in text:
        yield memoryview(block)
        if stream := deflater.compress(block):
            yield stream
    # Nothing behind this refers to what is before it, so that it may be put behind anything.
    yield deflater.flush(zlib.Z_FULL_FLUSH)


class PayloadCoder:
    """Puts texts, deflated or not, together to one payload.

    Parameters
    ----------
    coding : str or None
        The Content-Encoding, deflate or gzip; None sends the texts themselves.
    """

    def __init__(self, coding: str | None) -> None:
        self._coding: Final[Coding | None] = (
            None if coding is None else "gzip" if coding == "gzip" else "deflate"
        )
        self._nbytes = self._crc32 = 0
        self._adler32 = 1

    def start(self) -> bytes:
        """Return what stands before the first text."""
        return b"" if self._coding is None else ends(self._sums(), self._coding)[0]

    def plain(self, text: bytes) -> bytes:
        """Return what is sent for a text of a few bytes."""
        if self._coding is None:
            return text
        self._count(len(text), zlib.adler32(text), zlib.crc32(text))
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        return deflater.compress(text) + deflater.flush(zlib.Z_FULL_FLUSH)

    def coded(self, text: CodedText) -> Iterator[bytes]:
        """Return what is sent for a text that is deflated."""
        if self._coding is None:
            return text.text()
        self._count(text.nbytes, text.adler32, text.crc32)
        return text.stream()

    def end(self) -> bytes:
        """Return what stands behind the last text."""
        return b"" if self._coding is None else _END + ends(self._sums(), self._coding)[1]

    def _sums(self) -> FrameSums:
        return FrameSums(0, self._nbytes, self._adler32, self._crc32)

    def _count(self, nbytes: int, adler32: int, crc32: int) -> None:
        self._nbytes += nbytes
        self._adler32 = joined_adler32(self._adler32, adler32, nbytes)
        self._crc32 = joined_crc32(self._crc32, crc32, nbytes)
