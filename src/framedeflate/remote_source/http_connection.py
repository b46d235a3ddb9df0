# SPDX-License-Identifier: Apache-2.0
"""HTTP connections that are kept, shared by threads, and never outlast a request's deadline."""

import base64
import http.client
import io
import os
import socket
import ssl
import threading
import time
import urllib.request
from typing import Any, Final
from urllib.parse import unquote, urlsplit

__all__ = ["Connections", "basic_authorization"]

_LEAST_SECONDS: Final = 0.001


class _PacedSocket(io.RawIOBase):
    """A socket's bytes until a deadline. Its own timeout starts anew with each byte, of which a server may send few."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float, timeout: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._timeout = timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(max(_LEAST_SECONDS, min(left, self._timeout)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


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
        self._idle: list[http.client.HTTPConnection] = []
        self._pid = os.getpid()
        self._proxy = _proxy(scheme, host)

    def request(
        self, target: str, headers: dict[str, str], *, deadline: float, fresh: bool = False
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a GET and return the connection and the response, whose body is still to be read.

        An idle connection may have been closed by the server; then it is done over a `fresh` one.
        """
        connection = None if fresh else self._take()
        reused = connection is not None
        if connection is None:
            connection = self._new()
        try:
            return connection, self._exchange(connection, target, headers, deadline)
        except BaseException as error:
            connection.close()
            if reused and isinstance(error, ConnectionError | http.client.BadStatusLine):
                return self.request(target, headers, deadline=deadline, fresh=True)
            raise

    def _exchange(
        self, connection: http.client.HTTPConnection, target: str, headers: dict[str, str], deadline: float
    ) -> http.client.HTTPResponse:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.timeout = max(_LEAST_SECONDS, min(left, self._timeout))
        timeout = self._timeout

        class Response(http.client.HTTPResponse):
            def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
                super().__init__(sock, *arguments, **named)
                self.fp = io.BufferedReader(_PacedSocket(self.fp.detach(), sock, deadline, timeout))

        connection.response_class = Response
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        if self._proxy and self._scheme == "http":
            target = f"http://{_authority(self._host, self._port)}{target}"
            headers = {**headers, **_proxy_authorization(self._proxy)}
        connection.request("GET", target, headers=headers)
        return connection.getresponse()

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection whose response was read to its end."""
        with self._lock:
            if connection.sock is not None and len(self._idle) < self._most and self._pid == os.getpid():
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> http.client.HTTPConnection | None:
        with self._lock:
            if self._pid != os.getpid():
                # On one connection parent and child would read each other's answers. It stays open for the parent.
                self._pid = os.getpid()
                for connection in self._idle:
                    connection.close()
                self._idle = []
            return self._idle.pop() if self._idle else None

    def _new(self) -> http.client.HTTPConnection:
        host, port = self._host, self._port
        if self._proxy:
            parts = urlsplit(self._proxy)
            host, port = parts.hostname or "", parts.port or 80
        if self._scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._context)
        if self._proxy:
            connection.set_tunnel(self._host, self._port, headers=_proxy_authorization(self._proxy))
        return connection


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _proxy(scheme: str, host: str) -> str:
    """Return the URL of the proxy that the environment names, as urllib finds it; "" for none."""
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
