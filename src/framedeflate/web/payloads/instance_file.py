# SPDX-License-Identifier: Apache-2.0
"""An instance as a PS3.10 file: the stored one, or in Explicit VR Little Endian (PS3.18 8.7.3.1)."""

from framedeflate.byte_source import ByteSource
from framedeflate.data_set.encoding import to_explicit_little
from framedeflate.errors import UnsupportedImageError
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.transcode.decompress import check_native_nbytes
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transcode.image_source import image_of_source
from framedeflate.transcode.native_form import native_surroundings, pixel_data_header
from framedeflate.transcode.segments import Segment, read_segments
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from framedeflate.web.payloads.body import Body, Joined, MemoryBody, StoredBytes
from framedeflate.web.payloads.frames import inflated_frame
from framedeflate.web.payloads.native_pixels import JoinedFrames
from framedeflate.web.payloads.stored_object import StoredObject
from framedeflate.web.representations import Making

__all__ = ["instance_file"]


def instance_file(stored: StoredObject, making: Making) -> Body:
    """Return a PS3.10 file of known length; Frames are inflated or decoded when their turn comes.

    The attributes around Pixel Data are held in memory where they are encoded anew, up to 128 MiB.

    Raises
    ------
    UnsupportedImageError
        It cannot be had in Explicit VR Little Endian.
    DicomFormatError, EncapsulationError, FrameDecodeError, MissingExtraError
        As `image_of_source`.
    """
    if making is Making.STORED:
        return StoredBytes(stored.source, 0, stored.instance.nbytes)
    if making is Making.INFLATED_DATA_SET:
        meta = encode_file_meta(read_file_meta(stored.source), EXPLICIT_VR_LITTLE_ENDIAN)
        inflated = stored.inflated()
        return Joined([MemoryBody(meta), StoredBytes(inflated, 0, inflated.nbytes)])
    if stored.instance.image_pixel is None:
        return _without_frames(stored)
    return _with_native_frames(stored, making)


def _with_native_frames(stored: StoredObject, making: Making) -> Body:
    image = image_of_source(stored.source)
    check_native_nbytes(image.image_pixel)
    head, tail = native_surroundings(image, implicit_vr=False)

    def large(index: int) -> Body:
        return inflated_frame(stored, index)

    pixels = JoinedFrames(image.frames, large if making is Making.INFLATED else None)
    return Joined(
        [
            MemoryBody(encode_file_meta(image.meta, EXPLICIT_VR_LITTLE_ENDIAN)),
            *(_segment(image.source, one) for one in head),
            MemoryBody(pixel_data_header(image.image_pixel)),
            pixels,
            MemoryBody(bytes(pixels.nbytes % 2)),
            *(_segment(image.source, one) for one in tail),
        ]
    )


def _without_frames(stored: StoredObject) -> Body:
    """Return a Data Set whose Pixel Data, if any, is no Frames of ours; encoded anew in memory, as one."""
    meta = read_file_meta(stored.source)
    layout = read_data_set_layout(stored.source, meta)
    if layout.pixel_data is not None and layout.pixel_data.is_undefined_length:
        raise UnsupportedImageError(
            "these Fragments are no image that can be made native", kind="encapsulated"
        )
    whole: Segment = (layout.position, layout.end_position)
    if layout.implicit_vr or layout.big_endian:
        whole = to_explicit_little(
            read_segments(stored.source, [whole]),
            implicit_vr=layout.implicit_vr,
            big_endian=layout.big_endian,
            position=layout.position,
        )
    file_meta = encode_file_meta(meta, EXPLICIT_VR_LITTLE_ENDIAN)
    return Joined([MemoryBody(file_meta), _segment(stored.source, whole)])


def _segment(source: ByteSource, segment: Segment) -> Body:
    if isinstance(segment, bytes):
        return MemoryBody(segment)
    start, stop = segment
    return StoredBytes(source, start, stop - start)
