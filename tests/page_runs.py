# SPDX-License-Identifier: Apache-2.0
"""A page run in a room of its own, and what it shows held to what it printed."""

import re
import shutil
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from document_checks import CHECKS
from document_peers import NEEDS, Peers
from document_rooms import fill_room
from document_rules import not_held
from document_runner import PageRun
from documents import Block, blocks_of, runnable
from peers import miss_peer, miss_tool

__all__ = ["as_held", "has_servers", "hold", "run_needy_blocks", "run_page"]


def has_servers(page: str) -> bool:
    """Whether the page's commands talk to servers, or start many processes."""
    script = "".join(block.text for block in runnable(page) if block.language == "sh")
    return bool(re.search(r"^framedeflate (serve|receive|send) |/dicomweb|--jobs", script, re.MULTILINE))


def run_page(page: str, folder: Path) -> None:
    """Run what needs nothing but this package and its extras, in the page's order."""
    _run(page, "", runnable(page), folder)


def run_needy_blocks(page: str, needs: str, folder: Path) -> None:
    """Run the blocks of a page that need something of that name, in a room of their own."""
    if needs not in NEEDS and find_spec(needs) is None:
        miss_tool(needs)
    _run(page, needs, [block for block in blocks_of(page) if block.needs == needs], folder)


def _run(page: str, needs: str, blocks: list[Block], folder: Path) -> None:
    room, scratch = folder / "room", folder / "scratch"
    room.mkdir()
    scratch.mkdir()
    fill_room(room, "".join(block.text for block in blocks))
    with ExitStack() as stack:
        given, variables = stack.enter_context(NEEDS[needs](room)) if needs in NEEDS else ({}, {})
        peers = Peers(room, scratch, given)
        stack.callback(peers.close)
        run = PageRun(room, scratch, peers, variables)
        try:
            for block in blocks_of(page):
                if block in blocks:
                    run.run(block)
                elif block.language == "text" and not needs and not not_held(block):
                    hold(block, run.said)
            check = CHECKS.get((page, needs))
            if check:
                check(run)
        except BaseException:
            run.kill()
            raise
        run.close()
    shutil.rmtree(folder)
    if run.missed:
        miss_peer(f"{', '.join(sorted(run.missed))} not installed")


_MEASURED = re.compile(r"\d[\d.,]*(?=\s?(?:s|ms|min|B|kB|MB|GB|KiB|MiB|GiB|%|:1)(?!\w))")
_MADE = re.compile(r"\b2\.25\.\d+\b|\b20\d\d-\d\d-\d\d[T ][\d:.]+(?:\+00:00)?")


def as_held(line: str) -> str:
    """A line of output without what differs from run to run.

    Left out: numbers in front of a unit of time or size, a percent sign or ":1"; UIDs that were made for the run; dates
    with a time; and how wide the columns are.
    """
    return " ".join(_MADE.sub("#", _MEASURED.sub("#", line)).split())


def hold(block: Block, said: str) -> None:
    """Every line shown was printed before, in this order; lines may be left out, and "..." says so."""
    printed = iter([as_held(line) for line in said.splitlines()])
    for line in block.text.splitlines():
        shown = as_held(line)
        if shown not in {"", "..."}:
            assert any(shown == one for one in printed), (
                f"{block}: not printed, or not in this order: {line}\n{said}"
            )
