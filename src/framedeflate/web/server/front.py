# SPDX-License-Identifier: Apache-2.0
"""What every request passes before a route sees it, and every answer before it leaves.

One ASGI application around another: each layer would cost every Frame a few microseconds, so there is one.
"""

import json
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, TypeAlias

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect

from framedeflate.web.server.access import Access, Decision
from framedeflate.web.server.origins import SAFE_METHODS, Origins
from framedeflate.web.server.request_log import RequestLog
from framedeflate.web.server.route_names import ROUTE_KEY, route_name
from framedeflate.web.server.security_headers import NO_STORE, header_set
from framedeflate.web.server.tallies import Tallies

__all__ = ["Front", "FrontRules", "RequestTooLargeError"]

_LOG: Final = logging.getLogger(__name__)

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_Application: TypeAlias = Callable[[_Message, _Receive, _Send], Awaitable[None]]
_Headers: TypeAlias = list[tuple[bytes, bytes]]

_ACCESS_THREADS: Final = 4
_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_CLOSED: Final = (b"connection", b"close")


class RequestTooLargeError(Exception):
    """A payload went on beyond the limit; raised where a route reads it."""


class _CutAnswerError(Exception):
    """An answer that had begun cannot be finished: the connection is closed, so that nobody takes it for whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRules:
    """What may pass.

    Attributes
    ----------
    root : str
        Where the service begins; what lies elsewhere is the viewer's.
    hosts : frozenset of bytes or None
        What Host may be, in lower case; None lets all pass.
    completed_hosts : mapping
        What a Host that lacks its port is taken for.
    origins : Origins
        Pages of other origins.
    access : Access or None
        Who may ask; None is everybody.
    is_https : bool
        Whether clients come by https.
    max_body_nbytes : int
        Of a request's payload.
    max_url_nbytes : int
        Path and query.
    max_in_flight : int
        Requests being answered at once.
    """

    root: str = "/dicomweb"
    hosts: frozenset[bytes] | None = None
    completed_hosts: Mapping[bytes, bytes] = field(default_factory=dict)
    origins: Origins = field(default_factory=Origins)
    access: Access | None = None
    is_https: bool = False
    max_body_nbytes: int = 16 << 30
    max_url_nbytes: int = 8192
    max_in_flight: int = 256


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    kind: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


_BAD_HOST: Final = _Refusal(
    421, "host", "This server does not answer under that name; its operator can add names (--allow-host)."
)
_NO_HOST: Final = _Refusal(400, "host", "A request has exactly one Host header.")
_BAD_PATH: Final = _Refusal(404, "unknown-resource", "There is no such resource.")
_URL_TOO_LONG: Final = _Refusal(414, "url-too-long", "Path and query are too long.", (_CLOSED,))
_CROSS_SITE: Final = _Refusal(
    403, "cross-site", "Pages of other origins may not change anything here.", (_CLOSED,)
)
_CODED: Final = _Refusal(
    415,
    "coded-payload",
    "Payloads are taken without a Content-Encoding.",
    ((b"accept-encoding", b"identity"), _CLOSED),
)
_TOO_LARGE: Final = _Refusal(
    413, "payload-too-large", "The payload is larger than this server takes.", (_CLOSED,)
)
_BUSY: Final = _Refusal(503, "busy", "Too many requests at once; try again soon.", ((b"retry-after", b"1"),))
_FAILED: Final = _Refusal(
    500, "internal", "This request failed; the server's log has its request id.", (_CLOSED,)
)
_CHALLENGE: Final = b'Bearer realm="framedeflate"'
_NO_TOKEN: Final = _Refusal(
    401,
    "no-token",
    "A bearer token is needed (Authorization: Bearer ...).",
    ((b"www-authenticate", _CHALLENGE),),
)
_BAD_TOKEN: Final = _Refusal(
    401,
    "bad-token",
    "The bearer token is not valid here, or no more.",
    ((b"www-authenticate", _CHALLENGE + b', error="invalid_token"'),),
)
_BY_DECISION: Final[dict[Decision, _Refusal | None]] = {
    "granted": None,
    "missing": _NO_TOKEN,
    "invalid": _BAD_TOKEN,
}


class Front:
    """The application that stands before all others.

    Parameters
    ----------
    application : ASGI application
        What answers in the end.
    rules : FrontRules
        What may pass to it.
    tallies : Tallies
        Where answers are counted.
    log : RequestLog, optional
        Where they are written down.
    """

    def __init__(
        self, application: _Application, *, rules: FrontRules, tallies: Tallies, log: RequestLog | None = None
    ) -> None:
        self._application = application
        self._rules = rules
        self._tallies = tallies
        self._log = log
        self._viewer_headers = header_set(is_viewer=True, is_https=rules.is_https)
        self._data_headers = header_set(is_viewer=False, is_https=rules.is_https)
        self._access_limit: anyio.CapacityLimiter | None = None
        self._id_prefix = secrets.token_hex(4)
        self._count = 0

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._application(scope, receive, send)
            return
        started = perf_counter()
        self._count += 1
        path = scope["path"]
        is_viewer = not (path.startswith(self._rules.root) or path in {"/healthz", "/metrics"})
        headers = dict(scope["headers"])
        answer = _Answer(
            send,
            self._viewer_headers if is_viewer else self._data_headers,
            self._rules.origins.answer_headers(headers.get(b"origin")),
            f"{self._id_prefix}-{self._count:x}",
        )
        scope["request_id"] = answer.request_id
        tallies = self._tallies
        tallies.in_flight += 1
        try:
            await self._pass(scope, receive, answer, headers, is_open=is_viewer or path == "/healthz")
        finally:
            tallies.in_flight -= 1
            seconds = perf_counter() - started
            route, uids = scope.get(ROUTE_KEY) or route_name(path, self._rules.root)
            method = scope["method"] if scope["method"] in _KNOWN_METHODS else "OTHER"
            tallies.request(method, route, answer.status, answer.nbytes, seconds)
            if self._log is not None:
                self._log.add(
                    method=method,
                    route=route,
                    status=answer.status,
                    nbytes=answer.nbytes,
                    seconds=seconds,
                    request_id=answer.request_id,
                    uids=uids,
                    end="" if answer.is_whole else answer.end,
                )

    async def _pass(
        self,
        scope: _Message,
        receive: _Receive,
        answer: "_Answer",
        headers: dict[bytes, bytes],
        *,
        is_open: bool,
    ) -> None:
        """Refuse, or have the application answer."""
        refusal = self._refusal(scope, headers)
        if refusal is None:
            preflight = self._rules.origins.preflight(headers) if scope["method"] == "OPTIONS" else None
            if preflight is not None:
                await answer.send_whole(preflight[0], preflight[1], b"")
                return
            if not is_open and self._rules.access is not None:
                refusal = await self._unknown(self._rules.access, headers.get(b"authorization"))
        if refusal is not None:
            await answer.refuse(refusal)
            return
        if headers.get(b"host") in self._rules.completed_hosts:
            host = self._rules.completed_hosts[headers[b"host"]]
            scope["headers"] = [
                (name, host if name == b"host" else value) for name, value in scope["headers"]
            ]
        if scope["method"] not in SAFE_METHODS:
            receive = _limited(receive, self._rules.max_body_nbytes)
        try:
            await self._application(scope, receive, answer.send)
        except ClientDisconnect:
            answer.end = "client-gone"
        except RequestTooLargeError:
            await answer.refuse_late(_TOO_LARGE)
        except Exception as error:  # noqa: BLE001 - whatever a route lets through must not end the server
            cause = _cause(error)
            # Without the message: it may quote what was stored or asked for.
            stack = "".join(traceback.format_tb(cause.__traceback__))
            _LOG.error("request %s failed with %s\n%s", answer.request_id, type(cause).__name__, stack)
            await answer.refuse_late(_FAILED)

    def _refusal(self, scope: _Message, headers: dict[bytes, bytes]) -> _Refusal | None:
        """Decide what can be decided by the head alone."""
        rules = self._rules
        if len(scope["raw_path"]) + len(scope["query_string"]) > rules.max_url_nbytes:
            return _URL_TOO_LONG
        if scope["path"].endswith("\n"):
            # Starlette's patterns end with "$", which a line break may follow: a route would answer under a path that
            # is not the one whose access was decided on.
            return _BAD_PATH
        if rules.hosts is not None and scope["path"] != "/healthz":
            host = headers.get(b"host")
            # With two of them, this check and what makes URLs of Host could see one each.
            if host is None or _names_twice(scope["headers"], headers, b"host"):
                return _NO_HOST
            if host not in rules.hosts and host.lower() not in rules.hosts:
                return _BAD_HOST
        if scope["method"] not in SAFE_METHODS:
            return self._change_refusal(scope, headers)
        return _BUSY if self._is_busy(scope) else None

    def _change_refusal(self, scope: _Message, headers: dict[bytes, bytes]) -> _Refusal | None:
        if not self._rules.origins.may_change(headers, scope["scheme"]):
            return _CROSS_SITE
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"identity", b""}:
            return _CODED
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._rules.max_body_nbytes:
            return _TOO_LARGE
        return _BUSY if self._is_busy(scope) else None

    def _is_busy(self, scope: _Message) -> bool:
        if self._tallies.in_flight <= self._rules.max_in_flight or scope["path"] == "/healthz":
            return False
        self._tallies.refused_busy += 1
        return True

    async def _unknown(self, access: Access, authorization: bytes | None) -> _Refusal | None:
        known = access.known(authorization)
        if known is not None:
            return _BY_DECISION[known]
        if self._access_limit is None:
            self._access_limit = anyio.CapacityLimiter(_ACCESS_THREADS)
        decided = await anyio.to_thread.run_sync(access.decide, authorization, limiter=self._access_limit)
        return _BY_DECISION[decided]


class _Answer:
    """An answer on its way out: headers added, bytes counted."""

    __slots__ = ("_added", "_cors", "_send", "end", "is_whole", "nbytes", "request_id", "status")

    def __init__(
        self, send: _Send, added: tuple[tuple[bytes, bytes], ...], cors: _Headers, request_id: str
    ) -> None:
        self._send = send
        self._added = added
        self._cors = cors
        self.request_id = request_id
        self.status = 0
        self.nbytes = 0
        self.is_whole = False
        # Until something else is known: the task was cancelled, at the server's end.
        self.end = "cancelled"

    async def send(self, message: _Message) -> None:
        if message["type"] == "http.response.body":
            self.nbytes += len(message.get("body", b""))
            await self._send(message)
            self.is_whole = not message.get("more_body", False)
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = message.get("headers", ())
            # A new message and a new list: a route may keep its own for the next answer.
            headers = [*given, *self._added, *self._cors, (b"x-request-id", self.request_id.encode("ascii"))]
            if b"cache-control" not in dict(given):
                headers.append(NO_STORE)
            message = {**message, "headers": headers}
        await self._send(message)

    async def send_whole(self, status: int, headers: _Headers, body: bytes) -> None:
        if status != 204:
            headers = [*headers, (b"content-length", str(len(body)).encode("ascii"))]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(self, refusal: _Refusal) -> None:
        fields = {"status": refusal.status, "kind": refusal.kind, "message": refusal.message}
        headers = [(b"content-type", b"application/json"), *refusal.headers]
        await self.send_whole(refusal.status, headers, json.dumps(fields).encode() + b"\n")

    async def refuse_late(self, refusal: _Refusal) -> None:
        """Refuse where a route was at work; an answer that has begun is cut, for all to see."""
        self.end = refusal.kind
        if self.status:
            raise _CutAnswerError
        await self.refuse(refusal)


def _cause(error: Exception) -> Exception:
    """Return what failed: an answer that breaks off on its way is one error in the group of those who send it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _names_twice(pairs: _Headers, headers: dict[bytes, bytes], wanted: bytes) -> bool:
    # Most requests repeat no field at all, which two lengths tell.
    return len(pairs) != len(headers) and sum(name == wanted for name, _ in pairs) > 1


def _limited(receive: _Receive, max_nbytes: int) -> _Receive:
    left = max_nbytes

    async def counted() -> _Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise RequestTooLargeError
        return message

    return counted
