# SPDX-License-Identifier: Apache-2.0
"""Words in values, and their byte order (PS3.5 7.3)."""

from typing import Final

__all__ = ["WORD_NBYTES", "swapped"]

WORD_NBYTES: Final = {
    **dict.fromkeys((b"AT", b"OW", b"SS", b"US"), 2),
    **dict.fromkeys((b"FL", b"OF", b"OL", b"SL", b"UL"), 4),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8),
}
"""Bytes of a word where the byte order matters; an AT is two words of two bytes."""


def swapped(value: bytes, word_nbytes: int) -> bytes:
    """Return the value with the bytes of each whole word reversed; what is left of an odd value stays."""
    if word_nbytes == 1:
        return value
    whole = len(value) - len(value) % word_nbytes
    reversed_ = bytearray(value)
    for index in range(word_nbytes):
        reversed_[index:whole:word_nbytes] = value[word_nbytes - 1 - index : whole : word_nbytes]
    return bytes(reversed_)
