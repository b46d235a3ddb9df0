# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own, by Debian's binaries, on a Unix socket in a temporary folder."""

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

_COUNTER = itertools.count()
_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
_SETTINGS = "-c listen_addresses='' -c fsync=off -c max_connections=80 -c shared_buffers=16MB"


def _run(*arguments: str) -> None:
    # initdb and the server refuse to be root, which containers are.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # type: ignore[call-overload]
        arguments, capture_output=True, text=True, timeout=120, check=False, cwd="/", **user
    )
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stdout[-500:]} {done.stderr[-500:]}")


def _missing() -> str | None:
    if not _FOUND:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        return "there is no user postgres"
    return None


def new_database(url: str) -> str:
    """Return the URL of a database of its own."""
    name = f"index_{next(_COUNTER)}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres?", f"/{name}?")


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server and yield the start of its URLs, to be completed by a database's name and ``?host=``."""
    reason = _missing()
    if reason is not None:
        if os.environ.get("FRAMEDEFLATE_REQUIRE_PEERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    binaries = _FOUND[-1].parent
    # The path of a socket has 107 bytes at most, and pytest's folders are longer.
    folder = Path(mkdtemp(prefix="fdpg"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = str(folder / "data")
        _run(
            str(binaries / "initdb"),
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        )
        control = str(binaries / "pg_ctl")
        options = f"-k {folder} {_SETTINGS}"
        _run(control, "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _run(control, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
