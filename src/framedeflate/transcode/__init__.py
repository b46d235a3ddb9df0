# SPDX-License-Identifier: Apache-2.0
"""DICOM files into Deflated Image Frame Compression and back."""

from framedeflate.transcode.colour_source import ColourSpace
from framedeflate.transcode.compress import Policy, compress_file
from framedeflate.transcode.data_set import (
    DATA_SET_LEVEL,
    compress_data_set_file,
    decompress_data_set_file,
)
from framedeflate.transcode.decompress import decompress_file
from framedeflate.transcode.frame_digest import DigestedFrames, digest_frames
from framedeflate.transcode.result import Progress, TranscodeResult

__all__ = [
    "DATA_SET_LEVEL",
    "ColourSpace",
    "DigestedFrames",
    "Policy",
    "Progress",
    "TranscodeResult",
    "compress_data_set_file",
    "compress_file",
    "decompress_data_set_file",
    "decompress_file",
    "digest_frames",
]
