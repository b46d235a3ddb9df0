# SPDX-License-Identifier: Apache-2.0
"""The viewer's own files at ``/``: read once, known by name, so that no path of a request reaches the disk."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.conditions import is_known
from framedeflate.web.server.services import Services

__all__ = ["routes"]

_PACKAGE: Final = "framedeflate.web.viewer"
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    etag: str


def routes(_services: Services) -> Sequence[BaseRoute]:
    """Return a route for each file; they come last, and there are none where the viewer is not installed."""
    found = dict(_viewer_files())
    return [
        Route(f"/{name}" if name != _INDEX else "/", _answer(file), methods=["GET"])
        for name, file in found.items()
    ]


def _answer(file: _File) -> Callable[[Request], Awaitable[Response]]:
    # A new version has other files under the same names: the browser asks each time, and is mostly told "the same".
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}

    async def answer(request: Request) -> Response:
        if is_known(request.headers.get("if-none-match"), file.etag):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type=file.content_type)

    return answer


def _viewer_files() -> Iterator[tuple[str, _File]]:
    try:
        folder = files(_PACKAGE)
    except ModuleNotFoundError:
        return
    for name, file in _walk(folder, ""):
        content_type = _TYPES.get(name[name.rfind(".") :])
        if content_type is not None:
            body = file.read_bytes()
            yield name, _File(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry
