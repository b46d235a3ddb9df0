# SPDX-License-Identifier: Apache-2.0
"""``pydicom deflate | inflate | frames | verify``: our commands and their parsers under pydicom's own."""

import argparse
import sys
from typing import TypeAlias

from framedeflate.cli.main import run_command
from framedeflate.cli.parsers.commands import COMMANDS

__all__ = ["add_deflate", "add_frames", "add_inflate", "add_verify"]

_Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_deflate(subparsers: _Subparsers) -> None:
    """Add ``pydicom deflate``: ``framedeflate compress``."""
    _add(subparsers, "deflate", "compress")


def add_inflate(subparsers: _Subparsers) -> None:
    """Add ``pydicom inflate``: ``framedeflate decompress``."""
    _add(subparsers, "inflate", "decompress")


def add_frames(subparsers: _Subparsers) -> None:
    """Add ``pydicom frames``: ``framedeflate inspect``."""
    _add(subparsers, "frames", "inspect")


def add_verify(subparsers: _Subparsers) -> None:
    """Add ``pydicom verify``: ``framedeflate verify``."""
    _add(subparsers, "verify", "verify")


def _add(subparsers: _Subparsers, name: str, ours: str) -> None:
    command = COMMANDS[ours]
    parser = command.add_parser(subparsers, name)
    # pydicom takes no exit code from a command.
    parser.set_defaults(func=lambda namespace: sys.exit(run_command(command.run, namespace)))
