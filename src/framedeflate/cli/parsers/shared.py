# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take, worded once."""

import argparse
from collections.abc import Callable, Iterable
from typing import TypeAlias

from framedeflate.cli.parsers.kinds import count, local_path
from framedeflate.transfer_syntax import DEFAULT_LEVEL

__all__ = [
    "add_jobs",
    "add_json",
    "add_lenient",
    "add_level",
    "add_limits",
    "add_overwrite",
    "add_sources",
    "add_store_policy",
    "add_tls_files",
]

_Arguments: TypeAlias = "argparse.ArgumentParser | argparse._ArgumentGroup"


def add_sources(parser: _Arguments, *, urls: bool = False) -> None:
    """Add one or more files or folders to read."""
    parser.add_argument(
        "sources",
        nargs="+",
        type=str if urls else local_path,
        metavar="SOURCE",
        help="files, or folders to search to any depth",
    )


def add_limits(
    parser: argparse.ArgumentParser, limits: Iterable[tuple[str, Callable[[str], object], object, str, str]]
) -> None:
    """Add the group of limits: of each the option, how it is read, its default, its value's name and its meaning."""
    group = parser.add_argument_group("limits")
    for name, kind, default, metavar, meaning in limits:
        group.add_argument(
            name, type=kind, default=default, metavar=metavar, help=f"{meaning} (default: %(default)s)"
        )


def add_overwrite(parser: _Arguments, output: str) -> None:
    """Add --overwrite."""
    parser.add_argument("--overwrite", action="store_true", help=f"replace {output} if it is there already")


def add_lenient(parser: _Arguments) -> None:
    """Add --lenient."""
    parser.add_argument(
        "--lenient", action="store_true", help="accept deflated frames with bytes behind their end"
    )


def add_json(parser: _Arguments, *, lines: bool) -> None:
    """Add --json; what it prints is in the command's notes."""
    what = "one JSON object a line" if lines else "one JSON object"
    parser.add_argument("--json", action="store_true", help=f"print {what}, see below")


def add_jobs(parser: _Arguments, *, default: int) -> None:
    """Add --jobs."""
    parser.add_argument(
        "--jobs",
        type=count,
        default=default,
        metavar="N",
        help="files worked on at a time, 0 for one per core (default: %(default)s)",
    )


def add_level(parser: _Arguments, *, default: int | None = DEFAULT_LEVEL, note: str = "") -> None:
    """Add --level."""
    parser.add_argument(
        "--level",
        type=int,
        choices=range(1, 10),
        default=default,
        metavar="1-9",
        help=f"1 is fastest, 9 smallest (default: {DEFAULT_LEVEL}{note})",
    )


def add_store_policy(parser: _Arguments) -> None:
    """Add --policy and --level of a store of instances."""
    parser.add_argument(
        "--policy",
        choices=("keep", "bilevel", "all"),
        default="bilevel",
        help="which native images are stored deflated: none, 1-bit ones and label maps, or all (default: %(default)s)",
    )
    add_level(parser)


def add_tls_files(group: _Arguments, *, authorities_help: str) -> None:
    """Add --tls-cert, --tls-key and --tls-ca."""
    group.add_argument("--tls-cert", metavar="FILE", help="our certificate, and those up to its authority")
    group.add_argument("--tls-key", metavar="FILE", help="its private key, where it is not in the same file")
    group.add_argument("--tls-ca", metavar="FILE", help=authorities_help)
