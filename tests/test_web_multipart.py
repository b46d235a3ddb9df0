# SPDX-License-Identifier: Apache-2.0
"""Payloads in parts, in any cut, judged by Python's email package and requests-toolbelt (RFC 2046 5.1.1, RFC 2387)."""

import email
import email.policy
import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_toolbelt import MultipartDecoder

from framedeflate.errors import MultipartError
from framedeflate.web.media_type import MediaType, parse_media_type
from framedeflate.web.multipart_reader import (
    Event,
    MultipartLimits,
    MultipartReader,
    PartBegins,
    PartData,
    PartEnds,
)
from framedeflate.web.multipart_writer import BodyPart, MultipartPayload, new_boundary

Part = tuple[tuple[tuple[str, str], ...], bytes]


def read(chunks: Iterable[bytes], boundary: str = "b", limits: MultipartLimits | None = None) -> list[Part]:
    """Return what the events say, once they are held against each other."""
    reader = MultipartReader(boundary, limits)
    events: list[Event] = [event for chunk in chunks for event in reader.feed(chunk)]
    reader.close()
    parts: list[Part] = []
    begun, content = None, b""
    for event in events:
        match event:
            case PartBegins():
                assert begun is None
                begun, content = event, b""
            case PartData(data):
                assert begun is not None
                assert len(data) > 0
                content += data
            case PartEnds(nbytes):
                assert begun is not None
                assert nbytes == len(content)
                whole = b"".join(chunks)
                assert whole[begun.position : begun.position + nbytes] == content
                parts.append((begun.headers, content))
                begun = None
    assert begun is None
    return parts


def bytewise(payload: bytes) -> list[bytes]:
    return [payload[n : n + 1] for n in range(len(payload))]


TEXT = (("content-type", "text/plain"),)
TAKEN = [
    ("plain", b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b--\r\n", [(TEXT, b"Hi")]),
    ("nothing behind the end", b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b--", [(TEXT, b"Hi")]),
    ("a line break before the first", b"\r\n--b\r\n\r\nHi\r\n--b--", [((), b"Hi")]),
    ("preamble and epilogue", b"Read me\r\n--b\r\n\r\nHi\r\n--b--\r\n--b\r\n\r\nx", [((), b"Hi")]),
    ("blanks behind a delimiter", b"--b\t \r\n\r\nHi\r\n--b  \r\n\r\n\r\n--b--  \r\n", [((), b"Hi"), ((), b"")]),
    ("no content and no header", b"--b\r\n\r\n--b--", [((), b"")]),
    ("a header and no content", b"--b\r\nContent-Type: text/plain\r\n\r\n--b--", [(TEXT, b"")]),
    ("an empty line as content", b"--b\r\n\r\n\r\n\r\n--b--", [((), b"\r\n")]),
    ("content like a boundary", b"--b\r\n\r\n --b\n\r--b\r\n--\r\n-\r\n--b--", [((), b" --b\n\r--b\r\n--\r\n-")]),
    ("content that ends in CR", b"--b\r\n\r\n\r\r\r\n--b--", [((), b"\r\r")]),
    ("a folded field", b"--b\r\nContent-Type:\r\n\ttext/plain\r\n\r\n\r\n--b--", [(TEXT, b"")]),
    ("two fields", b"--b\r\nA: 1 \r\nA : 2\r\n\r\n\r\n--b--", [((("a", "1"), ("a", "2")), b"")]),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "parts"), [case[1:] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_a_payload_is_read(payload: bytes, parts: list[Part]) -> None:
    assert read([payload]) == parts
    assert read(bytewise(payload)) == parts
    assert read([b"", payload[:7], b"", payload[7:]]) == parts


REFUSED = [
    ("no byte", b"", "truncated"),
    ("a preamble only", b"Hi there", "truncated"),
    ("the last part goes on", b"--b\r\n\r\nHi", "truncated"),
    ("half a closing boundary", b"--b\r\n\r\nHi\r\n--b-", "truncated"),
    ("a boundary and no more", b"--b\r\n\r\nHi\r\n--b", "truncated"),
    ("no part", b"--b--\r\n", "no-parts"),
    ("LF behind a boundary", b"--b\n\nHi\n--b--\n", "bad-delimiter"),
    ("a longer boundary", b"--bc\r\n\r\nHi\r\n--b--", "bad-delimiter"),
    ("a longer boundary in a part", b"--b\r\n\r\nHi\r\n--b2\r\n--b--", "bad-delimiter"),
    ("endless blanks", b"--b" + b" " * 999 + b"\r\n\r\nHi\r\n--b--", "bad-delimiter"),
    ("LF in a header", b"--b\r\nA: 1\nB: 2\r\n\r\nHi\r\n--b--", "bad-header"),
    ("no colon", b"--b\r\nHi\r\n\r\n\r\n--b--", "bad-header"),
    ("no empty line", b"--b\r\nA: 1\r\n--b--\r\n\r\n", "bad-header"),
    ("NUL in a header", b"--b\r\nA: \x00\r\n\r\n\r\n--b--", "bad-header"),
    ("a fold before any field", b"--b\r\n A: 1\r\n\r\n\r\n--b--", "bad-header"),
    ("a long header", b"--b\r\nA: " + b"1" * 200 + b"\r\n\r\n\r\n--b--", "header-too-long"),
    ("an endless header", b"--b\r\nA: " + b"1" * 9000, "header-too-long"),
    ("many fields", b"--b\r\n" + b"A: 1\r\n" * 4 + b"\r\n\r\n--b--", "too-many-headers"),
    ("many parts", b"--b\r\n\r\n\r\n" * 4 + b"--b--", "too-many-parts"),
    ("a long part", b"--b\r\n\r\n" + b"x" * 21 + b"\r\n--b--", "part-too-long"),
    ("an endless part", b"--b\r\n\r\n" + b"x" * 999, "part-too-long"),
    ("a long preamble", b"x" * 41 + b"\r\n--b\r\n\r\n\r\n--b--", "preamble-too-long"),
]
TIGHT = MultipartLimits(header_nbytes=100, header_fields=3, parts=3, part_nbytes=20, preamble_nbytes=40)


@pytest.mark.parametrize(
    ("payload", "kind"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_broken_payload_is_refused_however_it_is_cut(payload: bytes, kind: str) -> None:
    for chunks in ([payload], bytewise(payload)):
        with pytest.raises(MultipartError) as caught:
            read(chunks, limits=TIGHT)
        assert caught.value.kind == kind
        assert 0 <= caught.value.position <= len(payload)


def test_limits_are_reached_and_not_exceeded() -> None:
    field = b"A: " + b"1" * 97  # 100 bytes, its line break not counted
    payload = b"x" * 40 + b"\r\n" + (b"--b\r\n" + field + b"\r\n\r\n" + b"y" * 20 + b"\r\n") * 3 + b"--b--"
    parts = read([payload], limits=TIGHT)
    assert parts == read(bytewise(payload), limits=TIGHT) == [((("a", "1" * 97),), b"y" * 20)] * 3


@pytest.mark.parametrize("nbytes", range(94, 104))
def test_a_header_at_its_limit_is_taken_or_refused_in_any_cut(nbytes: int) -> None:
    payload = b"--b\r\nA: " + b"1" * nbytes + b"\r\n\r\n\r\n--b--"
    for chunks in ([payload], bytewise(payload)):
        if nbytes + 3 <= TIGHT.header_nbytes:
            assert len(read(chunks, limits=TIGHT)) == 1
            continue
        with pytest.raises(MultipartError) as caught:
            read(chunks, limits=TIGHT)
        assert caught.value.kind == "header-too-long"


def test_a_refused_payload_stays_refused() -> None:
    reader = MultipartReader("b")
    for _ in range(2):
        with pytest.raises(MultipartError):
            reader.feed(b"--b\n\n")
    with pytest.raises(MultipartError):
        reader.close()


@pytest.mark.parametrize("boundary", ["", " ", "b ", "b" * 71, "b\r\n", "\xe4"])
def test_what_cannot_be_a_boundary(boundary: str) -> None:
    with pytest.raises(MultipartError) as caught:
        MultipartReader(boundary)
    assert caught.value.kind == "boundary"
    with pytest.raises(MultipartError):
        MultipartPayload([BodyPart(MediaType("a", "b"), 0, ())], boundary=boundary)


def test_content_is_handed_on_without_a_copy() -> None:
    reader = MultipartReader("b")
    reader.feed(b"--b\r\n\r\n")
    reader.feed(b"x")
    chunk = b"y" * 1000
    [event] = reader.feed(chunk)
    assert isinstance(event, PartData)
    assert event.data.obj is chunk


def cut(payload: bytes, places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(payload) + 1) for place in places), len(payload)]
    return [payload[start:stop] for start, stop in itertools.pairwise(bounds)]


# Contents made of what boundaries are made of, so that near misses are frequent.
CONTENTS = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"b", b"\r\n--", b"\x00\xff"]), max_size=20
).map(b"".join)
BOUNDARIES = st.text("b-='()+_,./:? ", min_size=1, max_size=20).map(lambda text: text + "b")
KIND = MediaType("application", "x-deflate", (("transfer-syntax", "1.2.840.10008.1.2.8.1"),))


@given(st.lists(CONTENTS, min_size=1, max_size=5), BOUNDARIES, st.lists(st.integers(0, 10**6), max_size=12))
def test_what_is_written_is_read_in_any_cut(contents: list[bytes], boundary: str, places: list[int]) -> None:
    if any(("\r\n--" + boundary).encode() in b"\r\n" + content + b"\r\n" for content in contents):
        return  # nobody may choose such a boundary
    payload = MultipartPayload(
        [BodyPart(KIND, len(content), (content[:3], content[3:]), "/f") for content in contents],
        boundary=boundary,
    )
    written = b"".join(bytes(buffer) for buffer in payload)
    assert len(written) == payload.nbytes
    parts = read(cut(written, places), str(parse_media_type(str(payload.media_type)).get("boundary")))
    assert [content for _, content in parts] == contents
    for headers, content in parts:
        assert dict(headers) == {
            "content-type": str(KIND),
            "content-location": "/f",
            "content-length": str(len(content)),
        }
    # The judges. requests-toolbelt strips line breaks of contents, and looks for the boundary anywhere.
    toolbelt = MultipartDecoder(written, str(payload.media_type))
    if boundary.isalnum() and not any(b"\r" in c or b"\n" in c or b"-" in c for c in contents):
        assert [part.content for part in toolbelt.parts] == contents


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_the_email_package_reads_what_is_written(contents: list[bytes]) -> None:
    payload = MultipartPayload([BodyPart(KIND, len(content), (content,)) for content in contents])
    message = f"Content-Type: {payload.media_type}\r\n\r\n".encode() + b"".join(map(bytes, payload))
    judged = email.message_from_bytes(message, policy=email.policy.HTTP)
    assert judged.get_content_type() == "multipart/related"
    assert judged.get_param("type") == "application/x-deflate"
    assert not judged.defects
    # email breaks lines anew, so line breaks alone may differ.
    flat = [part.get_payload(decode=True) for part in judged.iter_parts()]
    assert [part.get_content_type() for part in judged.iter_parts()] == ["application/x-deflate"] * len(
        contents
    )
    assert [b"".join(bytes(one).split()) for one in flat if isinstance(one, bytes)] == [
        b"".join(content.split()) for content in contents
    ]


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"\r\n", b"--b", b"--", b": ", b"A", b" "])).map(b"".join)
)
def test_no_bytes_bring_another_error_and_no_cut_another_result(payload: bytes) -> None:
    def outcome(chunks: list[bytes]) -> list[Part] | str:
        try:
            return read(chunks, limits=TIGHT)
        except MultipartError as error:
            return error.kind

    assert outcome([payload]) == outcome(bytewise(payload)) == outcome(cut(payload, [5, 50, 100]))


def test_a_byte_at_a_time_is_no_burden() -> None:
    """What a reader copies, counted: a header of 16 KiB fed bytewise must not be copied anew for each byte."""
    header = b"A: " + b"1" * 16000
    reader = MultipartReader("b")
    searched = 0
    for byte in bytewise(b"--b\r\n" + header):
        reader.feed(byte)
        searched += len(reader._waiting) - reader._searched
    assert searched < 8 * len(header)


def test_a_content_of_another_length_is_told() -> None:
    for nbytes in (1, 3):
        payload = MultipartPayload([BodyPart(KIND, nbytes, (b"xy",))])
        with pytest.raises(MultipartError) as caught:
            list(payload)
        assert caught.value.kind == "bad-length"


def test_a_part_keeps_its_header() -> None:
    with pytest.raises(MultipartError) as caught:
        BodyPart(KIND, 0, (), "/a\r\nX: 1").header()
    assert caught.value.kind == "bad-header"
    with pytest.raises(MultipartError) as caught:
        MultipartPayload([])
    assert caught.value.kind == "no-parts"


def test_content_is_asked_for_when_its_turn_has_come() -> None:
    asked: list[int] = []

    def content(number: int) -> Iterable[bytes]:
        asked.append(number)
        yield b"x"

    payload = MultipartPayload([BodyPart(KIND, 1, content(number)) for number in range(3)])
    sent = iter(payload)
    assert payload.nbytes > 0
    assert asked == []
    next(sent), next(sent)
    assert asked == [0]


def test_boundaries_are_new_and_long() -> None:
    boundaries = {new_boundary() for _ in range(100)}
    assert len(boundaries) == 100
    assert all(len(boundary) == 32 for boundary in boundaries)
