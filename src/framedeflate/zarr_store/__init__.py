# SPDX-License-Identifier: Apache-2.0
"""DICOM files as Zarr arrays, by reference: no pixel is copied, each Frame is a chunk where it lies.

This is the table of contents; each name comes with its first use. All but `references` need the extra
``zarr``.
"""

from typing import TYPE_CHECKING

from framedeflate.table_of_contents import names_at_first_use

if TYPE_CHECKING:
    from framedeflate.zarr_store.codecs import DeflatedItems, PackedBits, RawDeflate, register
    from framedeflate.zarr_store.reference_set import references
    from framedeflate.zarr_store.store import DicomStore, open  # noqa: A004

__all__ = ["DeflatedItems", "DicomStore", "PackedBits", "RawDeflate", "open", "references", "register"]

__getattr__ = names_at_first_use(
    __name__,
    {
        "DeflatedItems": "codecs",
        "DicomStore": "store",
        "PackedBits": "codecs",
        "RawDeflate": "codecs",
        "open": "store",
        "references": "reference_set",
        "register": "codecs",
    },
)
