# SPDX-License-Identifier: Apache-2.0
"""Any ASGI application behind the server's front and on its connections, in this process; and what it wrote down."""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from framedeflate.web.server.addresses import allowed_hosts, completed_hosts
from framedeflate.web.server.connection import ConnectionLimits
from framedeflate.web.server.front import Front, FrontRules
from framedeflate.web.server.request_log import RequestLog
from framedeflate.web.server.running import WebServer, bind
from framedeflate.web.server.tallies import Tallies


class Guarded:
    """A running server."""

    def __init__(self, port: int, log: io.StringIO, tallies: Tallies, server: WebServer) -> None:
        self.port, self.log, self.tallies, self.server = port, log, tallies, server

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, header fields by name in lower case, payload."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def raw(self, data: bytes, *, timeout: float = 10) -> bytes:
        """Send bytes and return all that comes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while block := connection.recv(1 << 16):
                    answer += block
            return answer

    def entries(self, count: int) -> list[dict[str, Any]]:
        """The log's lines, once there are so many."""
        deadline = time.monotonic() + 10
        while self.log.getvalue().count("\n") < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@contextmanager
def guarded(
    application: Any, limits: ConnectionLimits | None = None, *, tallies: Tallies | None = None, **rules: Any
) -> Iterator[Guarded]:
    """Run it on a free port, with `FrontRules(**rules)`."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    text, tallies = io.StringIO(), tallies or Tallies()
    log = RequestLog(text)
    rules.setdefault("hosts", allowed_hosts("127.0.0.1", port))
    rules.setdefault("completed_hosts", completed_hosts(port, is_tls=False))
    front = Front(application, rules=FrontRules(**rules), tallies=tallies, log=log)
    started = threading.Event()
    server = WebServer(front, limits=limits or ConnectionLimits(), grace_seconds=3, on_started=started.set)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield Guarded(port, text, tallies, server)
    finally:
        server.stop()
        thread.join(20)
        log.close()
    assert not thread.is_alive()
