# SPDX-License-Identifier: Apache-2.0
"""Retrieve rendered pictures and thumbnails of studies, series, instances and Frames (PS3.18 10.4.1.1.3, .5)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.index import IndexedInstance
from framedeflate.web.multipart_writer import BodyPart, new_boundary, write_parts
from framedeflate.web.negotiation import Answer, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.rendering.parameters import RenderingParameters, parse_parameters
from framedeflate.web.representations import Target
from framedeflate.web.server.answers import RequestError, refused
from framedeflate.web.server.asking import abilities_of, asked_of, frame_numbers
from framedeflate.web.server.delivery import PayloadResponse
from framedeflate.web.server.lookup import INSTANCE, SERIES, STUDY, base_url, find_instance, find_instances
from framedeflate.web.server.metadata_texts import instance_url
from framedeflate.web.server.pictures import Pictures
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.validators import entity_tag, kept_for, not_modified

__all__ = ["routes"]

_FORM: Final = 1
"""Counted up when the same request gives another picture than before."""


class _Frame(NamedTuple):
    """One Frame; None stands for the one that represents its instance."""

    instance: IndexedInstance
    number: int | None


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    pictures = Pictures(services.index, services.contents)

    async def several(request: Request) -> Response:
        found = [_Frame(one, None) for one in _images(await find_instances(services, request))]
        target = Target.RENDERED if len(found) == 1 else Target.RENDERED_FRAMES
        return await _Rendering(services, pictures, request).respond(target, found, changes=True)

    async def one(request: Request) -> Response:
        found = await find_instance(services, request)
        return await _Rendering(services, pictures, request).respond(Target.RENDERED, [_Frame(found, None)])

    async def frames(request: Request) -> Response:
        found = await find_instance(services, request)
        numbers = frame_numbers(
            request.path_params["frames"],
            number_of_frames=found.stored.number_of_frames,
            max_frames=services.settings.max_frames,
        )
        listed = [_Frame(found, number) for number in numbers]
        rendering = _Rendering(services, pictures, request)
        if request.url.path.endswith("/thumbnail"):
            return await rendering.respond(Target.THUMBNAIL, listed[:1])
        target = Target.RENDERED if len(listed) == 1 else Target.RENDERED_FRAMES
        return await rendering.respond(target, listed)

    async def thumbnail(request: Request) -> Response:
        if "instance" in request.path_params:
            found = [await find_instance(services, request)]
        else:
            found = _images(await find_instances(services, request))
        shown = _Frame(found[len(found) // 2], None)
        changes = "instance" not in request.path_params
        return await _Rendering(services, pictures, request).respond(
            Target.THUMBNAIL, [shown], changes=changes
        )

    paths: list[tuple[str, Callable[[Request], object]]] = [
        (STUDY + "/rendered", several),
        (SERIES + "/rendered", several),
        (INSTANCE + "/rendered", one),
        (INSTANCE + "/frames/{frames}/rendered", frames),
        (STUDY + "/thumbnail", thumbnail),
        (SERIES + "/thumbnail", thumbnail),
        (INSTANCE + "/thumbnail", thumbnail),
        (INSTANCE + "/frames/{frames}/thumbnail", frames),
    ]
    return [Route(SERVICE_ROOT + path, handler) for path, handler in paths]


def _images(instances: list[IndexedInstance]) -> list[IndexedInstance]:
    """Return those that have Frames; all of them where none has, so that the refusal names them."""
    return [one for one in instances if one.image_pixel is not None] or instances


class _Rendering:
    """One request for pictures.

    Parameters
    ----------
    services : Services
    pictures : Pictures
    request : Request
    """

    def __init__(self, services: Services, pictures: Pictures, request: Request) -> None:
        self._services: Final = services
        self._pictures: Final = pictures
        self._request: Final = request

    async def respond(self, target: Target, frames: Sequence[_Frame], *, changes: bool = False) -> Response:
        """Return the answer: a picture, or a part for each."""
        services, request = self._services, self._request
        settings = services.settings
        if len(frames) > settings.max_frames:
            raise RequestError(
                406, "too-many-frames", f"At most {settings.max_frames} pictures are rendered at once."
            )
        if not any(frame.instance.stored.number_of_frames for frame in frames):
            raise RequestError(406, "no-pixel-data", "There is no Pixel Data, so no picture can be made.")
        stored = list(dict.fromkeys(frame.instance.stored for frame in frames))
        answer = negotiate(target, stored, asked_of(request), abilities_of(settings))
        if isinstance(answer, Refusal):
            return refused(answer)
        query = request.query_params.multi_items()
        parameters = parse_parameters(query, thumbnail=target is Target.THUMBNAIL)
        if isinstance(parameters, Refusal):
            return refused(parameters)
        shown = [(frame.instance.etag, frame.number) for frame in frames]
        tag = entity_tag(_FORM, answer.media_type, answer.multipart, parameters, *shown)
        if answer.multipart:
            tag = f"W/{tag}"  # the boundary is another each time
        keeping = kept_for(settings.cache_seconds, changes=changes)
        if (same := not_modified(request, tag, keeping)) is not None:
            return same
        headers = {**answer.headers(), "ETag": tag, "Cache-Control": keeping}
        if parameters.warnings:
            # 8.3.5: what is not supported is left out, and the answer says so.
            headers["Warning"] = ", ".join(f'299 framedeflate "{one}"' for one in parameters.warnings)
        turns = services.contents.turns
        if answer.multipart:
            boundary = new_boundary()
            headers["Content-Type"] = str(answer.media_type.adding("boundary", boundary))
            parts = self._parts(frames, answer, parameters)
            return PayloadResponse(write_parts(parts, boundary), None, headers=headers, limiter=turns)
        if request.method == "HEAD":
            return Response(headers=headers)
        media_type = answer.media_type.name
        picture, native_nbytes = await run_sync(self._draw, frames[0], parameters, media_type, limiter=turns)
        services.tallies.frames_sent("made", 1, nbytes=len(picture), native_nbytes=native_nbytes)
        return Response(picture, headers=headers)

    def _parts(
        self, frames: Sequence[_Frame], answer: Answer, parameters: RenderingParameters
    ) -> Iterator[BodyPart]:
        root = base_url(self._services, self._request) + SERVICE_ROOT
        part_type = answer.parts[0].media_type
        for frame in frames:
            picture, _ = self._draw(frame, parameters, part_type.name)
            number = "" if frame.number is None else f"/frames/{frame.number}"
            location = f"{instance_url(root, frame.instance)}{number}/rendered"
            yield BodyPart(part_type, len(picture), [picture], location)

    def _draw(self, frame: _Frame, parameters: RenderingParameters, media_type: str) -> tuple[bytes, int]:
        pictures = self._pictures
        instance = pictures.with_frames(frame.instance) if frame.instance.frames is None else frame.instance
        number = pictures.representative(instance) if frame.number is None else frame.number
        return pictures.encoded(instance, number, parameters, media_type)
