# SPDX-License-Identifier: Apache-2.0
"""A Dataset that was read from Big Endian (PS3.5 7.3, retired A.3) made one that can be written in Little Endian."""

from typing import TYPE_CHECKING, Final

from framedeflate.native_pixels import swap_words

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["make_little_endian"]

_WORD_NBYTES: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""VRs whose values are words (PS3.5 6.2). pydicom keeps these as they were read, and so would write them reversed."""


def make_little_endian(dataset: "Dataset") -> None:
    """Parse every value and reverse the words that pydicom does not, in place, nested Datasets included."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                make_little_endian(item)
        elif element.VR in _WORD_NBYTES and isinstance(element.value, bytes):
            nbytes = _WORD_NBYTES[element.VR]
            if len(element.value) % nbytes == 0:
                element.value = swap_words(element.value, nbytes)
    # pydicom refuses to write a Dataset in another byte order than the one it remembers.
    dataset.set_original_encoding(None, None)
