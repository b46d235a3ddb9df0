# SPDX-License-Identifier: Apache-2.0
"""Retrieve Capabilities: OPTIONS on the root of the service (PS3.18 8.9)."""

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.errors import MediaTypeError
from framedeflate.web.accept import parse_accept
from framedeflate.web.server.answers import problem
from framedeflate.web.server.capabilities_document import write_document
from framedeflate.web.server.lookup import base_url
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT

__all__ = ["routes"]

_WADL: Final = "application/vnd.sun.wadl+xml"
_SAME: Final = frozenset(
    {(_WADL.partition("/")[0], _WADL.partition("/")[2]), ("application", "xml"), ("text", "xml")}
)
"""What the document may be asked for as; it is labelled as the first. Editions before 2019 named application/json too,
without saying what WADL is in JSON."""

_BULKDATA: Final = re.compile("/bulkdata/.*")
"""Below it lie paths of tags; how many routes they take is nobody's business."""


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    async def capabilities(request: Request) -> Response:
        # Tools that send OPTIONS without Accept want to know what can be done; they get it (8.9.1.3 asks for Accept).
        asked = ",".join(request.headers.getlist("accept")) or "*/*"
        try:
            ranges = parse_accept(asked)
        except MediaTypeError as error:
            return problem(400, error.kind, "The Accept field cannot be read.")
        if not any(one.weight > 0 and _covers(one.media_type.type, one.media_type.subtype) for one in ranges):
            return problem(
                406, "nothing-acceptable", "Capabilities are described in WADL.", available=[_WADL]
            )
        document = write_document(base_url(services, request) + SERVICE_ROOT, _offered(request.app.routes))
        return Response(document, headers={"Vary": "Accept"}, media_type=_WADL)

    return [Route(path, capabilities, methods=["OPTIONS"]) for path in (SERVICE_ROOT, SERVICE_ROOT + "/")]


def _offered(found: Sequence[BaseRoute]) -> set[tuple[str, str]]:
    """Return methods and paths of the service, as they are answered."""
    return {
        (method, _BULKDATA.sub("/bulkdata/{path}", route.path.removeprefix(SERVICE_ROOT)))
        for route in found
        if isinstance(route, Route) and route.path.startswith(SERVICE_ROOT)
        for method in route.methods or ()
    }


def _covers(kind: str, subtype: str) -> bool:
    return any(kind in {"*", one} and subtype in {"*", other} for one, other in _SAME)
