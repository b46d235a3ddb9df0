# SPDX-License-Identifier: Apache-2.0
"""Bytes that remember what was asked of them."""


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
