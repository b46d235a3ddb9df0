# SPDX-License-Identifier: Apache-2.0
"""What is believed of an HTTP answer to a range (RFC 9110 14), and what every failure means."""

import http.client
import re
import ssl
from dataclasses import dataclass
from typing import Final

from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source.answers import (
    MAX_WHOLE_NBYTES,
    Answer,
    Version,
    content_range,
    encoded,
    replaced,
    require_same,
    unsatisfied_size,
)
from framedeflate.remote_source.http_connection import LOST

__all__ = ["AgainError", "Asked", "RedirectedError", "failure", "read_answer"]

_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LONGEST_WAIT: Final = 5.0

_MEANING: Final = {
    401: ("the server asks for a login (option headers, or user and password in the URL)", "denied"),
    403: ("the server refuses access; a signed URL may have expired", "denied"),
    404: ("there is no such file", "not-found"),
    407: ("the proxy asks for a login", "denied"),
    410: ("there is no such file any more", "not-found"),
    416: ("the server has fewer bytes than were asked for", "bad-answer"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes
    ----------
    shown : str
        The URL as messages may show it.
    start, stop : int
        The bytes, stop exclusive.
    version : Version or None
        Of which file; None for the first request.
    timeout : float
        Seconds the server had.
    """

    shown: str
    start: int
    stop: int
    version: Version | None
    timeout: float

    def error(self, message: str, kind: str, status: int | None = None) -> RemoteSourceError:
        """Return the error of this request."""
        return RemoteSourceError(f"{self.shown}: {message}", kind=kind, position=self.start, status=status)


class AgainError(Exception):
    """A failure that may pass.

    Attributes
    ----------
    error : RemoteSourceError
        What is raised where it does not.
    wait : float
        Seconds the server asks to wait; 0 where it does not say.
    """

    def __init__(self, error: RemoteSourceError, wait: float = 0.0) -> None:
        self.error = error
        self.wait = wait
        super().__init__()


class RedirectedError(Exception):
    """The server says where else to ask: `location`."""

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__()


def read_answer(response: http.client.HTTPResponse, asked: Asked) -> Answer:
    """Return the bytes of an answer that holds what was asked for.

    Raises
    ------
    RemoteSourceError, AgainError, RedirectedError
        It does not.
    OSError, http.client.HTTPException
        The connection failed; `failure` says what that means.
    """
    status = response.status
    if status in _REDIRECTS:
        raise RedirectedError(response.headers.get("Location", ""))
    if status == 416:
        size = unsatisfied_size(response.headers.get("Content-Range", ""))
        if asked.version is None and asked.start == size == 0:
            # No byte of an empty file can be asked for.
            return Answer(b"", _version(response, 0))
        if asked.version is not None and size is not None and size != asked.version.nbytes:
            raise replaced(asked.shown, asked.start, status)
    if status not in {200, 206}:
        raise _status_error(response, asked)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise encoded(asked.shown, asked.start, status)
    return _read_part(response, asked) if status == 206 else _read_whole(response, asked)


def _read_part(response: http.client.HTTPResponse, asked: Asked) -> Answer:
    stated = content_range(response.headers.get("Content-Range", ""))
    if stated is None:
        raise asked.error(
            "the server's answer does not say which bytes of how many it holds (Content-Range)",
            "bad-answer",
            206,
        )
    start, stop, nbytes = stated
    version = _version(response, nbytes)
    if asked.version is not None:
        require_same(asked.shown, asked.version, version, asked.start, 206)
    if (start, stop) != (asked.start, min(asked.stop, nbytes)):
        raise asked.error(
            f"the server answered with bytes {start} to {stop} of {nbytes} where {asked.start} to {asked.stop} were "
            "asked for",
            "bad-answer",
            206,
        )
    expected = stop - start
    if response.length not in {None, expected}:
        raise asked.error(
            f"the server's answer of {expected} bytes is said to have {response.length}", "bad-answer", 206
        )
    body = response.read(expected)
    if len(body) < expected:
        raise ConnectionError
    # In chunks, or without a length, only reading on shows the end.
    if not response.isclosed() and response.read(1):
        raise asked.error("the server's answer is longer than it says", "bad-answer", 206)
    return Answer(body, version)


def _read_whole(response: http.client.HTTPResponse, asked: Asked) -> Answer:
    """Take a whole file, where it is small and this the first answer: later it would be sent again and again."""
    nbytes = response.length
    if asked.version is None and asked.start == 0 and (nbytes is None or nbytes <= MAX_WHOLE_NBYTES):
        body = response.read(MAX_WHOLE_NBYTES + 1 if nbytes is None else nbytes)
        if nbytes is not None and len(body) < nbytes:
            raise ConnectionError
        if len(body) <= MAX_WHOLE_NBYTES:
            return Answer(body, _version(response, len(body)))
    raise asked.error(
        "the server does not answer byte ranges (it sends the whole file, as Python's http.server does); download the "
        "file, or use a server that does, such as nginx",
        "no-ranges",
        200,
    )


def _status_error(response: http.client.HTTPResponse, asked: Asked) -> Exception:
    status = response.status
    if status == 412:
        return replaced(asked.shown, asked.start, status)
    message, kind = _MEANING.get(status, (f"the server answers with HTTP status {status}", "status"))
    error = asked.error(message, kind, status)
    if status not in _TRY_AGAIN:
        return error
    after = response.headers.get("Retry-After", "")
    return AgainError(error, min(float(after), _LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", after) else 0.0)


def failure(error: Exception, asked: Asked) -> Exception:
    """Return what a failed exchange means. The library's own words are left out: they may hold what was sent."""
    if isinstance(error, ConnectionRefusedError):
        return asked.error("connection refused; is the server running?", "connection")
    if isinstance(error, (*LOST, http.client.IncompleteRead)):
        return AgainError(asked.error("the connection was lost", "connection"))
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "no common language"
        return asked.error(f"no secure connection: {reason}", "tls")
    if isinstance(error, TimeoutError):
        slow = f"the server is too slow (option timeout: {asked.timeout:g} seconds)"
        return AgainError(asked.error(slow, "timeout"))
    message, kind = "the answer is not HTTP", "bad-answer"
    if isinstance(error, OSError):
        message, kind = f"no connection: {error.strerror or type(error).__name__}", "connection"
    elif isinstance(error, http.client.InvalidURL | UnicodeError):
        message, kind = "the URL is malformed", "url"
    return asked.error(message, kind)


def _version(response: http.client.HTTPResponse, nbytes: int) -> Version:
    headers = response.headers
    return Version(nbytes, headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip())
