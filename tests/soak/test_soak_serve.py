# SPDX-License-Identifier: Apache-2.0
"""The server's memory: flat over a million requests, and little beside files of gigabytes."""

import http.client
import os
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench_serve import running, used
from data_set_samples import Node, write
from made_files import (
    DEFLATED_FRAMES,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    file_meta,
    head,
    item,
    native_header,
    write_sparse,
)
from serve_requests import FORMS, flat_memory, made_store

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name != "posix", reason="wrk, and memory as POSIX tells it"),
]

MIB, GIB = 1 << 20, 1 << 30
LIMIT = 300 * MIB
REQUESTS = 1_000_000
DICOM = "application/dicom"
OCTETS = "application/octet-stream"
PATH = "/dicomweb/studies/1.2/series/1.3/instances/"


def test_memory_is_flat_over_a_million_requests(room: Path, say: Callable[[str], None]) -> None:
    made_store(room)
    with running(room / "store") as base:
        count, before, after = flat_memory(base, REQUESTS // len(FORMS), room)
    say(
        f"memory: {count} requests, {before / MIB:.1f} MiB at most after a tenth, {after / MIB:.1f} at the end"
    )
    assert count >= REQUESTS
    assert after - before < 8 * MIB


def uids(sop: str) -> bytes:
    """What an index needs, in front of group 0028."""
    fields = {0x00080016: "1.2.840.10008.5.1.4.1.1.7", 0x00080018: sop, 0x0020000D: "1.2", 0x0020000E: "1.3"}
    return fields_of(fields, implicit=False)


def fields_of(fields: dict[int, str], *, implicit: bool) -> bytes:
    values = [(tag, text.encode() + b"\0" * (len(text) % 2)) for tag, text in fields.items()]
    return write([Node(tag, "UI", value) for tag, value in values], implicit=implicit)


def place(store: Path, sop: str) -> Path:
    from framedeflate.instance_store import InstanceStore

    with InstanceStore(store) as opened:
        path = opened.path_of(sop)
    path.parent.mkdir(exist_ok=True)
    return path


def received(base: str, path: str, accept: str) -> tuple[int, int, str]:
    """Status, bytes that came, in blocks, and Content-Type."""
    with closing(http.client.HTTPConnection(urlsplit(base).netloc, timeout=600)) as connection:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        nbytes = 0
        while block := answer.read(MIB):
            nbytes += len(block)
        length = answer.headers.get("content-length")
        assert length is None or int(length) == nbytes
        return answer.status, nbytes, answer.headers["content-type"]


@pytest.fixture
def big(room: Path) -> Path:
    """1 GiB native in both encodings, Frames of one bit that begin anywhere; one deflated Frame of 1 GiB."""
    store = room / "store"
    rows = columns = 2047
    frames = (GIB * 8) // (rows * columns)
    nbytes = (frames * rows * columns + 7) // 8
    nbytes += nbytes % 2
    shape: dict[str, Any] = {"rows": rows, "columns": columns, "bits": 1, "frames": frames}
    explicit = file_meta(EXPLICIT) + head(before=uids("1.4"), **shape) + native_header(nbytes)
    write_sparse(place(store, "1.4"), explicit, nbytes)
    names = {0x00080016: "1.2.840.10008.5.1.4.1.1.7", 0x00080018: "1.5", 0x0020000D: "1.2", 0x0020000E: "1.3"}
    before = fields_of(names, implicit=True)
    start = file_meta(IMPLICIT) + head(before=before, implicit=True, **shape)
    write_sparse(place(store, "1.5"), start + struct.pack("<HHI", 0x7FE0, 0x0010, nbytes), nbytes)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(coder.compress(bytes(MIB)) for _ in range(1024)) + coder.flush()
    large = head(rows=1 << 15, columns=1 << 15, bits=8, before=uids("1.6"))
    body = PIXEL_DATA + item(b"") + item(stream + bytes(len(stream) % 2)) + SEQUENCE_END
    place(store, "1.6").write_bytes(file_meta(DEFLATED_FRAMES) + large + body)
    return store


def test_a_gigabyte_is_never_held(big: Path, say: Callable[[str], None]) -> None:
    with running(big) as base:
        for sop, path, accept, least in (
            ("1.4", "", DICOM, GIB - MIB),
            ("1.4", "/pixeldata", OCTETS, GIB - MIB),
            ("1.5", "", DICOM, GIB - MIB),
            ("1.5", "/frames/1,2,900", f'multipart/related; type="{OCTETS}"', 3 * 523_777),
            ("1.6", "", DICOM, GIB),
            ("1.6", "/frames/1", OCTETS, GIB),
            ("1.6", "/pixeldata", OCTETS, GIB),
            ("1.6", "", f"{DICOM}; transfer-syntax=*", MIB // 2),
        ):
            status, nbytes, _ = received(base, f"{PATH}{sop}{path}", accept)
            peak = used(base)[1]
            say(f"memory: {nbytes / MIB:.0f} MiB of {sop}{path}: {peak / MIB:.0f} MiB at most")
            assert status == 200
            assert nbytes >= least
            assert peak < LIMIT


def test_native_beyond_4_gib_is_served_as_it_is_stored(room: Path) -> None:
    frame = bytes(MIB)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = coder.compress(frame) + coder.flush()
    stream += bytes(len(stream) % 2)
    start = file_meta(DEFLATED_FRAMES) + head(
        rows=1024, columns=1024, bits=8, frames=4097, before=uids("1.7")
    )
    path = place(room / "store", "1.7")
    path.write_bytes(start + PIXEL_DATA + item(b"") + item(stream) * 4097 + SEQUENCE_END)
    with running(room / "store") as base:
        status, nbytes, kind = received(base, f"{PATH}1.7", DICOM)
        assert (status, nbytes) == (200, path.stat().st_size)
        assert kind == f"{DICOM}; transfer-syntax={DEFLATED_FRAMES}"
        assert received(base, f"{PATH}1.7", f"{DICOM}; transfer-syntax={EXPLICIT}")[0] == 406
        assert received(base, f"{PATH}1.7/frames/4097", OCTETS)[:2] == (200, MIB)
        assert received(base, f"{PATH}1.7/pixeldata", OCTETS)[:2] == (200, 4097 * MIB)
        assert used(base)[1] < LIMIT
