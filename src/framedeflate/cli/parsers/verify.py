# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate verify``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.shared import add_json, add_sources

__all__ = ["COMMAND"]

_NOTES = """\
--json prints one object a line for each file:
  file        the path
  status      conforms, warnings, errors, skipped (no DICOM file) or failed
              (cannot be read)
  problems    each with kind, severity (error or warning), frame_number,
              position, message
  error       where it was skipped or failed: type, kind, message"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sources(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    add_json(parser, lines=True)


COMMAND = Command(
    name="verify",
    summary="check files against the standard",
    usage="SOURCE... [options]",
    description="Inflate every frame, and report where a file by any writer departs from the standard.",
    examples=("seg-deflated.dcm", "archive/ --strict --json"),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
