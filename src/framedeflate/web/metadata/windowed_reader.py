# SPDX-License-Identifier: Apache-2.0
"""Headers of Data Elements read a window at a time, so that a Data Set of any size takes little memory."""

from typing import Final

from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.data_set.element import DataElement, ElementReader

__all__ = ["WindowedReader"]

_MIN_WINDOW_NBYTES: Final = 1 << 12
_MAX_WINDOW_NBYTES: Final = 1 << 20
_HEADER_NBYTES: Final = 12


class _Window:
    """A part of the source that is held in memory; readers in other encodings share it."""

    def __init__(self, source: ByteSource, stop: int) -> None:
        self.source = source
        self.stop = stop
        self.data = b""
        self.start = 0
        self.nbytes = _MIN_WINDOW_NBYTES

    def move(self, at: int) -> None:
        """Make the window begin at `at`; among small elements it grows, behind a long value it starts small again."""
        is_near = self.start <= at <= self.start + len(self.data)
        self.nbytes = min(2 * self.nbytes, _MAX_WINDOW_NBYTES) if is_near else _MIN_WINDOW_NBYTES
        self.data = read_exactly(self.source, at, min(at + self.nbytes, self.stop))
        self.start = at


class WindowedReader(ElementReader):
    """As `ElementReader`, with positions counted from the start of the source, of which a window is in memory.

    Parameters
    ----------
    source : ByteSource
    stop : int
        First byte behind the Data Set.
    implicit_vr, big_endian : bool
        How it is encoded.
    """

    def __init__(
        self,
        source: ByteSource,
        stop: int,
        *,
        implicit_vr: bool,
        big_endian: bool,
        window: _Window | None = None,
    ) -> None:
        super().__init__(b"", implicit_vr=implicit_vr, big_endian=big_endian)
        self._window = window or _Window(source, stop)

    def header(self, at: int, stop: int) -> DataElement:
        """As `ElementReader.header`."""
        window = self._window
        start = window.start
        if not start <= at <= start + len(window.data) - _HEADER_NBYTES:
            window.move(at)
            start = window.start
        # In there positions count from the start of the window, everywhere else from that of the source.
        self.data, self.position = window.data, start
        try:
            tag, vr, at, value_at, nbytes = super().header(at - start, stop - start)
        finally:
            self.position = 0
        return DataElement(tag, vr, at + start, value_at + start, nbytes)

    def value(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop.

        Raises
        ------
        DicomFormatError
            kind ``truncated``: the file became shorter.
        """
        window = self._window
        first = start - window.start
        if first >= 0 and stop - window.start <= len(window.data):
            return window.data[first : stop - window.start]
        return read_exactly(window.source, start, stop)

    def inside(self, element: DataElement) -> "WindowedReader":
        """As `ElementReader.inside`."""
        if element.vr != b"UN" or (self.implicit_vr and not self.big_endian):
            return self
        return self.as_implicit()

    def as_implicit(self) -> "WindowedReader":
        """Return a reader of the same source in Implicit VR Little Endian."""
        window = self._window
        return WindowedReader(window.source, window.stop, implicit_vr=True, big_endian=False, window=window)
