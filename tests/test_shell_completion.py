# SPDX-License-Identifier: Apache-2.0
"""`framedeflate completion`: its scripts in the shells themselves, as functions and behind a real Tab key."""

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("pty")
import pty

from cli_runner import run_command
from framedeflate.cli.parsers.commands import COMMANDS
from framedeflate.cli.parsers.completion import SHELLS
from framedeflate.cli.shells.words import FILES, FOLDERS, TEXTS, words_of
from peers import miss_peer

NAMES = ["a file.dcm", "b.IMA", "archive", "incoming", "my $(touch ran) *"]

# What is typed, and what must be offered for its last word: all of it and nothing else, or (in a tuple) among others.
CASES: dict[str, list[str] | tuple[str, ...]] = {
    "comp": ["completion", "compress"],
    "": tuple(COMMANDS),
    "nonsense ": [],
    "compress --po": ["--policy"],
    "compress --policy ": ["all", "bilevel"],
    "compress --policy bi": ["bilevel"],
    "compress x --photometric ": ["RGB", "YBR_FULL"],
    "compress --level ": [str(level) for level in range(1, 10)],
    "compress --shard ": [],
    "compress b": ["b.IMA"],
    "compress x.dcm -o a": ["a file.dcm", "archive"],
    "report report --ht": ["--html"],
    "compress report --htm": [],
    "serve ": ["archive", "incoming", "my $(touch ran) *"],
    "serve archive --watch in": ["incoming"],
    "serve archive --policy k": ["keep"],
    "receive --store ar": ["archive"],
    "send peer 104 --level 3 b": ["b.IMA"],
    "completion ": list(SHELLS),
    "inspect b": ["b.IMA"],
    "verify --": ("--strict", "--json", "--help"),
}


@pytest.fixture
def room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with some names in it, and beside it the script of each shell."""
    folder = tmp_path / "room"
    folder.mkdir()
    for name in NAMES:
        if "." in name:
            (folder / name).touch()
        else:
            (folder / name).mkdir()
    for shell in SHELLS:
        ran = run_command(capsys, "completion", shell)
        assert (ran.code, ran.err, ran.out.isascii()) == (0, "", True)
        (tmp_path / shell).write_text(ran.out)
    return folder


def installed(shell: str) -> str:
    return shutil.which(shell) or miss_peer(f"{shell} is not installed")


def run(command: Sequence[str], room: Path) -> list[list[str]]:
    """What a shell printed: the names offered for each case, one a line, each case ended by a line of its own."""
    done = subprocess.run(
        command, cwd=room, env=environment(room), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [block.splitlines() for block in done.stdout.split("----\n")[:-1]]


def environment(room: Path) -> dict[str, str]:
    """Of a shell without its user's settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(room.parent), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def expect(offered: list[list[str]]) -> None:
    assert len(offered) == len(CASES)
    for (line, wanted), found in zip(CASES.items(), offered, strict=True):
        names = sorted(re.sub(r"\\(.)", r"\1", name.rstrip("/")) for name in found)
        if isinstance(wanted, tuple):
            assert set(wanted) <= set(names), line
        else:
            assert names == sorted(wanted), line


def test_every_argument_has_a_kind() -> None:
    assert not FILES & FOLDERS | FILES & TEXTS | FOLDERS & TEXTS
    used = set()
    for command in COMMANDS.values():
        words = words_of(command)
        values = [place.value for place in words.positionals]
        values += [option.value for option in words.options if option.value]
        used |= {value.name for value in values if value.kind != "choices"}
        assert all("%(" not in option.summary and option.summary for option in words.options)
    assert used == FILES | FOLDERS | TEXTS


def test_bash_offers(room: Path) -> None:
    bash = installed("bash")
    lines = [f"source {room.parent / 'bash'}"]
    for line in CASES:
        # As bash sets them: an empty last word is a word.
        words = " ".join(f"'{word}'" for word in ["framedeflate", *line.split(" ")])
        lines += [
            f"COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))",
            "_framedeflate",
            'for offered in "${COMPREPLY[@]}"; do echo "$offered"; done',
            "echo ----",
        ]
    expect(run([bash, "--norc", "--noprofile", "-c", "\n".join(lines)], room))


def test_fish_offers(room: Path) -> None:
    fish = installed("fish")
    lines = [f"source {room.parent / 'fish'}"]
    for line in CASES:
        lines += [f'complete -C "framedeflate {line}" | string replace -r "\\t.*" ""', "echo ----"]
    expect(run([fish, "--no-config", "-c", "\n".join(lines)], room))


PREPARED = {
    "bash": (["--norc", "--noprofile", "-i"], "bind 'set bell-style none'; source ../bash"),
    "zsh": (
        ["-f", "-i"],
        "autoload -U compinit; compinit -u -D; unsetopt beep list_beep zle_bracketed_paste; source ../zsh",
    ),
}
# What is typed, Tab and all, and what the command is then given.
TYPED = {
    "framedeflate decom\t b\t -o arch\t": "decompress|b.IMA|-o|archive/",
    "framedeflate compress a\\ f\t --in-pl\t --pol\tbi\t": "compress|a file.dcm|--in-place|--policy|bilevel",
    "framedeflate serve inc\t --poli\tke\t": "serve|incoming/|--policy|keep",
    "framedeflate serve my\\ \t": "serve|my $(touch ran) */",
    "framedeflate inspect m\t": "inspect|my $(touch ran) */",
}


@pytest.mark.parametrize("shell", PREPARED)
def test_tab(shell: str, room: Path) -> None:
    options, preparation = PREPARED[shell]
    told = Path("told")
    lines = [
        preparation,
        # Stands for the command, and tells what it was given.
        f"framedeflate() {{ local word; for word; do printf '%s|' \"$word\"; done >> {told}; echo >> {told}; }}",
        *TYPED,
        "exit",
    ]
    talk([installed(shell), *options], lines, room, told=room / told)
    given = [
        # Zsh leaves the value with its option.
        line.rstrip("|").replace("--policy=", "--policy|").replace("/", "")
        for line in (room / told).read_text().splitlines()
    ]
    assert given == [line.replace("/", "") for line in TYPED.values()]
    # What is called like a command is a name all the same.
    assert not (room / "ran").exists()


def talk(command: Sequence[str], lines: Sequence[str], room: Path, *, told: Path) -> None:
    """Type lines at a shell on a terminal of its own, each once the shell rests."""
    terminal, end = pty.openpty()
    shell = subprocess.Popen(
        command,
        cwd=room,
        env=environment(room) | {"PS1": "> "},
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    )
    os.close(end)
    seen = b""

    def rest() -> None:
        """Read what the shell says to what was typed, until it has said nothing for a while."""
        nonlocal seen
        patience, ends = 5.0, time.monotonic() + 10
        while time.monotonic() < ends and select.select([terminal], [], [], patience)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # It has gone.
                return
            patience = 0.1

    try:
        rest()
        for line in lines:
            for typed in re.findall(r"[^\t]*\t|[^\t]+", line):
                os.write(terminal, typed.encode())
                rest()
            os.write(terminal, b"\r")
            rest()
        shell.wait(20)
    finally:
        shell.kill()
        shell.wait(10)
        os.close(terminal)
    assert told.exists(), seen.decode(errors="replace")
