# SPDX-License-Identifier: Apache-2.0
"""A connection with limits that uvicorn's own has not: the length of a head, and how slow a client may be."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["ConnectionLimits", "bounded_protocol", "drop_the_slow"]

_WINDOW_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one client may take up.

    Attributes
    ----------
    connections : int
        At once; more are closed as they come.
    head_nbytes : int
        Request line and header fields together, of trailers too.
    head_seconds : float
        From a head's first byte to its last; of a new connection, from its beginning.
    receive_nbytes_per_second : int
        A payload that comes slower, over 30 seconds, is given up; the time in which we did not read does not count.
    idle_seconds : int
        Between two requests on a connection.
    stalled_seconds : float
        For so long a client may take nothing of an answer that waits for it.
    """

    connections: int = 512
    head_nbytes: int = 32 << 10
    head_seconds: float = 20.0
    receive_nbytes_per_second: int = 1024
    idle_seconds: int = 75
    stalled_seconds: float = 60.0


async def _head_too_large(_scope: Any, _receive: Any, send: Any) -> None:
    body = b'{"status": 431, "kind": "head-too-large", "message": "The request\'s header fields are too long."}\n'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 431, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's connection, watched; `drop_the_slow` looks at it every second, so no request needs a timer."""

    limits: ConnectionLimits

    # Bytes since the parser last made anything of them: a head, or trailers, that do not end.
    _pending_nbytes = 0
    _head_since: float | None = None
    _stalled_since: float | None = None
    _window_since = 0.0
    _window_nbytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._pending_nbytes += len(data)
        super().data_received(data)
        if self._pending_nbytes > self.limits.head_nbytes and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        self._head_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # One read can bring a whole head that is too long: it is only counted where it could be.
        is_long = (
            self._pending_nbytes > self.limits.head_nbytes and self._head_nbytes() > self.limits.head_nbytes
        )
        self._pending_nbytes = 0
        self._head_since = None
        self._window_since, self._window_nbytes = self.loop.time(), 0
        if not is_long:
            super().on_headers_complete()
            return
        application, self.app = self.app, _head_too_large
        try:
            super().on_headers_complete()
        finally:
            self.app = application

    def on_body(self, body: bytes) -> None:
        self._pending_nbytes = 0
        self._window_nbytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending_nbytes = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since = None
        super().resume_writing()

    def is_too_slow(self, now: float) -> bool:
        """Whether the client has had its time."""
        if self._head_since is not None and now - self._head_since > self.limits.head_seconds:
            return True
        if self._stalled_since is not None and now - self._stalled_since > self.limits.stalled_seconds:
            return True
        if (
            self.cycle is None
            or not self.cycle.more_body
            or self.cycle.response_complete
            or self.flow.read_paused
        ):
            self._window_since, self._window_nbytes = now, 0
            return False
        if now - self._window_since < _WINDOW_SECONDS:
            return False
        is_slow = self._window_nbytes < _WINDOW_SECONDS * self.limits.receive_nbytes_per_second
        self._window_since, self._window_nbytes = now, 0
        return is_slow

    def _is_between_requests(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    def _head_nbytes(self) -> int:
        # Name, colon, space, value, line end.
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        if self._is_between_requests():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()
        else:
            self.transport.abort()


def bounded_protocol(limits: ConnectionLimits) -> type[HttpToolsProtocol]:
    """Return a class of connections with these limits, for uvicorn to make them of."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"limits": limits})


def drop_the_slow(connections: set[Any], now: float) -> int:
    """Close connections whose clients are too slow; return how many that were."""
    slow = [one for one in connections if isinstance(one, _BoundedProtocol) and one.is_too_slow(now)]
    for connection in slow:
        connection.transport.abort()
    return len(slow)
