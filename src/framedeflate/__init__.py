# SPDX-License-Identifier: Apache-2.0
"""DICOM Deflated Image Frame Compression (Transfer Syntax 1.2.840.10008.1.2.8.1).

This is the table of contents. Importing the package loads none of it: each name comes with its first use.
"""

from typing import TYPE_CHECKING

from framedeflate.table_of_contents import names_at_first_use

if TYPE_CHECKING:
    from framedeflate.array import decode_frames, encode_frames
    from framedeflate.async_reader import AsyncFrameReader
    from framedeflate.errors import FrameDeflateError
    from framedeflate.frame_codec import DEFAULT_LEVEL, decode_frame, encode_frame
    from framedeflate.image_pixel import ImagePixel
    from framedeflate.problems import Problem
    from framedeflate.reader import FrameReader
    from framedeflate.transcode import TranscodeResult, compress_file, decompress_file
    from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION
    from framedeflate.verify import verify_file
    from framedeflate.version import __version__ as __version__

__all__ = [
    "DEFAULT_LEVEL",
    "DEFLATED_IMAGE_FRAME_COMPRESSION",
    "AsyncFrameReader",
    "FrameDeflateError",
    "FrameReader",
    "ImagePixel",
    "Problem",
    "TranscodeResult",
    "compress_file",
    "decode_frame",
    "decode_frames",
    "decompress_file",
    "encode_frame",
    "encode_frames",
    "verify_file",
]

__getattr__ = names_at_first_use(
    __name__,
    {
        "AsyncFrameReader": "async_reader",
        "DEFAULT_LEVEL": "frame_codec",
        "DEFLATED_IMAGE_FRAME_COMPRESSION": "transfer_syntax",
        "FrameDeflateError": "errors",
        "FrameReader": "reader",
        "ImagePixel": "image_pixel",
        "Problem": "problems",
        "TranscodeResult": "transcode",
        "compress_file": "transcode",
        "decode_frame": "frame_codec",
        "decode_frames": "array",
        "decompress_file": "transcode",
        "encode_frame": "frame_codec",
        "encode_frames": "array",
        "verify_file": "verify",
        "__version__": "version",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
