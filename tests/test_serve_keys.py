# SPDX-License-Identifier: Apache-2.0
"""Key sets from a server: read whole or not at all, from where they were said to be, in bounded time."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from certificates import self_signed
from framedeflate.web.server.key_set import KeySet, key_source

PUBLIC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
KEYS = {"keys": [{**ECAlgorithm.to_jwk(PUBLIC_KEY, as_dict=True), "kid": "1"}]}


class Answers(BaseHTTPRequestHandler):
    """Behaves as its path says."""

    def do_GET(self) -> None:
        if self.path == "/nonsense":
            self.wfile.write(b"no answer at all\r\n\r\n")
            return
        body = b" " * (1 << 20) if self.path == "/endless" else json.dumps(KEYS).encode()
        self.send_response({"/moved": 302, "/missing": 404}.get(self.path, 200))
        if self.path == "/moved":
            self.send_header("Location", "/keys")
        self.send_header("Content-Length", str(len(body) + (100 if self.path == "/cut" else 0)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (ConnectionError, ssl.SSLError):
            return

    def log_message(self, *_arguments: object) -> None:
        return


@contextmanager
def served(certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_server_of_keys(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with served(tmp_path) as url:
        assert [
            key["kid"] for key in KeySet(key_source(f"{url}/keys", context=trusting)).candidates("1")
        ] == ["1"]
        with pytest.raises(ValueError, match="longer than"):
            KeySet(key_source(f"{url}/endless", context=trusting))
        for path in ("/moved", "/missing", "/nonsense", "/cut"):
            with pytest.raises(OSError, match=r"."):
                KeySet(key_source(url + path, context=trusting))
        with pytest.raises(OSError, match="certificate"):
            KeySet(key_source(f"{url}/keys"))
