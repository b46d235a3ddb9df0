# SPDX-License-Identifier: Apache-2.0
"""What a picture of a frame needs to know besides its pixels: palette, segment numbers, places in space."""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framedeflate.data_set.element import (
    ITEM,
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    DataElement,
    ElementReader,
)
from framedeflate.data_set.label_map import is_label_map
from framedeflate.data_set.layout import Tag
from framedeflate.errors import DicomFormatError
from framedeflate.pictures.display import Palette
from framedeflate.pictures.image_file import ImageFile

__all__ = ["DisplayFacts", "read_display_facts"]

_MAX_HEADER_NBYTES: Final = 256 << 20
"""What lies behind is not searched: the picture then does without."""

_PALETTE_DESCRIPTOR: Final = 0x00281101
_PALETTE_DATA: Final = (0x00281201, 0x00281202, 0x00281203)
_REFERENCED_SEGMENT_NUMBER: Final = 0x0062000B
_IMAGE_POSITION: Final = 0x00200032
_WANTED: Final = frozenset({_PALETTE_DESCRIPTOR, *_PALETTE_DATA, _REFERENCED_SEGMENT_NUMBER, _IMAGE_POSITION})


@dataclass(frozen=True, slots=True)
class DisplayFacts:
    """What a picture of a frame needs to know besides its pixels.

    Attributes
    ----------
    sop_class_uid : str
        Empty where the file does not say.
    is_label_map : bool
        Whether pixel values are segment numbers.
    palette : Palette or None
        For PALETTE COLOR.
    segment_numbers : sequence of int
        Of every frame; empty where the frames do not name one segment each.
    positions : sequence of tuple of float
        Image Position (Patient) of every frame, x, y, z in millimetres; empty where they do not name one each.
    """

    sop_class_uid: str = ""
    is_label_map: bool = False
    palette: Palette | None = None
    segment_numbers: Sequence[int] = ()
    positions: Sequence[tuple[float, ...]] = ()

    def segment_number(self, frame_number: int) -> int:
        """Segment of a frame, by its number from 1; 1 where that is not known."""
        return self.segment_numbers[frame_number - 1] if self.segment_numbers else 1


def read_display_facts(image: ImageFile) -> DisplayFacts:
    """Read the header of an image; what it does not tell stays empty."""
    layout = image.layout
    end = layout.end_position if layout.pixel_data is None else layout.pixel_data.header_position
    end = min(end, layout.position + _MAX_HEADER_NBYTES)
    header = image.source.get_range(layout.position, end)
    values: dict[int, list[bytes]] = {}
    reader = ElementReader(header, implicit_vr=layout.implicit_vr, big_endian=layout.big_endian)
    try:
        for tag, value in _walk(reader, 0, len(header)):
            values.setdefault(tag, []).append(value)
    except DicomFormatError:
        # The scan of the file found its way through; a picture does not fail over what only adorns it.
        values.clear()
    order = ">" if layout.big_endian else "<"
    segments = [
        struct.unpack(f"{order}H", value)[0]
        for value in values.get(_REFERENCED_SEGMENT_NUMBER, [])
        if len(value) == 2
    ]
    positions = [position for value in values.get(_IMAGE_POSITION, []) if (position := _position(value))]
    frames = len(image)
    return DisplayFacts(
        sop_class_uid=layout.text(Tag.SOP_CLASS_UID),
        is_label_map=is_label_map(layout),
        palette=_palette(values, order),
        # Where some frames name none or several, which belongs to which is not told by counting.
        segment_numbers=segments if len(segments) == frames else (),
        positions=positions if len(positions) == frames else (),
    )


def _walk(reader: ElementReader, at: int, stop: int, depth: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, value) of every element of interest, sequences included, in the order of the file."""
    while at < stop:
        element = reader.header(at, stop)
        if element.tag in (ITEM_DELIMITATION, SEQUENCE_DELIMITATION):
            return
        at = reader.end_of(element, stop, depth)
        if element.tag in _WANTED and not element.is_undefined_length:
            yield element.tag, reader.data[element.value_at : at]
        elif _is_sequence(reader, element):
            reader.check_depth(depth, element.at)
            yield from _walk_items(reader.inside(element), element.value_at, at, depth)


def _walk_items(reader: ElementReader, at: int, stop: int, depth: int) -> Iterator[tuple[int, bytes]]:
    while at < stop:
        item = reader.header(at, stop)
        if item.tag != ITEM:
            return
        end = reader.end_of_item(item, stop, depth)
        yield from _walk(reader, item.value_at, end, depth + 1)
        at = end


def _is_sequence(reader: ElementReader, element: DataElement) -> bool:
    if element.vr:
        return element.vr == b"SQ"
    # Implicit VR: an Item at the start of the value is the sign of one.
    return (
        element.is_undefined_length
        or reader.data[element.value_at : element.value_at + 4] == b"\xfe\xff\x00\xe0"
    )


def _position(value: bytes) -> tuple[float, ...]:
    """Return three numbers, or nothing where the value does not hold them."""
    try:
        position = tuple(float(part) for part in value.rstrip(b"\0 ").split(b"\\"))
    except ValueError:
        return ()
    return position if len(position) == 3 and all(math.isfinite(part) for part in position) else ()


def _palette(values: dict[int, list[bytes]], order: str) -> Palette | None:
    """Return the Palette Color Lookup Table (C.7.6.3.1.5); None where there is none, or a segmented one."""
    descriptor = values.get(_PALETTE_DESCRIPTOR, [b""])[0]
    if len(descriptor) != 6 or any(tag not in values for tag in _PALETTE_DATA):
        return None
    entries, first_mapped, bits = struct.unpack(f"{order}HHH", descriptor)
    entries = entries or 1 << 16
    channels: list[NDArray[np.uint8]] = []
    for tag in _PALETTE_DATA:
        table = values[tag][0]
        if len(table) >= 2 * entries:
            words = np.frombuffer(table, f"{order}u2", entries)
            # 8-bit entries may stand in 16-bit words, in their low byte.
            channels.append((words >> 8 if bits == 16 and words.max() > 255 else words).astype(np.uint8))
        elif len(table) >= entries:
            channels.append(np.frombuffer(table, np.uint8, entries))
        else:
            return None
    return Palette(first_mapped, np.stack(channels, axis=-1))
