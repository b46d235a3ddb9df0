# SPDX-License-Identifier: Apache-2.0
"""Arguments that ``extract`` and ``render`` share."""

import argparse

__all__ = ["add_arguments"]


def add_arguments(parser: argparse.ArgumentParser, *, output_help: str) -> None:
    """Add the file to read, the file to write, and how strict to be."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="OUT", help=output_help)
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there already")
    parser.add_argument("--lenient", action="store_true", help="accept a frame with bytes behind its end")
