# SPDX-License-Identifier: Apache-2.0
"""The Per-Frame Functional Groups Sequence (PS3.3 C.7.6.16), an Item for each Frame as it is written."""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from framedeflate.data_set.element import UNDEFINED_LENGTH, explicit_header
from framedeflate.data_set.layout import Tag
from framedeflate.encapsulation import SEQUENCE_DELIMITATION_ITEM
from framedeflate.pydicom_plugin.segmentation.encoded import element, item, sequence
from framedeflate.pydicom_plugin.segmentation.template import (
    DERIVATION_IMAGE,
    FRAME_CONTENT,
    SEGMENT,
    SEGMENT_IDENTIFICATION,
    Template,
)

if TYPE_CHECKING:
    from framedeflate.pydicom_plugin.segmentation.frame_order import FrameOrder
    from framedeflate.pydicom_plugin.segmentation.spool import Spool

__all__ = ["write_frame_items"]

_DIMENSION_INDEX_VALUES: Final = 0x00209157


def write_frame_items(file: BinaryIO, template: Template, order: "FrameOrder", planes: "Spool") -> None:
    """Write the sequence.

    Parameters
    ----------
    file : binary file
        Seekable, positioned where the sequence starts.
    planes : Spool
        For each plane its Derivation Image group and its Plane Position group, one behind the other.
    """
    start = file.tell()
    file.write(explicit_header(Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, b"SQ", UNDEFINED_LENGTH))
    file.writelines(_items(template, order, planes))
    end = file.tell()
    nbytes = end - start - 12
    if nbytes >= UNDEFINED_LENGTH:
        file.write(SEQUENCE_DELIMITATION_ITEM)
        return
    # With its length, readers step over it at once.
    file.seek(end - nbytes - 4)
    file.write(struct.pack("<I", nbytes))
    file.seek(end)


def _items(template: Template, order: "FrameOrder", planes: "Spool") -> Iterator[bytes]:
    own = (DERIVATION_IMAGE, FRAME_CONTENT, template.plane_position, SEGMENT_IDENTIFICATION)
    between = [
        b"".join(template.groups[tag] for tag in sorted(template.groups) if low < tag < high)
        for low, high in zip((0, *own), (*own, 1 << 32), strict=True)
    ]
    segments = [
        sequence(SEGMENT_IDENTIFICATION, [element(SEGMENT, b"US", struct.pack("<H", number))])
        for number in template.segment_numbers
    ]
    if template.is_label_map or template.is_segment_shared:
        segments = [b""] * len(segments)
    for plane, segment, index_values in order:
        content = sequence(FRAME_CONTENT, [element(_DIMENSION_INDEX_VALUES, b"UL", index_values)])
        groups = (planes[2 * plane], content, planes[2 * plane + 1], segments[segment])
        yield item(between[0] + b"".join(map(bytes.__add__, groups, between[1:])))
