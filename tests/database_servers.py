# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own, by Debian's binaries, on a Unix socket in a temporary folder."""

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from peers import miss_peer

_COUNTER = itertools.count()
_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
_SETTINGS = [
    f"-c{setting}"
    for setting in ("listen_addresses=", "fsync=off", "max_connections=80", "shared_buffers=16MB")
]


def _user() -> dict[str, Any]:
    # initdb and the server refuse to be root, which containers are.
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _missing() -> str | None:
    if not _FOUND:
        return "PostgreSQL is not installed"
    import pwd

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
        miss_peer(reason)
    binaries = _FOUND[-1].parent
    # The path of a socket has 107 bytes at most, and pytest's folders are longer.
    folder = Path(mkdtemp(prefix="fdpg"))
    data = folder / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        create = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
        create += ["-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(create, check=True, capture_output=True, timeout=120, cwd="/", **_user())
        serve = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *_SETTINGS]
        # It ends, and leaves nothing, when its input does: so with this process, however that ends.
        guarded = ["/bin/sh", "-c", '"$@" & read _; kill -QUIT $!; wait; rm -rf "$0"', str(folder), *serve]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                guarded, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", **_user()
            )
        try:
            url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
            _wait_for(url)
            yield url
        finally:
            server.communicate(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str) -> None:
    stop = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url.replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            if time.monotonic() > stop:
                raise
            time.sleep(0.05)
        else:
            return
