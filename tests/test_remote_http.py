# SPDX-License-Identifier: Apache-2.0
"""Files behind http URLs: what is asked, from how many sides, and that the bytes are the file's."""

import asyncio
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from corpus import corpus_file, wheel_file
from framedeflate import FrameReader
from framedeflate.byte_source import FIRST_NBYTES
from framedeflate.errors import RemoteSourceError
from framedeflate.open_source import open_source
from framedeflate.remote_source import RemoteSource
from range_server import RangeServer, wait_until

DATA = np.random.default_rng(5).integers(0, 256, 6 << 20, dtype=np.uint8).tobytes()
APART = [(index * 90_000, index * 90_000 + 500) for index in range(40)]


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer({"f.bin": DATA, "empty": b"", "small": b"abc"}) as running:
        yield running


LAST_FRAME = """
import hashlib, sys
from framedeflate import FrameReader
with FrameReader.open(sys.argv[1]) as reader:
    print(len(reader), hashlib.sha256(reader[-1].tobytes()).hexdigest())
"""


@pytest.mark.parametrize("name", ["highdicom__seg_image_ct_binary.dcm", "ct_organs8_binary_full_512x512.dcm"])
def test_a_fresh_process_reads_a_real_file(name: str, server: RangeServer) -> None:
    path = corpus_file(name) or wheel_file("MR_small.dcm")
    server.files["f.dcm"] = path
    with FrameReader.open(path) as local:
        expected = [str(len(local)), hashlib.sha256(local[-1].tobytes()).hexdigest()]
    code = [sys.executable, "-W", "error", "-c", LAST_FRAME, server.url("f.dcm")]
    run = subprocess.run(code, check=True, capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == expected
    assert server.methods == ["GET"] * len(server.requests)
    assert len(server.requests) <= 4
    assert server.body_nbytes <= FIRST_NBYTES + (1 << 16) + path.stat().st_size // 2


def test_opening_is_one_request_which_tells_the_size(server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.bin")) as source:
        assert server.requests == [("/f.bin", 0, FIRST_NBYTES)]
        assert server.methods == ["GET"]
        assert source.is_remote
        assert source.nbytes == len(DATA)
        assert source.first == DATA[:FIRST_NBYTES]
        assert source.get_ranges([(0, 100), (5, 5), (FIRST_NBYTES - 9, FIRST_NBYTES)])[0] == DATA[:100]
        assert len(server.requests) == 1
        # What is known is not asked for again, in part neither.
        assert source.get_range(100, FIRST_NBYTES + 100) == DATA[100 : FIRST_NBYTES + 100]
        assert server.requests[1:] == [("/f.bin", FIRST_NBYTES, FIRST_NBYTES + 100)]
        assert source.get_range(len(DATA) - 3, len(DATA) + 3) == DATA[-3:]
        assert source.get_range(len(DATA), len(DATA) + 3) == b""
        with pytest.raises(ValueError, match="before byte 0"):
            source.get_range(-3, 3)
    assert server.connections == 1


def test_small_and_empty_files(server: RangeServer) -> None:
    with RemoteSource.open(server.url("small")) as small, RemoteSource.open(server.url("empty")) as empty:
        assert (small.nbytes, small.first, small.get_range(1, 9)) == (3, b"abc", b"bc")
        assert (empty.nbytes, empty.first, empty.get_range(0, 9)) == (0, b"", b"")
    assert len(server.requests) == 2


def test_neighbours_come_together_and_the_rest_at_once(server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.bin"), options={"parallel": 3}) as source:
        server.forget()
        near = [(index * 9000 + 100_000, index * 9000 + 100_500) for index in range(20)]
        assert source.get_ranges(near) == [DATA[start:stop] for start, stop in near]
        assert len(server.requests) == 1
        server.forget()
        assert source.get_ranges(APART) == [DATA[start:stop] for start, stop in APART]
        assert len(server.requests) == len(APART) - 1
        assert server.body_nbytes == 500 * (len(APART) - 1)
        assert server.connections <= 4
        server.forget()
        assert source.get_range(0, len(DATA)) == DATA
        assert server.body_nbytes == len(DATA) - FIRST_NBYTES
        assert len(server.requests) == 2


def test_coroutines_of_several_event_loops(server: RangeServer) -> None:
    expected = [DATA[start:stop] for start, stop in APART]

    async def read(source: RemoteSource) -> list[list[bytes]]:
        assert await source.get_range_async(70_000, 70_009) == DATA[70_000:70_009]
        assert await source.get_range_async(3, 9) == DATA[3:9]
        return await asyncio.gather(*(source.get_ranges_async(APART) for _ in range(3)))

    with RemoteSource.open(server.url("f.bin")) as source:
        assert asyncio.run(read(source)) == [expected] * 3
        assert asyncio.run(read(source)) == [expected] * 3


def test_a_coroutine_that_is_cancelled_leaves_the_source_usable(server: RangeServer) -> None:
    async def leave(source: RemoteSource) -> None:
        server.fault = "slow"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(source.get_ranges_async(APART), 0.05)
        server.fault = ""

    with RemoteSource.open(server.url("f.bin"), options={"timeout": 0.3, "retries": 0}) as source:
        asyncio.run(leave(source))
        assert source.get_range(70_000, 70_009) == DATA[70_000:70_009]


def test_threads_share_a_source(server: RangeServer) -> None:
    wrong: list[int] = []

    def read(source: RemoteSource, index: int) -> None:
        for start in range(index * 1000 + 50_000, 500_000, 50_000):
            if source.get_range(start, start + 900) != DATA[start : start + 900]:
                wrong.append(start)

    with RemoteSource.open(server.url("f.bin")) as source:
        threads = [threading.Thread(target=read, args=(source, index)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


FORK = """
import os, sys
from framedeflate.open_source import open_source
url = sys.argv[1]
apart = [(index * 90_000, index * 90_000 + 500) for index in range(40)]
source = open_source(url)
before = source.get_ranges(apart)
child = os.fork()
same = source.get_ranges(apart) == before
if not child:
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
source.close()
print(same, os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_a_forked_process_goes_on(server: RangeServer) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", FORK, server.url("f.bin")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.stdout.strip(), run.stderr) == ("True 0", "")


def test_local_files_load_no_http_client() -> None:
    code = (
        "import sys; from framedeflate.open_source import open_source; "
        f"open_source(b'x'); open_source({str(wheel_file('MR_small.dcm'))!r}).close(); "
        "print({'http', 'ssl', 'asyncio', 'obstore'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


def test_closed_is_closed(server: RangeServer) -> None:
    source = open_source(server.url("f.bin"))
    assert isinstance(source, RemoteSource)
    source.get_ranges(APART)
    source.close()
    source.close()
    for read in (lambda: source.get_range(1 << 20, 2 << 20), lambda: source.get_ranges(APART)):
        with pytest.raises(RemoteSourceError) as caught:
            read()
        assert caught.value.kind == "closed"


def test_closing_ends_what_is_under_way(server: RangeServer) -> None:
    failed: list[RemoteSourceError] = []
    with RemoteSource.open(server.url("f.bin"), options={"timeout": 30}) as source:

        def read() -> None:
            try:
                source.get_ranges(APART)
            except RemoteSourceError as error:
                failed.append(error)

        server.forget()
        server.fault = "slow"
        thread = threading.Thread(target=read)
        thread.start()
        wait_until(lambda: len(server.requests) == 8)
    thread.join(10)
    assert not thread.is_alive()
    assert [error.kind for error in failed] == ["closed"]


def test_an_idle_connection_that_the_server_closed(server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.bin"), options={"retries": 0}) as source:
        server.drop_connections()
        assert source.get_range(70_000, 70_009) == DATA[70_000:70_009]
        server.fault = "close"
        for start in range(100_000, 100_005):
            assert source.get_range(start, start + 9) == DATA[start : start + 9]


def test_headers_login_and_query(server: RangeServer) -> None:
    login = server.url("f.bin").replace("://", "://us%40er:p%3Aw@") + "?X-Signature=a%2Fb+c&d"
    options = {"headers": {"X-Own": "mine"}}
    with RemoteSource.open(login, options=options) as source:
        source.get_range(1 << 20, 2 << 20)
        assert "p%3Aw" not in repr(source)
        assert "Signature" not in repr(source)
    for headers in server.headers:
        assert headers["authorization"] == "Basic dXNAZXI6cDp3"
        assert headers["x-own"] == "mine"
        assert headers["accept-encoding"] == "identity"
    assert server.targets == ["/f.bin?X-Signature=a%2Fb+c&d"] * 2
    assert "if-match" not in server.headers[0]
    assert server.headers[1]["if-match"].startswith('"')


def test_options_that_there_are_not(server: RangeServer) -> None:
    with pytest.raises(TypeError, match="'header' is no option"):
        RemoteSource.open(server.url("f.bin"), options={"header": {}})
    secret = {"Authorization": "secret\r\nX: y"}
    for headers in (secret, {"Range": "bytes=0-1"}, {"a b": "c"}, {"": "c"}):
        with pytest.raises(ValueError, match="header") as caught:
            RemoteSource.open(server.url("f.bin"), options={"headers": headers})
        assert "secret" not in str(caught.value)
    for wrong in ({"timeout": 0}, {"retries": -1}, {"parallel": 0}):
        with pytest.raises(ValueError, match="timeout and parallel"):
            RemoteSource.open(server.url("f.bin"), options=wrong)
    with pytest.raises(ValueError, match="first_nbytes"):
        RemoteSource.open(server.url("f.bin"), first_nbytes=0)
    assert server.requests == []
