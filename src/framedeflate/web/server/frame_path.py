# SPDX-License-Identifier: Apache-2.0
"""The short way for one small Frame: path, cache, read, sent; the same answers as the route of `retrieve` gives.

A viewer asks for a slide's tiles by the thousand, and most of what an answer of two kilobytes costs is what stands
between the socket and the file. Whatever is not the common case is left to the application behind: what is not in
the caches, conditions, ranges, refusals, large Frames, which a thread reads.
"""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from framedeflate import engine
from framedeflate.transfer_syntax import NATIVE
from framedeflate.web.content_encoding import Coding, FrameSums, ends
from framedeflate.web.index import IndexedInstance
from framedeflate.web.multipart_writer import new_boundary
from framedeflate.web.negotiation import VARY, Asked, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import Making, Target
from framedeflate.web.server.asking import abilities_of
from framedeflate.web.server.lookup import LOOPBACK_WITHOUT_PORT, is_host
from framedeflate.web.server.retrieval import etag_of, how_sent
from framedeflate.web.server.route_names import FRAME_ROUTE, ROUTE_KEY
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import SERVICE_ROOT
from framedeflate.web.server.validators import kept_for

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["FramePath"]

_UID: Final = "([0-9.]{1,64})"
_FRAME: Final = re.compile(
    f"{SERVICE_ROOT}/studies/{_UID}/series/{_UID}/instances/{_UID}/frames/([1-9][0-9]{{0,9}})"
)
_MAX_NBYTES: Final = 1 << 17
"""More is read by a thread, so that a slow disk delays nobody else for long."""
_MAX_INFLATED_NBYTES: Final = 1 << 16
_MAX_FORMS: Final = 1024
_MAX_FIELD_NBYTES: Final = 1024
_MAX_BASES: Final = 64

_Headers: TypeAlias = list[tuple[bytes, bytes]]
_Key: TypeAlias = tuple[str, bytes | None, bytes | None]
_Place: TypeAlias = tuple[int, int, int, int, int]
"""As a row of `FRAME`."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What all Frames of an instance have in common that are asked for in the same words."""

    in_parts: bool
    content_type: str
    part_start: str
    headers: _Headers
    etag_start: str
    count: int
    making: Making
    how: str
    coding: Coding
    frame_nbytes: int


class FramePath:
    """An ASGI application that answers requests for one Frame, and leaves all others to the one behind.

    Parameters
    ----------
    application : ASGI application
    services : Services
    """

    def __init__(self, application: "ASGIApp", services: Services) -> None:
        self._application = application
        self._index = services.index
        self._files = services.files
        self._settings = services.settings
        self._tallies = services.tallies
        self._abilities = abilities_of(services.settings)
        self._bases: dict[tuple[str, bytes], str | None] = {}
        self._forms: dict[_Key, _Form | None] = {}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer."""
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            found = self._answer(scope)
            if found is not None:
                headers, body = found
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self._application(scope, receive, send)

    def _answer(self, scope: "Scope") -> tuple[_Headers, bytes] | None:
        """Return headers and payload; None where this is not for here."""
        path = scope["path"]
        named = _FRAME.fullmatch(path)
        if named is None:
            return None
        study, series, sop, number = named.groups()
        instance = self._index.cached(study, series, sop)
        if instance is None:
            return None
        uids = {"study": study, "series": series, "instance": sop, "frames": number}
        scope[ROUTE_KEY] = SERVICE_ROOT + FRAME_ROUTE, uids
        fields = _fields(scope)
        form = None if fields is None else self._form(instance, *fields[1:])
        base = None if fields is None else self._base(scope["scheme"], fields[0])
        if form is None or base is None:
            return None
        index = int(number) - 1
        data = None if index >= form.count else self._read(instance, form, _place(instance, index))
        if data is None:
            return None
        self._tallies.frames_sent(form.how, 1, nbytes=len(data), native_nbytes=form.frame_nbytes)
        return _finished(form, number, data, base + path)

    def _base(self, scheme: str, host: bytes) -> str | None:
        try:
            return self._bases[scheme, host]
        except KeyError:
            pass
        if len(self._bases) >= _MAX_BASES:
            self._bases.clear()
        base = self._settings.public_url
        if base is None and is_host(name := host.decode("latin-1")) and name not in LOOPBACK_WITHOUT_PORT:
            base = f"{scheme}://{name}"
        self._bases[scheme, host] = base
        return base

    def _form(self, instance: IndexedInstance, accept: bytes | None, coding: bytes | None) -> _Form | None:
        # No table of Frames in it: the index has the say over those, and over how many are in memory.
        key = instance.etag, accept, coding
        try:
            return self._forms[key]
        except KeyError:
            pass
        if len(accept or b"") + len(coding or b"") > _MAX_FIELD_NBYTES:
            return None
        if len(self._forms) >= _MAX_FORMS:
            # Not a matter of speed: whoever fills it sends each request in other words.
            self._forms.clear()
        form = self._forms[key] = self._new_form(instance, accept, coding)
        return form

    def _new_form(
        self, instance: IndexedInstance, accept: bytes | None, coding: bytes | None
    ) -> _Form | None:
        asked = Asked(
            None if accept is None else accept.decode("latin-1"),
            accept_encoding=None if coding is None else coding.decode("latin-1"),
        )
        answer = negotiate(Target.FRAME, [instance.stored], asked, self._abilities)
        image_pixel = instance.image_pixel
        if isinstance(answer, Refusal) or image_pixel is None or instance.pixel_data is None:
            return None
        making = answer.parts[0].making
        frame_nbytes = image_pixel.frame_nbytes
        if making not in {Making.STORED, Making.WRAPPED, Making.INFLATED} or (
            making is Making.INFLATED and frame_nbytes > _MAX_INFLATED_NBYTES
        ):
            return None
        if instance.frames is None and instance.transfer_syntax_uid not in NATIVE:
            # A Frame of several Fragments.
            return None
        kept = kept_for(self._settings.cache_seconds)
        headers = [(b"cache-control", kept.encode("latin-1")), (b"vary", VARY.encode("latin-1"))]
        if not answer.multipart:
            headers.append((b"content-type", str(answer.media_type).encode("latin-1")))
            if answer.content_encoding is None:
                headers.append((b"accept-ranges", b"bytes"))
            else:
                headers.append((b"content-encoding", answer.content_encoding.encode("latin-1")))
        return _Form(
            in_parts=answer.multipart,
            content_type=str(answer.media_type),
            part_start=f"Content-Type: {answer.parts[0].media_type}\r\nContent-Length: ",
            headers=headers,
            etag_start=etag_of([instance.etag], Target.FRAME, answer).removesuffix('"'),
            count=image_pixel.number_of_frames,
            making=making,
            how=how_sent(making),
            coding="gzip" if answer.content_encoding == "gzip" else "deflate",
            frame_nbytes=frame_nbytes,
        )

    def _read(self, instance: IndexedInstance, form: _Form, place: _Place) -> bytes | None:
        """Return the Frame's bytes as they are sent."""
        position, _, stream_nbytes, adler32, crc32 = place
        file = self._files.held(instance.etag)
        if file is None or stream_nbytes > _MAX_NBYTES:
            return None
        data = _pread(file.descriptor, stream_nbytes, position)
        if len(data) != stream_nbytes:
            return None
        if form.making is Making.WRAPPED:
            sums = FrameSums(stream_nbytes, form.frame_nbytes, adler32, crc32)
            header, trailer = ends(sums, form.coding)
            return header + data + trailer
        if form.making is Making.INFLATED:
            native = bytearray(form.frame_nbytes)
            (defect,), _, _ = engine.inflate_frames([data], form.frame_nbytes, native, 1)
            return None if defect else bytes(native)
        return data


def _fields(scope: "Scope") -> tuple[bytes, bytes | None, bytes | None] | None:
    """Return Host, Accept and Accept-Encoding; None where there are others that change the answer."""
    accept = coding = host = None
    for name, value in scope["headers"]:
        if name == b"accept":
            if accept is not None:
                return None
            accept = value
        elif name == b"accept-encoding":
            if coding is not None:
                return None
            coding = value
        elif name == b"host":
            host = value
        elif name in {b"range", b"if-none-match"}:
            return None
    return None if host is None else (host, accept, coding)


def _pread(descriptor: int, nbytes: int, position: int) -> bytes:
    # Without pread another thread's seek could come between; then the application behind reads, with a lock.
    return os.pread(descriptor, nbytes, position) if hasattr(os, "pread") else b""


def _place(instance: IndexedInstance, index: int) -> _Place:
    if instance.frames is not None:
        # All of a row at once, as Python's own numbers.
        return cast("_Place", instance.frames.item(index))
    if instance.pixel_data is None or instance.image_pixel is None:
        raise LookupError("native Frames without a place")
    nbytes = instance.image_pixel.frame_nbytes
    return instance.pixel_data.position + index * nbytes, nbytes, nbytes, 0, 0


def _finished(form: _Form, number: str, data: bytes, location: str) -> tuple[_Headers, bytes]:
    etag = f'{form.etag_start}{number}"'.encode("latin-1")
    if form.in_parts:
        boundary = new_boundary()
        # As `write_parts` has it, whose checks the host and the path have passed already.
        start = f"--{boundary}\r\n{form.part_start}{len(data)}\r\nContent-Location: {location}\r\n\r\n"
        data = b"".join((start.encode("latin-1"), data, f"\r\n--{boundary}--\r\n".encode("latin-1")))
        own = [(b"content-type", f"{form.content_type}; boundary={boundary}".encode("latin-1"))]
    else:
        own = [(b"content-location", location.encode("latin-1"))]
    return [*form.headers, (b"etag", etag), *own, (b"content-length", b"%d" % len(data))], data
