# SPDX-License-Identifier: Apache-2.0
"""Retrieve study, series, instance, Frames, Pixel Data and bulkdata (PS3.18 10.4.1.1.1, .4 to .6)."""

from collections.abc import Sequence

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.payloads.bulkdata import bulkdata_body
from framedeflate.web.representations import Target
from framedeflate.web.server.answers import RequestError
from framedeflate.web.server.asking import frame_numbers
from framedeflate.web.server.lookup import INSTANCE, SERIES, STUDY, find_instance, find_instances
from framedeflate.web.server.retrieval import Retrieval
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.stored_data_set import stored_data_set

__all__ = ["routes"]


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    async def study(request: Request) -> Response:
        instances = await find_instances(services, request)
        return await Retrieval(services, request, Target.STUDY, instances).respond()

    async def series(request: Request) -> Response:
        instances = await find_instances(services, request)
        return await Retrieval(services, request, Target.SERIES, instances).respond()

    async def instance(request: Request) -> Response:
        found = await find_instance(services, request)
        return await Retrieval(services, request, Target.INSTANCE, [found]).respond()

    async def frames(request: Request) -> Response:
        found = await find_instance(services, request)
        numbers = frame_numbers(
            request.path_params["frames"],
            number_of_frames=found.stored.number_of_frames,
            max_frames=services.settings.max_frames,
        )
        target = Target.FRAME if len(numbers) == 1 else Target.FRAMES
        return await Retrieval(services, request, target, [found], numbers).respond()

    async def pixel_data(request: Request) -> Response:
        found = await find_instance(services, request)
        if found.stored.number_of_frames == 0 and found.pixel_data is None:
            raise RequestError(404, "no-pixel-data", "The instance has no Pixel Data.")
        return await Retrieval(services, request, Target.PIXEL_DATA, [found]).respond()

    async def bulkdata(request: Request) -> Response:
        found = await find_instance(services, request)
        path = request.path_params["path"]
        # Pixel Data that no attributes describe is a value like others.
        if path.upper() == "7FE00010" and found.stored.number_of_frames:
            return await pixel_data(request)
        stored = services.contents.stored
        body = await run_sync(
            lambda: bulkdata_body(stored_data_set(stored(found)), path), limiter=services.contents.turns
        )
        if body is None:
            raise RequestError(404, "unknown-value", "The instance has no such value.")
        value = f"/bulkdata/{path}", body
        return await Retrieval(services, request, Target.BULKDATA, [found], value=value).respond()

    return [
        Route(SERVICE_ROOT + STUDY, study),
        Route(SERVICE_ROOT + SERIES, series),
        Route(SERVICE_ROOT + INSTANCE, instance),
        Route(SERVICE_ROOT + INSTANCE + "/frames/{frames}", frames),
        Route(SERVICE_ROOT + INSTANCE + "/pixeldata", pixel_data),
        Route(SERVICE_ROOT + INSTANCE + "/bulkdata/{path:path}", bulkdata),
    ]
