# SPDX-License-Identifier: Apache-2.0
"""The documents, and the fenced blocks in them.

A fence says what its block is: "python" and "sh" are run where they stand; "sh needs NAME" only where NAME is there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "blocks_of", "commands_of", "page_path", "runnable"]

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    page : str
        The page's path from the root of the repository.
    line : int
        Line of the page on which the text begins, from 1.
    language, needs : str
        What the fence says: a language, and what it needs or "".
    text : str
        What is inside.
    """

    page: str
    line: int
    language: str
    needs: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}"


def page_path(page: str) -> Path:
    return ROOT / page


def _blocks_of(page: str) -> Iterator[Block]:
    fence, info, begun, inside = "", "", 0, list[str]()
    indent = ""
    for number, line in enumerate(page_path(page).read_text(encoding="utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if not fence and found:
            indent, fence, info = found["indent"], found["fence"], found["info"].strip()
            begun, inside = number + 1, []
        elif fence and found and found["fence"].startswith(fence) and not found["info"].strip():
            language, _, needs = info.partition(" needs ")
            yield Block(page, begun, language, needs.strip(), "".join(f"{one}\n" for one in inside))
            fence = ""
        elif fence:
            inside.append(line.removeprefix(indent))
    assert not fence, f"{page}: the fence before line {begun} is never closed"


def blocks_of(page: str) -> list[Block]:
    """Every fenced block of a page, in the page's order."""
    return list(_blocks_of(page))


def commands_of(script: str) -> list[str]:
    """Lines of a shell script as the shell sees them: those that end in a backslash are one with the next."""
    return re.sub(r"\\\n", "", script).splitlines()


def runnable(page: str) -> list[Block]:
    """What of a page is run where it stands."""
    return [block for block in blocks_of(page) if block.language in {"python", "sh"} and not block.needs]


def _pages() -> list[str]:
    top = [name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md") if page_path(name).is_file()]
    return [*top, *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md")))]


PAGES = _pages()
"""Every page, by its path from the root of the repository."""
