# SPDX-License-Identifier: Apache-2.0
"""DICOM files into Deflated Image Frame Compression and back."""

from framedeflate.transcode.compress import Policy, compress_file
from framedeflate.transcode.data_set import compress_data_set_file, decompress_data_set_file
from framedeflate.transcode.decompress import decompress_file
from framedeflate.transcode.result import Progress, TranscodeResult

__all__ = [
    "Policy",
    "Progress",
    "TranscodeResult",
    "compress_data_set_file",
    "compress_file",
    "decompress_data_set_file",
    "decompress_file",
]
