# SPDX-License-Identifier: Apache-2.0
"""The Image Pixel Description Macro of metadata: asked for, or filled in from a stream (PS3.18 10.5.2)."""

from framedeflate.data_set.layout import Tag
from framedeflate.errors import InstanceError
from framedeflate.web.ingest.json_data_set import JsonDataSet, JsonObject, text_of
from framedeflate.web.ingest.stream_headers import StreamFacts

__all__ = ["completed", "require_described", "with_number_of_frames"]

_NEEDED = (Tag.ROWS, Tag.COLUMNS, Tag.BITS_ALLOCATED, Tag.SAMPLES_PER_PIXEL, Tag.PHOTOMETRIC_INTERPRETATION)


def require_described(data_set: JsonDataSet) -> None:
    """Refuse metadata without what its streams do not tell.

    Raises
    ------
    InstanceError
        kind ``image-pixel``.
    """
    missing = [f"{tag:08X}" for tag in _NEEDED if not text_of(data_set, tag)]
    if missing:
        raise InstanceError(
            f"the metadata lacks {', '.join(missing)}, which this media type does not tell (Table 10.5.2-1)",
            kind="image-pixel",
        )


def with_number_of_frames(data_set: JsonDataSet, count: int) -> JsonDataSet:
    """Return the attributes with Number of Frames where there are several.

    Raises
    ------
    InstanceError
        kind ``image-pixel``: it says another.
    """
    stated = text_of(data_set, Tag.NUMBER_OF_FRAMES)
    if stated not in {"", str(count)} or (not stated and count > 1 and Tag.NUMBER_OF_FRAMES in data_set):
        raise InstanceError(f"Number of Frames is not {count}, as many as came", kind="image-pixel")
    if stated or count == 1:
        return data_set
    return {**data_set, Tag.NUMBER_OF_FRAMES: {"vr": "IS", "Value": [str(count)]}}


def completed(data_set: JsonDataSet, facts: StreamFacts, *, is_lossy: bool) -> JsonDataSet:
    """Return the attributes with those left out; what is there stays, and must not contradict the stream.

    Raises
    ------
    InstanceError
        kind ``image-pixel``.
    """
    told = {
        Tag.SAMPLES_PER_PIXEL: facts.samples_per_pixel,
        Tag.ROWS: facts.rows,
        Tag.COLUMNS: facts.columns,
    }
    for tag, number in told.items():
        if text_of(data_set, tag) not in {"", str(number)}:
            raise InstanceError(
                f"{tag:08X} is not that of the stream, which has {number}", kind="image-pixel"
            )
    bits = facts.bits_stored
    found: dict[int, JsonObject] = {
        tag: _number(number)
        for tag, number in {
            **told,
            Tag.BITS_ALLOCATED: 8 if bits <= 8 else 16,
            Tag.BITS_STORED: bits,
            Tag.HIGH_BIT: bits - 1,
            Tag.PIXEL_REPRESENTATION: facts.pixel_representation,
        }.items()
    }
    found[Tag.PHOTOMETRIC_INTERPRETATION] = {"vr": "CS", "Value": [facts.photometric_interpretation]}
    if facts.samples_per_pixel > 1:
        found[Tag.PLANAR_CONFIGURATION] = _number(0)
    if is_lossy:
        found[Tag.LOSSY_IMAGE_COMPRESSION] = {"vr": "CS", "Value": ["01"]}
    there = {
        tag: attribute for tag, attribute in data_set.items() if tag not in found or text_of(data_set, tag)
    }
    return {**found, **there}


def _number(number: int) -> JsonObject:
    return {"vr": "US", "Value": [str(number)]}
