# SPDX-License-Identifier: Apache-2.0
"""Retrieve metadata of a study, a series or an instance (PS3.18 10.4.1.1.2, 10.4.3.3.2)."""

import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from framedeflate.web.index import IndexedInstance
from framedeflate.web.index.cache import BoundedCache
from framedeflate.web.metadata.coded_text import CodedText, PayloadCoder, code
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.native_model import write_native_model
from framedeflate.web.metadata.opened_data_set import open_data_set
from framedeflate.web.multipart_writer import BodyPart, new_boundary
from framedeflate.web.negotiation import Abilities, Answer, Asked, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import Target
from framedeflate.web.server.answers import refused
from framedeflate.web.server.lookup import INSTANCE, SERIES, STUDY, base_url, find_instance, find_instances
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.validators import entity_tag, kept_for, not_modified

__all__ = ["routes"]

_FORM: Final = 1
"""Counted up when the text of an unchanged instance becomes another, so that no client keeps the old one."""

_WRITERS: Final = 4
"""Instances that are written at a time."""

_IN_PLACE_NBYTES: Final = 1 << 16


class _Texts:
    """Metadata of instances, kept deflated.

    Parameters
    ----------
    services : Services
    """

    def __init__(self, services: Services) -> None:
        self._services: Final = services
        self._kept = BoundedCache[CodedText](services.settings.metadata_cache_nbytes)
        self._writing = [threading.Lock() for _ in range(_WRITERS)]

    def kept(self, instance: IndexedInstance, root: str, *, xml: bool) -> CodedText | None:
        """Return a text that is in memory."""
        return self._kept.get((instance.etag, root, xml))

    def get(self, instance: IndexedInstance, root: str, *, xml: bool) -> CodedText:
        """Return the text of an instance, written now where it is not kept.

        Raises
        ------
        FrameDeflateError, OSError
            The file is damaged, or gone.
        """
        key = (instance.etag, root, xml)
        # Several who ask for the same wait for one.
        with self._writing[hash(key) % _WRITERS]:
            if (found := self._kept.get(key)) is not None:
                return found
            store = self._services.store
            location = f"{root}{_path(instance)}/bulkdata/"
            write = write_native_model if xml else write_json
            with open_data_set(store.path_of(instance.sop_instance_uid), folder=store.folder) as opened:
                text = code(write(opened, bulkdata_uri=location.__add__), folder=store.folder)
            self._kept.put(key, text, text.stream_nbytes + 512, generation=self._kept.generation)
            return text


class _Form:
    """One array of objects (F.2.1), or a part for each document (Table 10.4.4-1).

    Parameters
    ----------
    chosen : Answer
    root : str
        URL of the service.
    """

    def __init__(self, chosen: Answer, root: str) -> None:
        self.root: Final = root
        self.xml: Final = chosen.multipart
        self.coding: Final = chosen.content_encoding
        boundary = new_boundary()
        whole = chosen.media_type.adding("boundary", boundary) if self.xml else chosen.media_type
        self.content_type: Final = str(whole)
        self.after: Final = f"\r\n--{boundary}--\r\n".encode("ascii") if self.xml else b"]"
        self._part_type = chosen.parts[0].media_type
        self._boundary = f"--{boundary}\r\n".encode("ascii")

    def before(self, number: int, instance: IndexedInstance, text: CodedText) -> bytes:
        """Return what stands before a text; the first has number 0."""
        if not self.xml:
            return b"," if number else b"["
        part = BodyPart(self._part_type, text.nbytes, (), f"{self.root}{_path(instance)}/metadata")
        return (b"\r\n" if number else b"") + self._boundary + part.header()

    def nbytes_of(self, instance: IndexedInstance, text: CodedText) -> int:
        """Return the length of a payload of one text."""
        coder = PayloadCoder(self.coding)
        around = [
            coder.start(),
            coder.plain(self.before(0, instance, text)),
            coder.plain(self.after),
            coder.end(),
        ]
        return sum(map(len, around)) + (text.nbytes if self.coding is None else text.stream_nbytes)


def routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    texts = _Texts(services)
    limiter = CapacityLimiter(_WRITERS)

    async def of_instance(request: Request) -> Response:
        return await answer(request, [await find_instance(services, request)], changes=False)

    async def of_several(request: Request) -> Response:
        return await answer(request, await find_instances(services, request), changes=True)

    async def answer(request: Request, instances: list[IndexedInstance], *, changes: bool) -> Response:
        chosen = negotiate(
            Target.METADATA,
            [instance.stored for instance in instances],
            Asked(
                request.headers.get("accept"),
                request.query_params.get("accept"),
                request.headers.get("accept-encoding"),
            ),
            Abilities(metadata_xml=True, absent_accept=services.settings.absent_accept),
        )
        if isinstance(chosen, Refusal):
            return refused(chosen)
        root = base_url(services, request) + SERVICE_ROOT
        digests = [instance.etag for instance in instances]
        tag = entity_tag(_FORM, root, chosen.media_type, chosen.content_encoding, *digests)
        if chosen.multipart:
            tag = f"W/{tag}"  # the boundary is another each time
        keeping = kept_for(services.settings.cache_seconds, changes=changes)
        if (same := not_modified(request, tag, keeping)) is not None:
            return same
        form = _Form(chosen, root)
        headers = {
            **chosen.headers(),
            "Content-Type": form.content_type,
            "ETag": tag,
            "Cache-Control": keeping,
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        # The errors of the first have a status; those of later ones end the payload before its end.
        first = await text_of(instances[0], root, xml=chosen.multipart)
        if len(instances) == 1:
            headers["Content-Length"] = str(form.nbytes_of(instances[0], first))
        return StreamingResponse(payload(form, instances, first), headers=headers)

    async def text_of(instance: IndexedInstance, root: str, *, xml: bool) -> CodedText:
        kept = texts.kept(instance, root, xml=xml)
        if kept is not None:
            return kept
        return await run_sync(partial(texts.get, instance, root, xml=xml), limiter=limiter)

    async def payload(
        form: _Form, instances: list[IndexedInstance], first: CodedText
    ) -> AsyncIterator[bytes]:
        # An instance is written when its turn has come.
        coder = PayloadCoder(form.coding)
        yield coder.start()
        for number, instance in enumerate(instances):
            text = await text_of(instance, form.root, xml=form.xml) if number else first
            yield coder.plain(form.before(number, instance, text))
            async for block in _without_waiting(coder.coded(text), text.nbytes):
                yield block
        yield coder.plain(form.after) + coder.end()

    return [
        Route(SERVICE_ROOT + STUDY + "/metadata", of_several),
        Route(SERVICE_ROOT + SERIES + "/metadata", of_several),
        Route(SERVICE_ROOT + INSTANCE + "/metadata", of_instance),
    ]


async def _without_waiting(blocks: Iterator[bytes], nbytes: int) -> AsyncIterator[bytes]:
    """Yield blocks; those of a long text are inflated, or read, in a thread."""
    if nbytes <= _IN_PLACE_NBYTES:
        yield b"".join(blocks)
        return
    while (block := await run_sync(next, blocks, None)) is not None:
        yield block


def _path(instance: IndexedInstance) -> str:
    return (
        f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )
