# SPDX-License-Identifier: Apache-2.0
"""A decoding plugin of pydicom that does nothing: with it, what a call takes is pydicom's own loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from pydicom.pixels.decoders import base
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import UID

from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["DECODER_DEPENDENCIES", "decode", "idle", "is_available"]

_UID: Final = UID(DEFLATED_IMAGE_FRAME_COMPRESSION)
DECODER_DEPENDENCIES: Final[dict[UID, tuple[str, ...]]] = {_UID: ()}


def is_available(uid: str) -> bool:
    return uid == _UID


def decode(src: bytes, runner: Any) -> bytes:  # noqa: ARG001 - pydicom's contract of a plugin
    """Return a Frame of zeros, a byte for each pixel of 1 bit: unpacking is left out too."""
    if runner.bits_allocated == 1 and hasattr(runner, "set_frame_option"):
        runner.set_frame_option(runner.index, "bits_allocated", 8)
    sample_nbytes = max(1, runner.bits_allocated // 8)
    nbytes = runner.rows * runner.columns * runner.samples_per_pixel * sample_nbytes
    return _frame(nbytes)


@lru_cache(maxsize=1)
def _frame(nbytes: int) -> bytes:
    return bytes(nbytes)


@contextmanager
def idle() -> Iterator[None]:
    """Have pydicom decode with this plugin alone, in its own Decoder, until the context ends."""
    decoder = Decoder(_UID)
    for label in tuple(decoder.available_plugins):
        decoder.remove_plugin(label)
    decoder.add_plugin("idle", (__name__, "decode"))
    before = base._PIXEL_DATA_DECODERS[_UID]
    base._PIXEL_DATA_DECODERS[_UID] = (decoder, "idle")
    try:
        yield
    finally:
        base._PIXEL_DATA_DECODERS[_UID] = before
