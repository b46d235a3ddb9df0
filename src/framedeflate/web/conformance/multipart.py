# SPDX-License-Identifier: Apache-2.0
"""Payloads in parts, read leniently, with every departure from RFC 2046 5.1.1 and RFC 2387 named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from framedeflate.web.conformance.media import Media, media_of

__all__ = ["Part", "Payload", "read_payload", "write_payload"]

_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its headers by lower-case name."""

    headers: dict[str, str]
    content: bytes

    @property
    def media(self) -> Media:
        """Its Content-Type."""
        return media_of(self.headers.get("content-type"))


@dataclass(frozen=True, slots=True)
class Payload:
    """The parts, and what is wrong with how they are put together."""

    parts: tuple[Part, ...]
    problems: tuple[str, ...]


def read_payload(boundary: str, body: bytes) -> Payload:
    """Take a payload apart."""
    problems: list[str] = []
    delimiter = re.compile(
        rb"(?:\A|(\r?\n))--" + re.escape(boundary.encode("latin-1")) + rb"(--)?[ \t]*(\r?\n|\Z)"
    )
    parts: list[Part] = []
    begin: int | None = None
    closed = False
    for found in delimiter.finditer(body):
        if found[1] == b"\n" or found[3] == b"\n":
            problems.append("lines end in LF alone")
        if begin is not None:
            parts.append(_part(body[begin : found.start()], problems))
            if len(parts) > _MAX_PARTS:
                problems.append("more parts than were asked for")
                break
        begin = found.end()
        # The line break that ends this delimiter can be the one that a next delimiter begins with, in an empty part.
        if found[2]:
            closed = True
            break
    if begin is None:
        problems.append("no delimiter of the boundary that Content-Type gives")
    elif not closed:
        problems.append("no closing delimiter")
        parts.append(_part(body[begin:], problems))
    return Payload(tuple(parts), tuple(dict.fromkeys(problems)))


def _part(raw: bytes, problems: list[str]) -> Part:
    if raw.startswith((b"\r\n", b"\n")):
        problems.append("a part without headers")
        return Part({}, raw.partition(b"\n")[2])
    end = _HEADERS_END.search(raw)
    if end is None:
        problems.append("a part without an empty line behind its headers")
        return Part({}, raw)
    lines = raw[: end.start()]
    if b"\n" in lines.replace(b"\r\n", b"") or end[0] != b"\r\n\r\n":
        problems.append("lines end in LF alone")
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            problems.append("a header line that is none")
        elif name.lower() in headers:
            problems.append(f"{name} twice in a part")
        headers[name.lower()] = value.strip()
    return Part(headers, raw[end.end() :])


def write_payload(
    parts: Sequence[tuple[str, bytes]], boundary: str, *, locations: Sequence[str] = ()
) -> bytes:
    """Put parts together, each a Content-Type and its content."""
    body = bytearray()
    for index, (content_type, content) in enumerate(parts):
        body += f"--{boundary}\r\nContent-Type: {content_type}\r\n".encode()
        if index < len(locations) and locations[index]:
            body += f"Content-Location: {locations[index]}\r\n".encode()
        body += b"\r\n" + content + b"\r\n"
    return bytes(body) + f"--{boundary}--\r\n".encode()
