# SPDX-License-Identifier: Apache-2.0
"""The parts of a file that were read while it was opened, kept so that nothing is asked for twice."""

from typing import Final, TypeVar

from framedeflate.byte_source import ByteSource, Plan
from framedeflate.errors import DicomFormatError
from framedeflate.range_plan import RangePlan

__all__ = ["HeaderMemory", "RememberingSource"]

T = TypeVar("T")

_MAX_KEPT_NBYTES: Final = 16 << 20
_MAX_READ_NBYTES: Final = 1 << 30
"""A server may claim a file of any size, and make up Data Elements without end."""
_MAX_PIECES: Final = 64
"""All are looked through for each range; what is long in a header is skipped, and leaves a piece on either side."""
_HEADER_NBYTES: Final = 12
"""The longest header of a Data Element."""
_MAX_GAP_NBYTES: Final = 4096
"""A gap that is read with what follows, so that the header stays in one piece."""


class HeaderMemory:
    """Pieces of a file, and the plans that are answered from them as far as they reach.

    Parameters
    ----------
    nbytes : int
        Size of the file.
    first : bytes
        Its first bytes, as far as they are known.
    max_kept_nbytes : int
        How much is kept, but for the last answer, which is however long it is.
    """

    def __init__(
        self,
        nbytes: int,
        first: bytes = b"",
        *,
        max_kept_nbytes: int = _MAX_KEPT_NBYTES,
    ) -> None:
        self._nbytes = nbytes
        self._max_kept_nbytes = max_kept_nbytes
        self._left_nbytes = _MAX_READ_NBYTES
        self._pieces: list[tuple[int, bytes]] = [(0, first)]
        self.requests = 0
        """How often something was not there and had to be asked for."""

    def known_from(self, position: int) -> int:
        """Return how many bytes from `position` on are there."""
        for start, piece in self._pieces:
            if start <= position < start + len(piece):
                return start + len(piece) - position
        return 0

    def find(self, start: int, stop: int) -> bytes | None:
        """Return the bytes of a range, or None where not all of them are there."""
        stop = min(stop, self._nbytes)
        if start >= stop:
            return b""
        for first, piece in self._pieces:
            if first <= start and stop <= first + len(piece):
                return piece[start - first : stop - first]
        return None

    def answer(self, plan: Plan[T]) -> RangePlan[T]:
        """Answer a plan from what is there; pass on, and keep, what is not.

        Raises
        ------
        DicomFormatError
            kind ``too-large``: it asks for more than a header can have.
        """
        try:
            start, stop = next(plan)
            while True:
                found = self.find(start, stop)
                if found is None:
                    found = yield from self._fetch(start, min(stop, self._nbytes))
                start, stop = plan.send(found)
        except StopIteration as done:
            result: T = done.value
            return result

    def window_nbytes(self, position: int, forecast_nbytes: int) -> int:
        """Return how many bytes of Data Elements to ask for: what is there, or as many as are forecast."""
        known = self.known_from(position)
        return known if known >= _HEADER_NBYTES else forecast_nbytes

    def answer_ranges(self, plan: RangePlan[T]) -> RangePlan[T]:
        """Answer a plan from what is there, pass on the rest, and keep nothing of it: threads may do so at once."""
        try:
            request = next(plan)
            while True:
                found = [self.find(start, stop) for start, stop in request]
                missing = [place for place, block in zip(request, found, strict=True) if block is None]
                self.requests += bool(missing)
                answers = iter((yield missing) if missing else ())
                request = plan.send([next(answers) if block is None else block for block in found])
        except StopIteration as done:
            result: T = done.value
            return result

    def _fetch(self, start: int, stop: int) -> RangePlan[bytes]:
        self.requests += 1
        self._left_nbytes -= stop - start
        if self._left_nbytes < 0:
            raise DicomFormatError(
                f"the Data Set goes on beyond byte {start} without Pixel Data; download the file to read it",
                kind="too-large",
                position=start,
            )
        first, piece = self._pieces[-1]
        end = first + len(piece)
        if first <= start <= end + _MAX_GAP_NBYTES:
            (answer,) = yield [(end, stop)]
            piece += answer
        else:
            (piece,) = yield [(start, stop)]
            first = start
            self._pieces.append((first, b""))
        self._pieces[-1] = (first, piece)
        kept_nbytes = sum(len(kept) for _start, kept in self._pieces)
        if kept_nbytes > self._max_kept_nbytes or len(self._pieces) > _MAX_PIECES:
            # A header of hundreds of megabytes is walked through, not kept.
            piece = piece[start - first :]
            first = start
            self._pieces[:] = [(first, piece)]
        return piece[start - first : stop - first]


class RememberingSource:
    """A source with a memory of its header.

    Parameters
    ----------
    source : ByteSource
        Asked for what is not remembered.
    memory : HeaderMemory
        Not added to.
    """

    def __init__(self, source: ByteSource, memory: HeaderMemory) -> None:
        self._source = source
        self._memory = memory

    @property
    def nbytes(self) -> int:
        """Size of the whole in bytes."""
        return self._source.nbytes

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive; fewer only where the source ends before."""
        found = self._memory.find(start, stop)
        return self._source.get_range(start, stop) if found is None else found
