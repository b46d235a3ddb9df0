# SPDX-License-Identifier: Apache-2.0
"""What can be typed behind each command, read off its parser."""

import argparse
from dataclasses import dataclass
from typing import Final, Literal

from framedeflate.cli.parsers.command import Command

__all__ = ["FILES", "FOLDERS", "TEXTS", "CommandWords", "Option", "Positional", "Value", "words_of"]

# All files, not *.dcm alone: many DICOM files have no suffix.
FILES: Final = frozenset({"DEST", "FILE", "FILE_OR_URL", "MANIFEST", "OUT", "REPORT", "SOURCE"})
FOLDERS: Final = frozenset({"DIR", "STORE_DIR"})
TEXTS: Final = frozenset(
    {
        "ADDRESS",
        "AE",
        "AE=HOST:PORT",
        "AUD",
        "HOST",
        "I/N",
        "ISS",
        "N",
        "NAME",
        "NETWORK",
        "ORIGIN",
        "PERCENT",
        "PIXELS",
        "PORT",
        "SECONDS",
        "SIZE",
        "UID",
        "URL",
    }
)
"""What arguments are called whose values are files, folders, or nothing that could be offered."""


@dataclass(frozen=True, slots=True)
class Value:
    """What an argument takes.

    Attributes
    ----------
    kind : str
        ``choices`` | ``file`` | ``folder`` | ``text`` (nothing can be offered).
    name : str
        What the help calls it.
    choices : tuple of str
        Of kind ``choices``.
    """

    kind: Literal["choices", "file", "folder", "text"]
    name: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """An option: how it is written, what it does, what follows it (None: nothing has to), and whether again."""

    flags: tuple[str, ...]
    summary: str
    value: Value | None
    repeats: bool


@dataclass(frozen=True, slots=True)
class Positional:
    """An argument without a name, and whether more may follow."""

    summary: str
    value: Value
    repeats: bool


@dataclass(frozen=True, slots=True)
class CommandWords:
    """A command and what can follow it."""

    name: str
    summary: str
    options: tuple[Option, ...]
    positionals: tuple[Positional, ...]


def words_of(command: Command) -> CommandWords:
    """Read off a command's parser what can follow the command."""
    options: list[Option] = []
    positionals: list[Positional] = []
    # argparse offers no other way to what was added; every tool that documents parsers takes this one.
    for action in command.parser()._actions:
        summary = (action.help or "") % vars(action)
        if not action.option_strings:
            positionals.append(Positional(summary, _value(action), action.nargs in {"+", "*"}))
            continue
        value = None if action.nargs in {0, "?"} else _value(action)
        repeats = isinstance(action, argparse._AppendAction)
        options.append(Option(tuple(action.option_strings), summary, value, repeats))
    return CommandWords(command.name, command.summary, tuple(options), tuple(positionals))


def _value(action: argparse.Action) -> Value:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    if action.choices is not None:
        return Value("choices", name, tuple(map(str, action.choices)))
    return Value("file" if name in FILES else "folder" if name in FOLDERS else "text", name)
