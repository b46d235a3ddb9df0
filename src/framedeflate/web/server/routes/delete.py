# SPDX-License-Identifier: Apache-2.0
"""Delete study, series and instance, only where the operator allows it.

PS3.18 has no such transaction for what is stored (its DELETE is for Worklists' subscriptions alone); servers that have
one answer DELETE on the resource, and so does this one.
"""

from collections.abc import Sequence

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.index import IndexedInstance
from framedeflate.web.server.lookup import INSTANCE, SERIES, STUDY, find_instance, find_instances
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT

__all__ = ["routes"]


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module; none where nothing may be deleted: DELETE is then a method no resource has."""
    if not services.settings.allow_delete:
        return []

    async def delete_all(request: Request) -> Response:
        await run_sync(_delete, services, await find_instances(services, request))
        return Response(status_code=204)

    async def delete_one(request: Request) -> Response:
        await run_sync(_delete, services, [await find_instance(services, request)])
        return Response(status_code=204)

    return [
        Route(SERVICE_ROOT + STUDY, delete_all, methods=["DELETE"]),
        Route(SERVICE_ROOT + SERIES, delete_all, methods=["DELETE"]),
        Route(SERVICE_ROOT + INSTANCE, delete_one, methods=["DELETE"]),
    ]


def _delete(services: Services, instances: Sequence[IndexedInstance]) -> None:
    """Take instances out of the index, then off the disk: what is killed in between is found again, not half there."""
    for instance in instances:
        uid = instance.sop_instance_uid
        services.index.remove(uid)
        services.store.remove(uid)
        if not services.store.path_of(uid).exists():
            # Whoever looks for new files may have seen this one in between. Who stores it again meanwhile is told
            # that it is there, so then it stays.
            services.index.remove(uid)
        services.contents.forget(instance.etag)
