# SPDX-License-Identifier: Apache-2.0
"""Whether two files are the same instance: the same bytes, or the same attributes and pixels encoded differently."""

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from framedeflate.byte_source import ByteSource, FileSource
from framedeflate.data_set.element import ITEM_DELIMITATION, SEQUENCE_DELIMITATION, ElementReader
from framedeflate.data_set.encoding import to_explicit_little
from framedeflate.errors import FrameDeflateError
from framedeflate.instance_store.check import InstanceFacts, open_data_set
from framedeflate.instance_store.frames import HELD_FRAME_NBYTES
from framedeflate.part10 import read_file_meta
from framedeflate.stored_frames import batches
from framedeflate.transcode.image_source import ImageSource, open_image_source
from framedeflate.transcode.segments import Segment, read_segments

__all__ = ["MAX_COMPARED_NBYTES", "is_same_instance"]

_BLOCK_NBYTES: Final = 1 << 20

MAX_COMPARED_NBYTES: Final = 32 << 20
"""Most bytes of attributes that are compared in another way than byte by byte: both are held in memory."""

_DATA_SET_TRAILING_PADDING: Final = 0xFFFCFFFC


def is_same_instance(
    stored: Path, stored_facts: InstanceFacts, arrived: Path, arrived_facts: InstanceFacts, *, folder: Path
) -> bool:
    """Compare two files that were both checked.

    The File Meta Information does not count: it tells who wrote the file. Neither do Value Representations, the way
    in which lengths of sequences are given, group lengths and padding behind the Data Set, in which one instance
    differs from Transfer Syntax to Transfer Syntax and from writer to writer.

    Parameters
    ----------
    folder : Path
        Where a Data Set that is deflated as a whole is inflated to.
    """
    if stored_facts.transfer_syntax_uid == arrived_facts.transfer_syntax_uid and _same_bytes(stored, arrived):
        return True
    if (stored_facts.image_pixel is None) != (arrived_facts.image_pixel is None):
        return False
    try:
        if stored_facts.image_pixel is None:
            return _same_data_sets(stored, arrived, folder)
        with (
            open_image_source(stored, folder=folder) as one,
            open_image_source(arrived, folder=folder) as other,
        ):
            return _same_images(one, other)
    except FrameDeflateError:
        # What cannot be compared is not known to be the same.
        return False


def _same_bytes(one: Path, other: Path) -> bool:
    with FileSource.open(one) as first, FileSource.open(other) as second:
        at, other_at = (read_file_meta(source).data_set_position for source in (first, second))
        if first.nbytes - at != second.nbytes - other_at:
            return False
        for offset in range(0, first.nbytes - at, _BLOCK_NBYTES):
            stop = offset + _BLOCK_NBYTES
            if first.get_range(at + offset, at + stop) != second.get_range(
                other_at + offset, other_at + stop
            ):
                return False
    return True


def _same_images(one: ImageSource, other: ImageSource) -> bool:
    image_pixel = one.image_pixel
    if image_pixel != other.image_pixel or image_pixel.frame_nbytes > HELD_FRAME_NBYTES:
        return False
    for part, other_part in ((one.head, other.head), (one.tail, other.tail)):
        if _too_long(part) or _too_long(other_part):
            return False
        digests = (
            _digest(read_segments(image.source, parts)) for image, parts in ((one, part), (other, other_part))
        )
        if next(digests) != next(digests):
            return False
    return all(
        bytes(one.frames.read(index, count)) == bytes(other.frames.read(index, count))
        for index, count in batches(image_pixel, batch_nbytes=_BLOCK_NBYTES)
    )


def _too_long(parts: Iterable[Segment]) -> bool:
    lengths = (len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts)
    return sum(lengths) > MAX_COMPARED_NBYTES


def _same_data_sets(one: Path, other: Path, folder: Path) -> bool:
    digests = [_digest_of_file(path, folder) for path in (one, other)]
    return digests[0] is not None and digests[0] == digests[1]


def _digest_of_file(path: Path, folder: Path) -> bytes | None:
    with FileSource.open(path) as file:
        meta = read_file_meta(file)
        with open_data_set(file, meta, folder=folder, limit_nbytes=MAX_COMPARED_NBYTES) as (source, layout):
            if layout.end_position - layout.position > MAX_COMPARED_NBYTES or _is_encapsulated(
                layout.pixel_data
            ):
                return None
            data = _whole(source, layout.position, layout.end_position)
            if layout.implicit_vr or layout.big_endian:
                data = to_explicit_little(data, implicit_vr=layout.implicit_vr, big_endian=layout.big_endian)
    return _digest(data)


def _is_encapsulated(pixel_data: object) -> bool:
    return bool(getattr(pixel_data, "is_undefined_length", False))


def _whole(source: ByteSource, start: int, stop: int) -> bytes:
    return read_segments(source, [(start, stop)])


def _digest(data_set: bytes) -> bytes:
    """Digest tags and values of Explicit VR Little Endian elements, however their sequences end."""
    hasher = hashlib.sha256()

    def walk(reader: ElementReader, at: int, stop: int, end_tag: int, depth: int) -> int:
        while at < stop:
            element = reader.header(at, stop)
            if element.tag == end_tag:
                return element.value_at
            end = stop if element.is_undefined_length else element.value_at + element.nbytes
            if element.vr == b"SQ" or element.is_undefined_length:
                reader.check_depth(depth, element.at)
                at = sequence(reader.inside(element), element.tag, element.value_at, end, depth)
                continue
            at = end
            if element.tag & 0xFFFF and element.tag != _DATA_SET_TRAILING_PADDING:
                hasher.update(struct.pack("<II", element.tag, element.nbytes))
                hasher.update(reader.data[element.value_at : at])
        return at

    def sequence(reader: ElementReader, tag: int, at: int, stop: int, depth: int) -> int:
        hasher.update(struct.pack("<IB", tag, 0xFE))
        while at < stop:
            item = reader.header(at, stop)
            if item.tag == SEQUENCE_DELIMITATION:
                at = item.value_at
                break
            reader.check_item(item)
            hasher.update(b"\xfd")
            item_stop = stop if item.is_undefined_length else item.value_at + item.nbytes
            end_tag = ITEM_DELIMITATION if item.is_undefined_length else -1
            at = walk(reader, item.value_at, item_stop, end_tag, depth + 1)
        hasher.update(b"\xfc")
        return at

    walk(ElementReader(data_set, implicit_vr=False, big_endian=False), 0, len(data_set), -1, 0)
    return hasher.digest()
