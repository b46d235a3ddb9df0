# SPDX-License-Identifier: Apache-2.0
"""Content-Encoding: native Frames at deflated cost."""

from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.judging import (
    expect_status,
    frames_of,
    judge_deflated,
    judge_native,
    offered,
)
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.outcomes import Level, check, expect, not_offered
from framedeflate.web.conformance.session import JSON, Session, json_of

OCTETS, DEFLATE = "application/octet-stream", "application/x-deflate"


def _coded(s: Session, role: str, coding: str) -> str:
    sample = s.sample(role)
    sizes = []
    for number in range(1, len(sample.frames) + 1):
        answer = offered(s.get(f"{sample.path}/frames/{number}", OCTETS, Accept_Encoding=coding))
        judge_native(answer.media, answer.content, sample, number)
        if not answer.coding:
            not_offered(f"{answer.describe()}, not coded")
        sizes.append(len(answer.raw))
    return f"{len(sizes)} Frames of {len(sample.frames[0])} bytes in {min(sizes)} to {max(sizes)}"


@check("Sup 244, 8.7.3.3.2 note 1", needs="bits")
def deflate(s: Session) -> str:
    """A single-part Frame comes in zlib's container, the label is that of the native Frame."""
    return _coded(s, "bits", "deflate")


@check("Sup 244, 8.7.3.3.2 note 1", needs="labels")
def deflate_of_labels(s: Session) -> str:
    """The same of Frames of 8 bits."""
    return _coded(s, "labels", "deflate")


@check("RFC 9110 8.4.1.3", needs="bits")
def gzip(s: Session) -> str:
    """A single-part Frame comes in gzip's container."""
    return _coded(s, "bits", "gzip")


@check("Sup 244, 8.7.3.3.2 note 1", Level.SHOULD, needs="bits")
def at_deflated_cost(s: Session) -> str:
    """The coded Frame costs what the stored stream costs, and a container."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/5", OCTETS, Accept_Encoding="deflate"))
    if not answer.coding:
        not_offered(f"{answer.describe()}, not coded")
    judge_native(answer.media, answer.content, sample, 5)
    most = len(sample.streams[4]) + 18
    expect(len(answer.raw) <= most, f"at most {most} bytes", answer.describe())
    return answer.describe()


def _uncoded(answer: Answer) -> Answer:
    expect_status(answer, 200)
    expect(not answer.coding, "no Content-Encoding", answer.describe())
    return answer


@check("RFC 9110 12.5.3", needs="native")
def not_unasked(s: Session) -> str:
    """Without Accept-Encoding, or with identity alone, nothing is coded."""
    sample = s.sample("native")
    path, accept = f"{sample.path}/frames/1", multipart(OCTETS)
    judge_native(*frames_of(_uncoded(s.get(path, accept)))[0], sample, 1)
    judge_native(*frames_of(_uncoded(s.get(path, accept, Accept_Encoding="identity")))[0], sample, 1)
    if "bits" in s.stored:
        # Only what is stored deflated is coded for nothing, and only as a single part.
        for headers in ({}, {"Accept_Encoding": "identity"}):
            answer = s.get(f"{s.stored['bits'].path}/frames/1", OCTETS, **headers)
            expect(not answer.coding, "no Content-Encoding", answer.describe())
    return "no Content-Encoding"


@check("RFC 9110 12.5.3", needs="bits")
def not_refused_coding(s: Session) -> str:
    """A coding of weight 0 is not used."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/1", OCTETS, Accept_Encoding="deflate;q=0, gzip;q=0"))
    judge_native(_uncoded(answer).media, answer.content, sample, 1)
    return answer.describe()


@check("RFC 9110 8.4", needs="native-frames")
def whole_payload(s: Session) -> str:
    """Where an answer in parts is coded, it is coded as a whole."""
    sample = s.sample("native-frames")
    answer = s.get(f"{sample.path}/frames/1,2", multipart(OCTETS), Accept_Encoding="gzip, deflate")
    for number, (media, content) in enumerate(frames_of(answer, 2), 1):
        judge_native(media, content, sample, number)
    return answer.describe()


@check("RFC 9110 8.4", needs="bits")
def not_twice(s: Session) -> str:
    """application/x-deflate with a coding is still the stream, once the coding is off."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/1", DEFLATE, Accept_Encoding="gzip, deflate"))
    judge_deflated(answer.media, answer.content, sample, 1)
    return answer.describe()


@check("RFC 9110 8.4", Level.MAY, needs="native")
def metadata(s: Session) -> str:
    """Metadata come coded where that is allowed."""
    answer = s.get(f"{s.sample('native').path}/metadata", JSON, Accept_Encoding="gzip")
    expect_status(answer, 200)
    json_of(answer)
    if not answer.coding:
        not_offered(f"{answer.describe()}, not coded")
    return answer.describe()


@check("RFC 9110 12.5.5", Level.SHOULD, needs="bits")
def vary(s: Session) -> str:
    """A coded answer says that it depends on Accept-Encoding."""
    answer = offered(s.get(f"{s.sample('bits').path}/frames/1", OCTETS, Accept_Encoding="deflate"))
    if not answer.coding:
        not_offered(f"{answer.describe()}, not coded")
    named = [name.strip().lower() for name in answer.headers.get("vary", "").split(",")]
    expect(
        "accept-encoding" in named or "*" in named, "Vary: Accept-Encoding", f"{len(named)} fields without it"
    )
    return f"{len(named)} fields"
