# SPDX-License-Identifier: Apache-2.0
"""The parser of all subcommands, and what turns their failures into exit codes."""

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from framedeflate import __version__
from framedeflate.cli import (
    archive_audit,
    archive_report,
    compress,
    decompress,
    extract,
    inspect,
    receive,
    render,
    send,
    serve,
    verify,
    zarr,
)
from framedeflate.cli.exit_codes import CommandError, ExitCode, exit_code_of, sentence_of
from framedeflate.cli.report import print_error, shown_source
from framedeflate.errors import FrameDeflateError

__all__ = ["build_parser", "main", "run_command"]

_SUBCOMMANDS = (
    compress,
    decompress,
    archive_report,
    archive_audit,
    inspect,
    verify,
    extract,
    render,
    zarr,
    send,
    receive,
    serve,
)

_EXIT_CODES = """\
exit codes:
   0  all was done; files that are no DICOM images may have been skipped
   1  the command line makes no sense
  20  a source cannot be read         21  the folders hold no file
  22  a file is damaged or cannot be carried; verify found an error
  23  no file was a DICOM image       25  a folder cannot be listed
  40  an output exists, cannot be written or did not decode to its source
  45  the output folder is no folder
  61  a DICOM peer cannot be reached or rejects the association
  62  it did not take every instance  64  the port cannot be listened on
 130  interrupted
Where several files failed, the highest code of theirs."""


class _Parser(argparse.ArgumentParser):
    """Ends with the exit code that the other DICOM tools have for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand; a parsed namespace has its function in ``func``."""
    parser = _Parser(
        prog="framedeflate",
        description="DICOM Deflated Image Frame Compression: write it, read it, check it.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"framedeflate {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for subcommand in _SUBCOMMANDS:
        subcommand.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; None takes those of the process.

    Returns
    -------
    int
        The exit code, see `ExitCode`.
    """
    namespace = build_parser().parse_args(arguments)
    return run_command(namespace.func, namespace)


def run_command(command: Callable[[argparse.Namespace], int], namespace: argparse.Namespace) -> int:
    """Run a subcommand, tell a person what it raised or warned of, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold bytes that the terminal's encoding lacks: shown escaped, it stops nothing.
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="framedeflate: %(message)s", level=logging.WARNING)
    with warnings.catch_warnings():
        # A person wants the warning's sentence, not the line of source it came from.
        warnings.showwarning = _show_warning
        return _run(command, namespace)


def _run(command: Callable[[argparse.Namespace], int], namespace: argparse.Namespace) -> int:
    try:
        code = int(command(namespace))
        # Here, not at exit: a reader that has gone away is noticed by writing to it.
        sys.stdout.flush()
    except CommandError as error:
        print_error(str(error))
        return error.exit_code
    except BrokenPipeError:
        return _close_pipe()
    except (FrameDeflateError, OSError, MemoryError) as error:
        given = getattr(namespace, "file", "")
        source = shown_source(given) if "://" in given else str(Path(given))
        sentence = sentence_of(error, source=source)
        print_error(sentence if sentence.startswith(f"{source}: ") else f"{source}: {sentence}")
        return exit_code_of(error, source=source)
    except KeyboardInterrupt:
        print_error("interrupted; finished files are in place, the others as they were")
        return ExitCode.INTERRUPTED
    return code


def _close_pipe() -> int:
    """End quietly where the reader of our output (`head`) has gone."""
    # Python flushes standard output once more at exit, which would fail again and print a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _show_warning(message: Warning | str, *_details: object, **_more: object) -> None:
    print_error(f"warning: {message}")
