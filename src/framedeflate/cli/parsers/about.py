# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate about``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.shared import add_json

__all__ = ["COMMAND"]

_NOTES = """\
--json prints one object:
  version, engine       of framedeflate; native or reference (pure Python)
  python, platform, machine, cores
  packages              version of each package that it uses and is installed
  extras                of each extra the modules that are missing; none: it
                        is installed"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser, lines=False)


COMMAND = Command(
    name="about",
    summary="versions, engine and extras, for a bug report",
    usage="[options]",
    description="Say what is installed: version and engine, Python and its packages, which extras are there and how "
    "to get the others. It names no file, user or host.",
    examples=("",),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
