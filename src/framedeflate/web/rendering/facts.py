# SPDX-License-Identifier: Apache-2.0
"""What a Data Set says about how a Frame is to be shown."""

import base64
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from framedeflate.byte_source import read_exactly
from framedeflate.data_set.words import WORD_NBYTES, swapped
from framedeflate.web.metadata.dicom_json import attributes_of, item_attributes
from framedeflate.web.metadata.find_value import find_value
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.rendering.lookup_table import LookupTable, table_of
from framedeflate.web.rendering.parameters import Window, WindowFunction
from framedeflate.web.rendering.segment_colours import segment_colours

__all__ = ["PictureFacts", "read_facts"]

Attributes = Mapping[str, Any]

_MODALITY_LUT: Final = "00283000"
_VOI_LUT: Final = "00283010"
_SHARED: Final = "52009229"
_PER_FRAME: Final = 0x52009230
_FRAME_VOI: Final = "00289132"
_TRANSFORMATION: Final = "00289145"
_SEGMENT_SEQUENCE: Final = "00620002"
# fmt: off
_WANTED: Final = frozenset((
    0x00080016, 0x00280004, 0x00280008, 0x00280103, 0x00280120, 0x00280121, 0x00281050, 0x00281051,
    0x00281052, 0x00281053, 0x00281056, 0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202,
    0x00281203, 0x00281221, 0x00281222, 0x00281223, 0x00283000, 0x00283010, 0x00620001, 0x00620002,
    0x0062000E, 0x20500020, 0x52009229,
))
# fmt: on
_LABEL_MAP_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.66.7"
_SEGMENTATION_STORAGE: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", _LABEL_MAP_STORAGE})
_FUNCTIONS: Final[Mapping[str, WindowFunction]] = {"LINEAR_EXACT": "linear-exact", "SIGMOID": "sigmoid"}
_MAX_TABLE_NBYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """How a Frame is to be shown.

    Attributes
    ----------
    slope, intercept : float
        Of rescaling (PS3.3 C.11.1).
    modality_table, voi_table : LookupTable or None
        In the place of rescaling and of a window.
    window : Window or None
        The first one.
    padding : tuple of int or None
        Smallest and largest pixel value that is no part of the image.
    is_inverse : bool
        Presentation LUT Shape INVERSE (C.11.6).
    palette : tuple of LookupTable or None
        Red, green, blue of PALETTE COLOR.
    is_label_map : bool
        Whether pixel values are segment numbers.
    maximum_fractional_value : int
        Of a FRACTIONAL Segmentation, else 0.
    colours : mapping of int to (int, int, int)
        Recommended colours of segments, red, green, blue.
    """

    slope: float = 1.0
    intercept: float = 0.0
    modality_table: LookupTable | None = None
    voi_table: LookupTable | None = None
    window: Window | None = None
    padding: tuple[int, int] | None = None
    is_inverse: bool = False
    palette: tuple[LookupTable, LookupTable, LookupTable] | None = None
    is_label_map: bool = False
    maximum_fractional_value: int = 0
    colours: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether the Modality LUT leaves values as they are."""
        return self.slope == 1 and self.intercept == 0 and self.modality_table is None

    @property
    def tables_nbytes(self) -> int:
        """About what the tables take."""
        tables = [self.modality_table, self.voi_table, *(self.palette or ())]
        return sum(8 * len(table.entries) for table in tables if table is not None) + 64 * len(self.colours)


def read_facts(opened: OpenedDataSet, frame_number: int) -> PictureFacts:
    """Read what is said about a Frame; what is not said, or cannot be read, is as if it were not there.

    Parameters
    ----------
    opened : OpenedDataSet
    frame_number : int
        From 1.

    Raises
    ------
    DicomFormatError
        The Data Set cannot be walked.
    """
    top = attributes_of(opened, _WANTED)
    signed = bool(opened.pixel_representation)
    segmentation = _text(top, "00620001") if _text(top, "00080016") in _SEGMENTATION_STORAGE else ""
    is_label_map = _text(top, "00080016") == _LABEL_MAP_STORAGE or segmentation == "LABELMAP"
    palette = _palette(opened, top, signed=signed)
    if segmentation or is_label_map:
        return PictureFacts(
            palette=palette,
            is_label_map=is_label_map,
            maximum_fractional_value=_maximum_fractional_value(top) if segmentation == "FRACTIONAL" else 0,
            colours=segment_colours(_items(top, _SEGMENT_SEQUENCE)) if is_label_map else {},
        )
    groups = [_first(top, _SHARED)]
    if _number(top, "00280008") or _SHARED in top:
        groups.insert(0, item_attributes(opened, _PER_FRAME, frame_number))
    voi = next((one for group in groups if (one := _first(group, _FRAME_VOI))), top)
    values = next((one for group in groups if (one := _first(group, _TRANSFORMATION))), top)
    modality_table = _table(opened, _first(top, _MODALITY_LUT), f"{_MODALITY_LUT}/1/", signed=signed)
    slope = _number(values, "00281053")
    intercept = _number(values, "00281052") or 0.0
    # What goes into the table is signed where the Modality LUT may give negative values (C.11.2.1.1).
    voi_signed = modality_table is None and (signed or intercept < 0)
    voi_table = _table(opened, _first(top, _VOI_LUT), f"{_VOI_LUT}/1/", signed=voi_signed)
    return PictureFacts(
        slope=1.0 if slope is None else slope,
        intercept=intercept,
        modality_table=modality_table,
        voi_table=voi_table,
        window=None if voi_table is not None else _window(voi),
        padding=_padding(top, signed=signed),
        is_inverse=_text(top, "20500020") == "INVERSE",
        palette=palette,
    )


def _first(attributes: Attributes, tag: str) -> Attributes:
    items = _items(attributes, tag)
    return items[0] if items else {}


def _items(attributes: Attributes, tag: str) -> list[Attributes]:
    attribute = attributes.get(tag, {})
    return list(attribute.get("Value", [])) if attribute.get("vr") == "SQ" else []


def _values(attributes: Attributes, tag: str) -> list[Any]:
    attribute = attributes.get(tag, {})
    return [] if attribute.get("vr") == "SQ" else list(attribute.get("Value", []))


def _whole_numbers(attributes: Attributes, tag: str) -> list[int]:
    """Return values that are whole numbers, none where one is not: a file may state any VR."""
    values = _values(attributes, tag)
    return values if all(isinstance(value, int) for value in values) else []


def _text(attributes: Attributes, tag: str) -> str:
    values = _values(attributes, tag)
    return values[0] if values and isinstance(values[0], str) else ""


def _number(attributes: Attributes, tag: str) -> float | None:
    values = _values(attributes, tag)
    number = values[0] if values else None
    return float(number) if isinstance(number, int | float) and math.isfinite(number) else None


def _maximum_fractional_value(top: Attributes) -> int:
    return int(_number(top, "0062000E") or 255)


def _window(attributes: Attributes) -> Window | None:
    center, width = _number(attributes, "00281050"), _number(attributes, "00281051")
    function = _FUNCTIONS.get(_text(attributes, "00281056"), "linear")
    if center is None or width is None or width <= 0 or (function == "linear" and width < 1):
        return None
    return Window(center, width, function)


def _padding(top: Attributes, *, signed: bool) -> tuple[int, int] | None:
    value, limit = _number(top, "00280120"), _number(top, "00280121")
    if value is None:
        return None
    ends = [int(value), int(value if limit is None else limit)]
    if signed:
        # Written as US by some, where pixel values are signed.
        ends = [end - 0x10000 if 0x8000 <= end <= 0xFFFF else end for end in ends]
    return min(ends), max(ends)


def _palette(
    opened: OpenedDataSet, top: Attributes, *, signed: bool
) -> tuple[LookupTable, LookupTable, LookupTable] | None:
    if _text(top, "00280004") != "PALETTE COLOR":
        return None
    tables = []
    for colour in (1, 2, 3):
        descriptor = _whole_numbers(top, f"0028110{colour}")
        whole, parts = f"0028120{colour}", f"0028122{colour}"
        segmented = whole not in top and parts in top
        data = _bytes(opened, top, parts if segmented else whole, "")
        table = table_of(descriptor, data, signed=signed, segmented=segmented)
        if table is None:
            return None
        tables.append(table)
    return tables[0], tables[1], tables[2]


def _table(opened: OpenedDataSet, item: Attributes, path: str, *, signed: bool) -> LookupTable | None:
    descriptor = _whole_numbers(item, "00283002")
    return table_of(descriptor, _bytes(opened, item, "00283006", path), signed=signed)


def _bytes(opened: OpenedDataSet, attributes: Attributes, tag: str, path: str) -> bytes:
    """Return the value of table data in Little Endian, whichever of its forms the metadata has."""
    attribute = attributes.get(tag, {})
    if "InlineBinary" in attribute:
        return base64.b64decode(attribute["InlineBinary"])
    if values := _whole_numbers(attributes, tag):
        return struct.pack(f"<{len(values)}H", *(value & 0xFFFF for value in values))
    if "BulkDataURI" not in attribute:
        return b""
    found = find_value(opened, path + tag)
    if found is None or found.nbytes is None or found.nbytes > _MAX_TABLE_NBYTES:
        return b""
    data = read_exactly(opened.source, found.position, found.position + found.nbytes)
    return swapped(data, WORD_NBYTES.get(found.vr.encode("ascii"), 1)) if found.big_endian else data
