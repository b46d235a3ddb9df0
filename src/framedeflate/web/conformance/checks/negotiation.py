# SPDX-License-Identifier: Apache-2.0
"""Which media type answers: Accept, the accept parameter, weights, wildcards."""

from urllib.parse import quote

from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.judging import (
    expect_status,
    file_of,
    frames_of,
    judge_deflated,
    judge_native,
    offered,
)
from framedeflate.web.conformance.media import EXPLICIT, FRAME_SYNTAX, multipart
from framedeflate.web.conformance.outcomes import Level, check, expect, not_offered
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import JSON, Session

OCTETS, DEFLATE, DICOM = "application/octet-stream", "application/x-deflate", "application/dicom"


def _frame(s: Session, role: str, accept: str | None, query: str = "") -> tuple[Sample, Answer]:
    sample = s.sample(role)
    return sample, s.get(f"{sample.path}/frames/1{query}", accept)


def _native(s: Session, accept: str, role: str = "native") -> str:
    sample, answer = _frame(s, role, accept)
    judge_native(*frames_of(answer)[0], sample, 1)
    return answer.describe()


def _deflated(s: Session, accept: str, query: str = "") -> str:
    if _frame(s, "bits", multipart(DEFLATE))[1].status != 200:
        not_offered("no application/x-deflate")
    sample, answer = _frame(s, "bits", accept, query)
    judge_deflated(*frames_of(answer)[0], sample, 1)
    return answer.describe()


@check("8.7.5")
def no_accept(s: Session) -> str:
    """A Retrieve without Accept: 406."""
    answer = s.get(s.any_sample().path, None)
    expect_status(answer, 406)
    return answer.describe()


@check("8.7.5")
def mixture(s: Session) -> str:
    """DICOM and rendered media types together: 400."""
    answer = s.get(s.any_sample().path, f"{multipart(DICOM)}, image/png")
    expect_status(answer, 400)
    return answer.describe()


@check("8.7.8.1", needs="native")
def nothing_acceptable(s: Session) -> str:
    """Nothing that can be sent: 406."""
    answer = _frame(s, "native", multipart("image/jp2"))[1]
    expect_status(answer, 406)
    return answer.describe()


@check("8.7.8.1", needs="bits")
def nothing_acceptable_deflated(s: Session) -> str:
    """A compressed type that the deflated Frame cannot come in, or comes in rightly: 406, or that type."""
    answer = _frame(s, "bits", multipart("image/jls"))[1]
    if answer.status == 200:
        expect(frames_of(answer)[0][0].name == "image/jls", "406, or image/jls", answer.describe())
    else:
        expect_status(answer, 406)
    return answer.describe()


@check("10.4.3.3", Level.SHOULD, needs="native")
def refusal_explains(s: Session) -> str:
    """A refusal has a body that says something."""
    answer = _frame(s, "native", multipart("image/jp2"))[1]
    expect(answer.status >= 400 and answer.raw, "a Status Report", answer.describe())
    return answer.describe()


@check("8.7.8.1, RFC 9110 12.5.1", needs="bits")
def weight_for_native(s: Session) -> str:
    """The greater weight wins: native."""
    return _native(s, f"{multipart(DEFLATE)};q=0.3, {multipart(OCTETS)};q=0.8", "bits")


@check("8.7.8.1, RFC 9110 12.5.1", needs="bits")
def weight_for_deflated(s: Session) -> str:
    """The greater weight wins: deflated."""
    return _deflated(s, f"{multipart(OCTETS)};q=0.3, {multipart(DEFLATE)};q=0.8")


@check("RFC 9110 12.4.2", needs="bits")
def weight_of_zero(s: Session) -> str:
    """What has a weight of 0 is not sent."""
    return _native(s, f"{multipart(DEFLATE)};q=0, {multipart(OCTETS)};q=0.1", "bits")


@check("8.7.5", needs="native")
def unknown_types(s: Session) -> str:
    """Media types that nobody knows are passed over."""
    return _native(s, f"application/x-nobody-knows, {multipart(OCTETS)};q=0.5")


@check("8.7.5", Level.SHOULD, needs="native")
def invalid_elements(s: Session) -> str:
    """Elements that cannot be read are passed over."""
    return _native(s, f"nonsense, , /;=, {multipart(OCTETS)}")


@check("8.7.5, 10.4.4", needs="native-frames")
def single_parts_ignored(s: Session) -> str:
    """Single-part types are passed over where several items answer."""
    sample = s.sample("native-frames")
    answer = s.get(f"{sample.path}/frames/1,2", f"{OCTETS}, {multipart(OCTETS)};q=0.1")
    for number, (media, content) in enumerate(frames_of(answer, 2), 1):
        judge_native(media, content, sample, number)
    return answer.describe()


@check("8.3.3.1, 8.7.8.1", needs="bits")
def accept_parameter(s: Session) -> str:
    """The accept parameter goes before Accept."""
    return _deflated(s, f"{multipart(OCTETS)}, */*;q=0.1", f"?accept={quote(multipart(DEFLATE), safe='')}")


@check("8.3.3.1, 8.7.8.1", needs="native")
def accept_parameter_on_metadata(s: Session) -> str:
    """The accept parameter chooses the form of metadata."""
    sample = s.sample("native")
    xml = quote(multipart("application/dicom+xml"), safe="")
    answer = s.get(f"{sample.path}/metadata?accept={xml}", "*/*")
    expect_status(answer, 200)
    expect(answer.media.name == "multipart/related", multipart("application/dicom+xml"), answer.describe())
    return answer.describe()


@check("8.7.3.5.1", Level.SHOULD, needs="native")
def unquoted_type(s: Session) -> str:
    """The type parameter is read without quotes, as most clients send it."""
    return _native(s, f"multipart/related; type={OCTETS}")


@check("8.7.3.5.2, RFC 9110 5.6.6", needs="native")
def quoted_transfer_syntax(s: Session) -> str:
    """The transfer-syntax parameter is read in quotes, too."""
    return _native(s, f'multipart/related; type="{OCTETS}"; transfer-syntax="{EXPLICIT}"')


@check("8.7.3.5.2", Level.MAY, needs="native")
def transfer_syntax_within_type(s: Session) -> str:
    """Some clients write transfer-syntax within the quotes of type."""
    sample, answer = _frame(s, "native", f'multipart/related; type="{OCTETS}; transfer-syntax={EXPLICIT}"')
    judge_native(*frames_of(offered(answer))[0], sample, 1)
    return answer.describe()


@check("RFC 9110 8.3.1", needs="native")
def letter_case(s: Session) -> str:
    """Media types are compared without regard to case."""
    return _native(s, f'Multipart/RELATED; Type="{OCTETS.title()}"')


@check("8.7.8.1", needs="native")
def wildcard_of_metadata(s: Session) -> str:
    """Asked for anything, metadata come as application/dicom+json."""
    answer = s.get(f"{s.sample('native').path}/metadata", "*/*")
    expect_status(answer, 200)
    expect(answer.media.name == JSON, JSON, answer.describe())
    return answer.describe()


@check("8.7.8.1, Table 10.4.4-1", needs="native")
def wildcard_of_instances(s: Session) -> str:
    """Asked for anything, an instance comes as application/dicom, in parts."""
    answer = s.get(s.sample("native").path, "*/*")
    media, content = frames_of(answer)[0]
    expect(answer.media.name == "multipart/related", multipart(DICOM), answer.describe())
    file_of(media, content)
    return answer.describe()


@check("8.7.5, RFC 9110 12.5.1", Level.SHOULD, needs="native")
def half_a_wildcard(s: Session) -> str:
    """application/* matches application/dicom+json."""
    answer = s.get(f"{s.sample('native').path}/metadata", "application/*")
    expect_status(answer, 200)
    expect(answer.media.name == JSON, JSON, answer.describe())
    return answer.describe()


@check("8.7.3.5.2", needs="bits")
def other_transfer_syntax(s: Session) -> str:
    """A Transfer Syntax that application/octet-stream cannot have is not what comes under its label."""
    sample, answer = _frame(s, "bits", multipart(OCTETS, FRAME_SYNTAX))
    if answer.status != 200:
        expect_status(answer, {400, 406})
    else:
        judge_native(*frames_of(answer)[0], sample, 1)
    return answer.describe()


@check("RFC 9110 12.5.5", Level.SHOULD, needs="native")
def vary(s: Session) -> str:
    """The answer says that it depends on Accept."""
    answer = _frame(s, "native", multipart(OCTETS))[1]
    expect_status(answer, 200)
    named = [name.strip().lower() for name in answer.headers.get("vary", "").split(",")]
    expect("accept" in named or "*" in named, "Vary: Accept", "Vary without it" if named[0] else "no Vary")
    return f"{len(named)} fields"
