# SPDX-License-Identifier: Apache-2.0
"""``pydicom deflate | inflate | frames | verify``: our commands and their parsers under pydicom's own."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from framedeflate.cli import compress, decompress, inspect, verify
from framedeflate.cli.main import run_command

__all__ = ["add_deflate", "add_frames", "add_inflate", "add_verify"]

_Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_deflate(subparsers: _Subparsers) -> None:
    """Add ``pydicom deflate``: ``framedeflate compress``."""
    _add(subparsers, "deflate", compress.add_parser)


def add_inflate(subparsers: _Subparsers) -> None:
    """Add ``pydicom inflate``: ``framedeflate decompress``."""
    _add(subparsers, "inflate", decompress.add_parser)


def add_frames(subparsers: _Subparsers) -> None:
    """Add ``pydicom frames``: ``framedeflate inspect``."""
    _add(subparsers, "frames", inspect.add_parser)


def add_verify(subparsers: _Subparsers) -> None:
    """Add ``pydicom verify``: ``framedeflate verify``."""
    _add(subparsers, "verify", verify.add_parser)


def _add(
    subparsers: _Subparsers, name: str, add_parser: Callable[[_Subparsers, str], argparse.ArgumentParser]
) -> None:
    parser = add_parser(subparsers, name)
    command = parser.get_default("func")
    # pydicom takes no exit code from a command.
    parser.set_defaults(func=lambda namespace: sys.exit(run_command(command, namespace)))
