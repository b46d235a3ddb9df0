# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 server on loopback that answers ranges, counts what was asked, and misbehaves by name.

    with RangeServer({"seg.dcm": path}) as server:
        open_somehow(server.url("seg.dcm"))
        assert server.requests == [("/seg.dcm", 0, 32768)]

It is enough of S3, Google Cloud Storage and Azure Blob Storage for reading: GET with Range on /bucket/key.
"""

import email.utils
import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, unquote, urlsplit

FAULTS: Final = frozenset(
    {
        "no-ranges",  # 200 with the whole file
        "endless",  # 200 that says a terabyte and goes on until the client leaves
        "endless-chunks",  # the same without saying how much
        "endless-part",  # 206 of the right range whose body goes on
        "wrong-content-range",  # 206 that begins elsewhere
        "bad-content-range",  # 206 with words that are no Content-Range
        "no-content-range",
        "unknown-size",  # Content-Range: bytes 0-9/*
        "other-size",  # the whole is said to be a byte longer
        "short-body",  # fewer bytes than Content-Length says, then the end of the connection
        "short-range",  # a legal answer of half the range
        "long-body",  # more bytes than were asked for, and a Content-Range that fits them
        "reset",  # the connection is reset before an answer
        "reset-body",  # and in the middle of one
        "slow",  # no answer until the server stops
        "drip",  # a byte of the body now and then
        "gzip",  # Content-Encoding: gzip though identity was asked for
        "no-etag",
        "weak-etag",
        "ignores-if-match",
        "garbage",  # not HTTP
        "endless-headers",
        "redirect",  # to the same file, once
        "redirect-loop",
        "redirect-to-file",  # to file:///etc/hostname
        "close",  # a right answer, then the connection is closed without saying so
    }
)


class RangeServer:
    """Serves `files` (name to bytes or path) until the end of the with statement; by TLS with a `certificate`.

    Attributes
    ----------
    files : dict
        May be changed while it serves: a file that is replaced gets another ETag.
    redirects : dict
        Names that are answered by a redirect to a URL.
    fault : str
        How every answer goes wrong: one of FAULTS, or "status-NNN"; "" for none.
    faults : list of str
        How the next answers go wrong, one each, before `fault` counts again.
    tunnel_port : int
        As a proxy: the port on loopback that CONNECT leads to, whatever it asks for; 0 to refuse.
    requests : list of (path, start, stop)
        Every request, in the order they came; stop is exclusive, None where no range was asked for.
    methods, targets, headers : list
        The method of each, its path and query as they came, and its headers by lower-case name.
    body_nbytes : int
        Bytes of bodies that were sent.
    connections : int
        How many were opened.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str | PathLike[str]],
        *,
        fault: str = "",
        certificate: Path | None = None,
    ) -> None:
        self.files: dict[str, bytes | str | PathLike[str]] = dict(files)
        self.redirects: dict[str, str] = {}
        self.tunnel_port = 0
        self.fault = fault
        self.faults: list[str] = []
        self.requests: list[tuple[str, int, int | None]] = []
        self.methods: list[str] = []
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.body_nbytes = 0
        self.connections = 0
        self.lock = threading.Lock()
        self._etags: dict[str, tuple[bytes, str]] = {}
        self.stopping = threading.Event()
        owner = self

        class Handler(_Handler):
            server_state = owner

        self._scheme = "https" if certificate else "http"
        self._server = _Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake waits for a client, so it is the handler's thread's.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._server.open_sockets)

    def url(self, name: str) -> str:
        return f"{self.base_url}/{quote(name)}"

    def forget(self) -> None:
        """Begin to count anew."""
        with self.lock:
            for kept in (self.requests, self.methods, self.targets, self.headers):
                kept.clear()
            self.body_nbytes = 0

    def drop_connections(self) -> None:
        """Close what is open, as a server does that was idle for long."""
        self._server.drop()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.drop()
        self._server.server_close()
        self._thread.join(10)

    def content(self, name: str) -> tuple[bytes | Path, int, str]:
        """The file's bytes or path, its size and its ETag."""
        file = self.files[name]
        if isinstance(file, bytes):
            known = self._etags.get(name)
            if known is None or known[0] is not file:
                known = self._etags[name] = (file, f'"{zlib.crc32(file):08x}-{len(file):x}"')
            return file, len(file), known[1]
        status = Path(file).stat()
        return Path(file), status.st_size, f'"{status.st_size:x}-{status.st_mtime_ns:x}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self.open_sockets: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open_sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open_sockets.discard(request)
        super().shutdown_request(request)

    def drop(self) -> None:
        for request in list(self.open_sockets):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave in the middle are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server_state: RangeServer
    protocol_version = "HTTP/1.1"
    # Otherwise the body waits for the acknowledgement of the headers, 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        with self.server_state.lock:
            self.server_state.connections += 1

    def log_message(self, *arguments: object) -> None:
        """Nothing: pytest shows what matters."""

    def do_HEAD(self) -> None:
        self._answer(send_body=False)

    def do_GET(self) -> None:
        self._answer(send_body=True)

    def do_CONNECT(self) -> None:
        state = self.server_state
        with state.lock:
            state.methods.append(self.command)
            state.targets.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.close_connection = True
        if not state.tunnel_port:
            self._say(403)
            return
        with socket.create_connection(("127.0.0.1", state.tunnel_port), 10) as there:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            back = threading.Thread(target=_copy, args=(there, self.connection), daemon=True)
            back.start()
            _copy(self.connection, there)
            back.join(10)

    def _answer(self, *, send_body: bool) -> None:
        state = self.server_state
        # As a proxy it is asked for whole URLs.
        path = unquote(urlsplit(self.path).path)
        asked = self._asked()
        with state.lock:
            state.methods.append(self.command)
            state.targets.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.requests.append((path, *(asked or (0, None))))
            fault = state.faults.pop(0) if state.faults else state.fault
        if fault.startswith("status-"):
            self._say(int(fault.removeprefix("status-")))
        elif fault in {"reset", "garbage", "endless-headers", "slow"} or fault.startswith("redirect"):
            self._misbehave(fault)
        elif path[1:] in state.redirects:
            self._say(302, {"Location": state.redirects[path[1:]]})
        elif path[1:] not in state.files:
            self._say(404)
        else:
            self._send_file(path[1:], asked, fault, send_body=send_body)

    def _asked(self) -> tuple[int, int] | None:
        unit, _, stated = self.headers.get("range", "").partition("=")
        if unit != "bytes":
            return None
        first, _, last = stated.partition("-")
        return int(first), int(last) + 1 if last else 1 << 62

    def _misbehave(self, fault: str) -> None:
        if fault == "reset":
            self._reset()
        elif fault == "garbage":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 10)
            self.close_connection = True
        elif fault == "endless-headers":
            self.wfile.write(b"HTTP/1.1 206 Partial Content\r\n")
            for index in range(1 << 20):
                self.wfile.write(b"X-%d: %s\r\n" % (index, b"x" * 1000))
        elif fault == "slow":
            self.server_state.stopping.wait(30)
            self.close_connection = True
        else:
            again = {"redirect": self.path + "?again", "redirect-loop": self.path + "x"}
            to_self = fault == "redirect" and self.path.endswith("?again")
            if to_self:
                self._send_file(unquote(urlsplit(self.path).path)[1:], self._asked(), "", send_body=True)
            else:
                self._say(302, {"Location": again.get(fault, "file:///etc/hostname")})

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _say(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(
        self, name: str, asked: tuple[int, int] | None, fault: str, *, send_body: bool = True
    ) -> None:
        content, nbytes, etag = self.server_state.content(name)
        headers = {"ETag": etag, "Last-Modified": email.utils.formatdate(0, usegmt=True)}
        if fault == "weak-etag":
            headers["ETag"] = f"W/{etag}"
        elif fault == "no-etag":
            headers = {}
        if_match = self.headers.get("if-match")
        if if_match not in {None, etag} and fault != "ignores-if-match":
            self._say(412)
            return
        if fault in {"no-ranges", "endless", "endless-chunks"} or asked is None:
            self._send(200, headers, _part(content, 0, nbytes), fault, send_body=send_body)
            return
        start, stop = asked[0], min(asked[1], nbytes)
        if start >= nbytes:
            self._say(416, {"Content-Range": f"bytes */{nbytes}"})
            return
        if fault == "short-range":
            stop = start + (stop - start + 1) // 2
        elif fault == "long-body":
            stop = min(stop + 1000, nbytes)
        shown = {
            "wrong-content-range": f"bytes {start + 1}-{stop}/{nbytes}",
            "bad-content-range": "bites",
            "unknown-size": f"bytes {start}-{stop - 1}/*",
            "other-size": f"bytes {start}-{stop - 1}/{nbytes + 1}",
        }.get(fault, f"bytes {start}-{stop - 1}/{nbytes}")
        if fault != "no-content-range":
            headers["Content-Range"] = shown
        self._send(206, headers, _part(content, start, stop), fault, send_body=send_body)

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, fault: str, *, send_body: bool
    ) -> None:
        if fault == "gzip":
            body = gzip.compress(body)
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        for name, value in headers.items():
            self.send_header(name, value)
        if fault == "gzip":
            self.send_header("Content-Encoding", "gzip")
        if fault in {"endless-chunks", "endless-part"}:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(1 << 40 if fault == "endless" else len(body)))
        self.end_headers()
        if send_body:
            self._send_body(body, fault)
        self.close_connection |= fault == "close"

    def _send_body(self, body: bytes, fault: str) -> None:
        if fault in {"short-body", "reset-body"}:
            self._write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            if fault == "reset-body":
                self._reset()
        elif fault == "drip":
            for index in range(len(body)):
                if self.server_state.stopping.wait(0.02):
                    break
                self._write(body[index : index + 1])
                self.wfile.flush()
        elif fault.startswith("endless"):
            block = bytes(1 << 16)
            while not self.server_state.stopping.is_set():
                self._write(b"10000\r\n" + block + b"\r\n" if fault != "endless" else block)
                self.wfile.flush()
        else:
            self._write(body)

    def _write(self, block: bytes) -> None:
        # Counted first: who has read it may look at once.
        with self.server_state.lock:
            self.server_state.body_nbytes += len(block)
        self.wfile.write(block)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(1 << 16):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _part(content: bytes | Path, start: int, stop: int) -> bytes:
    if isinstance(content, bytes):
        return content[start:stop]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def wait_until(condition: Any, seconds: float = 5.0) -> None:
    """Wait for what a server's thread will have done."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
