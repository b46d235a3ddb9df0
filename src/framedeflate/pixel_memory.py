# SPDX-License-Identifier: Apache-2.0
"""Memory for the pixels of many Frames, of the kind that suits how much of it they will touch.

Memory fresh from the system costs more than decoding: each page is made, zeroed, when it is first written to. Pixels
of sparse Frames leave most pages alone, so for them small pages that hold zeros already are the quickest and the least
memory. Dense Frames write to every page, and want them large and few.
"""

import mmap
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from framedeflate import engine
from framedeflate.image_pixel import ImagePixel

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MAX_SAMPLES", "new_pixels", "pixels_nbytes", "sampled_frames"]

_FRESH_NBYTES: Final = 4 << 20
"""Less than this, an allocator may have at hand, and numpy does not ask for large pages."""
MAX_SAMPLES: Final = 16
"""Frames whose density stands for that of all."""
_PAGE_NBYTES: Final = 4096
_SPARSE: Final = 0.3
"""Share of touched pages below which single ones are cheaper than large ones; measured in docs/performance.md."""


def pixels_nbytes(image_pixel: ImagePixel) -> int:
    """Return the bytes of a Frame's pixels: one each where they have one bit, else its native bytes."""
    return image_pixel.frame_nbits if image_pixel.is_bilevel else image_pixel.frame_nbytes


def sampled_frames(count: int, image_pixel: ImagePixel) -> list[int]:
    """Return the indices of Frames whose density stands for that of all `count`; none where it does not matter."""
    if count * pixels_nbytes(image_pixel) < _FRESH_NBYTES or not sys.platform.startswith("linux"):
        return []
    return sorted({i * count // MAX_SAMPLES for i in range(MAX_SAMPLES)})


def new_pixels(
    count: int, image_pixel: ImagePixel, samples: "Sequence[Buffer]"
) -> tuple[NDArray[np.uint8], bool]:
    """Return memory for the pixels of Frames that are stored in Fragments.

    Parameters
    ----------
    count : int
        How many Frames.
    image_pixel : ImagePixel
        Describes them.
    samples : sequence of bytes-like
        Fragments of some of them, those of `sampled_frames` as a rule; may be empty.

    Returns
    -------
    pixels : ndarray
        ``count * pixels_nbytes(image_pixel)`` bytes.
    zeroed : bool
        Whether they hold zeros.
    """
    nbytes = count * pixels_nbytes(image_pixel)
    if not samples or _touched_pages(samples, image_pixel) > _SPARSE:
        return np.empty(nbytes, np.uint8), False
    mapping = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # Where the system gives large pages to all, a single pixel would cost two million zeros. A kernel that has none
    # refuses the advice.
    with suppress(OSError):
        mapping.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(mapping, np.uint8), True


def _touched_pages(fragments: "Sequence[Buffer]", image_pixel: ImagePixel) -> float:
    """Return the share of pages of the pixels that hold anything but zeros; broken Fragments count as empty."""
    frame_nbytes = image_pixel.frame_nbytes
    page = _PAGE_NBYTES // 8 if image_pixel.is_bilevel else _PAGE_NBYTES
    frame = np.zeros(-(-frame_nbytes // page) * page, np.uint8)
    shares = []
    for fragment in fragments:
        engine.inflate_frames([fragment], frame_nbytes, frame[:frame_nbytes], 1)
        shares.append(frame.reshape(-1, page).any(axis=1).mean())
    return float(np.mean(shares))
