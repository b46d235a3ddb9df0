# SPDX-License-Identifier: Apache-2.0
"""Whether pixel values are segment numbers."""

from typing import Final

from framedeflate.data_set.layout import DataSetLayout, Tag

__all__ = ["is_label_map"]

_LABEL_MAP_SEGMENTATION_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.66.7"


def is_label_map(layout: DataSetLayout) -> bool:
    """Whether the object is a label map by its SOP Class, or by its Segmentation Type (PS3.3 C.8.20.2)."""
    return (
        layout.text(Tag.SOP_CLASS_UID) == _LABEL_MAP_SEGMENTATION_STORAGE
        or layout.text(Tag.SEGMENTATION_TYPE) == "LABELMAP"
    )
