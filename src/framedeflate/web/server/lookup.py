# SPDX-License-Identifier: Apache-2.0
"""What a path of the service names: UIDs checked before anything is looked up, instances found or 404."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from anyio.to_thread import run_sync
from starlette.requests import Request

from framedeflate.instance_store.check import is_uid
from framedeflate.web.index import IndexedInstance
from framedeflate.web.server.answers import RequestError
from framedeflate.web.server.services import Services

__all__ = [
    "INSTANCE",
    "SERIES",
    "STUDY",
    "base_url",
    "find_instance",
    "find_instances",
    "is_host",
    "require_uids",
]

LOOPBACK_WITHOUT_PORT: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST: Final = re.compile(r"[0-9A-Za-z._~\[\]:-]{1,255}")

STUDY: Final = "/studies/{study}"
SERIES: Final = STUDY + "/series/{series}"
INSTANCE: Final = SERIES + "/instances/{instance}"


def _uids(request: Request) -> list[str]:
    uids = [
        request.path_params[name] for name in ("study", "series", "instance") if name in request.path_params
    ]
    require_uids(uids)
    return uids


def require_uids(uids: Iterable[str], *, headers: Mapping[str, str] | None = None) -> None:
    """Refuse what is no UID.

    Raises
    ------
    RequestError
        400 ``uid``, with `headers`.
    """
    if not all(map(is_uid, uids)):
        message = "A UID is digits and dots, 64 characters at most (PS3.5 9.1)."
        raise RequestError(400, "uid", message, headers=headers)


def _missing() -> RequestError:
    return RequestError(404, "unknown-instance", "There is no such study, series or instance.")


async def find_instance(services: Services, request: Request) -> IndexedInstance:
    """Return the instance that the path names.

    Raises
    ------
    RequestError
        400 ``uid`` | 404 ``unknown-instance``.
    """
    study, series, instance = _uids(request)
    found = services.index.cached(study, series, instance)
    if found is None:
        found = await run_sync(services.index.instance, study, series, instance)
    if found is None:
        raise _missing()
    return found


async def find_instances(services: Services, request: Request) -> list[IndexedInstance]:
    """Return all instances of the study or series that the path names, at least one.

    Raises
    ------
    RequestError
        400 ``uid`` | 404 ``unknown-instance``.
    """
    uids = _uids(request)
    found = await run_sync(lambda: services.index.instances(*uids))
    if not found:
        raise _missing()
    return found


def is_host(name: str) -> bool:
    """Whether this may stand in the URLs that are sent back: a name or an address, and a port."""
    return _HOST.fullmatch(name) is not None


def base_url(services: Services, request: Request) -> str:
    """Return scheme, host and port as the client sees them, without a slash at the end.

    Raises
    ------
    RequestError
        400 ``host``.
    """
    if services.settings.public_url is not None:
        return services.settings.public_url
    url = request.url
    if not is_host(url.netloc):
        raise RequestError(400, "host", "Host must be a name or an address, and a port.")
    return f"{url.scheme}://{_with_port(url.netloc, request)}"


def _with_port(name: str, request: Request) -> str:
    """Return Host with the port that some clients leave out (dicomweb-client): their next request would go astray.

    On loopback alone: elsewhere a proxy may stand before this server, and its port is the one that counts.
    """
    server = request.scope.get("server")
    if name not in LOOPBACK_WITHOUT_PORT or not server or server[1] in {None, 80, 443}:
        return name
    return f"{name}:{server[1]}"
