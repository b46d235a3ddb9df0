# SPDX-License-Identifier: Apache-2.0
"""Bytes that remember what was asked of them."""

from collections.abc import Sequence


class CountingSource:
    """A ByteSource in memory, which may answer as if it were huge."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ranges: list[tuple[int, int]] = []

    @property
    def nbytes(self) -> int:
        return len(self.data)

    @property
    def read_nbytes(self) -> int:
        """How much was read in all."""
        return sum(min(stop, len(self.data)) - start for start, stop in self.ranges)

    def get_range(self, start: int, stop: int) -> bytes:
        assert 0 <= start <= stop
        self.ranges.append((start, stop))
        return self.data[start:stop]


class FarSource(CountingSource):
    """The same as on a server: asked for many ranges at once, seldom."""

    is_remote = True

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.requests = 0

    def get_range(self, start: int, stop: int) -> bytes:
        return self.get_ranges([(start, stop)])[0]

    def get_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.requests += 1
        return [CountingSource.get_range(self, start, stop) for start, stop in ranges]
