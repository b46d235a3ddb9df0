# SPDX-License-Identifier: Apache-2.0
"""The application: routes, and what becomes of errors."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from framedeflate.errors import FrameDeflateError
from framedeflate.web.server.answers import RequestError, problem, problem_of
from framedeflate.web.server.frame_path import FramePath
from framedeflate.web.server.routes import (
    capabilities,
    delete,
    health,
    metadata,
    metrics,
    rendered,
    retrieve,
    search,
    store,
    viewer_files,
)
from framedeflate.web.server.services import Services

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["create_app"]

_ROUTES: Final[Sequence[Callable[[Services], Sequence[BaseRoute]]]] = (
    retrieve.routes,
    metadata.routes,
    rendered.routes,
    search.routes,
    store.routes,
    delete.routes,
    capabilities.routes,
    health.routes,
    metrics.routes,
    viewer_files.routes,
)
"""One function a module of `routes`; of two routes that match, the one listed first answers."""

_KINDS: Final = {404: "unknown-resource", 405: "method"}


class _Application(Starlette):
    """Starlette without its own answer to a defect, plain text: `Front` logs one and names the request that it met."""

    def build_middleware_stack(self) -> "ASGIApp":
        return ExceptionMiddleware(self.router, handlers=self.exception_handlers)


def create_app(services: Services) -> "ASGIApp":
    """Return the ASGI application.

    Parameters
    ----------
    services : Services
        Closed by who made them, not by the application.
    """
    application = _Application(
        routes=[route for routes in _ROUTES for route in routes(services)],
        exception_handlers={
            HTTPException: _http_problem,
            RequestError: _problem,
            FrameDeflateError: _problem,
            OSError: _problem,
        },
    )
    # A path with a slash too many is no resource: a redirect would quote Host.
    application.router.redirect_slashes = False
    return FramePath(application, services)


async def _problem(_request: Request, error: Exception) -> Response:
    return problem_of(error)


async def _http_problem(_request: Request, error: Exception) -> Response:
    """Starlette's own refusals: paths that are no resource, methods that a resource does not have."""
    status = getattr(error, "status_code", 500)
    message = "There is no such resource." if status == 404 else "The resource does not have this method."
    return problem(
        status, _KINDS.get(status, "refused"), message, headers=getattr(error, "headers", None) or {}
    )
