# SPDX-License-Identifier: Apache-2.0
"""How much hypothesis tries: `fast` in every run, `soak` with HYPOTHESIS_PROFILE=soak. And what tests share."""

import importlib
import importlib.util
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A shell has what it runs in the background ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# These assert in the name of the tests that call them.
pytest.register_assert_rewrite("document_checks", "page_runs")

# Servers of tests are on loopback, which a proxy of this machine's would look for on its own.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name, ""), "127.0.0.1,localhost"]))

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

# No deadline: a shared machine is sometimes slow, and no test here is about time.
settings.register_profile(
    "fast", max_examples=60, deadline=None, derandomize=True, suppress_health_check=_QUIET
)
settings.register_profile("soak", max_examples=1000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


OVER_SOCKETS = (
    "test_archive_clouds",
    "test_archive_dask",
    "test_archive_documents",
    "test_archive_store",
    "test_cli_receive",
    "test_cli_send",
    "test_commitment",
    "test_document_commands",
    "test_document_demo",
    "test_dimse_",
    "test_reader_remote",
    "test_receiver",
    "test_remote_",
    "test_send_to_receiver",
    "test_serve_",
    "test_site",
    "test_viewer_",
    "test_zarr_http",
)


OF_PROCESSES = (
    "test_archive_kills",
    "test_cli_interrupt",
    "test_cli_terminal",
    "test_cli_zarr",
    "test_document_code",
    "test_open_source",
    "test_shell_completion",
    "test_zarr_many_frames",
)
"""What starts processes or servers, and is about our code in them."""

OF_NO_ENGINE = (
    "test_byte_diagram",
    "test_cli_help",
    "test_cli_terminal",
    "test_conformance_statement",
    "test_document_",
    "test_missing_extras",
    "test_release",
    "test_shell_completion",
)
"""What another engine would show nothing new of: documents, and commands as words and lines on a terminal."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what talks over sockets, with peers that we did not write, and what is about neither engine: on one it runs.

    What talks, and what starts processes, runs again where a busy machine broke it: the report counts each such time.
    """
    for item in items:
        if item.path.stem.startswith(OVER_SOCKETS):
            item.add_marker("sockets")
        if item.path.stem.startswith(OVER_SOCKETS + OF_NO_ENGINE):
            item.add_marker("one_engine")
        if item.path.stem.startswith(OVER_SOCKETS + OF_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


@pytest.fixture(scope="session", params=["_native", "_reference"])
def core(request: pytest.FixtureRequest) -> Any:
    """Return both engines, one after the other: the C++ core and the reference."""
    if (
        request.param == "_native"
        and importlib.util.find_spec("framedeflate._native") is None
        and os.environ.get("FRAMEDEFLATE_REQUIRE_NATIVE", "0") in {"", "0"}
    ):
        pytest.skip("this installation has no C++ core")
    return importlib.import_module(f"framedeflate.{request.param}")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the transcoded files of a run lie."""
    # Not tmp_path: pytest keeps those of three runs, and these are 60 MB.
    with TemporaryDirectory() as name:
        yield Path(name)


SOAK_ROOM_NBYTES = 16 << 30


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder with 16 GiB of room, emptied at once; without it the test fails, since a skipped soak shows nothing."""
    with TemporaryDirectory() as name:
        free = shutil.disk_usage(name).free
        if free < SOAK_ROOM_NBYTES:
            pytest.fail(f"{name} has {free >> 30} GiB free, and 16 are needed: set TMPDIR to a larger disk")
        yield Path(name)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line that is seen whatever is captured."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    return line


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server: the URL of its first database."""
    from database_servers import postgresql

    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def index_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database of each kind that an index may lie in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    from database_servers import new_database

    return new_database(request.getfixturevalue("postgresql_server"))
