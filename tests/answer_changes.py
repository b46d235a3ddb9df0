# SPDX-License-Identifier: Apache-2.0
"""What wrong servers do to requests and answers."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.multipart import Part
from recorded_server import Asked, ChangeAnswer, ChangeRequest

DEFLATE, OCTETS = "application/x-deflate", "application/octet-stream"


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """With another value of a header, or without it."""
    others = {key: stated for key, stated in answer.headers.items() if key != name}
    return replace(answer, headers=others if value is None else {**others, name: value})


def each_part(answer: Answer, change: Callable[[Part], Part]) -> Answer:
    """With each part changed, or the body where it has no parts; lengths are those of what was changed."""
    if answer.status != 200 or answer.coding or not answer.raw:
        return answer
    if answer.media.name != "multipart/related":
        one = change(Part({"content-type": answer.headers.get("content-type", "")}, answer.raw))
        changed = with_header(replace(answer, raw=one.content), "content-type", one.headers["content-type"])
        return with_header(changed, "content-length", str(len(one.content)))
    parts = [change(part) for part in answer.payload.parts]
    return with_parts(answer, parts)


def with_parts(answer: Answer, parts: list[Part]) -> Answer:
    """With these parts in place of its own."""
    boundary = answer.media.parameters["boundary"].encode()
    body = b""
    for part in parts:
        headers = {**part.headers}
        if headers.get("content-length", "").isdigit():
            headers["content-length"] = str(len(part.content))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        body += b"--" + boundary + b"\r\n" + lines + b"\r\n" + part.content + b"\r\n"
    body += b"--" + boundary + b"--\r\n"
    return with_header(Answer(answer.status, answer.headers, body), "content-length", str(len(body)))


def only(condition: Callable[[Asked, Answer], bool], change: Callable[[Answer], Answer]) -> ChangeAnswer:
    """Change the answers alone of which the condition holds."""
    return lambda asked, answer: change(answer) if condition(asked, answer) else answer


def status(old: int, new: int) -> ChangeAnswer:
    """Another status."""
    return only(lambda _asked, answer: answer.status == old, lambda answer: replace(answer, status=new))


def json_change(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """Change what JSON says."""

    def changed(answer: Answer) -> Answer:
        if answer.status not in {200, 202} or "json" not in answer.media.name or answer.coding:
            return answer
        raw = json.dumps(change(json.loads(answer.raw)), ensure_ascii=False).encode()
        return with_header(replace(answer, raw=raw), "content-length", str(len(raw)))

    return changed


def content(media: str, change: Callable[[bytes], bytes]) -> ChangeAnswer:
    """Change what parts of that media type hold."""

    def part(one: Part) -> Part:
        return replace(one, content=change(one.content)) if one.media.name == media else one

    return lambda _asked, answer: each_part(answer, part)


def part_header(name: str, change: Callable[[str], str | None]) -> ChangeAnswer:
    def part(one: Part) -> Part:
        if name not in one.headers:
            return one
        value = change(one.headers[name])
        others = {key: stated for key, stated in one.headers.items() if key != name}
        return replace(one, headers=others if value is None else {**others, name: value})

    return lambda _asked, answer: each_part(answer, part)


def raw_as_native(asked: Asked, answer: Answer) -> Answer:
    """Send deflated Frames as application/octet-stream."""
    if "/frames/" not in asked.path or answer.coding:
        return answer

    def part(one: Part) -> Part:
        if one.media.name != OCTETS:
            return one
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return replace(one, content=deflater.compress(one.content) + deflater.flush())

    return each_part(answer, part)


def body(change: Callable[[bytes], bytes]) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, raw=change(answer.raw))


def multipart(_asked: Asked, answer: Answer) -> bool:
    return answer.media.name == "multipart/related" and not answer.coding


def coded(coding: str) -> Callable[[Asked, Answer], bool]:
    return lambda _asked, answer: answer.coding == coding


def in_path(text: str) -> Callable[[Asked, Answer], bool]:
    return lambda asked, answer: text in unquote(asked.path) and answer.status == 200


def without_query(pattern: str, instead: str = "") -> ChangeRequest:
    return lambda asked: replace(asked, path=re.sub(pattern, instead, asked.path))


def without_accept(pattern: str) -> ChangeRequest:
    def changed(asked: Asked) -> Asked:
        return asked if asked.accept is None else replace(asked, accept=re.sub(pattern, "", asked.accept))

    return changed


def each_object(change: Callable[[dict[str, Any]], Any]) -> Callable[[Answer], Answer]:
    def changed(found: Any) -> Any:
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict):
                change(one)
        return found

    return json_change(changed)


def add(tag: str, vr: str, *values: Any) -> Callable[[Answer], Answer]:
    return each_object(lambda one: one.__setitem__(tag, {"vr": vr, "Value": list(values)}))


def remove(tag: str) -> Callable[[Answer], Answer]:
    return each_object(lambda one: one.pop(tag, None))


def of_metadata(asked: Asked, _answer: Answer) -> bool:
    return asked.path.endswith("/metadata")


def of_search(asked: Asked, _answer: Answer) -> bool:
    return asked.method == "GET" and bool(re.search(r"/(studies|series|instances)(\?|$)", asked.path))


def of_store(asked: Asked, _answer: Answer) -> bool:
    return asked.method == "POST"


def reverse(_asked: Asked, answer: Answer) -> Answer:
    if answer.status != 200 or answer.media.name != "multipart/related" or answer.coding or not answer.raw:
        return answer
    return with_parts(answer, list(answer.payload.parts)[::-1])
