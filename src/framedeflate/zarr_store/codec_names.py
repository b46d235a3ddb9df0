# SPDX-License-Identifier: Apache-2.0
"""Names of our codecs in Zarr's metadata; pyproject.toml has them as entry points."""

from typing import Final

__all__ = ["PACKED_BITS", "RAW_DEFLATE"]

RAW_DEFLATE: Final = "framedeflate.raw_deflate"
PACKED_BITS: Final = "framedeflate.packed_bits"
