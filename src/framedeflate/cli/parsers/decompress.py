# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate decompress``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.shared import add_lenient
from framedeflate.cli.parsers.transcoding import JSON_NOTES, add_destination, add_speed

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_destination(parser)
    group = parser.add_argument_group("encoding")
    group.add_argument("--implicit-vr", action="store_true", help="write Implicit VR Little Endian instead")
    add_lenient(group)
    add_speed(parser)


COMMAND = Command(
    name="decompress",
    summary="back to native Pixel Data",
    usage="SOURCE... (-o DEST | --in-place) [options]",
    description="Write deflated files as Explicit VR Little Endian, which every reader of DICOM takes. Files in RLE, "
    "JPEG and the like are decoded too, some of them with the extra codecs.",
    examples=("seg-deflated.dcm -o seg.dcm", "archive/ -o originals/ --jobs 0"),
    add_arguments=_add_arguments,
    notes=JSON_NOTES,
)
