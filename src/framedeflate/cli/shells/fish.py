# SPDX-License-Identifier: Apache-2.0
"""The script for fish."""

from collections.abc import Iterator, Sequence
from typing import Final

from framedeflate.cli.shells.words import CommandWords, Option, Value

__all__ = ["script"]

# Not __fish_seen_subcommand_from: a file called "report" would be taken for the command.
_FRAME: Final = r"""# Completion of framedeflate for fish, written by "framedeflate completion fish".
function __framedeflate_no_command
    test (count (commandline -opc)) -eq 1
end
function __framedeflate_command
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = $argv[1]
end
complete -c framedeflate -f
complete -c framedeflate -n __framedeflate_no_command -s h -l help -d 'show what there is'
complete -c framedeflate -n __framedeflate_no_command -l version -d 'show the version'
"""


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script."""
    lines = [line for command in commands for line in _lines(command)]
    return _FRAME + "".join(f"complete -c framedeflate {line}\n" for line in lines)


def _lines(command: CommandWords) -> Iterator[str]:
    yield f"-n __framedeflate_no_command -a {command.name} -d {_quoted(command.summary)}"
    here = f"-n '__framedeflate_command {command.name}'"
    for value in dict.fromkeys(positional.value for positional in command.positionals):
        if value.kind != "text":
            yield f"{here} {_offered(value)}"
    for option in command.options:
        yield f"{here} {_option(option)}"


def _option(option: Option) -> str:
    flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
    value = ""
    if option.value:
        # -x: the value and nothing else; -r: a value, for which files may do.
        value = " -r -F" if option.value.kind == "file" else f" -x {_offered(option.value)}".rstrip()
    return f"{flags}{value} -d {_quoted(option.summary)}"


def _offered(value: Value) -> str:
    return {
        "choices": f"-a '{' '.join(value.choices)}'",
        "file": "-F",
        "folder": "-a '(__fish_complete_directories (commandline -ct))'",
        "text": "",
    }[value.kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
