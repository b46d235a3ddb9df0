# SPDX-License-Identifier: Apache-2.0
"""``framedeflate completion``: a script for a shell."""

import argparse

from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.parsers.commands import COMMANDS
from framedeflate.cli.shells import bash, fish, zsh
from framedeflate.cli.shells.words import words_of

__all__ = ["run"]

_WRITERS = {"bash": bash.script, "fish": fish.script, "zsh": zsh.script}


def run(namespace: argparse.Namespace) -> ExitCode:
    """Print the script."""
    print(_WRITERS[namespace.shell]([words_of(command) for command in COMMANDS.values()]), end="")
    return ExitCode.OK
