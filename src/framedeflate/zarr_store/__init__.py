# SPDX-License-Identifier: Apache-2.0
"""DICOM files as Zarr arrays, by reference: no pixel is copied, each Frame is a chunk where it lies.

This is the table of contents; each name comes with its first use. All but `references` need the extra
``zarr``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framedeflate.zarr_store.codecs import DeflatedItems, PackedBits, RawDeflate, register
    from framedeflate.zarr_store.reference_set import references
    from framedeflate.zarr_store.store import DicomStore, open  # noqa: A004

__all__ = ["DeflatedItems", "DicomStore", "PackedBits", "RawDeflate", "open", "references", "register"]

_HOMES = {
    "DeflatedItems": "codecs",
    "DicomStore": "store",
    "PackedBits": "codecs",
    "RawDeflate": "codecs",
    "open": "store",
    "references": "reference_set",
    "register": "codecs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
