# SPDX-License-Identifier: Apache-2.0
"""Store (PS3.18 10.5): instances come in, and are answered for one by one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.errors import InstanceError, MediaTypeError
from framedeflate.web.accept import parse_accept
from framedeflate.web.ingest import Ingest, StoreLimits, StoreReport, StoreTransaction
from framedeflate.web.refusal import Refusal
from framedeflate.web.server.answers import refused
from framedeflate.web.server.front import RequestTooLargeError
from framedeflate.web.server.lookup import STUDY, base_url, require_uids
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.store_request import StoreRequest, read_store_request

__all__ = ["routes"]

_ACCEPTED: Final = ("application/dicom", "application/dicom+json", "application/dicom+xml")
_BATCH_NBYTES: Final = 1 << 20
"""So much is handed to a thread at a time: one that only copies 64 KiB would cost more than the copying."""

_DRAINED_NBYTES: Final = 16 << 20
"""Of a payload that is refused so much is still read: most clients read an answer only once they have sent all."""

_REPORTS: Final = {
    "application/dicom+xml": "xml",
    "application/dicom+json": "json",
    "application/json": "json",
}
_CLOSE: Final = {"Connection": "close"}


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of Store; none where nothing may be stored."""
    if services.ingest is None:
        return []
    store = _Store(services, services.ingest)
    return [Route(SERVICE_ROOT + path, store.answer, methods=["POST"]) for path in ("/studies", STUDY)]


class _Store:
    """Takes payloads: the event loop reads, threads write and verify.

    Parameters
    ----------
    services : Services
    ingest : Ingest
        Where instances go.
    """

    def __init__(self, services: Services, ingest: Ingest) -> None:
        self._services = services
        self._ingest = ingest
        self._threads: anyio.CapacityLimiter | None = None

    async def answer(self, request: Request) -> Response:
        """Store what a request brings, and say what came of it."""
        study = request.path_params.get("study")
        require_uids([] if study is None else [study], headers=_CLOSE)
        layout = read_store_request(
            request.headers.get("content-type"), request.headers.get("content-encoding"), accepted=_ACCEPTED
        )
        if isinstance(layout, Refusal):
            response = refused(layout)
            response.headers.update(_CLOSE)
            return response
        report, is_whole = await self._receive(request, layout, study)
        return self._told(request, report, is_whole=is_whole)

    async def _receive(
        self, request: Request, layout: StoreRequest, study: str | None
    ) -> tuple[StoreReport, bool]:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(self._services.settings.max_storing)
        in_thread = partial(run_sync, limiter=self._threads)
        settings = self._services.settings
        limits = StoreLimits(parts=settings.max_parts, metadata_nbytes=settings.max_metadata_nbytes)
        transaction = StoreTransaction(self._ingest, layout, study_instance_uid=study, limits=limits)
        try:
            last = await _feed(request, transaction, in_thread)
            return await in_thread(transaction.finish, last or b""), last is not None
        except BaseException:
            # The client has gone, or the server is being stopped: nothing half may stay.
            with anyio.CancelScope(shield=True):
                await in_thread(transaction.close)
            raise

    def _told(self, request: Request, report: StoreReport, *, is_whole: bool) -> Response:
        root = base_url(self._services, request) + SERVICE_ROOT
        headers = {} if is_whole else dict(_CLOSE)
        url = report.study_url(root)
        if url is not None:
            headers["Location"] = url
        if report.status == 503:
            headers["Retry-After"] = "60"
        if _wants_xml(request):
            return Response(report.xml(root), report.status, headers, "application/dicom+xml")
        return Response(report.json(root), report.status, headers, "application/dicom+json")


async def _feed(
    request: Request, transaction: StoreTransaction, in_thread: Callable[..., Any]
) -> bytes | None:
    """Hand the payload on, but for the last of it, which is returned; None where it was not read to its end."""
    waiting: list[bytes] = []
    nbytes = drained_nbytes = 0
    try:
        async for chunk in request.stream():
            if transaction.is_broken:
                drained_nbytes += len(chunk)
                if drained_nbytes > _DRAINED_NBYTES:
                    return None
                continue
            waiting.append(chunk)
            nbytes += len(chunk)
            if nbytes >= _BATCH_NBYTES:
                await in_thread(transaction.feed, b"".join(waiting))
                waiting.clear()
                nbytes = 0
    except RequestTooLargeError:
        error = InstanceError("the payload is larger than the limit", kind="too-large")
        await in_thread(transaction.break_off, error)
        return None
    return b"".join(waiting)


def _wants_xml(request: Request) -> bool:
    """Whether Accept prefers XML. Nothing is refused by Accept: what was stored is stored, however that is told."""
    try:
        ranges = parse_accept(", ".join(request.headers.getlist("accept")))
    except MediaTypeError:
        return False
    weights = {"xml": 0.0, "json": 0.0}
    for one in ranges:
        name = one.media_type.get("type") or one.media_type.name
        if name in _REPORTS:
            weights[_REPORTS[name]] = max(weights[_REPORTS[name]], one.weight)
    return weights["xml"] > weights["json"]
