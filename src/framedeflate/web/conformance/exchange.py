# SPDX-License-Identifier: Apache-2.0
"""Requests and answers, bounded in time and size; the one door to httpx."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import urljoin, urlsplit

from framedeflate.extras import needing
from framedeflate.web.conformance.media import Media, media_of
from framedeflate.web.conformance.multipart import Payload, read_payload
from framedeflate.web.conformance.outcomes import CheckFailedError

with needing("web", "the DICOMweb conformance suite"):
    import httpx

__all__ = ["Answer", "Client", "UnreachableError"]

MAX_ANSWER_NBYTES: Final = 64 << 20


class UnreachableError(Exception):
    """No answer to the first request, or none but that a token is missing."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes
    ----------
    status : int
        The status code.
    headers : mapping
        By lower-case name.
    raw : bytes
        The body as it was sent, before any content coding is taken off.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def media(self) -> Media:
        """Its Content-Type."""
        return media_of(self.headers.get("content-type"))

    @property
    def coding(self) -> str:
        """Its Content-Encoding, "" for none."""
        coding = self.headers.get("content-encoding", "").strip().lower()
        return "" if coding == "identity" else coding

    @cached_property
    def content(self) -> bytes:
        """The body without its coding; a coding that does not come off fails the check."""
        try:
            return _decoded(self.raw, self.coding)
        except (zlib.error, EOFError, OSError) as error:
            raise CheckFailedError(
                f"{self.describe()}: {error}", f"a body that is Content-Encoding {self.coding}"
            ) from error

    @cached_property
    def payload(self) -> Payload:
        """Its parts; those of a single-part answer are itself."""
        boundary = self.media.parameters.get("boundary", "")
        return read_payload(boundary, self.content)

    def describe(self) -> str:
        """Tell status, media type and size."""
        coding = f", {self.coding}" if self.coding else ""
        return (
            f"{self.status} {self.media}, {len(self.raw)} bytes{coding}"
            if self.raw
            else f"{self.status}, no body"
        )


def _decoded(raw: bytes, coding: str) -> bytes:
    if not coding:
        return raw
    if coding not in {"deflate", "gzip", "x-gzip"}:
        raise OSError(f"Content-Encoding {coding[:20]} was not asked for")
    inflater = zlib.decompressobj(zlib.MAX_WBITS if coding == "deflate" else zlib.MAX_WBITS | 16)
    content = inflater.decompress(raw, MAX_ANSWER_NBYTES)
    if not inflater.eof:
        raise EOFError("the stream does not end")
    if inflater.unused_data:
        raise EOFError(f"{len(inflater.unused_data)} bytes behind the end of the stream")
    return content


def gzipped(content: bytes) -> bytes:
    """Return a gzip member."""
    return gzip.compress(content, mtime=0)


class Client:
    """Sends requests to one service root, with nothing in them that was not asked for.

    Parameters
    ----------
    url : str
        The service root.
    token : str
        For ``Authorization: Bearer``; it goes to this origin only, since redirects are not followed.
    seconds : float
        For a whole answer.
    """

    def __init__(self, url: str, *, token: str = "", seconds: float = 30.0) -> None:
        self.root = url.rstrip("/")
        self.seconds = seconds
        self.requests = 0
        self._http = httpx.Client(timeout=seconds, follow_redirects=False)
        # httpx accepts anything by itself, which is what some of the checks are about.
        for name in ("accept", "accept-encoding"):
            del self._http.headers[name]
        if token:
            self._http.headers["authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def resolve(self, uri: str, base: str = "") -> str | None:
        """Return the absolute URL of a URI from an answer; None where it leads to another origin."""
        try:
            url = urljoin((base or self.root) + ("" if base else "/"), uri)
            there, here = urlsplit(url), urlsplit(self.root)
            same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
        except ValueError:
            return None
        return url if same else None

    def send(
        self,
        method: str,
        path: str,
        *,
        accept: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, and read at most 64 MiB of the answer.

        Parameters
        ----------
        method, path : str
            The path behind the service root, or a whole URL.
        accept : str, optional
            None sends no Accept field.
        body : bytes, optional
            The payload.
        headers : mapping, optional
            Further fields.

        Raises
        ------
        CheckFailedError
            Where the connection breaks, or the answer does not end in time.
        """
        self.requests += 1
        fields = dict(headers or {})
        if accept is not None:
            fields["Accept"] = accept
        url = path if path.startswith(("http://", "https://")) else self.root + path
        end = time.monotonic() + self.seconds
        raw = bytearray()
        try:
            with self._http.stream(method, url, headers=fields, content=body) as response:
                for block in response.iter_raw():
                    raw += block
                    if len(raw) > MAX_ANSWER_NBYTES or time.monotonic() > end:
                        raise CheckFailedError(f"{len(raw)} bytes, and no end", "an answer that ends")
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, found, bytes(raw))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CheckFailedError(f"no answer: {type(error).__name__}", "an answer") from error

    def probe(self) -> None:
        """Ask anything at all.

        Raises
        ------
        UnreachableError
            There is no HTTP server, or it answers nobody without a token.
        """
        try:
            answer = self.send("GET", "/studies?limit=1", accept="application/dicom+json")
        except CheckFailedError as error:
            raise UnreachableError(f"{self.root}: {error.seen}") from error
        if answer.status in {401, 403, 407}:
            # Every check would fail, and none for what it is about.
            raise UnreachableError(f"{self.root}: {answer.status}, it wants a token (--token), or another")
