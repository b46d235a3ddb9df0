# SPDX-License-Identifier: Apache-2.0
"""The short way to a Frame and the route behind it answer alike, byte for byte."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from framedeflate.web.server import create_app
from framedeflate.web.server.frame_path import FramePath
from framedeflate.web.server.services import Services
from indexed_files import made_dataset, made_frames, save, save_deflated
from web_server import put_in_store, services_for

PATH = "/dicomweb/studies/1.2/series/1.3/instances"
ACCEPTS = (
    b"application/x-deflate",
    b"application/octet-stream",
    b"*/*",
    b"*/*; transfer-syntax=*",
    b'multipart/related; type="application/x-deflate"; transfer-syntax=*',
    b"multipart/related; type=application/octet-stream; transfer-syntax=*",
    b"image/jp2",
    None,
)


def asked(path: str, headers: list[tuple[bytes, bytes]], *, method: str = "GET") -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"a.example:8042"), *headers],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }


async def answer_of(application: Any, scope: dict[str, Any]) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, header and payload; the boundary, new each time, is made the same."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    await application(scope, receive, send)
    headers = sorted(sent[0]["headers"])
    assert len(dict(headers)) == len(headers)
    fields = dict(headers)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    _, _, boundary = fields.get(b"content-type", b"").partition(b"boundary=")
    if boundary:
        fields[b"content-type"] = fields[b"content-type"].replace(boundary, b"B")
        body = body.replace(boundary, b"B")
    return sent[0]["status"], fields, body


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frame_path")
    frames = made_frames(5, 16, 16)
    save_deflated(made_dataset("1.2", "1.3", "1.4"), folder / "a.dcm", frames, 16, 16)
    native = made_dataset("1.2", "1.3", "1.5", Rows=16, Columns=16, SamplesPerPixel=1, BitsAllocated=1)
    native.PhotometricInterpretation, native.BitsStored, native.HighBit = "MONOCHROME2", 1, 0
    native.PixelRepresentation, native.NumberOfFrames, native.PixelData = 0, 5, b"".join(frames)
    native["PixelData"].VR = "OB"
    put_in_store(folder / "store", folder / "a.dcm", save(native, folder / "b.dcm"))
    return folder / "store"


def test_both_ways_are_one(store: Path) -> None:
    async def compare(services: Services) -> int:
        short = create_app(services)
        assert isinstance(short, FramePath)
        behind = short._application
        taken = 0

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            nonlocal taken
            taken += 1
            await behind(scope, receive, send)

        short._application = counted
        count = 0
        for sop in ("1.4", "1.5"):
            # What is not in the caches takes the long way, once.
            await answer_of(short, asked(f"{PATH}/{sop}/frames/1", [(b"accept", b"*/*")]))
            for accept in ACCEPTS:
                for coding in (None, b"identity", b"gzip", b"deflate, gzip", b"identity;q=0"):
                    for number in ("1", "5", "6", "0", "01"):
                        headers = [] if accept is None else [(b"accept", accept)]
                        headers += [] if coding is None else [(b"accept-encoding", coding)]
                        scope = asked(f"{PATH}/{sop}/frames/{number}", headers)
                        expected = await answer_of(behind, dict(scope))
                        assert await answer_of(short, dict(scope)) == expected, (sop, accept, coding, number)
                        count += 1
        return count - taken

    with services_for(store) as services:
        assert asyncio.run(compare(services)) > 70


def test_what_is_not_common_takes_the_long_way(store: Path) -> None:
    async def check(services: Services) -> None:
        application = create_app(services)
        accept = (b"accept", b"application/x-deflate")
        path = f"{PATH}/1.4/frames/2"
        status, headers, body = await answer_of(application, asked(path, [accept]))
        assert status == 200
        for _ in range(2):
            known = await answer_of(application, asked(path, [accept, (b"if-none-match", headers[b"etag"])]))
            assert known[::2] == (304, b"")
            part = await answer_of(application, asked(path, [accept, (b"range", b"bytes=1-3")]))
            assert part[::2] == (206, body[1:4])
            head = await answer_of(application, asked(path, [accept], method="HEAD"))
            assert head == (200, headers, b"")
            twice = await answer_of(application, asked(path, [(b"accept", b"image/jp2"), accept]))
            assert twice == (200, headers, body)
            none = await answer_of(application, asked(f"{PATH}/1.5/frames/2", [accept]))
            assert none[0] == 406

    with services_for(store) as services:
        asyncio.run(check(services))


def test_a_deleted_file_is_not_served_from_its_descriptor(store: Path, tmp_path: Path) -> None:
    async def check(services: Services) -> None:
        application = create_app(services)
        scope = asked(f"{PATH}/1.4/frames/2", [(b"accept", b"*/*")])
        assert (await answer_of(application, scope))[0] == 200
        found = services.index.instance("1.2", "1.3", "1.4")
        assert found is not None
        services.index.remove("1.4")
        services.contents.forget(found.etag)
        assert (await answer_of(application, scope))[0] == 404

    with services_for(store, index_url=f"sqlite:///{tmp_path / 'other.sqlite'}") as services:
        asyncio.run(check(services))
