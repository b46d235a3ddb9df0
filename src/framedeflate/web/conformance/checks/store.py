# SPDX-License-Identifier: Apache-2.0
"""Store (STOW-RS)."""

import json
import uuid

from framedeflate.web.conformance.judging import expect_status, file_of, parts_of, same_pixels
from framedeflate.web.conformance.made_samples import new_uid, with_uid
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.multipart import write_payload
from framedeflate.web.conformance.outcomes import CheckSkippedError, Level, check, expect, not_offered
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import JSON, Session

NOISE = b"this is no DICOM file\n" * 10


def _plain(s: Session) -> Sample:
    """Return a native sample that can be stored again under another UID."""
    return s.samples.get("native") or s.any_sample()


@check("10.5.3.1", writes=True)
def native(s: Session) -> str:
    """An instance in Explicit VR Little Endian is stored: 200."""
    answer = s.results["native"].answer
    expect_status(answer, 200)
    return answer.describe()


@check("Sup 244, Table 8.7.3-2", Level.MAY, writes=True)
def deflated(s: Session) -> str:
    """Instances in Deflated Image Frame Compression are stored: 200."""
    roles = ("bits", "labels", "colour", "single")
    answers = [s.results[role].answer for role in roles]
    if all(answer.status in {400, 409, 415} for answer in answers):
        not_offered(answers[0].describe())
    for role in roles:
        expect(s.results[role].took(s.samples[role].uid), "200 for each", s.results[role].answer.describe())
    return answers[0].describe()


@check("PS3.5 A.5, Table 8.7.3-2", Level.MAY, writes=True)
def deflated_data_set(s: Session) -> str:
    """An instance in Deflated Explicit VR Little Endian is stored."""
    result = s.results["data-set"]
    if result.answer.status in {400, 409, 415}:
        not_offered(result.answer.describe())
    expect(result.took(s.samples["data-set"].uid), "200", result.answer.describe())
    return result.answer.describe()


@check("10.5.3.3, Annex I", writes=True)
def response_module(s: Session) -> str:
    """The response is JSON that names each instance, its SOP Class and where to retrieve it."""
    result = s.results["native"]
    sample = s.sample("native")
    expect(result.answer.media.name == JSON, JSON, result.answer.describe())
    expect(
        sample.uid in result.stored,
        "the instance in Referenced SOP Sequence",
        f"{len(result.stored)} instances",
    )
    item = next(
        item for item in result.module["00081199"]["Value"] if sample.uid in str(item.get("00081155"))
    )
    for tag, name in (("00081150", "Referenced SOP Class UID"), ("00081190", "Retrieve URL")):
        expect(item.get(tag, {}).get("Value"), name, "none")
    return f"{len(result.stored)} instance"


@check("10.5.3.3, Table I.2-1", writes=True)
def retrieve_url(s: Session) -> str:
    """The Retrieve URL of the response leads to the instance."""
    result, sample = s.results["native"], s.sample("native")
    items = [item for item in result.module.get("00081199", {}).get("Value", []) if sample.uid in str(item)]
    uris = [str(value) for item in items for value in item.get("00081190", {}).get("Value", [])]
    expect(uris, "a Retrieve URL", "none")
    url = s.client.resolve(uris[0])
    if url is None:
        raise CheckSkippedError("it leads to another host, where no request is sent to")
    answer = s.get(url, multipart("application/dicom"))
    part = parts_of(answer, 1)[0]
    expect(file_of(part.media, part.content).uid == sample.uid, "the instance", answer.describe())
    return answer.describe()


@check("10.5.3.1", writes=True)
def some_stored(s: Session) -> str:
    """Of an instance and something that is none, one is stored and the other told: 202."""
    sample = with_uid(_plain(s))
    result = s.store_parts([("application/dicom", sample.file), ("application/dicom", NOISE)])
    expect_status(result.answer, 202)
    expect(
        sample.uid in result.stored,
        "the instance in Referenced SOP Sequence",
        f"{len(result.stored)} instances",
    )
    told = len(result.failed) + result.other_failures
    expect(told == 1, "one failure", f"{told} failures")
    return result.answer.describe()


@check("10.5.3.1", writes=True)
def none_stored(s: Session) -> str:
    """What is no DICOM is not stored: 409 or 400."""
    answer = s.store_parts([("application/dicom", NOISE)]).answer
    expect_status(answer, {400, 409})
    return answer.describe()


@check("10.5.3.1", writes=True)
def media_type(s: Session) -> str:
    """A payload of another media type is refused: 415."""
    answer = s.store_body(b"text", "text/plain").answer
    expect_status(answer, 415)
    return answer.describe()


@check("10.5.3.1, RFC 2046 5.1.1", writes=True)
def no_boundary(s: Session) -> str:
    """Without a boundary the parts cannot be told apart: 400."""
    answer = s.store_body(b"--x\r\n\r\n\r\n--x--\r\n", 'multipart/related; type="application/dicom"').answer
    expect_status(answer, 400)
    return answer.describe()


@check("10.5.3.1, RFC 2046 5.1.1", Level.SHOULD, writes=True)
def half_a_payload(s: Session) -> str:
    """A payload that ends within a part is not taken for a whole one."""
    sample = with_uid(_plain(s))
    boundary = uuid.uuid4().hex
    body = write_payload([("application/dicom", sample.file)], boundary)
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    answer = s.store_body(body[: len(body) - 700], kind).answer
    expect_status(answer, {400, 409})
    return answer.describe()


@check("10.5.1", writes=True)
def other_study(s: Session) -> str:
    """An instance of another study than the request's is not stored there: 409 or 400."""
    sample = with_uid(_plain(s))
    other = new_uid()
    s.studies.append(other)
    answer = s.store([sample], path=f"/studies/{other}").answer
    expect_status(answer, {400, 409})
    return answer.describe()


@check("10.5.1", writes=True)
def own_study(s: Session) -> str:
    """An instance is stored into its study: 200."""
    sample = with_uid(_plain(s))
    answer = s.store([sample], path=f"/studies/{sample.study}").answer
    expect_status(answer, 200)
    return answer.describe()


@check("10.5.3.1", Level.SHOULD, writes=True)
def again(s: Session) -> str:
    """The same instance once more is no failure of the server: 200, 202 or 409."""
    answer = s.store([s.any_sample()]).answer
    expect_status(answer, {200, 202, 409})
    return answer.describe()


@check("Table 10.5.4-1", writes=True)
def metadata_and_bulk_data(s: Session) -> str:
    """Metadata in JSON and Pixel Data in a part of its own make an instance."""
    sample = _plain(s)
    uid, location = new_uid(), "bulk/1"
    dataset = json.loads(sample.dataset.to_json())
    dataset["00080018"]["Value"] = [uid]
    dataset["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    dataset["7FE00010"] = {"vr": "OB", "BulkDataURI": location}
    boundary = uuid.uuid4().hex
    parts = [
        (JSON, json.dumps([dataset], ensure_ascii=False).encode()),
        ("application/octet-stream", sample.native),
    ]
    body = write_payload(parts, boundary, locations=["", location])
    kind = f'multipart/related; type="{JSON}"; boundary={boundary}'
    result = s.store_body(body, kind)
    expect_status(result.answer, 200)
    answer = s.get(
        f"/studies/{sample.study}/series/{sample.series}/instances/{uid}", multipart("application/dicom")
    )
    part = parts_of(answer, 1)[0]
    expect(same_pixels(file_of(part.media, part.content).frames, sample), "the pixels", answer.describe())
    return result.answer.describe()
