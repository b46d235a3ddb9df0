# SPDX-License-Identifier: Apache-2.0
"""HTTP connections that are kept, shared by threads, and never outlast a request's deadline."""

import base64
import contextlib
import functools
import http.client
import io
import os
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

__all__ = ["LOST", "Connections", "Kept", "basic_authorization"]

_LEAST_SECONDS: Final = 0.001

LOST: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""What a connection that the other side closed raises."""


class _Pace:
    """When the request under way on a connection must have ended, and how long each next byte may take."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.deadline = 0.0

    def left(self) -> float:
        """Return the seconds that the next byte may take; TimeoutError where there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return max(_LEAST_SECONDS, min(left, self.timeout))


class _PacedSocket(io.RawIOBase):
    """A socket's bytes until a deadline. Its own timeout starts anew with each byte, of which a server may send few."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, pace: _Pace) -> None:
        self._raw = raw
        self._sock = sock
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._pace.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PacedResponse(http.client.HTTPResponse):
    def __init__(self, pace: _Pace, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_PacedSocket(self.fp.detach(), sock, pace))


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A connection and its pace."""

    connection: http.client.HTTPConnection
    pace: _Pace


class Connections:
    """Connections to one origin.

    Parameters
    ----------
    scheme, host, port
        Where to.
    timeout : float
        Seconds to wait for a connection and for each next byte.
    context : ssl.SSLContext or None
        For https; None for the system's certificates.
    most : int
        How many are kept idle.
    """

    def __init__(
        self, scheme: str, host: str, port: int, *, timeout: float, context: ssl.SSLContext | None, most: int
    ) -> None:
        self._scheme = scheme
        self._host = host
        self._port = port
        self._timeout = timeout
        self._context = context
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[Kept] = []
        self._busy: set[Kept] = set()
        self._closed = False
        self._pid = os.getpid()
        self._proxy = _proxy(scheme, host)

    def request(
        self, target: str, headers: dict[str, str], *, deadline: float, fresh: bool = False
    ) -> tuple[Kept, http.client.HTTPResponse]:
        """Send a GET and return the connection and the response, whose body is still to be read.

        An idle connection may have been closed by the server; then it is done over a `fresh` one.
        """
        idle = None if fresh else self._take()
        kept = idle or self._new()
        with self._lock:
            self._busy.add(kept)
        try:
            return kept, self._exchange(kept, target, headers, deadline)
        except BaseException as error:
            self.discard(kept)
            if idle is not None and isinstance(error, (*LOST, http.client.BadStatusLine)):
                return self.request(target, headers, deadline=deadline, fresh=True)
            raise

    def _exchange(
        self, kept: Kept, target: str, headers: dict[str, str], deadline: float
    ) -> http.client.HTTPResponse:
        connection = kept.connection
        kept.pace.deadline = deadline
        connection.timeout = kept.pace.left()
        if connection.sock is None:
            connection.connect()
        else:
            connection.sock.settimeout(connection.timeout)
        if self._closed:
            # Whoever closed it saw no socket yet that could be ended.
            raise ConnectionAbortedError
        if self._proxy and self._scheme == "http":
            target = f"http://{_authority(self._host, self._port)}{target}"
            headers = {**headers, **_proxy_authorization(self._proxy)}
        connection.request("GET", target, headers=headers)
        return connection.getresponse()

    def give_back(self, kept: Kept) -> None:
        """Keep a connection whose response was read to its end."""
        with self._lock:
            self._busy.discard(kept)
            wanted = not self._closed and len(self._idle) < self._most and self._pid == os.getpid()
            if wanted and kept.connection.sock is not None:
                self._idle.append(kept)
                return
        kept.connection.close()

    def discard(self, kept: Kept) -> None:
        """Close a connection on which something else may still come."""
        with self._lock:
            self._busy.discard(kept)
        kept.connection.close()

    def close(self) -> None:
        """Close what is idle, and end what is under way: a thread that waits for an answer gets an error at once."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            # A forked process must not end its parent's.
            busy = list(self._busy) if self._pid == os.getpid() else []
        for kept in idle:
            kept.connection.close()
        for kept in busy:
            sock = kept.connection.sock
            if sock is not None:
                with contextlib.suppress(OSError):
                    # Not by SSLSocket's own, under which a reading thread would go on without decrypting.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _take(self) -> Kept | None:
        with self._lock:
            if self._pid != os.getpid():
                # On one connection parent and child would read each other's answers. It stays open for the parent.
                self._pid = os.getpid()
                for kept in self._idle:
                    kept.connection.close()
                self._idle = []
                self._busy = set()
            return self._idle.pop() if self._idle else None

    def _new(self) -> Kept:
        host, port = self._host, self._port
        if self._proxy:
            parts = urlsplit(self._proxy)
            host, port = parts.hostname or "", parts.port or 80
        if self._scheme == "http":
            connection = http.client.HTTPConnection(host, port)
        else:
            connection = http.client.HTTPSConnection(host, port, context=self._context)
            if self._proxy:
                connection.set_tunnel(self._host, self._port, headers=_proxy_authorization(self._proxy))
        pace = _Pace(self._timeout)
        connection.response_class = functools.partial(_PacedResponse, pace)  # type: ignore[assignment]
        return Kept(connection, pace)


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _proxy(scheme: str, host: str) -> str:
    """Return the URL of the proxy that the environment names, as urllib finds it; "" for none."""
    # Most have none, and what finds them takes long to load.
    in_registry = sys.platform in {"win32", "darwin"}
    if not in_registry and not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    import urllib.request

    proxy = urllib.request.getproxies().get(scheme, "")
    if not proxy or urllib.request.proxy_bypass(host):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _proxy_authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return {"Proxy-Authorization": basic_authorization(parts.username, parts.password or "")}


def basic_authorization(user: str, password: str) -> str:
    """Return the value of an Authorization header for a user and password as they stand in a URL (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
