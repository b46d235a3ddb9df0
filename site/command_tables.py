# SPDX-License-Identifier: Apache-2.0
"""A hook of mkdocs: the commands and their options, as the program's own help has them.

A page asks by the lines `<!-- commands -->` and `<!-- options: compress -->`.
"""

import argparse
import html
import re
from collections.abc import Iterator
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.commands import COMMANDS, GROUPS

_ASKED: Final = re.compile(r"^<!-- (?:commands|options: (?P<command>[\w-]+)) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Return the page with what it asks for."""

    def answer(found: re.Match[str]) -> str:
        if found["command"] is None:
            return "\n".join(command_lines())
        if found["command"] not in COMMANDS:
            raise PluginError(f"{page.file.src_uri}: there is no command {found['command']}")
        return "\n".join(option_lines(COMMANDS[found["command"]]))

    return _ASKED.sub(answer, markdown)


def command_lines() -> Iterator[str]:
    """Yield a table of the commands, by what people want to do."""
    yield "| | | |\n| --- | --- | --- |"
    for title, commands in GROUPS:
        for command in commands:
            first = title if command is commands[0] else ""
            yield f"| {first} | [`{command.name}`](#{command.name}) | {command.summary} |"


def option_lines(command: Command) -> Iterator[str]:
    """Yield a command's usage and its arguments, a list a group, as Markdown and HTML; then what its help ends with."""
    parser = command.parser()
    yield f"```text\n{parser.usage}\n```"
    for group in parser._action_groups:
        actions = [
            action
            for action in group._group_actions
            if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
        ]
        if not actions:
            continue
        if group.title not in {"positional arguments", "options"}:
            yield f"\n<p><strong>{_text(_upper(group.title or ''))}</strong></p>"
            if group.description:
                yield f"\n<p>{_text(group.description)}</p>"
        yield '\n<dl class="options">'
        for action in actions:
            yield f"<dt>{_names(action)}</dt><dd>{_help(parser, action)}</dd>"
        yield "</dl>"
    if command.notes:
        notes = "\n".join(f"    {line}".rstrip() for line in command.notes.strip().splitlines())
        yield f'\n??? note "More of its help"\n\n    ```text\n{notes}\n    ```'


def _names(action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter("")
    default = action.dest.upper() if action.option_strings else action.dest
    value = formatter._format_args(action, default) if action.nargs != 0 else ""
    names = sorted(action.option_strings, key=len, reverse=True) or [""]
    return ", ".join(f"<code>{html.escape(f'{name} {value}'.strip())}</code>" for name in names)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return _text(parser._get_formatter()._expand_help(action)) if action.help else ""


def _text(text: str) -> str:
    """Words as HTML; an option among them as code."""
    words = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"<code>\1</code>", words)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
