# SPDX-License-Identifier: Apache-2.0
"""Retrieve metadata of a study, a series or an instance (PS3.18 10.4.1.1.2, 10.4.3.3.2)."""

from collections.abc import Iterator, Sequence
from typing import Final

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from framedeflate.web.index import IndexedInstance
from framedeflate.web.metadata.coded_text import CodedText, PayloadCoder
from framedeflate.web.multipart_writer import BodyPart, new_boundary
from framedeflate.web.negotiation import Answer, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import Target
from framedeflate.web.server.answers import refused
from framedeflate.web.server.asking import abilities_of, asked_of
from framedeflate.web.server.delivery import PayloadResponse
from framedeflate.web.server.lookup import INSTANCE, SERIES, STUDY, base_url, find_instance, find_instances
from framedeflate.web.server.metadata_texts import MetadataTexts, instance_url
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.validators import entity_tag, kept_for, not_modified

__all__ = ["routes"]

_FORM: Final = 1
"""Counted up when the text of an unchanged instance becomes another, so that no client keeps the old one."""


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    texts = MetadataTexts(services.contents, services.settings.metadata_cache_nbytes)

    async def of_instance(request: Request) -> Response:
        return await respond(request, [await find_instance(services, request)], changes=False)

    async def of_several(request: Request) -> Response:
        return await respond(request, await find_instances(services, request), changes=True)

    async def respond(request: Request, instances: list[IndexedInstance], *, changes: bool) -> Response:
        settings = services.settings
        stored = [instance.stored for instance in instances]
        answer = negotiate(Target.METADATA, stored, asked_of(request), abilities_of(settings))
        if isinstance(answer, Refusal):
            return refused(answer)
        root = base_url(services, request) + SERVICE_ROOT
        digests = [instance.etag for instance in instances]
        tag = entity_tag(_FORM, root, answer.media_type, answer.content_encoding, *digests)
        if answer.multipart:
            tag = f"W/{tag}"  # the boundary is another each time
        keeping = kept_for(settings.cache_seconds, changes=changes)
        if (same := not_modified(request, tag, keeping)) is not None:
            return same
        payload = _Payload(answer, instances, root, texts)
        turns = services.contents.turns
        nbytes = None
        if len(instances) == 1 and request.method != "HEAD":
            nbytes = await run_sync(payload.nbytes_of_one, limiter=turns)
        headers = {**answer.headers(), "Content-Type": payload.content_type}
        headers |= {"ETag": tag, "Cache-Control": keeping}
        return PayloadResponse(iter(payload), nbytes, headers=headers, limiter=turns)

    return [
        Route(SERVICE_ROOT + STUDY + "/metadata", of_several),
        Route(SERVICE_ROOT + SERIES + "/metadata", of_several),
        Route(SERVICE_ROOT + INSTANCE + "/metadata", of_instance),
    ]


class _Payload:
    """One array of objects (F.2.1), or a part for each document (Table 10.4.4-1).

    Parameters
    ----------
    answer : Answer
    instances : list of IndexedInstance
        Each is written when its turn has come.
    root : str
        URL of the service.
    texts : MetadataTexts
    """

    def __init__(
        self, answer: Answer, instances: list[IndexedInstance], root: str, texts: MetadataTexts
    ) -> None:
        self._instances: Final = instances
        self._root: Final = root
        self._texts: Final = texts
        self._xml: Final = answer.multipart
        self._coding: Final = answer.content_encoding
        self._part_type: Final = answer.parts[0].media_type
        self._boundary: Final = new_boundary()
        self._first: CodedText | None = None
        media_type = answer.media_type
        self.content_type: Final = str(
            media_type.adding("boundary", self._boundary) if self._xml else media_type
        )

    def __iter__(self) -> Iterator[bytes]:
        coder = PayloadCoder(self._coding)
        yield coder.start()
        for number, instance in enumerate(self._instances):
            text = self._first or self._texts.get(instance, self._root, xml=self._xml)
            self._first = None
            yield coder.plain(self._before(number, instance, text))
            yield from coder.coded(text)
        yield coder.plain(self._after) + coder.end()

    def nbytes_of_one(self) -> int:
        """Return the length where there is one instance, which is written here."""
        instance = self._instances[0]
        text = self._first = self._texts.get(instance, self._root, xml=self._xml)
        coder = PayloadCoder(self._coding)
        around = len(coder.start()) + len(coder.plain(self._before(0, instance, text)))
        around += len(coder.plain(self._after)) + len(coder.end())
        return around + (text.nbytes if self._coding is None else text.stream_nbytes)

    def _before(self, number: int, instance: IndexedInstance, text: CodedText) -> bytes:
        if not self._xml:
            return b"," if number else b"["
        part = BodyPart(self._part_type, text.nbytes, (), f"{instance_url(self._root, instance)}/metadata")
        return ("\r\n" if number else "").encode() + f"--{self._boundary}\r\n".encode("ascii") + part.header()

    @property
    def _after(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode("ascii") if self._xml else b"]"
