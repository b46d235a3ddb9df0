# SPDX-License-Identifier: Apache-2.0
"""Frames to the Items that hold them, each proven to give its Frame back."""

from itertools import groupby
from typing import TYPE_CHECKING

from framedeflate import engine
from framedeflate.encapsulation import ITEM_HEADER_NBYTES, Items, padded_nbytes
from framedeflate.errors import RoundTripError
from framedeflate.image_pixel import ImagePixel

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["deflate_items"]


def deflate_items(
    frames: "Buffer",
    image_pixel: ImagePixel,
    *,
    level: int,
    threads: int,
    check: bool,
    first_frame_number: int,
) -> Items:
    """Deflate Frames that lie one behind the other; photographic ones by libdeflate.

    Parameters
    ----------
    check : bool
        Inflate every stream again and compare it with its Frame's native bytes.
    first_frame_number : int
        Number of the first of these Frames, for the error.

    Raises
    ------
    RoundTripError
        For the first Frame that differs.
    """
    nbytes = image_pixel.frame_nbytes
    items, sizes, mismatch = engine.deflate_items(
        frames, nbytes, image_pixel.row_nbits, level, threads, check=check
    )
    if mismatch is not None:
        raise _round_trip_error(first_frame_number + mismatch)
    if all(sizes):
        return Items([items], sizes)
    view, deflated = memoryview(frames).cast("B"), memoryview(items)
    pieces: list[Buffer] = []
    stream_nbytes: list[int] = []
    for is_deflated, run in groupby(sizes, bool):
        done = list(run)
        if is_deflated:
            there = sum(ITEM_HEADER_NBYTES + padded_nbytes(size) for size in done)
            pieces.append(deflated[:there])
            deflated = deflated[there:]
            stream_nbytes += done
            continue
        first = len(stream_nbytes)
        part = view[first * nbytes : (first + len(done)) * nbytes]
        streams = engine.deflate_photographic(part, nbytes, level, threads)
        mismatch = engine.first_mismatch(streams, nbytes, part, threads) if check else None
        if mismatch is not None:
            raise _round_trip_error(first_frame_number + first + mismatch)
        made = Items.of(streams)
        pieces += made.pieces
        stream_nbytes += made.stream_nbytes
    return Items(pieces, stream_nbytes)


def _round_trip_error(frame_number: int) -> RoundTripError:
    return RoundTripError(
        "what was encoded does not decode to what was read; please report this as a bug",
        frame_number=frame_number,
    )
