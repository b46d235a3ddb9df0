# SPDX-License-Identifier: Apache-2.0
"""How parts are put together."""

from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.judging import frames_of, judge_native, parts_of
from framedeflate.web.conformance.media import media_of, multipart
from framedeflate.web.conformance.outcomes import CheckSkippedError, Level, check, expect
from framedeflate.web.conformance.session import Session

OCTETS = "application/octet-stream"


def _answers(s: Session) -> list[tuple[Answer, int]]:
    """Answers in parts of several resources, and how many parts each must have."""
    sample = s.sample("native-frames")
    return [
        (s.get(f"{sample.path}/frames/1,2,3", multipart(OCTETS)), 3),
        (s.get(sample.path, multipart("application/dicom")), 1),
    ]


@check("8.6.1.2.1, RFC 2046 5.1.1", needs="native-frames")
def delimiters(s: Session) -> str:
    """Parts are set apart by CRLF and the boundary, and the last delimiter closes them."""
    for answer, count in _answers(s):
        parts_of(answer, count)
        expect(not answer.payload.problems, "RFC 2046's syntax", "; ".join(answer.payload.problems))
    return "CRLF, closed"


@check("8.6.1.2.1, RFC 2387 3.1", needs="native-frames")
def type_parameter(s: Session) -> str:
    """Content-Type names the type of the parts, and they have it."""
    for answer, count in _answers(s):
        parts = parts_of(answer, count)
        stated = media_of(answer.media.parameters.get("type")).name
        expect(stated, "a type parameter", answer.headers.get("content-type", "")[:80])
        expect(
            all(part.media.name == stated for part in parts),
            stated,
            ", ".join(part.media.name for part in parts),
        )
    return "as stated"


@check("Table 8.6.1-1", needs="native-frames")
def content_type(s: Session) -> str:
    """Each part says its Content-Type."""
    for answer, count in _answers(s):
        for part in parts_of(answer, count):
            expect(part.media.name, "a Content-Type in each part", "none")
    return "in each"


@check("8.7.9, Table 8.6.1-1", Level.SHOULD, needs="native-frames")
def transfer_syntax(s: Session) -> str:
    """Each part says its Transfer Syntax, even where it is the default."""
    for answer, count in _answers(s):
        for part in parts_of(answer, count):
            expect(
                "transfer-syntax" in part.media.parameters, "transfer-syntax in each part", str(part.media)
            )
    return "in each"


@check("Table 8.6.1-1", Level.SHOULD, needs="native-frames")
def content_length(s: Session) -> str:
    """Each part says its length."""
    for answer, count in _answers(s):
        for part in parts_of(answer, count):
            expect("content-length" in part.headers, "Content-Length in each part", "none")
    return "in each"


@check("Table 8.6.1-1, RFC 9110 8.6", needs="native-frames")
def right_content_length(s: Session) -> str:
    """Where a part says its length, that is its length."""
    stated = 0
    for answer, count in _answers(s):
        for part in parts_of(answer, count):
            if "content-length" in part.headers:
                stated += 1
                length = part.headers["content-length"]
                expect(length == str(len(part.content)), f"{len(part.content)}", length[:20])
    if not stated:
        raise CheckSkippedError("no part says its length")
    return f"{stated} parts"


@check("Table 8.6.1-1", Level.SHOULD, needs="native-frames")
def content_location(s: Session) -> str:
    """Each part says where it comes from."""
    for answer, count in _answers(s):
        for part in parts_of(answer, count):
            expect("content-location" in part.headers, "Content-Location in each part", "none")
    return "in each"


@check("Table 8.6.1-1, RFC 9110 8.7", needs="native-frames")
def right_content_location(s: Session) -> str:
    """Where a part says where it comes from, the same can be had from there."""
    sample = s.sample("native-frames")
    answer = s.get(f"{sample.path}/frames/1,3", multipart(OCTETS))
    parts = parts_of(answer, 2)
    uri = parts[1].headers.get("content-location")
    if uri is None:
        raise CheckSkippedError("no part says it")
    url = s.client.resolve(uri, base=f"{s.client.root}{sample.path}/frames/1,3")
    if url is None:
        raise CheckSkippedError("it leads to another host, where no request is sent to")
    judge_native(*frames_of(s.get(url, multipart(OCTETS)))[0], sample, 3)
    return "the same Frame"


@check("8.6.1.2.1, RFC 2046 5.1.1", needs="native-frames")
def boundary(s: Session) -> str:
    """The boundary is one, and is nowhere in the parts."""
    for answer, count in _answers(s):
        parts = parts_of(answer, count)
        stated = answer.media.parameters.get("boundary", "")
        expect(0 < len(stated) <= 70, "a boundary of 1 to 70 characters", f"{len(stated)} characters")
        inside = any(f"--{stated}".encode("latin-1") in part.content for part in parts)
        expect(not inside, "a boundary that no part holds", "one that a part holds")
    return "fits"
