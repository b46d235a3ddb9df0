# SPDX-License-Identifier: Apache-2.0
"""Retrieve study, series and instance (PS3.18 10.4.1.1.1)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.server.answers import RequestError
from framedeflate.web.server.lookup import INSTANCE, find_instance
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT

__all__ = ["routes"]


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    async def instance(request: Request) -> Response:
        await find_instance(services, request)
        raise RequestError(406, "nothing-acceptable", "Not yet.")

    return [Route(SERVICE_ROOT + INSTANCE, instance)]
