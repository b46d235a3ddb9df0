# SPDX-License-Identifier: Apache-2.0
"""Pages of other origins: which may read answers (CORS), and that no other can make a browser change anything."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

__all__ = ["SAFE_METHODS", "Origins"]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 9.2.1)."""

_Headers: TypeAlias = list[tuple[bytes, bytes]]

_EXPOSED: Final = (
    b"Accept-Ranges, Content-Location, Content-Range, ETag, Retry-After, Warning, X-Request-Id, X-Total-Count"
)
_REQUEST_HEADERS: Final = (
    b"Accept, Accept-Language, Authorization, Cache-Control, Content-Type, "
    b"If-Match, If-None-Match, If-Range, Range"
)
_PREFLIGHT_SECONDS: Final = b"600"


class Origins:
    """Who may.

    Parameters
    ----------
    allowed : iterable of str
        Other origins, exactly as browsers send them: https://viewer.example.
    own : str, optional
        Where a proxy offers this server; else it is the request's own scheme and Host.
    methods : iterable of str
        Methods that other origins may use.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        own: str | None = None,
        methods: Iterable[str] = ("GET", "HEAD", "POST", "OPTIONS"),
    ) -> None:
        self._allowed = frozenset(origin.encode("ascii") for origin in allowed)
        self._own = None if own is None else own.encode("ascii")
        self._methods = ", ".join(methods).encode("ascii")

    def may_change(self, headers: Mapping[bytes, bytes], scheme: str) -> bool:
        """Whether a request that changes something may come from where it comes from.

        A form on a stranger's page can post to any address its reader's browser reaches, this machine's loopback
        too. The browser says where the page came from; programs send neither header.
        """
        origin = headers.get(b"origin")
        if origin is not None:
            return origin in self._allowed or origin == self._own_origin(headers, scheme)
        return headers.get(b"sec-fetch-site", b"none") in {b"none", b"same-origin"}

    def answer_headers(self, origin: bytes | None) -> _Headers:
        """Return what is added to an answer so that a page of that origin may read it."""
        if not self._allowed:
            return []
        # A cache must not give one origin's answer to another's page, nor one without to a page that needs it.
        headers = [(b"vary", b"Origin")]
        if origin in self._allowed:
            headers += [
                (b"access-control-allow-origin", origin or b""),
                (b"access-control-expose-headers", _EXPOSED),
            ]
        return headers

    def preflight(self, headers: Mapping[bytes, bytes]) -> tuple[int, _Headers] | None:
        """Return status and headers where a browser asks what a page may do, else None.

        Such a question carries no token, so it is answered before one is asked for; it tells nothing of what is stored.
        """
        origin = headers.get(b"origin")
        if origin is None or b"access-control-request-method" not in headers:
            return None
        if origin not in self._allowed:
            return 403, self.answer_headers(origin)
        return 204, [
            *self.answer_headers(origin),
            (b"access-control-allow-methods", self._methods),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]

    def _own_origin(self, headers: Mapping[bytes, bytes], scheme: str) -> bytes:
        if self._own is not None:
            return self._own
        return scheme.encode("ascii") + b"://" + headers.get(b"host", b"").lower()
