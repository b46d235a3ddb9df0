# SPDX-License-Identifier: Apache-2.0
"""The script for bash, also for the 3.2 of macOS."""

from collections.abc import Sequence
from typing import Final

from framedeflate.cli.shells.words import CommandWords, Value

__all__ = ["script"]

# What is to be offered stands in `offered`: words, or @file, @folder, @text. Names are never left to word splitting,
# which would look for files that a name with a star fits.
_FRAME: Final = r"""# Completion of framedeflate for bash, written by "framedeflate completion bash".
_framedeflate_names()
{
    local name
    while IFS= read -r name; do
        [ -n "$name" ] && COMPREPLY[${#COMPREPLY[@]}]=$(printf '%%q' "$name")
    done <<< "$(compgen "$1" -- "$2")"
}
_framedeflate()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev="" options="" takes="" places="" offered="" word before i
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=( $(compgen -W "%(commands)s --help --version" -- "$cur") )
        return
    fi
    prev=${COMP_WORDS[COMP_CWORD-1]}
    # Bash takes --option=value apart at the equals sign.
    if [ "$cur" = "=" ]; then
        cur=""
    elif [ "$prev" = "=" ]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case "${COMP_WORDS[1]}" in
%(cases)s
        *) return ;;
    esac
    if [ -z "$offered" ]; then
        case "$cur" in
            -*) offered=$options ;;
            *)
                # The places that words before have taken; the last place has room for all the rest.
                for ((i = 2; i < COMP_CWORD; i++)); do
                    word=${COMP_WORDS[i]} before=${COMP_WORDS[i-1]}
                    case "$word" in -*|=) continue ;; esac
                    case " $takes = " in *" $before "*) continue ;; esac
                    case "$places" in *,*) places=${places#*,} ;; esac
                done
                offered=${places%%%%,*}
                ;;
        esac
    fi
    case "$offered" in
        # Readline's own: it knows ~ and what was quoted. Without compopt (bash 3.2) the names, quoted.
        @file) compopt -o default 2>/dev/null || _framedeflate_names -f "$cur" ;;
        @folder) compopt -o dirnames 2>/dev/null || _framedeflate_names -d "$cur" ;;
        @text) ;;
        *) COMPREPLY=( $(compgen -W "$offered" -- "$cur") ) ;;
    esac
}
complete -F _framedeflate framedeflate
"""


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script."""
    return _FRAME % {
        "commands": " ".join(command.name for command in commands),
        "cases": "\n".join(map(_case, commands)),
    }


def _case(command: CommandWords) -> str:
    options = " ".join(flag for option in command.options for flag in option.flags if flag.startswith("--"))
    takes = " ".join(flag for option in command.options if option.value for flag in option.flags)
    places = [_offered(positional.value) for positional in command.positionals]
    if places and not command.positionals[-1].repeats:
        places.append("@text")
    values = [
        f"                {'|'.join(option.flags)}) offered='{_offered(option.value)}' ;;"
        for option in command.options
        if option.value
    ]
    lines = [
        f"        {command.name})",
        f"            options='{options}'",
        f"            takes='{takes}'",
        f"            places='{','.join(places) or '@text'}'",
    ]
    if values:
        lines += ['            case "$prev" in', *values, "            esac"]
    return "\n".join([*lines, "            ;;"])


def _offered(value: Value) -> str:
    return " ".join(value.choices) if value.kind == "choices" else f"@{value.kind}"
