# SPDX-License-Identifier: Apache-2.0
"""The ways in which people read references, and images made from numpy arrays for them to read."""

from collections.abc import Callable
from typing import Any

import dask.array
import fsspec
import numpy as np
import xarray
import zarr
from numpy.typing import NDArray
from zarr.storage import FsspecStore

from dicom_writer import (
    BIG_ENDIAN,
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    data_set,
    deflate,
    image,
    padded,
    part10,
    pixel_data,
)

Pixels = NDArray[Any]
References = dict[str, Any]


def through_zarr(references: References) -> zarr.Group:
    """What zarr opens, by fsspec's file system of references."""
    file_system = fsspec.filesystem("reference", fo=references, asynchronous=True)
    return zarr.open_group(FsspecStore(file_system, read_only=True), mode="r")


def pixels_of(group: zarr.Group) -> Any:
    """The array; any group member has the type of a group too."""
    return group["pixels"]


def through_xarray(references: References) -> xarray.Dataset:
    dataset: xarray.Dataset = xarray.open_zarr("reference://", storage_options={"fo": references})
    return dataset


def read_by_zarr(references: References) -> Pixels:
    return np.asarray(pixels_of(through_zarr(references))[:])


def read_by_xarray(references: References) -> Pixels:
    with through_xarray(references) as dataset:
        return np.asarray(dataset.pixels.compute(scheduler="synchronous"))


def read_by_dask(references: References) -> Pixels:
    return np.asarray(as_dask(through_zarr(references)).compute(scheduler="threads"))


def as_dask(group: zarr.Group) -> Any:
    from_zarr: Any = dask.array.from_zarr  # dask has no types
    return from_zarr(pixels_of(group))


READERS: dict[str, Callable[[References], Pixels]] = {
    "zarr": read_by_zarr,
    "xarray": read_by_xarray,
    "dask": read_by_dask,
}


def native_frames(array: Pixels, *, planar: int = 0, big: bool = False) -> list[bytes]:
    """The bytes of each Frame of an array (frames, rows, columns[, samples]); bool becomes bits."""
    if planar:
        array = np.moveaxis(array, -1, 1)
    if array.dtype == np.bool_:
        return [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in array]
    ordered = array.astype(array.dtype.newbyteorder(">" if big else "<"))
    return [frame.tobytes() for frame in ordered]


def attributes(array: Pixels, *, planar: int = 0) -> dict[str, int | str | None]:
    """What an array means as an image."""
    bits = 1 if array.dtype == np.bool_ else 8 * array.itemsize
    found: dict[str, int | str | None] = {
        "frames": str(len(array)),
        "rows": array.shape[1],
        "columns": array.shape[2],
        "allocated": bits,
        "signed": int(array.dtype.kind == "i"),
    }
    if array.ndim == 4:
        found |= {"samples": 3, "photometric": "RGB", "planar": planar}
    return found


def dicom_file(array: Pixels, syntax: str, *, planar: int = 0, vr: str = "") -> bytes:
    """A file in Transfer Syntax `syntax` that holds an array."""
    fields = image(**attributes(array, planar=planar))
    frames = native_frames(array, planar=planar)
    if syntax == DEFLATED_FRAMES:
        return part10(data_set(fields) + pixel_data([padded(deflate(frame)) for frame in frames]))
    if syntax == ENCAPSULATED_UNCOMPRESSED:
        return part10(data_set(fields) + pixel_data([padded(frame) for frame in frames]), uid=syntax)
    big = syntax == BIG_ENDIAN
    whole = b"".join(native_frames(array, planar=planar, big=big))
    if array.dtype == np.bool_:
        whole = np.packbits(array.ravel(), bitorder="little").tobytes()
    vr = vr or ("OW" if array.itemsize > 1 else "OB")
    body = data_set(fields, uid=syntax) + raw_element(vr, padded(whole), big=big)
    return part10(body, uid=syntax)


def raw_element(vr: str, value: bytes, *, big: bool) -> bytes:
    """Pixel Data as it stands, nothing swapped."""
    order = "big" if big else "little"
    tag = (0x7FE0).to_bytes(2, order) + (0x0010).to_bytes(2, order)  # type: ignore[arg-type]
    return tag + vr.encode("ascii") + b"\0\0" + len(value).to_bytes(4, order) + value  # type: ignore[arg-type]


__all__ = [
    "BIG_ENDIAN",
    "DEFLATED_FRAMES",
    "ENCAPSULATED_UNCOMPRESSED",
    "EXPLICIT_LITTLE",
    "READERS",
    "as_dask",
    "dicom_file",
    "native_frames",
    "pixels_of",
    "through_xarray",
    "through_zarr",
]
