# SPDX-License-Identifier: Apache-2.0
"""Native Pixel Data: cut it into Frames, and join Frames to it, 1-bit Frames that start inside a byte included.

Natively the Frames follow one another without a gap, so a 1-bit Frame may start at any bit; encapsulated, each
Frame is a byte stream of its own and starts at a byte (PS3.5 8.1.1, 8.2, A.4.13).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from framedeflate import engine
from framedeflate.image_pixel import ImagePixel

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FrameJoiner", "NativeRange", "cut_frames", "native_range", "native_vr", "swap_words"]


@dataclass(frozen=True, slots=True)
class NativeRange:
    """Which bytes of native Pixel Data hold some Frames.

    Attributes
    ----------
    start, stop : int
        Bytes from the start of the value, stop exclusive.
    first_bit : int
        Bit of byte `start`, 0 to 7 and least significant first, at which the first Frame begins.
    """

    start: int
    stop: int
    first_bit: int


def native_vr(image_pixel: ImagePixel) -> str:
    """Return the VR of native Pixel Data in Explicit VR (PS3.5 A.2): OW where it must be, else OB."""
    return "OW" if image_pixel.bits_allocated > 8 else "OB"


def native_range(image_pixel: ImagePixel, index: int, count: int) -> NativeRange:
    """Return the bytes that hold `count` Frames from `index` (from 0) on."""
    first, last = index * image_pixel.frame_nbits, (index + count) * image_pixel.frame_nbits
    return NativeRange(first // 8, (last + 7) // 8, first % 8)


def cut_frames(data: "Buffer", image_pixel: ImagePixel, *, first_bit: int, count: int) -> "Buffer":
    """Return `count` Frames of ``image_pixel.frame_nbytes`` bytes each, one behind the other.

    Parameters
    ----------
    data : bytes-like
        What `native_range` asked for.
    first_bit : int
        As `native_range` gave it.

    Returns
    -------
    bytes-like
        `data` itself where every Frame starts at a byte. Unused bits of a Frame's last byte are zero.
    """
    if image_pixel.frame_nbits % 8 == 0:
        return data
    return engine.cut_bits(data, first_bit, image_pixel.frame_nbits, count)


@dataclass(slots=True)
class FrameJoiner:
    """Turns Frames, fed in order, into native Pixel Data without ever holding more than one batch.

    Parameters
    ----------
    image_pixel : ImagePixel
        Describes the Frames.
    """

    image_pixel: ImagePixel
    _carry: int = field(default=0, init=False)
    _carry_nbits: int = field(default=0, init=False)

    def join(self, frames: "Buffer", count: int) -> "Buffer":
        """Return the whole bytes that are complete once `count` more Frames are there."""
        frame_nbits = self.image_pixel.frame_nbits
        if frame_nbits % 8 == 0:
            return frames
        total_nbits = self._carry_nbits + count * frame_nbits
        joined = bytearray((total_nbits + 7) // 8)
        joined[0] = self._carry
        engine.join_bits(frames, frame_nbits, count, self._carry_nbits, joined)
        self._carry_nbits = total_nbits % 8
        # The last byte is incomplete: the next Frame starts inside it.
        self._carry = joined.pop() if self._carry_nbits else 0
        return joined

    def finish(self) -> bytes:
        """Return the last, incomplete byte, its unused bits zero; nothing where the Frames end at a byte."""
        return bytes([self._carry]) if self._carry_nbits else b""


def swap_words(data: "Buffer", word_nbytes: int) -> bytes:
    """Reverse the bytes of every word: OW Pixel Data of a Big Endian source (PS3.5 7.3, retired A.3).

    Parameters
    ----------
    data : bytes-like
        A whole number of words.
    word_nbytes : int
        2, 4 or 8.
    """
    return np.frombuffer(data, dtype=f"u{word_nbytes}").byteswap().tobytes()
