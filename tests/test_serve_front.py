# SPDX-License-Identifier: Apache-2.0
"""What every request passes before a route sees it, on a real connection with a toy behind it."""

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from framedeflate.web.server.access import StaticToken
from framedeflate.web.server.connection import ConnectionLimits
from framedeflate.web.server.origins import Origins
from framedeflate.web.server.running import bind
from guarded_server import Guarded, guarded

PATIENT = "Doe^John"
TOKEN = b"0123456789abcdef"
INSTANCE = "/dicomweb/studies/1.2/series/1.3/instances/1.4"


async def toy(scope: Any, receive: Any, send: Any) -> None:
    """Read the payload and say how long it was; some paths misbehave."""
    nbytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        nbytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    path = scope["path"]
    if path.endswith("/fails"):
        raise RuntimeError(PATIENT)
    if path.endswith("/waits"):
        await asyncio.sleep(0.5)
    body = json.dumps({"nbytes": nbytes, "path": path}).encode()
    if path.endswith("/large"):
        body = bytes(32 << 20)
    length = str(len(body) + (10 if path.endswith("/breaks") else 0)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    if path.endswith("/breaks"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        raise RuntimeError(PATIENT)
    await send({"type": "http.response.body", "body": body})


@contextmanager
def running(limits: ConnectionLimits | None = None, **rules: Any) -> Iterator[Guarded]:
    with guarded(toy, limits, **rules) as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[Guarded]:
    with running(max_body_nbytes=1000, max_url_nbytes=500) as server:
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[Guarded]:
    with running(access=StaticToken(TOKEN), origins=Origins(["https://viewer.example"])) as server:
        yield server


def kind_of(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["kind"]


def test_an_answer_carries_what_a_browser_must_not_do(plain: Guarded) -> None:
    _, headers, _ = plain.ask("GET", "/dicomweb/studies")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "sandbox" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers
    assert "strict-transport-security" not in headers
    _, headers, _ = plain.ask("GET", "/")
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:1", "localhost.evil:{port}", "", "127.0.0.2:{port}"]
)
def test_another_name_is_refused(plain: Guarded, host: str) -> None:
    assert kind_of(plain.ask("GET", INSTANCE, {"Host": host.format(port=plain.port)})) == (421, "host")


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "[::1]"])
def test_our_names_are_not(plain: Guarded, host: str) -> None:
    assert plain.ask("GET", INSTANCE, {"Host": f"{host}:{plain.port}"})[0] == 200


def test_a_port_left_out_is_put_in() -> None:
    async def told(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": dict(scope["headers"])[b"host"]})

    with guarded(told) as server:
        for host in ("127.0.0.1", f"127.0.0.1:{server.port}"):
            assert server.ask("GET", "/dicomweb", {"Host": host})[2] == f"127.0.0.1:{server.port}".encode()


def test_exactly_one_host(plain: Guarded) -> None:
    good = f"Host: 127.0.0.1:{plain.port}\r\n"
    for hosts in ("", good + good, good + "Host: evil.example\r\n"):
        answer = plain.raw(f"GET /dicomweb/studies HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert plain.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_page_of_another_origin_cannot_store(plain: Guarded) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert kind_of(plain.ask("POST", "/dicomweb/studies", headers, b"x")) == (403, "cross-site")
        assert plain.ask("GET", "/dicomweb/studies", headers)[0] == 200
    own = {"Origin": f"http://127.0.0.1:{plain.port}", "Sec-Fetch-Site": "same-origin"}
    assert plain.ask("POST", "/dicomweb/studies", own, b"x")[0] == 200
    assert plain.ask("POST", "/dicomweb/studies", {}, b"x")[0] == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_compressed_payload_is_refused(plain: Guarded, coding: str) -> None:
    status, headers, body = plain.ask("POST", "/dicomweb/studies", {"Content-Encoding": coding}, b"x")
    assert (status, json.loads(body)["kind"]) == (415, "coded-payload")
    assert headers["accept-encoding"] == "identity"


def test_payloads_have_an_end(plain: Guarded) -> None:
    assert json.loads(plain.ask("POST", "/dicomweb/studies", {}, bytes(1000))[2])["nbytes"] == 1000
    assert kind_of(plain.ask("POST", "/dicomweb/studies", {}, bytes(1001))) == (413, "payload-too-large")
    head = f"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:{plain.port}\r\n"
    claimed = plain.raw(f"{head}Content-Length: 99999999999999\r\n\r\n".encode())
    assert claimed.startswith(b"HTTP/1.1 413 ")
    chunk = b"320\r\n" + bytes(800) + b"\r\n"
    chunked = plain.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 3)
    assert chunked.startswith(b"HTTP/1.1 413 ")


def test_urls_have_an_end(plain: Guarded) -> None:
    assert kind_of(plain.ask("GET", "/dicomweb/studies?" + "a" * 500)) == (414, "url-too-long")


def test_heads_have_an_end(plain: Guarded) -> None:
    head = f"GET /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:{plain.port}\r\n".encode()
    many = b"".join(b"X-%d: y\r\n" % number for number in range(5000))
    for rest in (b"X: " + b"y" * 40_000 + b"\r\n\r\n", many + b"\r\n", b"X: " + b"y" * 4_000_000, many * 20):
        assert plain.raw(head + rest)[:13] in {b"HTTP/1.1 431 ", b""}
    url = plain.raw(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert url.startswith(b"HTTP/1.1 4")
    chunked = (
        b"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        % plain.port
    )
    assert b" 200 " not in plain.raw(chunked + b"X: " + b"y" * 4_000_000)
    assert plain.ask("GET", "/dicomweb/studies")[0] == 200


def test_without_a_token_nothing_but_the_viewer_and_health(locked: Guarded) -> None:
    for path in ("/dicomweb/studies", "/dicomweb", "/dicomwebx", "/metrics", INSTANCE + "/frames/1"):
        status, headers, body = locked.ask("GET", path)
        assert (status, json.loads(body)["kind"]) == (401, "no-token")
        assert headers["www-authenticate"] == 'Bearer realm="framedeflate"'
        status, headers, body = locked.ask("GET", path, {"Authorization": "Bearer wrong-wrong-wrong"})
        assert (status, json.loads(body)["kind"]) == (401, "bad-token")
        assert 'error="invalid_token"' in headers["www-authenticate"]
        assert locked.ask("GET", path, {"Authorization": f"Bearer {TOKEN.decode()}"})[0] == 200
    assert locked.ask("GET", "/")[0] == locked.ask("GET", "/healthz")[0] == 200
    assert locked.ask("POST", "/dicomweb/studies", {}, b"x")[0] == 401


def test_a_page_that_may_read_is_told_so_and_another_is_not(locked: Guarded) -> None:
    good, bad = "https://viewer.example", "https://viewer.example.evil"
    asks = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "accept, authorization",
    }
    status, headers, body = locked.ask("OPTIONS", INSTANCE, {"Origin": good, **asks})
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == good
    assert {"Accept", "Authorization", "Range"} <= set(headers["access-control-allow-headers"].split(", "))
    assert {"GET", "POST"} <= set(headers["access-control-allow-methods"].split(", "))
    status, headers, _ = locked.ask("OPTIONS", INSTANCE, {"Origin": bad, **asks})
    assert status == 403
    assert "access-control-allow-origin" not in headers
    token = {"Authorization": f"Bearer {TOKEN.decode()}"}
    _, headers, _ = locked.ask("GET", INSTANCE, {"Origin": good, **token})
    assert headers["access-control-allow-origin"] == good
    assert {"ETag", "Warning", "X-Total-Count"} <= set(headers["access-control-expose-headers"].split(", "))
    assert "access-control-allow-credentials" not in headers
    for other in ({"Origin": bad}, {}):
        _, headers, _ = locked.ask("GET", INSTANCE, {**other, **token})
        assert "access-control-allow-origin" not in headers
        assert "Origin" in headers["vary"]
    # A refusal can be read too: a page sees that its token is missing.
    assert locked.ask("GET", INSTANCE, {"Origin": good})[1]["access-control-allow-origin"] == good


def test_a_failure_says_nothing_of_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    with running() as server:
        status, headers, body = server.ask("GET", INSTANCE + "/fails")
        assert (status, json.loads(body)["kind"]) == (500, "internal")
        with pytest.raises(http.client.IncompleteRead):
            server.ask("GET", INSTANCE + "/breaks")
        failed, broken = server.entries(2)
    assert headers["x-request-id"] == failed["request_id"]
    assert broken["end"] == "internal"
    assert failed["request_id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Doe" not in caplog.text
    assert "in toy" in caplog.text


def test_a_line_for_each_request_without_what_was_searched_for() -> None:
    with running() as server:
        server.ask("GET", "/dicomweb/studies?PatientName=Doe*")
        server.ask("GET", INSTANCE + "/frames/1,2?accept=x")
        server.ask("POST", "/dicomweb/studies/1.2", {"Authorization": "Bearer secret"}, b"x")
        server.ask("GET", "/dicomweb/patients/Doe")
        lines = server.entries(4)
        raw = server.log.getvalue()
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/dicomweb/studies", 200),
        ("GET", "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", 200),
        ("POST", "/dicomweb/studies/{study}", 200),
        ("GET", "other", 200),
    ]
    assert (lines[1]["study"], lines[1]["instance"], lines[1]["frames"]) == ("1.2", "1.4", "1,2")
    assert all(
        line["event"] == "request" and line["nbytes"] > 0 and line["milliseconds"] > 0 for line in lines
    )
    assert "Doe" not in raw
    assert "secret" not in raw


def test_too_many_at_once_are_told_to_come_again() -> None:
    with running(max_in_flight=4) as server:
        found: list[tuple[int, str | None]] = []

        def ask() -> None:
            status, headers, _ = server.ask("GET", INSTANCE + "/waits")
            found.append((status, headers.get("retry-after")))

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert set(found) == {(200, None), (503, "1")}
        assert server.ask("GET", INSTANCE)[0] == 200
        assert server.tallies.in_flight <= 1


def test_clients_that_hang_are_dropped() -> None:
    limits = ConnectionLimits(head_seconds=0.5, stalled_seconds=0.5, connections=5)
    with running(limits) as server:
        where = ("127.0.0.1", server.port)
        host = f"Host: 127.0.0.1:{server.port}\r\n"
        with (
            socket.create_connection(where) as silent,
            socket.create_connection(where) as half,
            socket.create_connection(where) as later,
            socket.create_connection(where) as deaf,
        ):
            half.sendall(b"GET / HT")
            later.sendall(f"GET / HTTP/1.1\r\n{host}\r\nGET / HT".encode())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(f"GET /large HTTP/1.1\r\n{host}\r\n".encode())
            for connection in (silent, half, later):
                connection.settimeout(10)
                answer = b""
                with contextlib.suppress(ConnectionError):
                    while block := connection.recv(1 << 16):
                        answer += block
                assert b" 200 " in answer if connection is later else answer == b""
            deadline = time.monotonic() + 10
            while server.server.server_state.connections and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not server.server.server_state.connections
        assert server.tallies.in_flight == 0
        # Of six, five are let in.
        crowd = [socket.create_connection(where) for _ in range(6)]
        try:
            time.sleep(0.2)
            assert len(server.server.server_state.connections) == 5
        finally:
            for connection in crowd:
                connection.close()


def test_a_payload_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framedeflate.web.server.connection._WINDOW_SECONDS", 0.5)
    with running(ConnectionLimits(receive_nbytes_per_second=1000)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            head = f"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 5000\r\n\r\n"
            slow.sendall(head.encode())
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    slow.sendall(b"x")
                    time.sleep(0.05)
                assert slow.recv(100) == b""
        assert server.tallies.in_flight == 0


def test_what_is_in_flight_is_finished_at_the_end() -> None:
    found: list[int] = []
    with running() as server:
        thread = threading.Thread(target=lambda: found.append(server.ask("GET", INSTANCE + "/waits")[0]))
        thread.start()
        deadline = time.monotonic() + 10
        while not server.tallies.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        server.server.stop()
        thread.join(10)
        with pytest.raises(ConnectionError):
            server.ask("GET", "/")
    assert found == [200]


def test_an_address_in_brackets_is_the_same_without() -> None:
    for host in ("::1", "[::1]"):
        try:
            listener = bind(host, 0)
        except OSError:
            pytest.skip("this machine has no IPv6")
        with listener:
            assert listener.getsockname()[0] == "::1"
