# SPDX-License-Identifier: Apache-2.0
"""The package with its core alone: whatever needs an extra says which, and how it is installed.

One child process finds no package of the extras, and does what a user may try; the tests look at what came of it.
"""

import json
import os
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from corpus import wheel_file
from framedeflate.extras import EXTRAS

CORE: Final = {"pydicom", "deflate", "rich"}
PROJECT: Final = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))

# Each extra with what needs it: Python statements, and command lines with the exit code they end with.
STATEMENTS: Final = {
    "codecs": [
        "framedeflate.compress_file(JPEG, 'out.dcm')",
        "framedeflate.decompress_file(JPEG, 'out.dcm')",
    ],
    "dask": ["from framedeflate.archive.cluster import on_dask; on_dask('tcp://127.0.0.1:1')"],
    "dimse": [
        "from framedeflate.dimse.sender import send_files",
        "from framedeflate.dimse.receiver import Receiver",
        "from framedeflate.dimse.commitment_request import request_commitment",
    ],
    "images": [],
    "remote": [
        "framedeflate.FrameReader.open('s3://bucket/file.dcm')",
        "framedeflate.FrameReader.open('gs://bucket/file.dcm')",
        "framedeflate.FrameReader.open('az://bucket/file.dcm')",
        "import asyncio; asyncio.run(framedeflate.AsyncFrameReader.open('s3://bucket/file.dcm'))",
        "from framedeflate.zarr_store import references; references('s3://bucket/file.dcm')",
    ],
    "web": [
        "from framedeflate.web.server import create_app",
        "import framedeflate.web.server.assembly",
        "from framedeflate.web.index import Index",
        "from framedeflate.web.ingest import Ingest",
        "import framedeflate.web.rendering.encoding",
        "from framedeflate.web.conformance.suite import run_suite",
    ],
    "zarr": [
        "from framedeflate.zarr_store import open",
        "from framedeflate.zarr_store import RawDeflate",
        "from framedeflate.zarr_store import register",
        "import framedeflate.zarr_store.codecs",
    ],
    # Last: from there on an index can be had.
    "postgres": [
        "unblock('sqlalchemy'); from framedeflate.web.index import Index; "
        "Index.open('postgresql+psycopg://nobody@127.0.0.1:1/none')"
    ],
}
COMMANDS: Final = {
    "codecs": [
        (["compress", "JPEG", "-o", "out.dcm"], 22),
        (["compress", "JPEG", "-o", "out.dcm", "--json"], 22),
        (["decompress", "JPEG", "-o", "out.dcm"], 22),
        (["extract", "JPEG", "-o", "out.npy"], 22),
        (["render", "JPEG", "-o", "out.png"], 22),
    ],
    "dask": [(["compress", "folder", "-o", "result", "--dask", "tcp://127.0.0.1:1"], 1)],
    "dimse": [
        (["send", "127.0.0.1", "1", "NATIVE"], 1),
        (["send", "127.0.0.1", "1", "NATIVE", "--json"], 1),
        (["receive", "--port", "0", "--store", "store"], 1),
        (["receive", "--port", "0", "--store", "store", "--json"], 1),
    ],
    "images": [],
    "postgres": [],
    "remote": [
        (["compress", "s3://bucket/in", "-o", "result", "--manifest", "manifest.sqlite"], 1),
        (["compress", "folder", "-o", "gs://bucket/out", "--manifest", "manifest.sqlite", "--json"], 1),
        (["compress", "az://bucket/in", "--dry-run"], 1),
        (["zarr", "s3://bucket/file.dcm"], 1),
    ],
    "web": [
        (["serve", "store"], 1),
        (["serve", "store", "--json"], 1),
        (["serve", "store", "--index", "postgresql+psycopg://nobody@127.0.0.1:1/none"], 1),
        (["python -m framedeflate.web.conformance", "http://127.0.0.1:1"], 2),
        (["python -m framedeflate.web.conformance", "--list"], 2),
    ],
    "zarr": [],
}
# What works without any.
WORKS: Final = [
    ["compress", "NATIVE", "-o", "deflated.dcm"],
    ["decompress", "deflated.dcm", "-o", "native.dcm"],
    ["inspect", "JPEG"],
    ["verify", "deflated.dcm"],
    ["extract", "deflated.dcm", "-o", "frame.png"],
    ["render", "deflated.dcm", "-o", "sheet.png"],
    ["zarr", "deflated.dcm", "-o", "refs.json"],
    ["compress", "folder", "-o", "archive", "--manifest", "archive.sqlite"],
    ["report", "archive.sqlite", "--html", "report.html"],
    ["audit", "archive.sqlite"],
]

CHILD: Final = r'''
import contextlib, importlib, io, json, pkgutil, shutil, sys, traceback
BLOCKED, STATEMENTS, COMMANDS, WORKS, JPEG, NATIVE = json.load(sys.stdin)
blocked = set(BLOCKED)

class Without:
    """A finder that does not find what is blocked, as if it were not there."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
unblock = blocked.discard

import framedeflate
from framedeflate.cli import main
from framedeflate.errors import MissingExtraError

def run(words):
    program, words = (main, words) if " " not in words[0] else (suite, words[1:])
    places = {"JPEG": JPEG, "NATIVE": NATIVE}
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = program([places.get(word, word) for word in words])
        except SystemExit as error:
            code = error.code
        except BaseException:
            code = traceback.format_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}

def suite(words):
    from framedeflate.web.conformance.__main__ import main
    return main(words)

def modules(path, prefix):
    # Not pkgutil.walk_packages: it would not go into a package that cannot be imported.
    for one in pkgutil.iter_modules(path, prefix):
        if one.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(one.name)
            said = "works"
        except MissingExtraError as error:
            said = error.extra
        except BaseException as error:
            said = repr(error)
        yield one.name, said
        if one.ispkg and said == "works":
            yield from modules(module.__path__, one.name + ".")

import os
os.mkdir("folder")
shutil.copy(NATIVE, "folder")
found = {
    "works": [run(words) for words in WORKS],
    "modules": dict(modules(framedeflate.__path__, "framedeflate.")),
    "commands": {extra: [run(words) for words, _ in cases] for extra, cases in COMMANDS.items()},
    "left": sorted(os.listdir()),
    "statements": {},
}
for extra, statements in STATEMENTS.items():
    for statement in statements:
        try:
            exec(statement)
            said = "nothing was raised"
        except MissingExtraError as error:
            said = [error.extra, str(error)]
        except BaseException as error:
            said = repr(error)
        found["statements"][statement] = said
print(json.dumps(found))
'''


@cache
def found() -> dict[str, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        blocked = [module for modules in EXTRAS.values() for module in modules] + ["anyio", "libjpeg"]
        jpeg, native = str(wheel_file("JPEG2000.dcm")), str(wheel_file("CT_small.dcm"))
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            input=json.dumps([blocked, STATEMENTS, COMMANDS, WORKS, jpeg, native]),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=folder,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
        )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_table_of_extras_is_that_of_the_project() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"]) - {"all"}
    assert set(EXTRAS) == extras == set(STATEMENTS) == set(COMMANDS)
    # Whatever has a door of its own is in the core or in an extra.
    doors = next(
        contract
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if "One door" in contract["name"]
    )
    assert set(doors["forbidden_modules"]) - CORE <= {module for named in EXTRAS.values() for module in named}
    # Of images the decoders alone make use, and the core's own PNG writer needs it not.
    assert {extra for extra in EXTRAS if not STATEMENTS[extra] + COMMANDS[extra]} == {"images"}


@pytest.mark.parametrize(
    ("extra", "statement"), [(extra, statement) for extra, all_ in STATEMENTS.items() for statement in all_]
)
def test_a_statement_names_the_extra(extra: str, statement: str) -> None:
    said = found()["statements"][statement]
    assert said[0] == extra, said
    assert said[1].endswith(f'needs the "{extra}" extra: pip install "framedeflate[{extra}]"')


@pytest.mark.parametrize(
    ("extra", "number"), [(extra, number) for extra, all_ in COMMANDS.items() for number in range(len(all_))]
)
def test_a_command_names_the_extra(extra: str, number: int) -> None:
    words, code = COMMANDS[extra][number]
    ran = found()["commands"][extra][number]
    assert ran["code"] == code, ran
    told = ran["out"] + ran["err"]
    assert f'pip install "framedeflate[{extra}]"' in told.replace('\\"', '"')
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1
    if "--json" in words:
        assert [type(json.loads(line)) for line in ran["out"].splitlines()] in ([dict], [])


def test_what_could_not_be_done_left_nothing() -> None:
    made = {
        "archive",
        "archive.sqlite",
        "archive.sqlite.lock",
        "deflated.dcm",
        "folder",
        "frame.png",
        "native.dcm",
        "refs.json",
    }
    assert set(found()["left"]) == made | {"report.html", "sheet.png"}


@pytest.mark.parametrize("number", range(len(WORKS)), ids=lambda number: " ".join(WORKS[number]))
def test_the_core_is_enough(number: int) -> None:
    ran = found()["works"][number]
    assert (ran["code"], ran["err"]) == (0, "")


def test_every_module_can_be_imported_or_names_the_extra() -> None:
    modules = found()["modules"]
    assert set(modules.values()) == {"works", "web", "dimse", "zarr"}
    for name in ("framedeflate.web", "framedeflate.dimse", "framedeflate.zarr_store", "framedeflate.archive"):
        assert modules[name] == "works"
