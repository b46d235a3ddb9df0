# SPDX-License-Identifier: Apache-2.0
"""What stands around the Frames once they are native, whoever writes or sends them."""

import struct

from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import native_vr
from framedeflate.transcode.image_source import ImageSource
from framedeflate.transcode.segments import Segment, read_segments

__all__ = ["native_surroundings", "pixel_data_header"]


def native_surroundings(
    image: ImageSource, *, implicit_vr: bool
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return head and tail as native Transfer Syntaxes ask: no encapsulated icon, VRs left out where implicit."""
    head, tail = image.head, image.tail
    if not (image.layout.encapsulated_icons or implicit_vr):
        return head, tail
    from framedeflate.data_set.encoding import to_implicit_little
    from framedeflate.foreign.icon_image import inflate_icons

    head_bytes, tail_bytes = read_segments(image.source, head), read_segments(image.source, tail)
    if image.layout.encapsulated_icons:
        head_bytes = inflate_icons(head_bytes, position=image.layout.position)
    if implicit_vr:
        head_bytes = to_implicit_little(head_bytes)
        tail_bytes = to_implicit_little(tail_bytes)
    return (head_bytes,), (tail_bytes,)


def pixel_data_header(image_pixel: ImagePixel, *, implicit_vr: bool = False) -> bytes:
    """Return the header of native Pixel Data; its value has an even length, a NULL behind odd Frames."""
    nbytes = image_pixel.native_nbytes + image_pixel.native_nbytes % 2
    if implicit_vr:
        return struct.pack("<HHI", 0x7FE0, 0x0010, nbytes)
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, native_vr(image_pixel).encode("ascii"), 0, nbytes)
