# SPDX-License-Identifier: Apache-2.0
"""pydicom's own decoder (3.1 and later), kept from inflating more than a Frame.

pydicom tries one plugin after the other. A Fragment that ours refuses because it holds gigabytes would be given to
pydicom's next, which inflates them all.
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
    """Decode with pydicom's own plugin, if the Fragment inflates to its Frame's size: pydicom's asks for no size."""
    nbytes = image_pixel_of(runner).frame_nbytes
    inflated = len(zlib.decompressobj(-15).decompress(src, nbytes + 1))
    if inflated != nbytes:
        is_excess = inflated > nbytes
        raise FrameDecodeError(
            f"the deflate stream holds {f'more than {nbytes}' if is_excess else inflated} bytes where the Frame has "
            f"{nbytes}",
            kind="excess-output" if is_excess else "short-output",
            expected_nbytes=nbytes,
            consumed_nbytes=0,
            frame_number=None,
        )
    native = import_module("pydicom.pixels.decoders.native")
    frame: bytearray = native._decode_frame(src, runner)
    return frame
