# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate inspect``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import local_path
from framedeflate.cli.parsers.shared import add_json

__all__ = ["COMMAND"]

_NOTES = """\
--json prints one object:
  file, file_nbytes, sop_class_uid, modality, transfer_syntax_uid
  image                 rows, columns, number_of_frames, bits_allocated,
                        bits_stored, samples_per_pixel,
                        photometric_interpretation, planar_configuration,
                        pixel_representation; null where there is none
  frame_nbytes, native_nbytes
                        bytes of one frame and of all, uncompressed
  encoded_nbytes        bytes of all Fragments, or of native Pixel Data
  offset_table          basic, extended, empty, or none for native Pixel Data
  layout                bytes of: file_meta, pixels, item_headers (with the
                        offset tables), per_frame_headers, other_headers,
                        after_pixels
  problems              what is wrong with the Items and tables: kind,
                        severity, message
  frames                with --frames: of each frame its number, position and
                        length in bytes"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=local_path, metavar="FILE", help="a DICOM file")
    parser.add_argument("--frames", action="store_true", help="list every frame")
    add_json(parser, lines=False)


COMMAND = Command(
    name="inspect",
    summary="what a file is and where its bytes are",
    usage="FILE [options]",
    description="Tell what a file is, how well its frames are deflated and where its bytes are.",
    examples=("seg-deflated.dcm", "seg-deflated.dcm --frames"),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
