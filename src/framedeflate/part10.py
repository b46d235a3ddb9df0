# SPDX-License-Identifier: Apache-2.0
"""Where things are in a DICOM file, found without reading it: a scanner that asks for byte ranges (PS3.10 7)."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from framedeflate import engine
from framedeflate.byte_source import ByteSource, Plan, drive
from framedeflate.data_set.element import KNOWN_VRS, SHORT_VRS
from framedeflate.data_set.layout import DataSetLayout, Element, Tag, text_value
from framedeflate.errors import DicomFormatError, TransferSyntaxError
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    shown_uid,
)

__all__ = [
    "FileMeta",
    "ScanProgress",
    "WindowChoice",
    "read_data_set_layout",
    "read_file_meta",
    "scan_data_set",
    "scan_file_meta",
]

META_POSITION: Final = 132
MAX_META_NBYTES: Final = 1 << 20
MAX_VALUE_NBYTES: Final = 4096
"""Longest attribute value that is read; those of interest here are numbers, code strings and UIDs."""

WINDOW_NBYTES: Final = 1 << 16
MAX_WINDOW_NBYTES: Final = 1 << 22


_WANTED: Final = frozenset(value for name, value in vars(Tag).items() if name.isupper() and value >> 16 != 2)
_NOT_READ: Final = frozenset(
    {
        Tag.SEGMENT_SEQUENCE,
        Tag.SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        Tag.EXTENDED_OFFSET_TABLE,
        Tag.EXTENDED_OFFSET_TABLE_LENGTHS,
        Tag.FLOAT_PIXEL_DATA,
        Tag.DOUBLE_FLOAT_PIXEL_DATA,
        Tag.PIXEL_DATA,
        Tag.PIXEL_DATA_GROUP_LENGTH,
    }
)


@dataclass(frozen=True, slots=True)
class FileMeta:
    """The File Meta Information (PS3.10 7.1).

    Attributes
    ----------
    preamble : bytes
        The 128 bytes before "DICM".
    elements : mapping of int to bytes
        Value of every element of group 0002, in the file's order.
    vrs : mapping of int to bytes
        Their Value Representations.
    data_set_position : int
        First byte of the Data Set.
    """

    preamble: bytes
    elements: Mapping[int, bytes]
    vrs: Mapping[int, bytes]
    data_set_position: int

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer Syntax UID (0002,0010), as `shown_uid` gives it: it stands in messages, errors and results."""
        uid = text_value(self.elements.get(Tag.TRANSFER_SYNTAX_UID, b""))
        return shown_uid(uid) if uid else ""


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far the scan of a Data Set has come.

    Attributes
    ----------
    position : int
        From where it goes on.
    elements : mapping of int to Element
        Top-level elements of interest met so far.
    values : mapping of int to bytes
        Their values, where short and seen.
    items : int
        Items met of the last top-level sequence of undefined length.
    is_near : bool
        Whether the scan goes on where the last window ended: it is among many small elements.
    """

    position: int
    elements: Mapping[int, Element]
    values: Mapping[int, bytes]
    items: int
    is_near: bool


WindowChoice: TypeAlias = Callable[[ScanProgress], int]
"""Says how many bytes to ask for next; at least 12, or the scan does not get any further."""


def growing_windows() -> WindowChoice:
    """Return the choice for sources that are quick to ask: small windows, larger ones where elements are small.

    A walk that goes on in the next byte (nested Items) is served better by a larger window; one that skips long
    values needs only the headers between them.
    """
    nbytes = WINDOW_NBYTES // 2

    def choose(progress: ScanProgress) -> int:
        nonlocal nbytes
        nbytes = min(2 * nbytes, MAX_WINDOW_NBYTES) if progress.is_near else WINDOW_NBYTES
        return nbytes

    return choose


def scan_file_meta(*, window_nbytes: int = WINDOW_NBYTES) -> Plan[FileMeta]:
    """Plan: find the File Meta Information.

    Parameters
    ----------
    window_nbytes : int
        Bytes to ask for first.

    Raises
    ------
    DicomFormatError
        kind ``not-part10`` | ``bad-meta`` | ``truncated``.
    """
    window = yield (0, window_nbytes)
    if window[128:META_POSITION] != b"DICM":
        raise DicomFormatError(
            "not a DICOM file: there is no 'DICM' behind a preamble of 128 bytes (PS3.10 7.1)",
            kind="not-part10",
            position=128,
        )
    elements: dict[int, bytes] = {}
    vrs: dict[int, bytes] = {}
    position = META_POSITION
    # The group's stated length is not relied upon: files without it, or with a wrong one, are common.
    while True:
        if position + 12 > len(window):
            window += yield (len(window), position + window_nbytes)
        if window[position : position + 2] != b"\x02\x00":
            break
        header_nbytes = 8 if window[position + 4 : position + 6] in SHORT_VRS else 12
        if position + header_nbytes > len(window):
            break
        group, element, vr, short_nbytes = struct.unpack_from("<HH2sH", window, position)
        nbytes = struct.unpack_from("<I", window, position + 8)[0] if header_nbytes == 12 else short_nbytes
        end = position + header_nbytes + nbytes
        if end > MAX_META_NBYTES:
            raise DicomFormatError(
                f"File Meta Information of more than {MAX_META_NBYTES} bytes",
                kind="bad-meta",
                position=position,
            )
        if end > len(window):
            # Headers of File Meta elements are short, values may not be (Private Information): read on.
            window += yield (len(window), end + window_nbytes)
            if end > len(window):
                break
        tag = group << 16 | element
        elements.setdefault(tag, window[position + header_nbytes : end])
        vrs.setdefault(tag, vr)
        position = end
    if len(window) < position + 2 or window[position : position + 2] == b"\x02\x00":
        raise DicomFormatError(
            "the file ends inside its File Meta Information", kind="truncated", position=len(window)
        )
    meta = FileMeta(window[:128], MappingProxyType(elements), MappingProxyType(vrs), position)
    if not meta.transfer_syntax_uid:
        raise DicomFormatError(
            "the File Meta Information names no Transfer Syntax (0002,0010), so the Data Set cannot be read "
            "safely; write the file anew with the toolkit that made it",
            kind="bad-meta",
            position=META_POSITION,
        )
    return meta


def scan_data_set(
    start: int,
    stop: int,
    *,
    implicit_vr: bool,
    big_endian: bool,
    descend: bool = False,
    windows: WindowChoice | None = None,
) -> Plan[DataSetLayout]:
    """Plan: find the elements of interest of a Data Set that lies in bytes `start` to `stop`.

    Sequences are walked over, of defined or undefined length, nested up to a depth of 64. Encapsulated
    Pixel Data ends the scan: where it ends is for its frame index to say.

    Parameters
    ----------
    descend : bool
        Also look into sequences of defined length, for encapsulated icons.
    windows : callable, optional
        How much to ask for at a time; `growing_windows` where it is None.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` | ``too-deep``.
    """
    windows = windows or growing_windows()
    scan = engine.ElementScan(
        start=start,
        stop=stop,
        implicit_vr=implicit_vr,
        big_endian=big_endian,
        wanted=_WANTED,
        descend=descend,
    )
    values: dict[int, bytes] = {}
    elements: dict[int, Element] = {}
    records: list[Element] = []
    is_near = True
    while scan.status == "more":
        position = scan.resume
        window_nbytes = windows(ScanProgress(position, elements, values, scan.items, is_near))
        window = yield (position, min(position + window_nbytes, stop))
        scan.feed(window, position)
        for record in scan.records[len(records) :]:
            element = Element(*record)
            records.append(element)
            if element.depth == 0:
                elements.setdefault(element.tag, element)
            value = _short_value(element, window, position)
            if value is not None:
                values.setdefault(element.tag, value)
        is_near = scan.resume <= position + len(window)
        if scan.status == "more" and scan.resume == position:
            raise DicomFormatError(
                f"the Data Set ends inside a Data Element at byte {position}",
                kind="truncated",
                position=position,
            )
    _check_end(scan, elements)
    _check_lengths(elements)
    for tag, element in elements.items():
        if tag not in values and 0 <= element.value_nbytes <= MAX_VALUE_NBYTES and tag not in _NOT_READ:
            values[tag] = yield (element.value_position, element.end_position)
    return DataSetLayout(
        position=start,
        end_position=stop,
        elements=MappingProxyType(elements),
        values=MappingProxyType(values),
        encapsulated_icons=tuple(element for element in records if element.depth),
        implicit_vr=implicit_vr,
        big_endian=big_endian,
    )


def _short_value(element: Element, window: bytes, position: int) -> bytes | None:
    """Return the value where it is short and lies in the window."""
    if element.depth or not 0 <= element.value_nbytes <= MAX_VALUE_NBYTES or element.tag in _NOT_READ:
        return None
    if element.end_position > position + len(window):
        return None
    return window[element.value_position - position : element.end_position - position]


def _check_end(scan: engine.ElementScan, elements: Mapping[int, Element]) -> None:
    if scan.status in {"done", "pixel-data"}:
        return
    if scan.status == "truncated" and Tag.PIXEL_DATA in elements:
        # A file cut inside its Pixel Data: how many Frames are whole is for the reader of the pixels to say.
        return
    at = scan.defect_position
    messages = {
        "truncated": f"the Data Set ends inside the Data Element at byte {at}",
        "bad-structure": f"the Data Set cannot be walked beyond byte {at}: no Data Element can start there",
        "too-deep": f"sequences are nested more than 64 deep at byte {at}",
    }
    raise DicomFormatError(messages[scan.status], kind=scan.status, position=at)


_DEFINED_LENGTH: Final = (
    Tag.PIXEL_DATA_GROUP_LENGTH,
    Tag.EXTENDED_OFFSET_TABLE,
    Tag.EXTENDED_OFFSET_TABLE_LENGTHS,
    Tag.ENCAPSULATED_PIXEL_DATA_VALUE_TOTAL_LENGTH,
)


def _check_lengths(elements: Mapping[int, Element]) -> None:
    """Refuse tables of undefined length (UN or SQ could give them one): where they end was never asked."""
    for tag in _DEFINED_LENGTH:
        element = elements.get(tag)
        if element is not None and element.is_undefined_length:
            raise DicomFormatError(
                f"the Data Element at byte {element.header_position} has an undefined length, which its kind of value "
                "cannot have (PS3.5 7.1)",
                kind="bad-structure",
                position=element.header_position,
            )


def read_file_meta(source: ByteSource) -> FileMeta:
    """Read the File Meta Information; errors as `scan_file_meta`."""
    return drive(scan_file_meta(), source)


def read_data_set_layout(source: ByteSource, meta: FileMeta, *, descend: bool = False) -> DataSetLayout:
    """Read where things are in the Data Set; errors as `scan_data_set`.

    Raises
    ------
    TransferSyntaxError
        The Data Set is one deflate stream (A.5): inflate it first.
    """
    return drive(scan_stated_data_set(meta, source.nbytes, descend=descend), source)


def scan_stated_data_set(
    meta: FileMeta, stop: int, *, descend: bool = False, windows: WindowChoice | None = None
) -> Plan[DataSetLayout]:
    """Plan: as `scan_data_set`, encoded as the Transfer Syntax says, or as the first Data Element shows.

    Some writers state an Explicit VR syntax before an Implicit VR Data Set, or the reverse. Read as stated, such a
    file is garbage, so what is there counts; `verify_file` reports it.
    """
    uid = meta.transfer_syntax_uid
    if uid in DEFLATED_DATA_SET:
        raise TransferSyntaxError("the whole Data Set is deflated (PS3.5 A.5); inflate it first", uid=uid)
    start = meta.data_set_position
    first = yield (start, min(start + 6, stop))
    is_explicit = first[4:6] in KNOWN_VRS if uid == IMPLICIT_VR_LITTLE_ENDIAN else _may_be_vr(first[4:6])
    return (
        yield from scan_data_set(
            start,
            stop,
            implicit_vr=not is_explicit,
            big_endian=uid == EXPLICIT_VR_BIG_ENDIAN,
            descend=descend,
            windows=windows,
        )
    )


def _may_be_vr(letters: bytes) -> bool:
    """Whether these may be a Value Representation, one of a later edition included; the end of a file may be too."""
    return len(letters) < 2 or (letters.isalpha() and letters.isupper())
