# SPDX-License-Identifier: Apache-2.0
"""The Data Set around Pixel Data, in Explicit VR Little Endian: ranges to copy, or bytes encoded anew."""

from dataclasses import dataclass
from typing import Final

from framedeflate.byte_source import ByteSource, drive
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import DicomFormatError
from framedeflate.part10 import scan_data_set
from framedeflate.transcode.segments import Segment, read_segments

__all__ = ["ENCODING_TAGS", "Surroundings", "surroundings"]

_BLOCK_NBYTES: Final = 1 << 16

ENCODING_TAGS: Final = (
    Tag.PIXEL_DATA_GROUP_LENGTH,
    Tag.EXTENDED_OFFSET_TABLE,
    Tag.EXTENDED_OFFSET_TABLE_LENGTHS,
    Tag.ENCAPSULATED_PIXEL_DATA_VALUE_TOTAL_LENGTH,
)
"""True of the source's encoding only, so they are made anew or left out."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands before and behind Pixel Data.

    Attributes
    ----------
    head, tail : tuple of Segment
        The Data Set before Pixel Data, the elements that describe its encoding left out, and behind it.
    notes : tuple of str
        What a person should know of them.
    """

    head: tuple[Segment, ...]
    tail: tuple[Segment, ...]
    notes: tuple[str, ...]


def surroundings(source: ByteSource, layout: DataSetLayout, tail_position: int) -> Surroundings:
    """Return what stands around Pixel Data.

    Parameters
    ----------
    tail_position : int
        First byte behind the Pixel Data element.

    Raises
    ------
    DicomFormatError
        kind ``bad-structure``: elements of group 7FE0 are repeated or out of order, so a stale one would survive;
        ``too-large``: parts that must be encoded anew pass 128 MiB.
    """
    tail_tags, notes = _scan_tail(source, layout, tail_position)
    head_stop = _start_of_group(layout)
    head: tuple[Segment, ...] = ((layout.position, head_stop),)
    tail: tuple[Segment, ...] = ((tail_position, layout.end_position),)
    if _is_padding(source, tail_position, layout.end_position):
        # Some writers fill their files up to a block. No Data Element is lost with it, and readers stumble over it.
        nbytes = layout.end_position - tail_position
        tail, tail_tags, notes = (), set(), [f"{nbytes} NULL bytes behind the Data Set were left out"]
    if {*layout.elements, *tail_tags} & {Tag.DIGITAL_SIGNATURES_SEQUENCE, Tag.MAC_PARAMETERS_SEQUENCE}:
        notes.append("the object holds Digital Signatures, which may not verify in another Transfer Syntax")
    if layout.implicit_vr or layout.big_endian:
        head = _encoded(source, layout.position, head_stop, layout)
        tail = _encoded(source, tail_position, layout.end_position, layout)
    return Surroundings(head, tail, tuple(notes))


def _start_of_group(layout: DataSetLayout) -> int:
    """First byte of what is left out before the value of Pixel Data: group 7FE0, without a gap."""
    start = layout.elements[Tag.PIXEL_DATA].header_position
    known = [layout.elements[tag] for tag in ENCODING_TAGS if tag in layout.elements]
    for element in sorted(known, key=lambda element: element.header_position, reverse=True):
        if element.end_position != start:
            raise DicomFormatError(
                f"elements of group 7FE0 are repeated or out of order near byte {element.header_position} "
                "(PS3.5 7.1); write the file anew with the toolkit that made it",
                kind="bad-structure",
                position=element.header_position,
            )
        start = element.header_position
    return start


def _is_padding(source: ByteSource, start: int, stop: int) -> bool:
    """Whether there are bytes, and all of them NULL."""
    return start < stop and all(
        not any(source.get_range(at, min(at + _BLOCK_NBYTES, stop)))
        for at in range(start, stop, _BLOCK_NBYTES)
    )


def _scan_tail(source: ByteSource, layout: DataSetLayout, position: int) -> tuple[set[int], list[str]]:
    plan = scan_data_set(
        position, layout.end_position, implicit_vr=layout.implicit_vr, big_endian=layout.big_endian
    )
    try:
        tags = {*drive(plan, source).elements}
    except DicomFormatError as error:
        return set(), [
            f"what follows Pixel Data cannot be read beyond byte {error.position}; it was copied as it is"
        ]
    if min(tags, default=Tag.DIGITAL_SIGNATURES_SEQUENCE) <= Tag.PIXEL_DATA:
        raise DicomFormatError(
            "elements that belong before Pixel Data, or a second Pixel Data, stand behind it (PS3.5 7.1); write "
            "the file anew with the toolkit that made it",
            kind="bad-structure",
            position=position,
        )
    return tags, []


def _encoded(source: ByteSource, start: int, stop: int, layout: DataSetLayout) -> tuple[Segment, ...]:
    # Loads pydicom, whose dictionaries name the VRs: only where they are needed.
    from framedeflate.data_set.encoding import to_explicit_little

    return (
        to_explicit_little(
            read_segments(source, [(start, stop)]),
            implicit_vr=layout.implicit_vr,
            big_endian=layout.big_endian,
            pixel_representation=layout.unsigned_short(Tag.PIXEL_REPRESENTATION),
            position=start,
        ),
    )
