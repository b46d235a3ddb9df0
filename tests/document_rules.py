# SPDX-License-Identifier: Apache-2.0
"""What of the documents is not run where it stands, and the place that runs it instead."""

import re
import shlex
import tomllib
from functools import cache
from typing import Final

from documents import ROOT, Block

__all__ = ["ELSEWHERE", "NOT_HELD", "elsewhere", "makefile_targets", "not_held", "without_comment"]

ELSEWHERE: Final = {
    # README.md: the same takes seconds, and is run by another page.
    "python -m framedeflate.web.conformance https://pacs.example/dicomweb": (
        "docs/conformance-suite.md",
        "python -m framedeflate.web.conformance https://example.org/dicomweb",
    ),
    # CONTRIBUTING.md: a build of the core in place takes minutes; the Makefile makes the same one with sanitizers.
    "export PATH=$PWD/.venv/bin:$PATH": ("Makefile", 'PATH="$(CURDIR)/$(BIN):$$PATH"'),
    "cmake -S . -B build/dev -G Ninja -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE=$PWD/.venv/bin/python": (
        "Makefile",
        "cmake -S . -B build/sanitize -G Ninja",
    ),
    "cmake --build build/dev && install build/dev/_native*.so src/framedeflate/": (
        "Makefile",
        "cmake --build build/sanitize",
    ),
    'PYTHONPATH=src python -m pytest -m "not soak" tests/test_reader.py': (
        "Makefile",
        '$(PYTEST) -m "not soak"',
    ),
}
"""A line of a shell block: the file that runs the like of it, and the words by which it does.

Beside these, two kinds of lines are known by a rule: `make TARGET`, whose target must be the Makefile's, and
`pip install ...`, whose extras must be pyproject's and in its extra "all", which `make test` installs.
"""

NOT_HELD: Final = {
    ("README.md", "file "): ("the table of `make demo`: tests/test_document_demo.py runs it"),
    ("docs/conformance-suite.md", "native-frames\n"): (
        "Orthanc's answers: tests/test_serve_conformance_orthanc.py runs the suite on it"
    ),
    ("docs/conformance.md", "files <-- FILES"): (
        "a picture of the entities: tests/test_conformance_statement.py holds what is said of them"
    ),
    ("docs/design.md", "pydicom_plugin "): "a picture of the layers: lint-imports holds the code to them",
}
"""Blocks of text that show no output of the page's own commands, by page and how they begin, and why they may."""


def not_held(block: Block) -> str:
    """Why a block of text is held to no output; "" for one that is."""
    for (page, start), reason in NOT_HELD.items():
        if block.page == page and block.text.lstrip().startswith(start):
            return reason
    return ""


def without_comment(line: str) -> str:
    """A line of a shell script without the comment at its end; none of ours has " # " in quotes."""
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def elsewhere(line: str) -> str:
    """Where a line is run instead, "" for one that runs where it stands; it fails where there is no such thing."""
    line = without_comment(line)
    if line in ELSEWHERE:
        file, command = ELSEWHERE[line]
        assert command in (ROOT / file).read_text(encoding="utf-8"), f"{file} no longer has: {command}"
        return file
    words = shlex.split(line) if re.match(r"(make|pip|python3? -m pip) ", line) else []
    if words[:1] == ["make"]:
        targets = [word for word in words[1:] if "=" not in word]
        assert targets
        assert set(targets) <= makefile_targets(), f"no such target: {line}"
        return "Makefile"
    if "install" in words[1:4]:
        for word in words[words.index("install") + 1 :]:
            _check_requirement(word, line)
        return "make test"
    return ""


def _check_requirement(word: str, line: str) -> None:
    found = re.fullmatch(r"(?P<name>\.|framedeflate)\[(?P<extras>[\w,-]+)\](==[\d.]+)?", word)
    if found:
        extras = _extras()
        (everything,) = extras["all"]
        for extra in found["extras"].split(","):
            assert extra in extras, f"no such extra: {line}"
            assert extra == "all" or re.search(rf"\b{extra}\b", everything), f"{extra} is not among all"


@cache
def _extras() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return extras


@cache
def makefile_targets() -> frozenset[str]:
    """What `make` can be asked for."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z]\w*):", text, re.MULTILINE))
