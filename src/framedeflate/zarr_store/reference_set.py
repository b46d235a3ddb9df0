# SPDX-License-Identifier: Apache-2.0
"""References into a DICOM file (kerchunk's specification, version 1) that are a Zarr v3 group."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framedeflate.byte_source import ByteSource
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import DicomFormatError, TransferSyntaxError, UnsupportedSourceError
from framedeflate.functional_groups import FunctionalGroups
from framedeflate.image_pixel import NATIVE_PHOTOMETRIC_INTERPRETATIONS, ImagePixel
from framedeflate.open_source import Openable, close_source, open_source
from framedeflate.opened_image import OpenedImage, plan_image
from framedeflate.range_plan import drive_ranges
from framedeflate.transfer_syntax import shown_uid
from framedeflate.zarr_store.chunk_ranges import walked_ranges
from framedeflate.zarr_store.pixel_chunks import PixelChunks, plan_chunks
from framedeflate.zarr_store.zarr_metadata import (
    array_document,
    dumps,
    group_document,
    inline,
    inline_document,
)

__all__ = ["PIXELS", "chunk_keys", "describe", "location_of", "open_image", "references"]

PIXELS: Final = "pixels"
"""Name of the array of pixels."""

_DIMENSIONS: Final = ("frame", "row", "column", "sample")


def references(
    source: Openable,
    *,
    url: str | None = None,
    frames_per_chunk: int = 1,
    segment_labels: bool = False,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a DICOM file as a Zarr v3 group whose chunks are ranges of that file.

    Only the header and the Items' headers are read. The group holds ``pixels``, with the dimensions frame, row,
    column and, for colour, sample. Its coordinates are ``frame_number``, from 1, and where the file says them
    ``segment_number`` (0: none), ``image_position`` (x, y, z in mm) and ``tile_row`` and ``tile_column`` (from 1) of
    each Frame. Of the file's attributes it holds, beside these, the UIDs of its SOP Class, SOP Instance and Transfer
    Syntax, Bits Stored, and the Photometric Interpretation.

    Parameters
    ----------
    source : path, URL, bytes, binary file object or ByteSource
        The file: deflated, or native.
    url : str, optional
        Where readers of the references find the file: a URL, or a path. That of `source` unless given; what has
        neither needs one.
    frames_per_chunk : int
        At most so many Frames are one chunk: one request, and for deflated Frames one call of the decoder, which many
        small Frames at once need. Native Frames of 8 bits and more have the next smaller number that divides them all.
    segment_labels : bool
        Whether the group's attribute ``segment_labels`` says what each segment is called: words of the file's writer.
    options : mapping, optional
        For URLs, as `open_source`.

    Returns
    -------
    dict
        ``{"version": 1, "refs": {...}}``, ready for `json.dump` or fsspec's ``reference`` file system.

    Raises
    ------
    UnsupportedImageError
        The file holds no image; or kind ``not-referable``: its pixels are no ranges that Zarr can read.
    TransferSyntaxError
        Its Frames are compressed otherwise.
    DicomFormatError, EncapsulationError
        It is no DICOM file, or its Frames cannot be told apart.
    OSError
        It cannot be read.
    UnsupportedSourceError
        No `url` is given where `source` has none.
    """
    place = location_of(source) if url is None else url
    if place is None:
        raise UnsupportedSourceError(
            f"{type(source).__name__} has no path that references could name: say which with url=",
            kind="unknown",
        )
    opened = open_source(source, options=options)
    try:
        image = open_image(opened)
        chunks = plan_chunks(image.frames, frames_per_chunk=frames_per_chunk)
        refs: dict[str, Any] = dict(describe(image, opened, chunks, segment_labels=segment_labels))
        ranges = walked_ranges(image, opened, chunks)
    finally:
        close_source(opened, source)
    keys = chunk_keys(chunks)
    refs |= {key: [place, start, stop - start] for key, (start, stop) in zip(keys, ranges, strict=True)}
    return {"version": 1, "refs": refs}


def location_of(source: Openable) -> str | None:
    """Return the URL, or the absolute path, of a source; None where it has neither."""
    if isinstance(source, str) and "://" in source:
        # Imported here: local files need no HTTP client.
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        from framedeflate.remote_source.urls import is_url, scheme_of

        if scheme_of(source) == "file":
            # fsspec does not undo what a file URL encodes.
            return url2pathname(urlsplit(source).path)
        if is_url(source):
            return source
    if isinstance(source, str | os.PathLike):
        return os.fspath(Path(os.fsdecode(source)).absolute())
    return None


def open_image(source: ByteSource) -> OpenedImage:
    """Open the image in a source; errors as `references`."""
    try:
        return drive_ranges(plan_image(source), source)
    except TransferSyntaxError as error:
        message = f"{error}; framedeflate compress makes a file whose Frames Zarr can read where they lie"
        raise TransferSyntaxError(message, uid=error.uid) from None


def describe(
    image: OpenedImage, source: ByteSource, chunks: PixelChunks, *, segment_labels: bool = False
) -> dict[str, str]:
    """Return all that references hold but the chunks of pixels, by key."""
    groups = image.functional_groups(source)
    coordinates = _coordinates(groups)
    documents = {PIXELS: _pixels_document(chunks, list(coordinates))}
    documents |= {
        name: inline_document(array, ("frame", "xyz")[: array.ndim]) for name, array in coordinates.items()
    }
    attributes: dict[str, Any] = _uids(image.layout, image.transfer_syntax_uid)
    if segment_labels:
        attributes["segment_labels"] = {str(number): label for number, label in groups.segments.items()}
    values = {"zarr.json": dumps(group_document(documents, attributes))}
    values |= {f"{name}/zarr.json": dumps(document) for name, document in documents.items()}
    values |= {f"{name}/c{'/0' * array.ndim}": inline(array) for name, array in coordinates.items()}
    return values


def chunk_keys(chunks: PixelChunks) -> list[str]:
    """Return the key of each chunk of pixels."""
    within_frame = "/0" * (len(chunks.shape) - 1)
    return [f"{PIXELS}/c/{number}{within_frame}" for number in range(len(chunks))]


def _coordinates(groups: FunctionalGroups) -> dict[str, NDArray[Any]]:
    """Return what the file says of each Frame, by the names that the arrays get."""
    coordinates: dict[str, NDArray[Any]] = {
        "frame_number": np.arange(1, groups.number_of_frames + 1, dtype=np.int32)
    }
    try:
        coordinates |= _said_coordinates(groups)
    except DicomFormatError as error:
        # The pixels can be read all the same.
        warnings.warn(f"there are no coordinates but the Frames' numbers: {error}", stacklevel=2)
    return coordinates


def _said_coordinates(groups: FunctionalGroups) -> dict[str, NDArray[Any]]:
    coordinates: dict[str, NDArray[Any]] = {}
    if groups.segment_numbers is not None:
        coordinates["segment_number"] = groups.segment_numbers.astype(np.int32)
    if groups.image_positions is not None:
        coordinates["image_position"] = groups.image_positions
    if groups.tile_positions is not None:
        coordinates["tile_row"], coordinates["tile_column"] = groups.tile_positions.T.astype(np.int32)
    return coordinates


def _pixels_document(chunks: PixelChunks, coordinates: list[str]) -> dict[str, Any]:
    return array_document(
        shape=chunks.shape,
        chunk_shape=chunks.chunk_shape,
        data_type=chunks.data_type,
        codecs=chunks.codecs,
        dimension_names=_DIMENSIONS[: len(chunks.shape)],
        fill_value=False if chunks.image_pixel.is_bilevel else 0,
        # "coordinates" is the convention (CF 5) by which xarray tells them from other arrays.
        attributes={"coordinates": " ".join(coordinates), **_described(chunks.image_pixel)},
    )


def _described(image_pixel: ImagePixel) -> dict[str, Any]:
    """Return what numbers alone do not say of pixels."""
    described: dict[str, Any] = {"bits_stored": image_pixel.bits_stored}
    # Other text than the standard's own might be anybody's name.
    if image_pixel.photometric_interpretation in NATIVE_PHOTOMETRIC_INTERPRETATIONS:
        described["photometric_interpretation"] = image_pixel.photometric_interpretation
    return described


def _uids(layout: DataSetLayout, transfer_syntax_uid: str) -> dict[str, str]:
    uids = {
        "sop_class_uid": shown_uid(layout.text(Tag.SOP_CLASS_UID)),
        "sop_instance_uid": shown_uid(layout.text(Tag.SOP_INSTANCE_UID)),
        "transfer_syntax_uid": transfer_syntax_uid,
    }
    return {name: uid for name, uid in uids.items() if uid}
