# SPDX-License-Identifier: Apache-2.0
"""Pixel Data as a whole: native Frames joined, or a stream of video (PS3.18 8.7.3.3, 10.4.1.1.5, 10.4.1.1.6)."""

from framedeflate.byte_source import drive
from framedeflate.errors import UnsupportedImageError
from framedeflate.frame_index import scan_fragments
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.web.payloads.body import Body, Joined, StoredBytes
from framedeflate.web.payloads.frames import frame_body, inflated_frame
from framedeflate.web.payloads.native_pixels import JoinedFrames
from framedeflate.web.payloads.stored_object import StoredObject
from framedeflate.web.representations import Making

__all__ = ["pixel_data_body"]


def pixel_data_body(stored: StoredObject, making: Making, coding: str | None = None) -> Body:
    """Return all Frames in one payload, 1-bit ones joined bit by bit, without the pad that makes the value even.

    A content coding and its absence must give the same bytes, and a lone Frame that is wrapped has no pad.

    Raises
    ------
    UnsupportedImageError, FrameDeflateError
        As `StoredObject.native`.
    """
    instance = stored.instance
    if making is Making.WRAPPED:
        return frame_body(stored, making, 0, coding)
    place = instance.pixel_data
    if making is Making.STORED:
        if place is None:
            raise UnsupportedImageError("there is no Pixel Data", kind="no-pixel-data")
        if place.is_encapsulated:
            return _stream(stored)
        image_pixel = instance.image_pixel
        return StoredBytes(
            stored.source, place.position, place.nbytes if image_pixel is None else image_pixel.native_nbytes
        )
    is_deflated = making is Making.INFLATED
    return JoinedFrames(stored.native(), (lambda i: inflated_frame(stored, i)) if is_deflated else None)


def _stream(stored: StoredObject) -> Body:
    """Return the Fragments of a stream of video, joined (PS3.5 A.4: they cut it anywhere)."""
    source = stored.source
    table = drive(scan_fragments(read_data_set_layout(source, read_file_meta(source))), source)
    places = zip(table.positions, table.lengths, strict=True)
    return Joined([StoredBytes(source, position, nbytes) for position, nbytes in places])
