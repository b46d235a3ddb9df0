# SPDX-License-Identifier: Apache-2.0
"""Whether the server can do its work: ``/healthz``, open to all, so it says no more than that."""

import time
from collections.abc import Sequence
from typing import Final

from anyio import Lock
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from framedeflate.errors import FrameDeflateError, InstanceError
from framedeflate.web.server.services import Services

__all__ = ["routes"]

_FRESH_SECONDS: Final = 2.0
"""Whoever asks more often is told what was found before: a check writes to the disk."""


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    checked: tuple[float, dict[str, str]] = (-_FRESH_SECONDS, {})
    guard = Lock()

    async def healthz(_request: Request) -> Response:
        nonlocal checked
        async with guard:
            if time.monotonic() - checked[0] > _FRESH_SECONDS:
                checked = (time.monotonic(), await run_sync(_check, services))
        found = checked[1]
        is_well = all(state == "ok" for state in found.values())
        return JSONResponse({"status": "ok" if is_well else "failing", **found}, 200 if is_well else 503)

    return [Route("/healthz", healthz)]


def _check(services: Services) -> dict[str, str]:
    """Write an empty file, and ask the index for something."""
    found = {"store": "ok", "index": "ok"}
    try:
        with services.store.arrival():
            pass
    except InstanceError as error:
        found["store"] = error.kind
    except OSError:
        found["store"] = "not-writable"
    try:
        services.index.instance("0", "0", "0")
    except (FrameDeflateError, OSError):
        found["index"] = "no-answer"
    return found
