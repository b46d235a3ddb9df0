# SPDX-License-Identifier: Apache-2.0
"""Names of our codecs in Zarr's metadata, which pyproject.toml has as entry points, and how their settings are read."""

from typing import Any, Final

__all__ = ["DEFLATED_ITEMS", "PACKED_BITS", "RAW_DEFLATE", "configuration"]

RAW_DEFLATE: Final = "framedeflate.raw_deflate"
PACKED_BITS: Final = "framedeflate.packed_bits"
DEFLATED_ITEMS: Final = "framedeflate.deflated_items"


def configuration(data: dict[str, Any], name: str, known: set[str]) -> dict[str, Any]:
    """Return a codec's configuration; refuse what another version may have meant by other settings.

    Raises
    ------
    ValueError
        It is another codec's, has an unknown setting, or one that is no whole number.
    """
    settings = data.get("configuration") or {}
    if data.get("name") != name:
        raise ValueError(f"metadata of {data.get('name')!r} where those of {name!r} are asked for")
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(f"{name} has no setting {unknown[0]!r}; a later version of framedeflate may know it")
    for key, value in settings.items():
        if value is not None and type(value) is not int:
            raise ValueError(f"{name}: {key} must be a whole number")
    return dict(settings)
