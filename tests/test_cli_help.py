# SPDX-License-Identifier: Apache-2.0
"""The command as a newcomer meets it: its help, its first words, what it says to a slip of the finger, and how soon."""

import argparse
import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

import pytest

from cli_runner import run_command
from framedeflate import __version__, engine
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.parsers.commands import COMMANDS, GROUPS, full_help, short_help
from framedeflate.extras import EXTRAS

HEAVY = {
    "numpy",
    "pydicom",
    "rich",
    "deflate",
    "asyncio",
    "ssl",
    "http",
    "concurrent",
    "sqlite3",
    "multiprocessing",
}


def help_of(name: str, monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    return COMMANDS[name].parser().format_help()


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules in a fresh process that was given a command line."""
    code = (
        "import sys, atexit, json\n"
        "atexit.register(lambda: print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})),"
        " file=sys.stderr))\n"
        "from framedeflate.cli import main\n"
        f"sys.exit(main({list(arguments)!r}))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode in {0, 1}, run.stderr
    return set(json.loads(run.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["compress", "--help"],
        ["serve", "--help"],
        ["compress", "--nonsense"],
        ["completion", "zsh"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & HEAVY


def test_every_command_has_its_place_in_the_list() -> None:
    listed = re.findall(r"^  (\w+)  +(\S.*)$", short_help(), re.MULTILINE)
    assert listed == [(command.name, command.summary) for _, commands in GROUPS for command in commands]
    assert len(listed) == len(COMMANDS)
    assert {
        len(line) - len(line[2:].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip())
        for line in short_help().splitlines()
        if line.startswith("  ")
    } == {14}
    assert all(len(line) <= 80 for line in full_help().splitlines())


def test_every_exit_code_is_in_the_help_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    explained = re.findall(r"^ +(\d+)  \S", full_help().partition("exit codes:")[2], re.MULTILINE)
    assert [int(code) for code in explained] == [code.value for code in ExitCode]
    assert not [name for name in COMMANDS if "exit code" in help_of(name, monkeypatch)]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_of(name, monkeypatch)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert text.isascii()
    # On a wide screen lines grow no longer than can be read.
    assert max(map(len, help_of(name, monkeypatch, columns=250).splitlines())) <= 100
    assert help_of(name, monkeypatch, columns=30)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_one_needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = COMMANDS[name].parser()
    text = help_of(name, monkeypatch)
    assert text.startswith(f"usage: framedeflate {name} ")
    for action in parser._actions:
        assert action.help, action.dest
        if isinstance(action.default, str | int | float) and action.default not in (False, argparse.SUPPRESS):
            assert "default: " in action.help, action.dest
        if "--json" in action.option_strings:
            assert "\n--json prints one object" in text
        # What must be there is in the usage, which names no more than that.
        shown = action.metavar if isinstance(action.metavar, str) else action.dest
        assert not action.required or shown in COMMANDS[name].usage


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_command_lines(name: str) -> None:
    command = COMMANDS[name]
    assert command.examples
    for example in command.examples:
        words = example.partition(" > ")[0].split()
        assert command.parser().parse_command(words).func


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_run(name: str) -> None:
    command = COMMANDS[name]
    assert callable(import_module(f"framedeflate.cli.{command.module or name}").run)


def test_alone_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_command(capsys)
    assert (ran.code, ran.out, ran.err) == (1, "", short_help() + "\n")


@pytest.mark.parametrize("asked", ["--help", "-h", "help"])
def test_help_goes_to_standard_output(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_command(capsys, asked)
    assert (ran.code, ran.out, ran.err) == (0, full_help() + "\n", "")


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_command(capsys, "--version")
    assert (ran.code, ran.out, ran.err) == (0, f"framedeflate {__version__}\n", "")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("compres", "compress"), ("recieve", "receive"), ("veriy", "verify"), ("--verson", "--version")],
)
def test_a_near_miss_is_told(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_command(capsys, typed, "x")
    assert (ran.code, ran.out) == (1, "")
    assert re.search(rf"did you mean {meant}\b", ran.err)


def test_what_is_near_nothing_is_told_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_command(capsys, "xyzzy")
    assert (ran.code, "did you mean" in ran.err, "framedeflate --help" in ran.err) == (1, False, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compress", "a.dcm", "--overwritte"], "did you mean --overwrite?"),
        (["serve", "s", "--allow-hosts=x"], "did you mean --allow-host?"),
        (["inspect", "a.dcm", "b.dcm"], "too many arguments: b.dcm"),
        (["inspect"], "required: FILE"),
        (["compress", "a.dcm", "--level", "12"], "--level"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_option_is_told_with_its_command(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command(capsys, *words)
    error = capsys.readouterr().err
    assert caught.value.code == 1
    assert said in error
    assert error.startswith(f"usage: framedeflate {words[0]} ")
    assert error.endswith(f"See framedeflate {words[0]} --help\n")


def test_about_says_what_a_bug_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = run_command(capsys, "about", "--json").objects
    assert (told["version"], told["engine"]) == (__version__, engine.name)
    for name in ("numpy", "pydicom", "deflate", "rich"):
        assert told["packages"][name] == version(name)
    assert set(told["extras"]) == set(EXTRAS)
    for extra, missing in told["extras"].items():
        assert missing == [module for module in EXTRAS[extra] if find_spec(module) is None]
    shown = run_command(capsys, "about")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("framedeflate")
    assert re.search(rf"^numpy +{re.escape(version('numpy'))}$", shown.out, re.MULTILINE)
    for extra, missing in told["extras"].items():
        said = rf'pip install "framedeflate\[{extra}\]"' if missing else "installed"
        assert re.search(rf"^\[{extra}\] +{said}", shown.out, re.MULTILINE)
