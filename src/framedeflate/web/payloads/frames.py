# SPDX-License-Identifier: Apache-2.0
"""One Frame as a payload, in each way that negotiation can want it (PS3.18 8.7.3.3)."""

from framedeflate.errors import UnsupportedImageError
from framedeflate.transfer_syntax import NATIVE
from framedeflate.web.content_encoding import Coding, FrameSums, ends
from framedeflate.web.payloads.body import Body, Joined, MemoryBody, StoredBytes
from framedeflate.web.payloads.native_pixels import HELD_FRAME_NBYTES, CutFrame, InflatedStream, ReadFrame
from framedeflate.web.payloads.stored_object import StoredObject
from framedeflate.web.representations import Making

__all__ = ["frame_body", "inflated_frame"]


def frame_body(stored: StoredObject, making: Making, index: int, coding: str | None = None) -> Body:
    """Return one Frame.

    Parameters
    ----------
    stored : StoredObject
    making : Making
    index : int
        From 0, below Number of Frames.
    coding : str, optional
        Of the answer; for WRAPPED.

    Raises
    ------
    UnsupportedImageError, FrameDeflateError
        As `StoredObject.native`.
    """
    match making:
        case Making.STORED:
            return _stored(stored, index)
        case Making.WRAPPED:
            return _wrapped(stored, index, "gzip" if coding == "gzip" else "deflate")
        case Making.INFLATED:
            return inflated_frame(stored, index)
        case Making.CUT:
            image_pixel, place = stored.instance.image_pixel, stored.instance.pixel_data
            if image_pixel is None or place is None:
                raise _undescribed()
            return CutFrame(stored.source, place.position, image_pixel, index)
        case _:
            return ReadFrame(stored.native(), index)


def inflated_frame(stored: StoredObject, index: int) -> Body:
    """Return one Frame inflated; a large one in blocks."""
    instance = stored.instance
    frames, image_pixel = instance.frames, instance.image_pixel
    if frames is None or image_pixel is None or image_pixel.frame_nbytes <= HELD_FRAME_NBYTES:
        return ReadFrame(stored.native(), index)
    row = frames[index]
    return InflatedStream(
        stored.source,
        int(row["position"]),
        int(row["stream_nbytes"]),
        image_pixel.frame_nbytes,
        index + 1,
    )


def _stored(stored: StoredObject, index: int) -> Body:
    instance = stored.instance
    if instance.transfer_syntax_uid in NATIVE:
        image_pixel, place = instance.image_pixel, instance.pixel_data
        if image_pixel is None or place is None:
            raise _undescribed()
        nbytes = image_pixel.frame_nbytes
        return StoredBytes(stored.source, place.position + index * nbytes, nbytes)
    if instance.frames is not None:
        row = instance.frames[index]
        return StoredBytes(stored.source, int(row["position"]), int(row["stream_nbytes"]))
    # A Frame of several Fragments.
    table = stored.native().index
    if table is None:
        raise _undescribed()
    return Joined(
        [StoredBytes(stored.source, start, stop - start) for start, stop in table.byte_ranges(index)]
    )


def _wrapped(stored: StoredObject, index: int, coding: Coding) -> Body:
    frames, image_pixel = stored.instance.frames, stored.instance.image_pixel
    if frames is None or image_pixel is None:
        raise _undescribed()
    row = frames[index]
    nbytes = int(row["stream_nbytes"])
    sums = FrameSums(nbytes, image_pixel.frame_nbytes, int(row["adler32"]), int(row["crc32"]))
    header, trailer = ends(sums, coding)
    stream = StoredBytes(stored.source, int(row["position"]), nbytes)
    return Joined([MemoryBody(header), stream, MemoryBody(trailer)])


def _undescribed() -> UnsupportedImageError:
    return UnsupportedImageError("the attributes do not describe Frames", kind="image-pixel")
