# SPDX-License-Identifier: Apache-2.0
"""A guess at where the header of a file ends, from what was seen of it: over a network, each further request costs.

The Per-Frame Functional Groups are most of a large header. Their Items resemble each other and there is one a Frame, so
the first few tell how long all of them are. A wrong guess costs a request, or some bytes; it never changes a result.
"""

from typing import Final

from framedeflate.data_set.layout import Tag, text_value
from framedeflate.part10 import ScanProgress

__all__ = ["forecast_nbytes"]

_SLACK_NBYTES: Final = (4 << 10, 4 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20)
"""What elements between the functional groups and Pixel Data take, as a rule; more where that was wrong, and wrong."""
_LEAST_ITEM_NBYTES: Final = 128
"""A functional groups Item with a position, a segment and dimension indices has hardly less."""
_BLIND_NBYTES: Final = (48 << 10, 1 << 20, 4 << 20)
"""What to ask for, first and later, where nothing tells how much is to come."""
_UNEVENNESS: Final = 0.03
"""By how much Items to come may be longer than those seen: numbers get more digits."""
_MAX_UNEVENNESS_NBYTES: Final = 16 << 10
_MAX_TABLE_SLACK_NBYTES: Final = 24 << 10
_MAX_FORECAST_NBYTES: Final = 64 << 20
_MAX_BASIC_OFFSET: Final = 1 << 32


def forecast_nbytes(
    progress: ScanProgress, *, source_nbytes: int, is_encapsulated: bool, requests: int
) -> int:
    """Return how many bytes to ask for from where a scan stands, so that they reach to the end of the offset table.

    Parameters
    ----------
    progress : ScanProgress
        What the scan has met.
    source_nbytes : int
        Size of the file.
    is_encapsulated : bool
        Whether the Transfer Syntax is one with offset tables.
    requests : int
        How many windows were asked for before.
    """
    count = _number_of_frames(progress)
    table_nbytes = _table_nbytes(progress, count, source_nbytes, requests) if is_encapsulated else 0
    groups = progress.elements.get(Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
    if groups is None:
        blind = _BLIND_NBYTES[min(requests, len(_BLIND_NBYTES) - 1)]
        # A Segmentation of type TILED_FULL has no functional groups a Frame (PS3.3 C.7.6.17).
        is_full = text_value(progress.values.get(Tag.DIMENSION_ORGANIZATION_TYPE, b"")) == "TILED_FULL"
        if is_full or count == 1:
            return min(blind + table_nbytes, _MAX_FORECAST_NBYTES)
        likely = count * (_LEAST_ITEM_NBYTES + 4)
        return min(max(blind, likely), max(blind, _BLIND_NBYTES[1]))
    to_come = 0
    if groups.is_undefined_length and progress.items:
        mean = (progress.position - groups.value_position) / (progress.items - 0.5)
        to_come = max(0, int(mean * (count - progress.items + 0.5)))
        to_come += min(int(to_come * _UNEVENNESS), _MAX_UNEVENNESS_NBYTES)
    elif groups.is_undefined_length:
        to_come = count * _LEAST_ITEM_NBYTES
    slack = _SLACK_NBYTES[min(requests, len(_SLACK_NBYTES) - 1)]
    return min(to_come + table_nbytes + slack, _MAX_FORECAST_NBYTES)


def _table_nbytes(progress: ScanProgress, count: int, source_nbytes: int, requests: int) -> int:
    """Return what the offset table will take: 4 bytes a Frame, or 16 and more than there may be."""
    if source_nbytes > _MAX_BASIC_OFFSET or Tag.EXTENDED_OFFSET_TABLE in progress.elements:
        return 16 * count
    # Some writers use the Extended Offset Table for small files too. A request was spent on a guess already: another
    # would cost more than these bytes.
    return 4 * count + (min(12 * count, _MAX_TABLE_SLACK_NBYTES) if requests else 0)


def _number_of_frames(progress: ScanProgress) -> int:
    value = text_value(progress.values.get(Tag.NUMBER_OF_FRAMES, b""))
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 12 else 1
