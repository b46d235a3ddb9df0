# SPDX-License-Identifier: Apache-2.0
"""How a subcommand becomes a parser: usage, help of 80 columns, and the sentence for a wrong command line."""

import argparse
import difflib
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, NoReturn

from framedeflate.cli.exit_codes import ExitCode

__all__ = ["Command", "CommandParser", "did_you_mean"]

_MOST_COLUMNS: Final = 100
"""Longer lines are hard to read, however wide the terminal is."""

_FEWEST_COLUMNS: Final = 40


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that names what was probably meant; nothing where that cannot be told."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Fills paragraphs to the width of the terminal and leaves indented lines (examples, tables) as they are."""

    def __init__(self, prog: str, **more: Any) -> None:
        columns = shutil.get_terminal_size().columns
        more.setdefault("width", max(min(columns, _MOST_COLUMNS) - 1, _FEWEST_COLUMNS))
        super().__init__(prog, **more)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = re.split(r"\n(?=\n|[ ])|(?<=\n)\n", text)
        return "\n".join(
            textwrap.indent(part, indent)
            if part.startswith((" ", "\n ")) or not part.strip()
            else textwrap.fill(part, width, initial_indent=indent, subsequent_indent=indent)
            for part in paragraphs
        )


class CommandParser(argparse.ArgumentParser):
    """Ends with the exit code that the other DICOM tools have for a wrong command line, and says what was meant."""

    def parse_command(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse, and refuse what is not known by its own name, with what is nearest to it."""
        namespace, unknown = self.parse_known_args(arguments)
        if unknown:
            # What looks like an option is one; words left over are of no use to a command that takes no more of them.
            option = next((word for word in unknown if word.startswith("-")), None)
            if option is None:
                self.error(f"too many arguments: {' '.join(unknown)}")
            flag = option.partition("=")[0]
            self.error(f"there is no option {flag}{did_you_mean(flag, self._option_string_actions)}")
        return namespace

    def error(self, message: str) -> NoReturn:
        """End the process: what is wrong, and where to read how it goes."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\nSee {self.prog} --help\n")


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand as its user sees it.

    Attributes
    ----------
    name : str
        What is typed.
    summary : str
        One line in the list of all commands.
    usage : str
        What follows the name, the options that nobody needs left out.
    description : str
        What it does, in its first sentence, and what one has to know before using it.
    examples : sequence of str
        Command lines without the program's and the command's name.
    add_arguments : callable
        Adds arguments to the parser.
    notes : str
        Below the options: fields of --json among others. Lines that begin with a space are shown as they stand.
    module : str
        Of `framedeflate.cli`, with a function ``run``; as the name, where it is not given. Imported to run the command,
        not before.
    """

    name: str
    summary: str
    usage: str
    description: str
    examples: Sequence[str]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    notes: str = ""
    module: str = ""

    def parser(self) -> CommandParser:
        """Return the parser of ``framedeflate NAME``."""
        parser = CommandParser(prog=f"framedeflate {self.name}")
        self._fill(parser)
        return parser

    def add_parser(
        self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str
    ) -> argparse.ArgumentParser:
        """Add the command under another program's, by another name."""
        parser = subparsers.add_parser(name, help=self.summary)
        self._fill(parser)
        return parser

    def run(self, namespace: argparse.Namespace) -> int:
        """Do what the command line says; errors are raised."""
        module = import_module(f"framedeflate.cli.{self.module or self.name}")
        return int(module.run(namespace))

    def _fill(self, parser: argparse.ArgumentParser) -> None:
        lines = [f"  {parser.prog} {example}".rstrip() for example in self.examples]
        heading = "example:" if len(lines) == 1 else "examples:"
        parser.usage = f"%(prog)s {self.usage}"
        parser.description = self.description
        parser.epilog = "\n".join([heading, *lines, *(["", self.notes] if self.notes else [])])
        parser.formatter_class = _HelpFormatter
        self.add_arguments(parser)
        parser.set_defaults(func=self.run)
