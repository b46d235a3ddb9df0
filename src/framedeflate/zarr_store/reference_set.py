# SPDX-License-Identifier: Apache-2.0
"""References into a DICOM file (kerchunk's specification, version 1) that are a Zarr v3 group."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from framedeflate.byte_source import ByteSource, FileSource
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.image_pixel import NATIVE_PHOTOMETRIC_INTERPRETATIONS, ImagePixel
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.stored_frames import open_frames
from framedeflate.transfer_syntax import shown_uid
from framedeflate.zarr_store.pixel_chunks import PixelChunks, plan_chunks
from framedeflate.zarr_store.zarr_metadata import (
    array_document,
    dumps,
    group_document,
    inline,
    inline_document,
)

__all__ = ["PIXELS", "references", "references_of"]

PIXELS: Final = "pixels"
"""Name of the array of pixels."""

_DIMENSIONS: Final = ("frame", "row", "column", "sample")


def references(source: str | os.PathLike[str], *, url: str | None = None) -> dict[str, Any]:
    """Describe a DICOM file as a Zarr v3 group whose chunks are ranges of that file.

    Only the header and the Items' headers are read. The group holds ``pixels``, with the dimensions frame, row,
    column and, for colour, sample, and ``frame_number``, from 1, as its coordinate. Of the file's attributes it
    holds the UIDs of its SOP Class, SOP Instance and Transfer Syntax, and the Image Pixel description.

    Parameters
    ----------
    source : path-like
        The file: deflated, or native.
    url : str, optional
        Where readers of the references find the file: a URL, or a path. The absolute path of `source` unless given.

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
    """
    with FileSource.open(source) as file:
        return references_of(file, url=os.fspath(Path(source).absolute()) if url is None else url)


def references_of(source: ByteSource, *, url: str) -> dict[str, Any]:
    """As `references`, for a source that is open."""
    meta = read_file_meta(source)
    layout = read_data_set_layout(source, meta)
    chunks = plan_chunks(open_frames(source, layout, meta.transfer_syntax_uid).plans)
    coordinates = {"frame_number": np.arange(1, chunks.shape[0] + 1, dtype=np.int32)}
    documents = {PIXELS: _pixels_document(chunks, sorted(coordinates))}
    documents |= {name: inline_document(array, _DIMENSIONS[:1]) for name, array in coordinates.items()}
    group = group_document(documents, _attributes(layout, meta.transfer_syntax_uid))
    refs: dict[str, Any] = {"zarr.json": dumps(group)}
    refs |= {f"{name}/zarr.json": dumps(document) for name, document in documents.items()}
    refs |= {f"{name}/c{'/0' * array.ndim}": inline(array) for name, array in coordinates.items()}
    within_frame = "/0" * (len(chunks.shape) - 1)
    refs |= {
        f"{PIXELS}/c/{number}{within_frame}": [url, start, stop - start]
        for number, (start, stop) in enumerate(chunks.ranges)
    }
    return {"version": 1, "refs": refs}


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


def _attributes(layout: DataSetLayout, transfer_syntax_uid: str) -> dict[str, str]:
    uids = {
        "sop_class_uid": shown_uid(layout.text(Tag.SOP_CLASS_UID)),
        "sop_instance_uid": shown_uid(layout.text(Tag.SOP_INSTANCE_UID)),
        "transfer_syntax_uid": transfer_syntax_uid,
    }
    return {name: uid for name, uid in uids.items() if uid}
