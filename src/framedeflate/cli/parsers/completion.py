# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate completion``."""

import argparse

from framedeflate.cli.parsers.command import Command

__all__ = ["COMMAND", "SHELLS"]

SHELLS = ("bash", "fish", "zsh")

_NOTES = """\
bash, in ~/.bashrc:
  source <(framedeflate completion bash)

zsh, in ~/.zshrc behind compinit:
  source <(framedeflate completion zsh)

fish, once:
  framedeflate completion fish > ~/.config/fish/completions/framedeflate.fish

The script knows the commands of the version that wrote it."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


COMMAND = Command(
    name="completion",
    summary="what makes Tab complete commands and options",
    usage="SHELL",
    description="Print a script by which a shell completes commands, options, their values and file names.",
    examples=("bash > framedeflate-completion.bash",),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
