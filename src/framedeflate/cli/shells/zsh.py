# SPDX-License-Identifier: Apache-2.0
"""The script for zsh: to be sourced, or put as `_framedeflate` into a folder of $fpath."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from framedeflate.cli.shells.words import CommandWords, Option, Value

__all__ = ["script"]

_FRAME: Final = r"""#compdef framedeflate
# Completion of framedeflate for zsh, written by "framedeflate completion zsh".
_framedeflate() {
    local curcontext="$curcontext" state line ret=1
    local -a commands
    typeset -A opt_args
    commands=(
%(commands)s
    )
    _arguments -C \
        '(- : *)'{-h,--help}'[show what there is]' \
        '(- : *)--version[show the version]' \
        '1: :->command' \
        '*:: :->words' && ret=0
    case $state in
        command) _describe -t commands 'command' commands && ret=0 ;;
        words)
            curcontext="${curcontext%%:*}-$words[1]:"
            case $words[1] in
%(cases)s
            esac
            ;;
    esac
    return ret
}
if [ "$funcstack[1]" = _framedeflate ]; then
    _framedeflate "$@"
else
    compdef _framedeflate framedeflate
fi
"""


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script."""
    return _FRAME % {
        "commands": "\n".join(
            f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands
        ),
        "cases": "\n".join(map(_case, commands)),
    }


def _case(command: CommandWords) -> str:
    specs = [_option(option) for option in command.options]
    specs += _positionals(command)
    indent = " " * 20
    lines = f" \\\n{indent}    ".join(specs)
    return f"                {command.name})\n{indent}_arguments \\\n{indent}    {lines} && ret=0\n{indent};;"


def _option(option: Option) -> str:
    text = f"[{_escaped(option.summary)}]{_value(option.value)}"
    # A long option takes its value behind a space or an equals sign.
    flags = [f"{flag}=" if option.value and flag.startswith("--") else flag for flag in option.flags]
    if option.repeats:
        return f"{_quoted('*' + flags[0] + text)}"
    if len(flags) == 1:
        return _quoted(flags[0] + text)
    return f"'({' '.join(option.flags)})'{{{','.join(flags)}}}{_quoted(text)}"


def _positionals(command: CommandWords) -> Iterator[str]:
    for number, positional in enumerate(command.positionals, start=1):
        place = "*" if positional.repeats else str(number)
        yield _quoted(f"{place}{_value(positional.value)}")


def _value(value: Value | None) -> str:
    if value is None:
        return ""
    actions = {
        "choices": f"({' '.join(value.choices)})",
        "file": "_files",
        "folder": "_files -/",
        "text": " ",
    }
    return f":{_escaped(value.name)}:{actions[value.kind]}"


def _escaped(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
