# SPDX-License-Identifier: Apache-2.0
"""pydicom's own decoder (3.1 and later), kept from inflating more than a Frame.

pydicom tries one plugin after the other. A Fragment that ours refuses because it holds gigabytes, or several Frames,
would be given to pydicom's next, which inflates them all, or shows the first.
"""

import zlib
from importlib import import_module
from typing import TYPE_CHECKING

from framedeflate.errors import FrameDecodeError
from framedeflate.pydicom_plugin.coding import DECODER_DEPENDENCIES, image_pixel_of, is_available

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

__all__ = ["DECODER_DEPENDENCIES", "decode", "is_available"]


def decode(src: bytes, runner: "DecodeRunner") -> bytearray:
    """Decode with pydicom's own plugin, if the Fragment holds its Frame and nothing else: pydicom's does not ask."""
    nbytes = image_pixel_of(runner).frame_nbytes
    inflater = zlib.decompressobj(-15)
    inflated = len(inflater.decompress(src, nbytes + 1))
    if inflated > nbytes:
        raise _refusal(f"holds more than {nbytes} bytes", "excess-output", nbytes)
    if inflated < nbytes:
        raise _refusal(f"holds {inflated} bytes where the Frame has {nbytes}", "short-output", nbytes)
    if len(inflater.unused_data) > 1:
        # Fragments of several Frames joined, for instance: all but the first would be lost.
        raise _refusal(f"is followed by {len(inflater.unused_data)} bytes", "trailing-data", nbytes)
    native = import_module("pydicom.pixels.decoders.native")
    frame: bytearray = native._decode_frame(src, runner)
    return frame


def _refusal(what: str, kind: str, nbytes: int) -> FrameDecodeError:
    message = f"the deflate stream {what}"
    return FrameDecodeError(message, kind=kind, expected_nbytes=nbytes, consumed_nbytes=0, frame_number=None)
