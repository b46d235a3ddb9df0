# SPDX-License-Identifier: Apache-2.0
"""HTTP servers that are slow, odd, broken or hostile: a clear error in bounded time and memory, never wrong bytes."""

import logging
import socket
import ssl
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from certificates import self_signed
from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source import RemoteSource
from range_server import RangeServer, wait_until

DATA = np.random.default_rng(7).integers(0, 256, 10 << 20, dtype=np.uint8).tobytes()
QUICK = {"timeout": 0.07, "retries": 1}


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer({"f.bin": DATA, "small": DATA[:5000]}) as running:
        yield running


FAULTS = [
    # fault, kind, status, requests
    ("status-204", "status", 204, 1),
    ("status-400", "status", 400, 1),
    ("status-401", "denied", 401, 1),
    ("status-403", "denied", 403, 1),
    ("status-404", "not-found", 404, 1),
    ("status-407", "denied", 407, 1),
    ("status-410", "not-found", 410, 1),
    ("status-416", "bad-answer", 416, 1),
    ("status-429", "status", 429, 2),
    ("status-500", "status", 500, 2),
    ("status-503", "status", 503, 2),
    ("no-ranges", "no-ranges", 200, 1),
    ("endless", "no-ranges", 200, 1),
    ("endless-chunks", "no-ranges", 200, 1),
    ("endless-part", "bad-answer", 206, 1),
    ("wrong-content-range", "bad-answer", 206, 1),
    ("bad-content-range", "bad-answer", 206, 1),
    ("no-content-range", "bad-answer", 206, 1),
    ("unknown-size", "bad-answer", 206, 1),
    ("short-range", "bad-answer", 206, 1),
    ("long-body", "bad-answer", 206, 1),
    ("gzip", "bad-answer", 206, 1),
    ("short-body", "connection", None, 2),
    ("reset", "connection", None, 2),
    ("reset-body", "connection", None, 2),
    ("garbage", "bad-answer", None, 1),
    ("endless-headers", "bad-answer", None, 1),
    ("slow", "timeout", None, 2),
    ("drip", "timeout", None, 1),
    ("redirect-loop", "redirect", None, 6),
    ("redirect-to-file", "redirect", None, 1),
]


def open_and_read(server: RangeServer, fault: str, start: int) -> bytes:
    options = QUICK if fault in {"slow", "drip"} else {**QUICK, "timeout": 10}
    with RemoteSource.open(server.url("f.bin"), first_nbytes=1000, options=options) as source:
        server.forget()
        server.fault = fault
        return source.get_range(start, start + 1000)


@pytest.mark.parametrize(("fault", "kind", "status", "requests"), FAULTS)
@pytest.mark.parametrize("late", [False, True], ids=["at first", "later"])
def test_a_server_that_misbehaves(
    fault: str, kind: str, status: int | None, requests: int, *, late: bool, server: RangeServer
) -> None:
    start = 100_000 if late else 0
    server.fault = "" if late else fault
    endless = fault.startswith("endless")
    if endless:
        tracemalloc.start()
    try:
        with pytest.raises(RemoteSourceError) as caught:
            open_and_read(server, fault, start)
        # What tracemalloc sees is in the server's thread too.
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (caught.value.kind, caught.value.status, caught.value.position) == (kind, status, start)
    # Whoever gives up soon may do so before the server's thread has read what it was asked.
    wait_until(lambda: len(server.requests) >= requests)
    # One more where nonsense came on an idle connection, or time was left for it.
    assert requests <= len(server.requests) <= requests + 1
    assert most < 30 << 20


@pytest.mark.parametrize("fault", ["", "no-etag", "weak-etag", "redirect", "close", "ignores-if-match"])
def test_a_server_that_is_only_odd(fault: str, server: RangeServer) -> None:
    server.fault = fault
    with RemoteSource.open(server.url("f.bin"), first_nbytes=1000) as source:
        for start in (100_000, 200_000):
            assert source.get_range(start, start + 1000) == DATA[start : start + 1000]


@pytest.mark.parametrize("fault", ["no-ranges", "status-200"])
def test_a_small_file_may_come_whole(fault: str, server: RangeServer) -> None:
    server.fault = fault
    with RemoteSource.open(server.url("small"), first_nbytes=1000) as source:
        expected = DATA[:5000] if fault == "no-ranges" else b""
        assert (source.nbytes, source.first) == (len(expected), expected)
        assert source.get_range(2000, 9000) == expected[2000:]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault", ["reset", "reset-body", "short-body", "status-503", "status-429", "status-408"]
)
def test_what_may_pass_is_tried_again(fault: str, server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.bin")) as source:
        server.faults = [fault]
        assert source.get_range(100_000, 101_000) == DATA[100_000:101_000]
    assert len(server.requests) == 3


def replaced_by_other_bytes(server: RangeServer) -> None:
    server.files["f.bin"] = bytes(len(DATA))


def replaced_by_a_shorter_file(server: RangeServer) -> None:
    server.files["f.bin"] = DATA[:50_000]


def replaced_by_a_longer_file(server: RangeServer) -> None:
    server.files["f.bin"] = DATA + b"more"


@pytest.mark.parametrize("fault", ["", "ignores-if-match", "weak-etag"])
@pytest.mark.parametrize(
    "replace", [replaced_by_other_bytes, replaced_by_a_shorter_file, replaced_by_a_longer_file]
)
def test_a_replaced_file_is_never_mixed_in(
    replace: Callable[[RangeServer], None], fault: str, server: RangeServer
) -> None:
    server.fault = fault
    with RemoteSource.open(server.url("f.bin")) as source:
        replace(server)
        for _ in range(2):
            with pytest.raises(RemoteSourceError) as caught:
                source.get_ranges([(100_000, 101_000), (500_000, 501_000)])
            assert caught.value.kind == "changed"
        # What was known before is still of the first file.
        assert source.get_range(0, 1000) == DATA[:1000]


def test_one_failure_of_many_is_raised(server: RangeServer) -> None:
    ranges = [(index * 100_000, index * 100_000 + 10) for index in range(50)]
    with RemoteSource.open(server.url("f.bin"), options={"retries": 0, "parallel": 2}) as source:
        server.faults = ["", "", "status-403"]
        with pytest.raises(RemoteSourceError) as caught:
            source.get_ranges(ranges)
        assert caught.value.kind == "denied"
        asked = len(server.requests)
        assert asked < 20
        assert source.get_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]


def test_secrets_stay_with_their_host(server: RangeServer) -> None:
    login = server.url("moved").replace("://", "://user:password@")
    with RangeServer({"f.bin": DATA}) as elsewhere:
        server.redirects["moved"] = elsewhere.url("f.bin") + "?signed=1"
        with RemoteSource.open(login, options={"headers": {"X-Key": "k"}}) as source:
            assert source.get_range(100_000, 100_009) == DATA[100_000:100_009]
            # Where it led once is asked directly ...
            assert [len(server.requests), len(elsewhere.requests)] == [1, 2]
            # ... until that is no longer allowed.
            elsewhere.faults = ["status-403"]
            assert source.get_range(200_000, 200_009) == DATA[200_000:200_009]
            assert [len(server.requests), len(elsewhere.requests)] == [2, 4]
        assert server.headers[0]["authorization"].startswith("Basic ")
        assert all({"authorization", "x-key"}.isdisjoint(headers) for headers in elsewhere.headers)


def test_no_secret_stands_in_errors_and_logs(server: RangeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for fault, *_ in FAULTS:
        server.fault = fault
        url = server.url("f.bin").replace("://", "://user:PASSWORD@") + "?X-Signature=SECRET#SECRET"
        options = {**QUICK, "timeout": 0.02, "retries": 0, "headers": {"Authorization": "Bearer TOKEN"}}
        with pytest.raises(RemoteSourceError) as caught:
            RemoteSource.open(url, first_nbytes=1000, options=options)
        error = caught.value
        text = "".join(traceback.format_exception(error)) + repr(vars(error)) + caplog.text
        raised = text.split("framedeflate.errors.RemoteSourceError")[-1]
        for secret in ("PASSWORD", "SECRET", "TOKEN"):
            assert secret not in raised


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://", "url"),
        ("http:///f", "url"),
        ("http://host:port/f", "url"),
        ("http://[::1/f", "url"),
        ("http://a..b/f", "url"),
    ],
)
def test_urls_that_lead_nowhere(url: str, kind: str) -> None:
    with pytest.raises(RemoteSourceError) as caught:
        RemoteSource.open(url, options=QUICK)
    assert caught.value.kind == kind


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(RemoteSourceError, match="connection refused") as caught:
            RemoteSource.open(f"http://127.0.0.1:{holder.getsockname()[1]}/f", options=QUICK)
    assert caught.value.kind == "connection"


def test_a_server_that_takes_no_connection() -> None:
    # A listener that accepts nobody, with its queue full: connecting takes for ever.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with RemoteSourceClients(listener.getsockname()), pytest.raises(RemoteSourceError) as caught:
            RemoteSource.open(f"http://127.0.0.1:{listener.getsockname()[1]}/f", options=QUICK)
    assert caught.value.kind == "timeout"


class RemoteSourceClients:
    """Enough clients to fill a listener's queue."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sockets = [socket.socket() for _ in range(4)]
        for client in self.sockets:
            client.setblocking(False)
            client.connect_ex(address)

    def __enter__(self) -> None:
        """They wait already."""

    def __exit__(self, *error: object) -> None:
        for client in self.sockets:
            client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    path = certificate.with_name("server.pem")
    path.write_text(key.read_text() + certificate.read_text())
    return path


def test_certificates_count(certificate: Path, server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with RangeServer({"f.bin": DATA}, certificate=certificate) as secure:
        with pytest.raises(RemoteSourceError, match="certificate") as caught:
            RemoteSource.open(secure.url("f.bin"))
        assert caught.value.kind == "tls"
        assert secure.requests == []
        trusting = {"ssl_context": ssl.create_default_context(cafile=certificate)}
        with RemoteSource.open(secure.url("f.bin"), options=trusting) as source:
            assert source.get_range(100_000, 100_009) == DATA[100_000:100_009]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with RemoteSource.open(secure.url("f.bin")) as source:
            assert source.nbytes == len(DATA)
            ranges = [(index * 90_000, index * 90_000 + 9) for index in range(20)]
            assert source.get_ranges(ranges) == [DATA[start:stop] for start, stop in ranges]
            secure.drop_connections()
            assert source.get_range(100_000, 100_009) == DATA[100_000:100_009]
        secure.redirects["down"] = server.url("f.bin")
        with pytest.raises(RemoteSourceError, match="from https to http") as caught:
            RemoteSource.open(secure.url("down"))
        assert caught.value.kind == "redirect"
    assert server.requests == []
    with pytest.raises(RemoteSourceError) as caught:
        RemoteSource.open(server.url("f.bin").replace("http", "https"), options=QUICK)
    assert caught.value.kind == "tls"


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_s_proxy(server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)
    monkeypatch.setenv("http_proxy", server.base_url.replace("://", "://user:pw@"))
    with RemoteSource.open("http://elsewhere.invalid:8080/f.bin?q") as source:
        assert source.get_range(100_000, 100_009) == DATA[100_000:100_009]
    assert server.targets == ["http://elsewhere.invalid:8080/f.bin?q"] * 2
    assert server.headers[0]["host"] == "elsewhere.invalid:8080"
    assert server.headers[0]["proxy-authorization"] == "Basic dXNlcjpwdw=="
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with RemoteSource.open(server.url("f.bin")) as source:
        assert source.nbytes == len(DATA)
    assert server.targets[-1] == "/f.bin"


def test_https_goes_through_a_proxy_s_tunnel(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)
    trusting = {"ssl_context": ssl.create_default_context(cafile=certificate)}
    with RangeServer({"f.bin": DATA}, certificate=certificate) as secure, RangeServer({}) as proxy:
        proxy.tunnel_port = secure.port
        monkeypatch.setenv("https_proxy", proxy.base_url.replace("://", "://user:pw@"))
        with RemoteSource.open(secure.url("f.bin"), options=trusting) as source:
            assert source.get_range(100_000, 100_009) == DATA[100_000:100_009]
        assert (proxy.methods, proxy.targets) == (["CONNECT"], [f"127.0.0.1:{secure.port}"])
        assert proxy.headers[0]["proxy-authorization"] == "Basic dXNlcjpwdw=="
        assert all("proxy-authorization" not in headers for headers in secure.headers)
        proxy.tunnel_port = 0
        with pytest.raises(RemoteSourceError) as caught:
            RemoteSource.open(secure.url("f.bin"), options={**trusting, "retries": 0})
        assert caught.value.kind == "connection"


def test_connections_end_with_the_source(server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.bin")) as source:
        source.get_ranges([(index * 90_000, index * 90_000 + 9) for index in range(20)])
        assert server.open_connections > 0
    wait_until(lambda: server.open_connections == 0)
