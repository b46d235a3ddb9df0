# SPDX-License-Identifier: Apache-2.0
"""Every departure of a file from Deflated Image Frame Compression (PS3.5 8.2.16, A.4, A.4.13), with kind and place."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Final

from framedeflate.byte_source import ByteSource, FileSource, drive, read_exactly
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.encapsulation import ITEM_HEADER_NBYTES
from framedeflate.errors import (
    DicomFormatError,
    EncapsulationError,
    FrameDecodeError,
    UnsupportedImageError,
)
from framedeflate.fragment_plans import IndexedFragments
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.frame_plans import DeflatedFrames
from framedeflate.image_pixel import NATIVE_PHOTOMETRIC_INTERPRETATIONS, ImagePixel, samples_meant
from framedeflate.offset_tables import read_extended_lengths
from framedeflate.part10 import FileMeta, read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.problems import MAX_PROBLEMS, Problem, Severity
from framedeflate.range_plan import drive_ranges
from framedeflate.stored_frames import batches
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["verify_file"]

_MANY_FRAMES: Final = 1000
"""From here on an empty Basic Offset Table makes readers walk a long way to a late Frame."""

_RUN_NBYTES: Final = 1 << 20
"""Native bytes that are inflated by one call, so that small Frames do not pay for a call each."""

_REQUIRED: Final = {
    "Photometric Interpretation": Tag.PHOTOMETRIC_INTERPRETATION,
    "Bits Stored": Tag.BITS_STORED,
    "High Bit": Tag.HIGH_BIT,
    "Pixel Representation": Tag.PIXEL_REPRESENTATION,
}
"""Type 1 attributes without which a Frame still has a size; those that give its size fail before."""

_MAX_ICON_HEAD_NBYTES: Final = 1 << 26
"""Icon Images are looked at where all that stands before Pixel Data is no larger: it is held in memory for them."""


def verify_file(path: str | os.PathLike[str]) -> list[Problem]:
    """Report departures from the standard in a file by any writer: those that docs/format.md lists.

    Every Frame is inflated against its exact size: memory never grows beyond a Frame and its Fragment, or some of them
    that have 1 MiB together, and the index of the Fragments. Where there are deflated Icon Images, they are inflated
    too, up to 64 MiB of them, and the attributes before Pixel Data are held in memory, up to 64 MiB of them as well.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    list of Problem
        Empty where the file conforms. Frames that do not decode are problems too, not errors. At most 100 000; then
        a last one of kind ``too-many`` says so.

    Raises
    ------
    DicomFormatError
        kind ``not-part10`` | ``bad-meta`` | ``truncated``: there is no DICOM file, or no Transfer Syntax, to hold
        against the standard.
    OSError
        The file cannot be read.
    """
    with FileSource.open(path) as source:
        problems = list(islice(verify_source(source), MAX_PROBLEMS + 1))
    if len(problems) > MAX_PROBLEMS:
        message = f"{MAX_PROBLEMS} problems were found, and what lies behind the last was not looked at"
        problems[MAX_PROBLEMS:] = [_file_problem("too-many", "error", message)]
    return problems


def verify_source(source: ByteSource) -> Iterator[Problem]:
    """As `verify_file`, for anything that answers byte ranges; yields problems as they are found, without an end.

    Raises
    ------
    DicomFormatError
        As `verify_file`.
    """
    meta = read_file_meta(source)
    uid = meta.transfer_syntax_uid
    if uid != DEFLATED_IMAGE_FRAME_COMPRESSION:
        yield _file_problem(
            "transfer-syntax",
            "error",
            f"the Transfer Syntax is {uid}; only files in {DEFLATED_IMAGE_FRAME_COMPRESSION} are verified",
        )
        return
    try:
        layout = read_data_set_layout(source, meta, descend=True)
        yield from _check_attributes(meta, layout)
        yield from _check_icons(source, layout)
        image_pixel = layout.image_pixel()
        index = drive(index_frames(layout, image_pixel.number_of_frames), source)
    except (DicomFormatError, EncapsulationError) as error:
        yield Problem(error.kind, "error", None, error.position, str(error))
    except UnsupportedImageError as error:
        yield _file_problem(error.kind, "error", str(error))
    else:
        yield from index.problems
        yield from _check_tables(layout, index)
        yield from _check_frames(source, layout, index, image_pixel)
        yield from _check_tail(source, index, layout)


def _file_problem(kind: str, severity: Severity, message: str) -> Problem:
    return Problem(kind, severity, None, None, message)


def _check_attributes(meta: FileMeta, layout: DataSetLayout) -> Iterator[Problem]:
    if layout.implicit_vr:
        yield _file_problem(
            "implicit-vr",
            "error",
            "the Data Set is in Implicit VR; this Transfer Syntax is Explicit (PS3.5 A.4)",
        )
    pixel_data = layout.pixel_data
    if pixel_data is not None and pixel_data.vr not in {b"OB", b""}:
        yield Problem(
            "pixel-data-vr",
            "error",
            None,
            pixel_data.header_position,
            "encapsulated Pixel Data has another VR than OB (PS3.5 A.4)",
        )
    if Tag.FLOAT_PIXEL_DATA in layout.elements or Tag.DOUBLE_FLOAT_PIXEL_DATA in layout.elements:
        yield _file_problem(
            "float-pixel-data", "error", "Float Pixel Data is not allowed in this Transfer Syntax (PS3.5 A.4)"
        )
    yield from _check_order(layout)
    yield from _check_colour(layout)
    missing = [name for name, tag in _REQUIRED.items() if not layout.values.get(tag)]
    if layout.unsigned_short(Tag.SAMPLES_PER_PIXEL) == 3 and not layout.values.get(Tag.PLANAR_CONFIGURATION):
        # Type 1C: required where Samples per Pixel is above 1.
        missing.append("Planar Configuration")
    if missing:
        yield _file_problem(
            "missing-attributes",
            "error",
            f"{', '.join(missing)} must be there and have a value (PS3.3 C.7.6.3)",
        )
    yield from _check_bits(layout)
    media_storage = meta.elements.get(Tag.MEDIA_STORAGE_SOP_INSTANCE_UID, b"").rstrip(b"\0 ")
    instance = layout.values.get(Tag.SOP_INSTANCE_UID, b"").rstrip(b"\0 ")
    if media_storage != instance:
        yield _file_problem(
            "media-storage-sop-instance-uid",
            "error",
            "the File Meta Information names another SOP Instance UID than the Data Set (PS3.10 7.1)",
        )


def _check_order(layout: DataSetLayout) -> Iterator[Problem]:
    """Hold the elements that a scan knows against their order; it keeps the first of each tag, and no others."""
    known = sorted(layout.elements.values(), key=lambda element: element.header_position)
    for before, behind in pairwise(known):
        if behind.tag < before.tag:
            yield Problem(
                "element-order",
                "error",
                None,
                behind.header_position,
                "Data Elements must stand in the order of their tags (PS3.5 7.1)",
            )
            return


def _check_colour(layout: DataSetLayout) -> Iterator[Problem]:
    photometric = layout.text(Tag.PHOTOMETRIC_INTERPRETATION)
    samples = layout.unsigned_short(Tag.SAMPLES_PER_PIXEL)
    if not photometric:
        return
    if photometric not in NATIVE_PHOTOMETRIC_INTERPRETATIONS:
        yield _file_problem(
            "photometric-interpretation",
            "error",
            "the Photometric Interpretation belongs to another compression and has no meaning for these bytes "
            "(PS3.5 8.2)",
        )
    elif samples in {1, 3} and samples != samples_meant(photometric):
        yield _file_problem(
            "photometric-interpretation",
            "error",
            f"the Photometric Interpretation is not one of {samples} Samples per Pixel (PS3.3 C.7.6.3.1.2)",
        )


def _check_icons(source: ByteSource, layout: DataSetLayout) -> Iterator[Problem]:
    pixel_data = layout.pixel_data
    if not layout.encapsulated_icons or pixel_data is None:
        return
    first, stop = layout.encapsulated_icons[0].header_position, pixel_data.header_position
    if stop - layout.position > _MAX_ICON_HEAD_NBYTES:
        message = f"Icon Images among {stop - layout.position} bytes of attributes, too many to look at them"
        yield Problem("unchecked-icon", "warning", None, first, message)
        return
    # Loads NumPy, and pydicom where an element without a VR is met: only where there is an icon.
    from framedeflate.foreign.icon_image import check_icons

    head = read_exactly(source, layout.position, stop)
    try:
        found = check_icons(head, implicit_vr=layout.implicit_vr, position=layout.position)
    except DicomFormatError as error:
        yield Problem(error.kind, "error", None, error.position, str(error))
        return
    for position, defect in found:
        if defect.kind == "too-large":
            yield Problem("unchecked-icon", "warning", None, position, f"not inflated: {defect}")
        else:
            yield Problem("icon", "error", None, position, f"an Icon Image cannot be inflated: {defect}")


def _check_bits(layout: DataSetLayout) -> Iterator[Problem]:
    bits_stored, high_bit = layout.unsigned_short(Tag.BITS_STORED), layout.unsigned_short(Tag.HIGH_BIT)
    if bits_stored is not None and high_bit is not None and high_bit != bits_stored - 1:
        yield _file_problem(
            "high-bit",
            "error",
            f"High Bit is {high_bit}, not Bits Stored ({bits_stored}) less 1 (PS3.5 8.1.1)",
        )


def _check_tables(layout: DataSetLayout, index: FrameIndex) -> Iterator[Problem]:
    if (
        len(index) >= _MANY_FRAMES
        and not index.fragments.basic_offset_table_nbytes
        and Tag.EXTENDED_OFFSET_TABLE not in layout.elements
    ):
        yield Problem(
            "empty-basic-offset-table",
            "warning",
            None,
            index.fragments.offset_origin - ITEM_HEADER_NBYTES,
            f"the Basic Offset Table is empty: readers must walk up to {len(index)} Items to a Frame",
        )


def _check_frames(
    source: ByteSource, layout: DataSetLayout, index: FrameIndex, image_pixel: ImagePixel
) -> Iterator[Problem]:
    frames = DeflatedFrames(IndexedFragments(index, image_pixel), image_pixel, strict=False)
    stated = drive(read_extended_lengths(layout, len(index)), source)
    counted_pads = 0
    for index_of_frame, met in enumerate(_inflate_all(source, frames)):
        number = index_of_frame + 1
        places = index.byte_ranges(index_of_frame)
        position = places[0][0] - ITEM_HEADER_NBYTES
        yield from _check_items(places, number)
        if isinstance(met, FrameDecodeError):
            yield Problem(met.kind, "error", number, position, str(met))
            continue
        stream_nbytes, problems = met
        for problem in problems:
            yield replace(problem, position=position)
        item_nbytes = sum(stop - start for start, stop in places)
        if stated and stated[index_of_frame] == item_nbytes != stream_nbytes:
            counted_pads += 1
    if counted_pads:
        element = layout.elements[Tag.EXTENDED_OFFSET_TABLE_LENGTHS]
        yield Problem(
            "extended-offset-table-lengths-count-pad",
            "warning",
            None,
            element.header_position,
            f"the Extended Offset Table Lengths of {counted_pads} Frames count the pad, which is no part of the "
            "stream (PS3.3 Table C.7-11a)",
        )


def _inflate_all(
    source: ByteSource, frames: DeflatedFrames
) -> Iterator[FrameDecodeError | tuple[int, list[Problem]]]:
    """Yield what is met in each Frame: the size of its stream and its problems, or the error that it cannot be read."""
    memory = bytearray()
    for first, count in batches(frames.image_pixel, batch_nbytes=_RUN_NBYTES):
        try:
            native, met = drive_ranges(frames.inflate(first, count, memory=memory), source)
        except FrameDecodeError as error:
            if count == 1:
                yield error
            else:
                for index in range(first, first + count):
                    yield _inflate_one(source, frames, index)
            continue
        if isinstance(native.obj, bytearray):
            memory = native.obj
        problems: dict[int | None, list[Problem]] = {}
        for problem in met.problems:
            problems.setdefault(problem.frame_number, []).append(problem)
        for index, stream_nbytes in enumerate(met.stream_nbytes, first):
            yield stream_nbytes, problems.get(index + 1, [])


def _inflate_one(
    source: ByteSource, frames: DeflatedFrames, index: int
) -> FrameDecodeError | tuple[int, list[Problem]]:
    try:
        _native, met = drive_ranges(frames.inflate(index, 1), source)
    except FrameDecodeError as error:
        return error
    return met.stream_nbytes[0], met.problems


def _check_items(places: Sequence[tuple[int, int]], number: int) -> Iterator[Problem]:
    for start, stop in places:
        at = start - ITEM_HEADER_NBYTES
        if start == stop:
            message = "a Fragment is empty; it must hold two bytes at least (PS3.5 A.4)"
            yield Problem("empty-fragment", "error", number, at, message)
        elif (stop - start) % 2:
            message = f"a Fragment of {stop - start} bytes; its length must be even (PS3.5 A.4)"
            yield Problem("odd-fragment", "error", number, at, message)


def _check_tail(source: ByteSource, index: FrameIndex, layout: DataSetLayout) -> Iterator[Problem]:
    """Walk what follows Pixel Data: Digital Signatures, Data Set Trailing Padding, or nothing."""
    tail = scan_data_set(
        index.fragments.end_position, layout.end_position, implicit_vr=False, big_endian=False, descend=True
    )
    try:
        behind = drive(tail, source)
    except DicomFormatError as error:
        yield Problem(error.kind, "error", None, error.position, str(error))
    else:
        first = min(behind.elements.values(), key=lambda element: element.tag, default=None)
        if first is not None and first.tag <= Tag.PIXEL_DATA:
            yield Problem(
                "element-order",
                "error",
                None,
                first.header_position,
                "an element that belongs before Pixel Data, or a second Pixel Data, stands behind it (PS3.5 7.1)",
            )
        if Tag.DIGITAL_SIGNATURES_SEQUENCE in behind.elements:
            yield _file_problem(
                "digital-signatures",
                "warning",
                "Digital Signatures made before deflating may no longer verify",
            )
