# SPDX-License-Identifier: Apache-2.0
"""The value of an attribute, as a payload (PS3.18 10.4.1.1.5): native, words in Little Endian (8.7.3)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from framedeflate.byte_source import ByteSource
from framedeflate.data_set.words import WORD_NBYTES, swapped
from framedeflate.errors import UnsupportedImageError
from framedeflate.web.metadata.find_value import find_value
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.payloads.body import BLOCK_NBYTES, Body, StoredBytes, pieces_between

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["bulkdata_body"]


def bulkdata_body(opened: OpenedDataSet, path: str) -> Body | None:
    """Return the value that a path of tags and Item numbers leads to; None where there is none.

    Raises
    ------
    UnsupportedImageError
        kind ``encapsulated``: it is Items, which are no value that could be sent without its Transfer Syntax.
    DicomFormatError
        As `find_value`.
    """
    found = find_value(opened, path)
    if found is None:
        return None
    if found.nbytes is None:
        raise UnsupportedImageError("the value is encapsulated in Items", kind="encapsulated")
    word_nbytes = WORD_NBYTES.get(found.vr.encode("ascii"), 1) if found.big_endian else 1
    if word_nbytes == 1:
        return StoredBytes(opened.source, found.position, found.nbytes)
    return _Swapped(opened.source, found.position, found.nbytes, word_nbytes)


class _Swapped:
    """A value of Big Endian words."""

    __slots__ = ("_stored", "_word_nbytes")

    def __init__(self, source: ByteSource, position: int, nbytes: int, word_nbytes: int) -> None:
        self._stored = StoredBytes(source, position, nbytes)
        self._word_nbytes = word_nbytes

    @property
    def nbytes(self) -> int:
        """As `Body.nbytes`."""
        return self._stored.nbytes

    def pieces(self, start: int, stop: int) -> "Iterator[Buffer]":
        """As `Body.pieces`."""
        # Blocks hold whole words of any size.
        first = start - start % BLOCK_NBYTES
        last = min(stop + -stop % BLOCK_NBYTES, self.nbytes)
        blocks = (swapped(bytes(block), self._word_nbytes) for block in self._stored.pieces(first, last))
        return pieces_between(blocks, start - first, stop - first)
