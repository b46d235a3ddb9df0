# SPDX-License-Identifier: Apache-2.0
"""Conditional requests, ranges and HEAD."""

from framedeflate.web.conformance.judging import expect_status, judge_native
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.outcomes import CheckSkippedError, Level, check, expect, not_offered
from framedeflate.web.conformance.session import Session

OCTETS, DICOM = "application/octet-stream", "application/dicom"


@check("RFC 9110 13.1.2", needs="native")
def not_modified(s: Session) -> str:
    """What has an ETag is not sent again to one who has it: 304."""
    path = s.sample("native").path
    first = s.get(path, multipart(DICOM))
    expect_status(first, 200)
    tag = first.headers.get("etag")
    if tag is None:
        not_offered("no ETag")
    again = s.get(path, multipart(DICOM), If_None_Match=tag)
    expect_status(again, 304)
    expect(not again.raw, "no body", again.describe())
    other = s.get(path, multipart(DICOM), If_None_Match='"another"')
    expect_status(other, 200)
    return "304"


@check("RFC 9110 8.8.1", needs="bits")
def tags_differ(s: Session) -> str:
    """A strong ETag is one representation's alone."""
    path = s.sample("bits").path + "/frames/1"
    answers = [
        s.get(path, OCTETS),
        s.get(path, OCTETS, Accept_Encoding="deflate"),
        s.get(path, "application/x-deflate"),
        s.get(path, multipart("application/x-deflate")),
    ]
    tags: dict[str, bytes] = {}
    for answer in answers:
        tag = answer.headers.get("etag", "")
        if answer.status != 200 or not tag or tag.startswith("W/"):
            continue
        if answer.media.name == "multipart/related":
            # Boundaries may differ from answer to answer; what counts is that it is no single part.
            expect(tag not in tags, "an ETag each", "the same of a single part and of parts")
            continue
        expect(tags.get(tag, answer.raw) == answer.raw, "an ETag each", "the same of different bytes")
        tags[tag] = answer.raw
    if not tags:
        not_offered("no strong ETag")
    return f"{len(tags)} ETags"


@check("RFC 9110 14.2", needs="native")
def part_of_a_file(s: Session) -> str:
    """A range of an instance comes as 206, with the bytes that it says."""
    path = s.sample("native").path
    whole = s.get(path, DICOM)
    if whole.status != 200:
        raise CheckSkippedError(f"no single part: {whole.describe()}")
    answer = s.get(path, DICOM, Range="bytes=100-299")
    if answer.status == 200:
        expect(len(answer.raw) == len(whole.raw), "206, or all of it", answer.describe())
        not_offered("the whole comes: ranges are passed over")
    expect_status(answer, 206)
    stated = answer.headers.get("content-range", "")
    expect(
        stated == f"bytes 100-299/{len(whole.raw)}", f"bytes 100-299/{len(whole.raw)}", stated[:60] or "none"
    )
    expect(answer.raw == whole.raw[100:300], "these 200 bytes", f"{len(answer.raw)} others")
    return answer.describe()


@check("RFC 9110 14.1.2, 15.5.17", needs="native")
def range_behind_the_end(s: Session) -> str:
    """A range behind the end: 416. The last bytes are a range, too."""
    path = s.sample("native").path
    whole = s.get(path, DICOM)
    answer = s.get(path, DICOM, Range="bytes=100000000-")
    if answer.status == 200 or whole.status != 200:
        not_offered("ranges are passed over")
    expect_status(answer, 416)
    last = s.get(path, DICOM, Range="bytes=-50")
    expect_status(last, 206)
    expect(last.raw == whole.raw[-50:], "the last 50 bytes", f"{len(last.raw)} others")
    return answer.describe()


@check("RFC 9110 13.1.5", needs="native")
def range_of_another_version(s: Session) -> str:
    """A range of a version that is no longer: all of it, 200."""
    path = s.sample("native").path
    if s.get(path, DICOM, Range="bytes=0-9").status != 206:
        not_offered("ranges are passed over")
    answer = s.get(path, DICOM, Range="bytes=0-9", If_Range='"another"')
    expect_status(answer, 200)
    return answer.describe()


@check("RFC 9110 9.3.2", Level.SHOULD, needs="native")
def head(s: Session) -> str:
    """HEAD gets what GET gets, without a body."""
    path = s.sample("native").path + "/frames/1"
    one = s.get(path, multipart(OCTETS))
    two = s.client.send("HEAD", path, accept=multipart(OCTETS))
    expect_status(two, 200)
    expect(not two.raw, "no body", two.describe())
    expect(two.media.name == one.media.name, str(one.media), str(two.media))
    return f"{two.status} {two.media}"


@check("RFC 9110 8.6", needs="native")
def content_length(s: Session) -> str:
    """Content-Length, where it is given, is the body's length."""
    sample = s.sample("native")
    answer = s.get(f"{sample.path}/frames/1", OCTETS)
    if answer.status != 200:
        not_offered(answer.describe())
    judge_native(answer.media, answer.content, sample, 1)
    stated = answer.headers.get("content-length", str(len(answer.raw)))
    expect(stated == str(len(answer.raw)), str(len(answer.raw)), stated[:20])
    return stated


@check("8.6.1.1, RFC 9111 5.2", Level.MAY, needs="native")
def cache_control(s: Session) -> str:
    """An instance says how long it may be kept."""
    answer = s.get(s.sample("native").path, multipart(DICOM))
    expect_status(answer, 200)
    stated = answer.headers.get("cache-control")
    if not stated:
        not_offered("no Cache-Control")
    return stated[:60]
