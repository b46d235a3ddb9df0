# SPDX-License-Identifier: Apache-2.0
"""Every block of the documents says what it is, and every option, target and extra that they name is there."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from document_peers import Peers
from document_rules import ELSEWHERE, NOT_HELD, elsewhere, makefile_targets, not_held, without_comment
from documents import PAGES, Block, blocks_of, commands_of, page_path, runnable
from framedeflate.cli.parsers.commands import COMMANDS
from framedeflate.web.conformance.__main__ import build_parser
from page_runs import hold

BLOCKS = [block for page in PAGES for block in blocks_of(page)]

RUN: Final = {"python", "sh"}


def _yaml(text: str) -> Any:
    return pytest.importorskip("yaml").safe_load(text)


PARSED: Final[dict[str, Callable[[str], Any]]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "ini": lambda text: configparser.ConfigParser(strict=False, interpolation=None).read_string(text),
    "xml": ElementTree.fromstring,
    "yaml": _yaml,
}

OTHER: Final = {
    "bash": "a script of Slurm's: tests/test_archive_documents.py runs it as each of the tasks would be",
    "nginx": "settings of a server that is not installed here",
    "caddyfile": "settings of a server that is not installed here",
}
"""Languages that nothing here runs or parses, and why."""

FOREIGN: Final = {
    "--compressed": "curl",
    "--build": "cmake",
    "--implicit": "storescp",
    "--array --cpus-per-task --mem-per-cpu --time --requeue": "sbatch",
    "--quick --rounds": "benchmarks",
}
"""Options of other programs that pages name outside of a command."""


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


@cache
def options_of(command: str) -> frozenset[str]:
    """The options of one of our commands, by what its help says."""
    return frozenset(options_in(COMMANDS[command].parser().format_help()))


@cache
def known_options() -> frozenset[str]:
    ours = {"--help", "--version"}.union(*map(options_of, COMMANDS))
    foreign = set(" ".join(FOREIGN).split())
    return frozenset(ours | options_in(build_parser().format_help()) | foreign)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_fence_says_what_the_block_is(block: Block) -> None:
    assert block.language in RUN | PARSED.keys() | OTHER.keys() | {"text"}, f"{block}: ```{block.language}"
    if block.language in PARSED:
        PARSED[block.language](block.text)
    if block.language == "text":
        assert not_held(block) or runnable(block.page), (
            f"{block}: held to nothing, and NOT_HELD does not say why"
        )
    if block.language == "sh":
        for line in commands_of(block.text):
            elsewhere(line)


def test_no_table_names_what_is_gone() -> None:
    lines = {
        without_comment(line)
        for block in BLOCKS
        if block.language == "sh"
        for line in commands_of(block.text)
    }
    assert ELSEWHERE.keys() <= lines
    assert set(NOT_HELD.values()) == {not_held(block) for block in BLOCKS if block.language == "text"} - {""}
    assert OTHER.keys() <= {block.language for block in BLOCKS}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_options_that_exist(page: str) -> None:
    text = page_path(page).read_text(encoding="utf-8")
    # A line of a block, or code between backticks, which may go over the end of a line.
    commands = re.findall(r"\bframedeflate ([a-z]+)\b([^`\n]*)", text.replace("\\\n", ""))
    commands += re.findall(r"`framedeflate ([a-z]+)\b([^`]*)`", text)
    for name, arguments in commands:
        if name in COMMANDS:
            assert options_in(without_comment(arguments)) <= options_of(name), f"{page}: {name}{arguments}"
    unknown = options_in(_without_foreign_commands(text)) - known_options()
    assert not unknown, f"{page}: {sorted(unknown)}"


def _without_foreign_commands(text: str) -> str:
    """The text without lines and code that call pip, curl, mkdocs, ...: their options are theirs."""
    named = "pip|python -m (?!framedeflate)[\\w.]+|curl|docker|git|cmake|cibuildwheel|mkdocs|make|storescp|openssl"
    text = re.sub(rf"`(?:{named}) [^`]*`", "", text)
    return re.sub(rf"^\s*(?:{named}) .*$", "", text.replace("\\\n", ""), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_targets_that_exist(page: str) -> None:
    text = page_path(page).read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z]\w*)", text)) <= makefile_targets()


def test_a_host_in_no_table_fails(tmp_path: Path) -> None:
    for command in ("curl https://www.example.org/a", "framedeflate send other.example 104 a.dcm"):
        with pytest.raises(AssertionError, match="HOSTS"):
            Peers(tmp_path, tmp_path).put_into(command)


def test_output_that_was_not_printed_fails() -> None:
    shown = Block("docs/page.md", 1, "text", "", "a.dcm  1 frame, 0.2 s\n...\n12 files\n")
    hold(shown, "a.dcm 1 frame, 17.5 s\nb.dcm\n12 files\n")
    for printed in ("12 files\na.dcm 1 frame, 1 s\n", "a.dcm 2 frame, 1 s\n12 files\n", ""):
        with pytest.raises(AssertionError, match="not printed"):
            hold(shown, printed)


def test_a_block_in_no_table_fails() -> None:
    """The rules do fail what they are there for."""
    assert elsewhere("framedeflate compress a.dcm -o b.dcm") == ""
    assert elsewhere("make test  # everything") == "Makefile"
    for line in ("make nothing", 'pip install ".[nothing]"'):
        with pytest.raises(AssertionError, match="no such"):
            elsewhere(line)
