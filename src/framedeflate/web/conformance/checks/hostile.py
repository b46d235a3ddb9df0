# SPDX-License-Identifier: Apache-2.0
"""What is not meant well: the server says no, and goes on."""

import uuid

from framedeflate.web.conformance.exchange import gzipped
from framedeflate.web.conformance.judging import expect_status, judge_native
from framedeflate.web.conformance.made_samples import broken_samples, with_uid
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.multipart import write_payload
from framedeflate.web.conformance.outcomes import CheckSkippedError, Level, check, expect, not_offered
from framedeflate.web.conformance.session import JSON, Session, json_of

OCTETS = "application/octet-stream"
CLIENT_ERRORS = range(400, 500)


def _broken(s: Session, name: str) -> str:
    s.sample("bits")
    sample = broken_samples(s.uids)[name]
    s.studies.append(sample.study)
    result = s.store([sample])
    if not result.took(sample.uid):
        expect_status(result.answer, CLIENT_ERRORS)
        return f"not stored: {result.answer.describe()}"
    # Stored after all: then no answer may pass for the Frame.
    answer = s.get(f"{sample.path}/frames/1", multipart(OCTETS))
    if answer.status == 200:
        for part in answer.payload.parts[:1]:
            judge_native(part.media, part.content, sample, 1)
    return f"stored; asked for: {answer.describe()}"


@check("PS3.5 A.4.13, Table 8.7.3-4", needs="bits", writes=True)
def bomb(s: Session) -> str:
    """48 MiB in a Frame of 2 kB are refused, or never come as that Frame."""
    return _broken(s, "bomb")


@check("PS3.5 A.4.13, Table 8.7.3-4", needs="bits", writes=True)
def truncated_stream(s: Session) -> str:
    """A stream that does not end is refused, or never comes as a Frame."""
    return _broken(s, "truncated")


@check("PS3.5 A.4.13, Table 8.7.3-4", needs="bits", writes=True)
def short_frame(s: Session) -> str:
    """A stream of too few bytes is refused, or never comes as a Frame."""
    return _broken(s, "short")


@check("PS3.5 A.4.13", Level.SHOULD, needs="bits", writes=True)
def broken_frames_refused(s: Session) -> str:
    """What does not inflate to its Frames is not stored: 409."""
    for name, sample in broken_samples(s.uids).items():
        if name == "zlib-wrapped":
            continue
        s.studies.append(sample.study)
        result = s.store([sample])
        expect(not result.took(sample.uid), "not stored", f"{name}: {result.answer.describe()}")
        expect_status(result.answer, {400, 409})
    return "409"


@check("PS3.10 7.1", Level.SHOULD, writes=True)
def truncated_file(s: Session) -> str:
    """A file that ends within its pixels is not stored."""
    sample = s.samples["native"]
    whole = sample.file
    cut = whole[: len(whole) - len(sample.native) // 2].replace(
        sample.uid.encode(), _other(sample.uid).encode()
    )
    result = s.store_parts([("application/dicom", cut)])
    expect_status(result.answer, CLIENT_ERRORS)
    return result.answer.describe()


def _other(uid: str) -> str:
    digits = str(uuid.uuid4().int).rjust(39, "1")
    return ("2.25." + digits.lstrip("0") + digits)[: len(uid)]


@check("8.2, PS3.5 9.1")
def paths(s: Session) -> str:
    """What stands where a UID should leads nowhere: no file, no breakdown."""
    seen = []
    for uid in ("..%2f..%2f..%2fetc%2fpasswd", "%00", "1.2.3%20", "'%20OR%201=1--", "9" * 300, "%ff%fe"):
        answer = s.get(f"/studies/{uid}/metadata", JSON)
        expect(answer.status in {400, 404, 414}, "400, 404 or 414", f"{uid[:30]}: {answer.describe()}")
        seen.append(str(answer.status))
    return ", ".join(seen)


@check("8.3.4.1")
def odd_queries(s: Session) -> str:
    """Queries of odd characters do not break the server."""
    seen = []
    for query in (
        "PatientName=%27%3B--",
        "PatientID=%25_%5B",
        "StudyDate=20249999-",
        "00000000=1",
        "limit=99999999999999999999",
    ):
        answer = s.get(f"/studies?{query}", JSON)
        expect_status(answer, {200, 204, 400, 413})
        seen.append(str(answer.status))
    return ", ".join(seen)


@check("8.5")
def long_accept(s: Session) -> str:
    """An Accept of 50 000 characters does not break the server."""
    answer = s.get(s.any_sample().path, "application/x-a;q=0.1, " * 2200 + multipart("application/dicom"))
    expect_status(answer, {200, *CLIENT_ERRORS})
    return answer.describe()


@check("8.5", needs="native-frames")
def many_frames(s: Session) -> str:
    """A list of a thousand Frame numbers does not break the server."""
    path = s.sample("native-frames").path
    answer = s.get(f"{path}/frames/{','.join(['1'] * 1000)}", multipart(OCTETS))
    expect_status(answer, {200, *CLIENT_ERRORS})
    return answer.describe()


@check("RFC 9110 15.5.16", writes=True)
def coded_payload(s: Session) -> str:
    """A payload with a Content-Encoding is refused, 415, or read rightly."""
    boundary = uuid.uuid4().hex
    sample = with_uid(s.samples["native"])
    body = gzipped(write_payload([("application/dicom", sample.file)], boundary))
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    result = s.store_body(body, kind, Content_Encoding="gzip")
    expect_status(result.answer, {200, 400, 409, 415})
    if result.answer.status == 200:
        expect(sample.uid in result.stored, "415, or the instance stored", result.answer.describe())
    return result.answer.describe()


@check("RFC 9110 15.5.6")
def unknown_method(s: Session) -> str:
    """A method that nobody knows: 405, 501, or another refusal."""
    answer = s.client.send("BREW", "/studies", accept=JSON)
    expect_status(answer, {*CLIENT_ERRORS, 501})
    return answer.describe()


@check("8.5")
def still_there(s: Session) -> str:
    """After all that, the server answers as before."""
    answer = s.get("/studies?limit=1", JSON)
    expect_status(answer, {200, 204})
    if answer.status == 200:
        expect(isinstance(json_of(answer), list), "an array", answer.describe())
    return answer.describe()


@check("10.4.3.1, PS3.3 C.12.1.1", Level.SHOULD, needs="native")
def no_markup(s: Session) -> str:
    """A refusal does not send back markup from the request."""
    answer = s.get(f"{s.sample('native').path}/frames/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "*/*")
    expect_status(answer, CLIENT_ERRORS)
    if b"<script>alert" in answer.content:
        expect("html" not in answer.media.name, "nothing of the request in HTML", answer.describe())
    return answer.describe()


@check("Table 10.3-2, Annex H", Level.MAY)
def deletion_is_told(s: Session) -> str:
    """Where instances cannot be deleted, DELETE says so: 405, or another refusal."""
    if s.read_only:
        raise CheckSkippedError("nothing is deleted in a run that reads only")
    answer = s.client.send("DELETE", f"/studies/{s.uids.study}.1", accept=JSON)
    if answer.status in {401, 403, 405, 501}:
        not_offered(answer.describe())
    expect_status(answer, {200, 204, 400, 404})
    return answer.describe()
