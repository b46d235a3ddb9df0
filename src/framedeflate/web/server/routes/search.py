# SPDX-License-Identifier: Apache-2.0
"""Search for studies, series and instances (PS3.18 10.6)."""

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.errors import SearchError
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from framedeflate.web.media_type import MediaType
from framedeflate.web.metadata.dicom_json import dump_json
from framedeflate.web.metadata.native_model import native_model_of
from framedeflate.web.multipart_writer import BodyPart, MultipartPayload
from framedeflate.web.negotiation import VARY, Answer, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import Category, StoredInstance, Target
from framedeflate.web.search.attributes import Level
from framedeflate.web.search.query import Query, parse_query
from framedeflate.web.search.results import result_of
from framedeflate.web.server.answers import problem, refused
from framedeflate.web.server.asking import abilities_of, asked_of
from framedeflate.web.server.lookup import SERIES, STUDY, base_url, require_uids
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT

__all__ = ["routes"]

_PATHS: Final = {
    "/studies": Level.STUDY,
    "/series": Level.SERIES,
    "/instances": Level.INSTANCE,
    f"{STUDY}/series": Level.SERIES,
    f"{STUDY}/instances": Level.INSTANCE,
    f"{SERIES}/instances": Level.INSTANCE,
}

# Results are negotiated as metadata is: JSON, or XML in parts (Table 10.6.3-2, 8.7.3).
_RESULTS: Final = StoredInstance(Category.OTHER, EXPLICIT_VR_LITTLE_ENDIAN)
_JSON: Final = "application/dicom+json"
_XML: Final = MediaType("application", "dicom+xml")
_MORE: Final = (
    "The number of results exceeded the maximum supported by the server. Additional results can be requested."
)

_CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "deflate": lambda body: zlib.compress(body, 6),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def route(path: str, level: Level) -> Route:
        async def search(request: Request) -> Response:
            return await _answer(services, request, level)

        return Route(SERVICE_ROOT + path, search, methods=["GET"])

    return [route(path, level) for path, level in _PATHS.items()]


async def _answer(services: Services, request: Request, level: Level) -> Response:
    uids = {f"{name}_instance_uid": uid for name, uid in request.path_params.items()}
    require_uids(uids.values())
    settings = services.settings
    answer = negotiate(Target.METADATA, [_RESULTS], asked_of(request), abilities_of(settings))
    if isinstance(answer, Refusal):
        return refused(answer)
    try:
        query = parse_query(level, request.url.query, max_results=settings.max_results, **uids)
    except SearchError as error:
        return problem(400, error.kind, f"The search cannot be understood: {error}.")
    url = base_url(services, request) + SERVICE_ROOT
    return await run_sync(_found, services, query, answer, url)


def _found(services: Services, query: Query, answer: Answer, url: str) -> Response:
    page = services.index.search(query)
    results = [result_of(match, query, url) for match in page.matches]
    headers = {"Vary": VARY, "Cache-Control": "no-cache", "X-Total-Count": str(page.total)}
    if not results:
        response = Response(None, 204, headers)
    else:
        body, media_type = _written(results, in_parts=answer.multipart)
        if answer.content_encoding is not None:
            body = _CODINGS[answer.content_encoding](body)
            headers["Content-Encoding"] = answer.content_encoding
        response = Response(body, 200, headers, media_type)
    for warning in query.warnings:
        response.headers.append("Warning", f"299 {url}: {warning}")
    if query.is_capped and query.offset + len(results) < page.total:
        response.headers.append("Warning", f"299 {url}: {_MORE}")
    return response


def _written(results: list[dict[str, Any]], *, in_parts: bool) -> tuple[bytes, str]:
    if not in_parts:
        return dump_json(results), _JSON
    documents = [native_model_of(result) for result in results]
    payload = MultipartPayload([BodyPart(_XML, len(one), [one]) for one in documents])
    return b"".join(payload), str(payload.media_type)
