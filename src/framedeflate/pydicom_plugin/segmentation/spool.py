# SPDX-License-Identifier: Apache-2.0
"""Pieces of bytes that are written in one order and read in another, in a file without a name."""

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, Self

from framedeflate.encapsulation import ITEM_HEADER_NBYTES, Items, padded_nbytes

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FragmentSpool", "Spool"]


class Spool:
    """Pieces by their index, from 0; each takes 8 bytes of memory. A context: the file ends with it.

    Parameters
    ----------
    folder : Path
        Where there is room: the destination's, which will hold as much.
    """

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._starts = array("Q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, index: int) -> bytes:
        start, stop = self._starts[index], self._starts[index + 1]
        self._file.seek(start)
        return self._file.read(stop - start)

    def append(self, pieces: "Iterable[Buffer]", sizes: Sequence[int]) -> None:
        """Append pieces that lie one behind the other in `pieces`, however those are cut, of these sizes in bytes."""
        self._file.seek(self._starts[-1])
        self._file.writelines(pieces)
        for size in sizes:
            self._starts.append(self._starts[-1] + size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class FragmentSpool:
    """Fragments by their index, from 0; each takes 16 bytes of memory.

    Parameters
    ----------
    pieces : Spool
        Empty.
    """

    def __init__(self, pieces: Spool) -> None:
        self._pieces = pieces
        self._stream_nbytes = array("Q")

    def __len__(self) -> int:
        return len(self._stream_nbytes)

    def __getitem__(self, index: int) -> Items:
        return Items([self._pieces[index]], [self._stream_nbytes[index]])

    def append(self, items: Items) -> None:
        """Append Fragments."""
        self._pieces.append(
            items.pieces, [ITEM_HEADER_NBYTES + padded_nbytes(size) for size in items.stream_nbytes]
        )
        self._stream_nbytes.extend(items.stream_nbytes)
