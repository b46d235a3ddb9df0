# SPDX-License-Identifier: Apache-2.0
"""The application on a socket, until it is told to end."""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn

from framedeflate.web.server.connection import ConnectionLimits, bounded_protocol, drop_the_slow

__all__ = ["WebServer", "bind"]

_TICKS_A_SECOND: Final = 10


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that has an address, and takes connections once a server runs on it.

    Raises
    ------
    OSError
        The address is none of ours, or taken.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Only where it means what it says: a server can be started again at once. On Windows it would share the port.
        if hasattr(socket, "SO_REUSEPORT"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


class WebServer(uvicorn.Server):
    """Uvicorn in this process: one event loop, our limits, our way to end.

    Parameters
    ----------
    application : ASGI application
        What answers.
    limits : ConnectionLimits
        For each connection.
    tls : ssl.SSLContext, optional
        For https.
    grace_seconds : float
        For answers in flight when it is told to end; then they are cut.
    on_started : callable, optional
        Called once requests are answered.
    on_stopping : callable, optional
        Called when it begins to end.
    """

    def __init__(
        self,
        application: Any,
        *,
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
        grace_seconds: float = 10.0,
        on_started: Callable[[], None] | None = None,
        on_stopping: Callable[[], None] | None = None,
    ) -> None:
        # What uvicorn would log quotes requests; the front has a log of its own.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        config = uvicorn.Config(
            application,
            http=bounded_protocol(limits),
            ws="none",
            lifespan="auto",
            log_config=None,
            access_log=False,
            # A client could put any scheme and address of its own into such headers.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=max(1, round(grace_seconds)),
            ssl_context_factory=None if tls is None else (lambda _config, _default: tls),
        )
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        if self._on_started is not None:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in good order."""
        if self._on_stopping is not None:
            self._on_stopping()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % _TICKS_A_SECOND == 0:
            drop_the_slow(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def stop(self) -> None:
        """Take no new connection, and end once what is in flight is done; from any thread."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in our own time at SIGINT and SIGTERM, at once at a second SIGINT, and then return.

        Uvicorn would raise the signal once more when all is done, and the process end as if it had been killed.
        """

        def on_signal(number: int, _frame: FrameType | None) -> None:
            if self.should_exit and number == signal.SIGINT:
                self.force_exit = True
            self.should_exit = True

        previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
