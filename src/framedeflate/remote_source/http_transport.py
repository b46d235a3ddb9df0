# SPDX-License-Identifier: Apache-2.0
"""One range by HTTP (RFC 9110 14): what is asked, where redirects lead, and what is tried again."""

import http.client
import random
import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source.answers import Answer, Version
from framedeflate.remote_source.http_answer import AgainError, Asked, RedirectedError, failure, read_answer
from framedeflate.remote_source.http_connection import Connections, basic_authorization
from framedeflate.remote_source.urls import HTTP_SCHEMES, origin, shown_url

__all__ = ["HttpOptions", "HttpTransport"]

_GONE: Final = frozenset({401, 403, 404, 410})
_MAX_REDIRECTS: Final = 5
_DRAINED_NBYTES: Final = 1 << 16
_SLOWEST: Final = 16 << 10
_STRONG_ETAG: Final = re.compile(r'"[!#-~\x80-\xff]*"')
_KEPT: Final = "/%:@!$&'()*+,;=~?"
_OURS: Final = frozenset({"range", "if-match", "accept-encoding", "host", "connection", "content-length"})


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How a server is asked.

    Attributes
    ----------
    headers : mapping of str to str
        Sent with every request to the URL's own host, and to no other: Authorization, for example.
    timeout : float
        Seconds to wait for a connection and for each next byte. A request with all that is tried again ends after
        three times that and a second for each 16 KiB.
    retries : int
        How often a request is sent again after a lost connection, a time-out or one of the statuses 408, 429 and 5xx.
    parallel : int
        How many requests run at once.
    ssl_context : ssl.SSLContext or None
        For https; None for the system's certificates, or those that SSL_CERT_FILE names.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 20.0
    retries: int = 3
    parallel: int = 8
    ssl_context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if name.lower() in _OURS:
                raise ValueError(f"the header {name} is set by framedeflate")
            # http.client refuses these too, and shows the value: a key.
            if not re.fullmatch(r"[!#-'*+.^-z|~\w-]+", name, re.ASCII) or re.search(r"[\r\n\0]", value):
                raise ValueError("a header's name or value holds what a header cannot")
        if self.timeout <= 0 or self.retries < 0 or self.parallel < 1:
            raise ValueError("timeout and parallel must be more than 0, and retries not less")


class _Place:
    """A URL taken apart once: whom to ask, and for what."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = origin(url)
        # What stands behind GET: path and query, blanks and letters beyond ASCII encoded, the rest as it is.
        parts = urlsplit(url)
        query = quote(parts.query, safe=_KEPT)
        self.target = quote(parts.path or "/", safe=_KEPT) + (f"?{query}" if query else "")


class HttpTransport:
    """A file behind an http or https URL.

    Parameters
    ----------
    url : str
        May hold a query (a signed URL) and user and password (sent as Basic).
    options : HttpOptions
        How to ask.
    """

    def __init__(self, url: str, options: HttpOptions) -> None:
        self._shown = shown_url(url)
        self._options = options
        self._lock = threading.Lock()
        self._connections: dict[tuple[str, str, int], Connections] = {}
        self._context = options.ssl_context
        self._headers = dict(options.headers)
        asked = Asked(self._shown, 0, 0, None, options.timeout)
        try:
            parts = urlsplit(url)
            self._home = _Place(url)
        except ValueError:
            raise asked.error("the URL is malformed", "url") from None
        if not self._home.origin[1]:
            raise asked.error("the URL names no host", "url")
        if parts.username is not None:
            basic = basic_authorization(parts.username, parts.password or "")
            self._headers.setdefault("Authorization", basic)
        self._moved: _Place | None = None
        self._closed = False

    def fetch(self, start: int, stop: int, version: Version | None) -> Answer:
        """Return one range; as `Transport.fetch`."""
        asked = Asked(self._shown, start, stop, version, self._options.timeout)
        deadline = time.monotonic() + 3 * self._options.timeout + (stop - start) / _SLOWEST
        attempt = 0
        while True:
            try:
                return self._follow(asked, deadline)
            except AgainError as again:
                # Many readers that a server has shed must not come back at the same moment.
                wait = again.wait or 0.1 * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                attempt += 1
                if self._closed:
                    raise asked.error("closed while it was read", "closed") from None
                if attempt > self._options.retries or time.monotonic() + wait >= deadline:
                    raise again.error from None
            time.sleep(wait)

    def close(self) -> None:
        """Close the connections, and end what is under way."""
        with self._lock:
            self._closed = True
            for connections in self._connections.values():
                connections.close()

    def _follow(self, asked: Asked, deadline: float) -> Answer:
        moved = self._moved
        if moved is not None:
            try:
                return self._ask(moved, asked, deadline)
            except RemoteSourceError as error:
                # What a redirect leads to is often signed for some minutes only: then the URL says where it is now.
                if error.status not in _GONE:
                    raise
            except RedirectedError:
                pass
        place = self._home
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                answer = self._ask(place, asked, deadline)
            except RedirectedError as redirected:
                place = _redirected(place, redirected.location, asked)
                continue
            self._moved = place if place is not self._home else None
            return answer
        raise asked.error(f"the server redirects more than {_MAX_REDIRECTS} times", "redirect")

    def _ask(self, place: _Place, asked: Asked, deadline: float) -> Answer:
        try:
            connections = self._connections_to(place)
            headers = self._request_headers(place, asked)
            kept, response = connections.request(place.target, headers, deadline=deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise failure(error, asked) from None
        is_whole = False
        try:
            answer = read_answer(response, asked)
            is_whole = True
        except RemoteSourceError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise failure(error, asked) from None
        except RedirectedError:
            is_whole = response.length is not None and response.length <= _DRAINED_NBYTES
            if is_whole:
                _drain(response)
            raise
        finally:
            if is_whole and response.isclosed() and not response.will_close:
                connections.give_back(kept)
            else:
                response.close()
                connections.discard(kept)
        return answer

    def _connections_to(self, place: _Place) -> Connections:
        with self._lock:
            if place.origin not in self._connections:
                if place.origin[0] == "https" and self._context is None:
                    self._context = ssl.create_default_context()
                self._connections[place.origin] = Connections(
                    *place.origin,
                    timeout=self._options.timeout,
                    context=self._context,
                    most=self._options.parallel,
                )
            return self._connections[place.origin]

    def _request_headers(self, place: _Place, asked: Asked) -> dict[str, str]:
        headers = {"User-Agent": "framedeflate", "Accept": "*/*"}
        if place.origin == self._home.origin:
            headers.update(self._headers)
        headers["Range"] = f"bytes={asked.start}-{asked.stop - 1}"
        # Ranges of an encoded body would count encoded bytes.
        headers["Accept-Encoding"] = "identity"
        if asked.version is not None and _STRONG_ETAG.fullmatch(asked.version.etag):
            headers["If-Match"] = asked.version.etag
        return headers


def _redirected(place: _Place, location: str, asked: Asked) -> _Place:
    try:
        there = _Place(urljoin(place.url, location))
    except ValueError:
        there = None
    if there is None or there.origin[0] not in HTTP_SCHEMES or not there.origin[1]:
        raise asked.error("the server redirects to what is no http or https URL", "redirect")
    if (place.origin[0], there.origin[0]) == ("https", "http"):
        raise asked.error(
            "the server redirects from https to http, which anybody on the way could read", "redirect"
        )
    return there


def _drain(response: http.client.HTTPResponse) -> None:
    try:
        response.read()
    except (OSError, http.client.HTTPException):
        response.close()
