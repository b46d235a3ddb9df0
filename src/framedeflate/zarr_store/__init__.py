# SPDX-License-Identifier: Apache-2.0
"""DICOM files as Zarr arrays, by reference: no pixel is copied, each Frame is a chunk where it lies.

This is the table of contents; each name comes with its first use. Codecs, `open` and `register` need the extra
``zarr``; making references does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framedeflate.zarr_store.codecs import PackedBits, RawDeflate, register
    from framedeflate.zarr_store.reference_set import references
    from framedeflate.zarr_store.store import open  # noqa: A004

__all__ = ["PackedBits", "RawDeflate", "open", "references", "register"]

_HOMES = {
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
