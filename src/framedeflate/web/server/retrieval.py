# SPDX-License-Identifier: Apache-2.0
"""A retrieval from what is asked to what is sent: negotiation, conditions, ranges, payload."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION
from framedeflate.web.conditions import wanted_range
from framedeflate.web.index import IndexedInstance
from framedeflate.web.multipart_writer import MultipartPayload, new_boundary, write_parts
from framedeflate.web.negotiation import VARY, Answer, Asked, negotiate
from framedeflate.web.payloads.body import Body
from framedeflate.web.payloads.parts import Item, items_of, location_of
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import Making, Target
from framedeflate.web.server.answers import RequestError, refused
from framedeflate.web.server.asking import abilities_of, asked_of
from framedeflate.web.server.delivery import PayloadResponse
from framedeflate.web.server.lookup import base_url
from framedeflate.web.server.metadata_texts import instance_url
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.validators import kept_for, not_modified

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from typing_extensions import Buffer

__all__ = ["Retrieval", "etag_of", "how_sent"]

_MAX_COUNTED: Final = 4096
"""Payloads of more parts go out without a length: to count it would take longer than to begin."""

_FORM: Final = "1"
"""Part of every tag: another number where the same stored bytes are sent in another form than before."""

_GROWING: Final = frozenset({Target.STUDY, Target.SERIES})
_ONE_FRAME: Final = frozenset({Target.FRAME, Target.PIXEL_DATA})
_CHEAP: Final = frozenset({Making.STORED, Making.WRAPPED})


def etag_of(
    digests: Sequence[str], target: Target, answer: Answer, frame_numbers: Sequence[int] = (), path: str = ""
) -> str:
    """Return an entity-tag: another for each representation and coding, since all are other bytes (RFC 9110 8.8.3).

    It is weak for payloads in parts, whose boundary is new each time.
    """
    part = answer.parts[0]
    # All that tells one frame's tags apart stands in the clear, so that the fast path need not hash anything.
    said = (
        _FORM,
        target.value,
        part.media_type,
        part.making.value,
        answer.content_encoding,
        answer.multipart,
        path,
    )
    form = hashlib.blake2b("|".join(map(str, said)).encode(), digest_size=4).hexdigest()
    if len(digests) == 1:
        digest = digests[0]
    else:
        digest = hashlib.blake2b("|".join(digests).encode(), digest_size=20).hexdigest()
    if len(frame_numbers) > 1:
        listed = ",".join(map(str, frame_numbers))
        numbers = hashlib.blake2b(listed.encode(), digest_size=8).hexdigest()
    else:
        numbers = "".join(map(str, frame_numbers))
    weak = "W/" if answer.multipart else ""
    return f'{weak}"{digest}-{form}-{numbers}"'


def how_sent(making: Making) -> str:
    """Return what `Tallies.frames` calls it."""
    return making.value if making in _CHEAP else "made"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """One request for stored bytes.

    Attributes
    ----------
    services : Services
    request : Request
    target : Target
    instances : sequence of IndexedInstance
        At least one; those of a study or series come without frame tables.
    frame_numbers : tuple of int
        For FRAME and FRAMES.
    value : (str, Body) or None
        For BULKDATA: the path below the instance, and what is there.
    """

    services: Services
    request: Request
    target: Target
    instances: Sequence[IndexedInstance]
    frame_numbers: tuple[int, ...] = ()
    value: tuple[str, Body] | None = None

    async def respond(self) -> Response:
        """Return the answer.

        Raises
        ------
        RequestError, FrameDeflateError, OSError
            For `app` to answer.
        """
        settings = self.services.settings
        stored = [instance.stored for instance in self.instances]
        answer = negotiate(self.target, stored, self._asked(), abilities_of(settings))
        if isinstance(answer, Refusal):
            return refused(answer)
        digests = [instance.etag for instance in self.instances]
        path = "" if self.value is None else self.value[0]
        etag = etag_of(digests, self.target, answer, self.frame_numbers, path)
        headers = {
            "ETag": etag,
            "Cache-Control": kept_for(settings.cache_seconds, changes=self.target in _GROWING),
            "Vary": VARY,
        }
        known = not_modified(self.request, etag, headers["Cache-Control"])
        if known is not None:
            if not answer.multipart:
                # RFC 9110 15.4.5: as the whole answer would have had it.
                known.headers["Content-Location"] = self._location(answer)
            return known
        cheap = all(part.making in _CHEAP for part in answer.parts)
        limiter = None if cheap else self.services.contents.turns
        if answer.multipart:
            payload, nbytes, content_type = await run_sync(self._in_parts, answer, limiter=limiter)
            self._count_frames(answer, nbytes or 0)
            headers["Content-Type"] = content_type
            return PayloadResponse(payload, nbytes, headers=headers, limiter=limiter)
        item = await run_sync(lambda: next(self._items(answer)), limiter=limiter)
        self._count_frames(answer, item.body.nbytes)
        return self._single(answer, item, headers, limiter)

    def _asked(self) -> Asked:
        """Return what negotiation looks at; without codings where there is no stream that could be wrapped."""
        asked = asked_of(self.request)
        instance = self.instances[0]
        is_deflated = instance.transfer_syntax_uid == DEFLATED_IMAGE_FRAME_COMPRESSION
        if self.target in _ONE_FRAME and is_deflated and instance.frames is None:
            # Its Frames are in several Fragments each: inflated they can be had all the same.
            return replace(asked, accept_encoding=None)
        return asked

    def _location(self, answer: Answer) -> str:
        """Return the URL of the only item of an answer."""
        url = self._url(self.instances[0])
        if self.value is not None:
            return url + self.value[0]
        return location_of(self.target, answer.parts[0], url, *self.frame_numbers[:1])

    def _url(self, instance: IndexedInstance) -> str:
        return instance_url(base_url(self.services, self.request) + SERVICE_ROOT, instance)

    def _count_frames(self, answer: Answer, nbytes: int) -> None:
        image_pixel = self.instances[0].image_pixel
        if self.frame_numbers and image_pixel is not None:
            count = len(self.frame_numbers)
            how = how_sent(answer.parts[0].making)
            native_nbytes = count * image_pixel.frame_nbytes
            self.services.tallies.frames_sent(how, count, nbytes=nbytes, native_nbytes=native_nbytes)

    def _single(
        self, answer: Answer, item: Item, headers: dict[str, str], limiter: "CapacityLimiter | None"
    ) -> Response:
        headers |= answer.headers()
        start, stop, status = 0, item.body.nbytes, 200
        if answer.content_encoding is None:
            headers["Accept-Ranges"] = "bytes"
            fields = self.request.headers
            asked = fields.get("range") if self.request.method == "GET" else None
            found = wanted_range(asked, fields.get("if-range"), headers["ETag"], stop)
            if found == "unsatisfiable":
                raise RequestError(
                    416,
                    "range",
                    f"The representation has {stop} bytes.",
                    headers={"Content-Range": f"bytes */{stop}"},
                )
            if found is not None:
                headers["Content-Range"] = f"bytes {found[0]}-{found[1] - 1}/{stop}"
                (start, stop), status = found, 206
        headers["Content-Location"] = item.location
        pieces = item.body.pieces(start, stop)
        return PayloadResponse(pieces, stop - start, status=status, headers=headers, limiter=limiter)

    def _in_parts(self, answer: Answer) -> "tuple[Iterator[Buffer], int | None, str]":
        """Return the payload, its length where it is soon known, and its Content-Type."""
        items = self._items(answer)
        if len(self.instances) == 1:
            counted = list(islice(items, _MAX_COUNTED + 1))
            if len(counted) <= _MAX_COUNTED:
                payload = MultipartPayload([item.part() for item in counted])
                return iter(payload), payload.nbytes, str(payload.media_type)
            # Asked again: those that were made hold nothing but places.
            items = self._items(answer)
        boundary = new_boundary()
        media_type = answer.media_type.adding("boundary", boundary)
        return write_parts((item.part() for item in items), boundary), None, str(media_type)

    def _items(self, answer: Answer) -> Iterator[Item]:
        services = self.services
        for listed, part in zip(self.instances, answer.parts, strict=True):
            uids = listed.study_instance_uid, listed.series_instance_uid, listed.sop_instance_uid
            # Lists, of a single instance too, come without frame tables, and so without the true ends of streams.
            instance = services.index.instance(*uids) if self.target in _GROWING else listed
            if instance is None:
                raise RequestError(404, "gone", "An instance was taken out of the index meanwhile.")
            url = self._url(listed)
            if self.value is not None:
                yield Item(part.media_type, self.value[1], url + self.value[0])
                return
            yield from items_of(
                services.contents.stored(instance),
                self.target,
                part,
                url=url,
                coding=answer.content_encoding,
                frame_numbers=self.frame_numbers,
            )
