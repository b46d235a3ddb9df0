# SPDX-License-Identifier: Apache-2.0
"""The command line: which command it names, and what turns a command's failures into exit codes."""

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from framedeflate.cli.exit_codes import CommandError, ExitCode, exit_code_of, sentence_of
from framedeflate.cli.parsers.command import did_you_mean
from framedeflate.cli.parsers.commands import COMMANDS, full_help, short_help
from framedeflate.cli.report import print_error, shown_source
from framedeflate.errors import FrameDeflateError, MissingExtraError

__all__ = ["main", "run_command"]


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

    Raises
    ------
    SystemExit
        The command's parser has said its help, or what is wrong with the command line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        print(short_help(), file=sys.stderr)
        return ExitCode.USAGE
    name, *rest = words
    if name == "help":
        # What many other commands understand.
        name, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if name in {"-h", "--help"}:
        print(full_help())
        return ExitCode.OK
    if name in {"-V", "--version"}:
        from framedeflate import __version__

        print(f"framedeflate {__version__}")
        return ExitCode.OK
    command = COMMANDS.get(name)
    if command is None:
        known = ["--help", "--version"] if name.startswith("-") else COMMANDS
        what = "option" if name.startswith("-") else "command"
        print_error(f"there is no {what} {name!r}{did_you_mean(name, known)}")
        print("See framedeflate --help", file=sys.stderr)
        return ExitCode.USAGE
    return run_command(command.run, command.parser().parse_command(rest))


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
    except MissingExtraError as error:
        print_error(str(error))
        return exit_code_of(error, source="")
    except (FrameDeflateError, OSError, MemoryError) as error:
        given = getattr(namespace, "file", "")
        source = shown_source(given) if "://" in given else str(Path(given))
        sentence = sentence_of(error, source=source)
        # A command over many files has no one file to name.
        is_named = not given or sentence.startswith(f"{source}: ")
        print_error(sentence if is_named else f"{source}: {sentence}")
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
