# SPDX-License-Identifier: Apache-2.0
"""The table in docs/pydicom.md of what works on which pydicom is what was found, for the version that is installed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

CALLS = Path(__file__).with_name("plugin_calls.py")
PAGE = Path(__file__).parents[1] / "docs/pydicom.md"
VERSION = ".".join(pydicom.__version_info__[:2])


def found(*options: str) -> dict[str, list[str]]:
    """What each call fails on, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, str(CALLS), *options], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcome: dict[str, list[str]] = json.loads(done.stdout)
    return outcome


def cell(failures: list[str], kinds: int = 7) -> str:
    if not failures:
        return "yes"
    return "no" if len(failures) >= kinds - 1 else "not " + ", ".join(failures)


def test_after_register_every_call_is_right() -> None:
    assert {call: kinds for call, kinds in found("--register").items() if kinds} == {}


def test_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    header = re.search(r"^\| call \|(.*)\|$", text, re.MULTILINE)
    assert header
    columns = [column.strip() for column in header.group(1).split("|")]
    alone, registered = f"pydicom {VERSION}", f"pydicom {VERSION}, registered"
    if alone not in columns:
        pytest.fail(f"docs/pydicom.md has no column for pydicom {VERSION}")
    shown = {}
    for line in text.splitlines():
        cells = [one.strip() for one in line.strip("|").split("|")]
        if len(cells) == len(columns) + 1 and cells[0].startswith("`"):
            shown[cells[0].strip("`")] = dict(zip(columns, cells[1:], strict=True))
    for column, options in ((alone, ()), (registered, ("--register",))):
        assert {call: row[column] for call, row in shown.items()} == {
            call: cell(failures) for call, failures in found(*options).items()
        }
