# SPDX-License-Identifier: Apache-2.0
"""A stored stream as Content-Encoding (PS3.18 8.7.3.3.2 note), judged by zlib, gzip, requests and httpx."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from framedeflate import ImagePixel, encode_frame, engine
from framedeflate.web.content_encoding import CODINGS, Coding, FrameSums, coded_nbytes, wrap

PIXELS = ImagePixel(rows=64, columns=64, bits_allocated=1)


def stored(native: bytes, image_pixel: ImagePixel = PIXELS) -> tuple[bytes, FrameSums]:
    """Return a Fragment and its sums as the core tells them."""
    fragment = encode_frame(native, image_pixel)
    _, [consumed], [produced], [adler32], [crc32] = engine.inflate_checksums([fragment], len(native), 1)
    return fragment, FrameSums(consumed, produced, adler32, crc32)


@given(
    st.binary(min_size=512, max_size=512) | st.binary(max_size=8).map(lambda some: some.ljust(512, b"\x0f"))
)
def test_zlib_and_gzip_read_it(native: bytes) -> None:
    fragment, sums = stored(native)
    for unpadded in (fragment, fragment[: sums.stream_nbytes]):
        for coding in CODINGS:
            judge = zlib.decompress if coding == "deflate" else gzip.decompress
            body = b"".join(bytes(buffer) for buffer in wrap(unpadded, sums, coding))
            assert len(body) == coded_nbytes(sums, coding)
            assert judge(body) == native
            # Nothing behind the end: a decoder that looks at it would refuse the body.
            decoder = zlib.decompressobj(wbits=47)
            assert decoder.decompress(body) == native
            assert (decoder.eof, decoder.unused_data) == (True, b"")


def test_the_stream_is_not_copied() -> None:
    fragment, sums = stored(b"\x0f" * 512)
    for coding in CODINGS:
        _, stream, _ = wrap(fragment, sums, coding)
        assert isinstance(stream, memoryview)
        assert stream.obj is fragment


def test_the_fragment_of_another_frame_is_refused() -> None:
    fragment, sums = stored(b"\x0f" * 512)
    for other in (fragment[: sums.stream_nbytes - 1], fragment + b"\x00\x00", b""):
        with pytest.raises(ValueError, match="fragment"):
            wrap(other, sums, "deflate")


def test_the_size_of_gzip_counts_modulo_4_gib() -> None:  # RFC 1952 2.3.1, ISIZE
    *_, trailer = wrap(b"\x03\x00", FrameSums(2, (1 << 32) + 5, 1, 0), "gzip")
    assert bytes(trailer)[4:] == b"\x05\x00\x00\x00"


NATIVE = bytes(range(256)) * 2


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A loopback server whose path says the coding of its answer."""
    fragment, sums = stored(NATIVE)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            coding: Coding = "gzip" if self.path == "/gzip" else "deflate"
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1")
            self.send_header("Content-Encoding", coding)
            self.send_header("Content-Length", str(coded_nbytes(sums, coding)))
            self.end_headers()
            self.wfile.writelines(bytes(buffer) for buffer in wrap(fragment, sums, coding))

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.mark.parametrize("coding", CODINGS)
def test_clients_get_native_bytes(url: str, coding: str) -> None:
    answer = requests.get(f"{url}/{coding}", timeout=10)
    assert answer.headers["Content-Encoding"] == coding
    assert answer.content == NATIVE
    with httpx.Client(trust_env=False, timeout=10) as client:
        assert client.get(f"{url}/{coding}").content == NATIVE
