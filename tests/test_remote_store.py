# SPDX-License-Identifier: Apache-2.0
"""Objects in stores, by a server that answers as they do: the bytes, what is asked, and what errors mean."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from corpus import wheel_file
from framedeflate import FrameReader
from framedeflate.byte_source import FIRST_NBYTES
from framedeflate.errors import MissingExtraError, RemoteSourceError
from framedeflate.open_source import open_source
from framedeflate.remote_source import RemoteSource
from range_server import RangeServer

pytest.importorskip("obstore")

DATA = np.random.default_rng(6).integers(0, 256, 5 << 20, dtype=np.uint8).tobytes()
APART = [(index * 90_000, index * 90_000 + 500) for index in range(20)]


@pytest.fixture
def server() -> Iterator[RangeServer]:
    files = {"box/f.bin": DATA, "box/deep/a b%2F+ü.dcm": DATA, "box/empty": b"", "box/small": b"abc"}
    with RangeServer(files) as running:
        yield running


def s3(server: RangeServer, **more: Any) -> dict[str, Any]:
    return {"endpoint": server.base_url, "skip_signature": True, "retries": 0, "timeout": 5, **more}


def stores(server: RangeServer) -> dict[str, tuple[str, dict[str, Any]]]:
    common = {"skip_signature": True, "retries": 0}
    return {
        "S3": ("s3://box/f.bin", s3(server)),
        "S3, signed": (
            "s3://box/f.bin",
            {"endpoint": server.base_url, "access_key_id": "id", "secret_access_key": "secret"},
        ),
        "Google": ("gs://box/f.bin", {**common, "base_url": server.base_url}),
        "Azure": ("az://box/f.bin", {**common, "endpoint": server.base_url, "account_name": "account"}),
        "Azure, Hadoop's way": (
            "abfss://box@account.dfs.core.windows.net/f.bin",
            {**common, "endpoint": server.base_url},
        ),
    }


@pytest.mark.parametrize("name", ["S3", "S3, signed", "Google", "Azure", "Azure, Hadoop's way"])
def test_every_store_answers_the_bytes(name: str, server: RangeServer) -> None:
    url, options = stores(server)[name]
    expected = [DATA[start:stop] for start, stop in APART]
    with RemoteSource.open(url, options=options) as source:
        assert server.requests == [("/box/f.bin", 0, FIRST_NBYTES)]
        assert server.methods == ["GET"]
        assert source.nbytes == len(DATA)
        assert source.get_ranges(APART) == expected
        assert asyncio.run(source.get_ranges_async(APART)) == expected
        assert source.get_range(0, 1 << 40) == DATA
        assert server.headers[-1]["if-match"] == server.content("box/f.bin")[2]
        assert ("authorization" in server.headers[-1]) == (name == "S3, signed")


def test_frames_of_a_real_file(server: RangeServer) -> None:
    path = wheel_file("MR_small.dcm")
    server.files["box/f.dcm"] = path
    with FrameReader.open(path) as local, RemoteSource.open("s3://box/f.dcm", options=s3(server)) as source:
        np.testing.assert_array_equal(FrameReader(source)[0], local[0])


def test_keys_are_taken_as_they_stand(server: RangeServer) -> None:
    with RemoteSource.open("s3://box/deep/a b%2F+ü.dcm", options=s3(server)) as source:
        assert source.nbytes == len(DATA)
    for url in ("s3://box", "s3://box/", "s3:///f", "s3://box/a//b", "s3://box/../b"):
        with pytest.raises(RemoteSourceError) as caught:
            RemoteSource.open(url, options=s3(server))
        assert caught.value.kind == "url"


def test_small_and_empty_objects(server: RangeServer) -> None:
    with RemoteSource.open("s3://box/small", options=s3(server)) as small:
        assert (small.nbytes, small.first, small.get_range(1, 9)) == (3, b"abc", b"bc")
    server.forget()
    with RemoteSource.open("s3://box/empty", options=s3(server)) as empty:
        assert (empty.nbytes, empty.first, empty.get_range(0, 9)) == (0, b"", b"")
    assert server.methods == ["GET", "HEAD"]


FAULTS = [
    # fault, kind, status
    ("status-404", "not-found", 404),
    ("status-403", "denied", 403),
    ("status-401", "denied", 401),
    ("status-412", "changed", 412),
    ("status-416", "bad-answer", 416),
    ("status-503", "status", 503),
    ("status-302", "redirect", None),
    ("no-ranges", "no-ranges", None),
    ("endless", "no-ranges", None),
    ("endless-chunks", "bad-answer", None),
    ("endless-part", "bad-answer", None),
    ("wrong-content-range", "bad-answer", None),
    ("bad-content-range", "bad-answer", None),
    ("no-content-range", "bad-answer", None),
    ("long-body", "bad-answer", None),
    ("short-range", "bad-answer", None),
    ("gzip", "bad-answer", None),
    ("other-size", "changed", None),
    ("reset", "connection", None),
    ("reset-body", "connection", None),
    ("short-body", "connection", None),
    ("garbage", "connection", None),
    ("slow", "timeout", None),
    ("drip", "timeout", None),
]


@pytest.mark.parametrize(("fault", "kind", "status"), FAULTS)
def test_a_store_that_misbehaves(fault: str, kind: str, status: int | None, server: RangeServer) -> None:
    timeout = 0.15 if kind == "timeout" else 5
    with RemoteSource.open("s3://box/f.bin", options=s3(server, timeout=timeout)) as source:
        server.fault = fault
        with pytest.raises(RemoteSourceError) as caught:
            source.get_range(100_000, 101_000)
        assert (caught.value.kind, caught.value.position) == (kind, 100_000)
        assert caught.value.status in {status, None}
        server.fault = ""
        assert source.get_range(100_000, 101_000) == DATA[100_000:101_000]


def test_a_replaced_object_is_never_mixed_in(server: RangeServer) -> None:
    with RemoteSource.open("s3://box/f.bin", options=s3(server)) as source:
        server.files["box/f.bin"] = bytes(len(DATA))
        for fault in ("", "ignores-if-match"):
            server.fault = fault
            with pytest.raises(RemoteSourceError) as caught:
                source.get_range(100_000, 101_000)
            assert caught.value.kind == "changed"


def test_a_lost_connection_is_tried_again(server: RangeServer) -> None:
    server.faults = ["status-503", "reset"]
    with RemoteSource.open("s3://box/f.bin", options=s3(server, retries=2)) as source:
        assert source.nbytes == len(DATA)
    assert len(server.requests) == 3


def test_no_secret_stands_in_an_error(server: RangeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = {
        "endpoint": server.base_url,
        "account_name": "account",
        "sas_key": "sv=2024&sig=SECRET",
        "retries": 0,
    }
    server.fault = "status-500"
    with pytest.raises(RemoteSourceError) as caught:
        open_source("az://box/f.bin", options=options)
    assert "SECRET" in server.targets[-1]
    assert "SECRET" not in f"{caught.value!r} {caught.value} {caplog.text}"
    with pytest.raises(TypeError, match="no such option among") as unknown:
        open_source("s3://box/f.bin", options=s3(server, acces_key="SECRET"))
    assert "SECRET" not in str(unknown.value)


FORK = """
import os, sys
from framedeflate.errors import RemoteSourceError
from framedeflate.open_source import open_source
options = {"endpoint": sys.argv[1], "skip_signature": True}
source = open_source("s3://box/f.bin", options=options)
child = os.fork()
if not child:
    kinds = []
    for read in (lambda: source.get_range(1 << 20, 2 << 20), lambda: open_source("s3://box/f.bin", options=options)):
        try:
            read()
        except RemoteSourceError as error:
            kinds.append(error.kind)
    os._exit(0 if kinds == ["forked", "forked"] and source.get_range(0, 9) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(source.get_range(1 << 20, 2 << 20)))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_a_forked_process_is_told(server: RangeServer) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORK, server.base_url], check=True, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.split() == ["0", str(1 << 20)]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("obstore", "obstore.exceptions", "obstore.store"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "framedeflate\[remote\]"') as caught:
        open_source("s3://box/f.bin")
    assert (caught.value.extra, caught.value.feature) == ("remote", "reading s3:// URLs")
