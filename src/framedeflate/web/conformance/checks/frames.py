# SPDX-License-Identifier: Apache-2.0
"""Frames as they are stored: application/x-deflate."""

from framedeflate.web.conformance.judging import (
    expect_status,
    frames_of,
    judge_deflated,
    judge_honest,
    offered,
    parts_of,
)
from framedeflate.web.conformance.media import FRAME_SYNTAX, multipart
from framedeflate.web.conformance.outcomes import Level, check, expect, fail
from framedeflate.web.conformance.session import Session
from framedeflate.web.conformance.streams import inflate

DEFLATE = "application/x-deflate"


def _all_frames(s: Session, role: str, accept: str = multipart(DEFLATE)) -> str:
    sample = s.sample(role)
    numbers = range(1, len(sample.frames) + 1)
    answer = offered(s.get(f"{sample.path}/frames/{','.join(map(str, numbers))}", accept))
    for number, (media, content) in zip(numbers, frames_of(answer, len(sample.frames)), strict=True):
        judge_deflated(media, content, sample, number)
    return f"{len(answer.raw)} bytes for {sum(map(len, sample.frames))}, Frames: {len(sample.frames)}"


@check("Sup 244, Table 8.7.3-5", needs="bits")
def bits(s: Session) -> str:
    """1-bit Frames come as raw DEFLATE streams, a part each, labelled so."""
    return _all_frames(s, "bits")


@check("Sup 244, Table 8.7.3-5", needs="labels")
def labels(s: Session) -> str:
    """The same of Frames of 8 bits."""
    return _all_frames(s, "labels")


@check("Sup 244, Table 8.7.3-5", needs="colour")
def colour(s: Session) -> str:
    """The same of RGB."""
    return _all_frames(s, "colour")


@check("Sup 244, Table 8.7.3-5", needs="single")
def single(s: Session) -> str:
    """The same of the one Frame of a single-frame image."""
    return _all_frames(s, "single")


@check("8.7.3.5.2", needs="bits")
def by_uid(s: Session) -> str:
    """With the Transfer Syntax named, the answer is the same."""
    return _all_frames(s, "bits", multipart(DEFLATE, FRAME_SYNTAX))


@check("8.7.3.5.2", needs="bits")
def any_transfer_syntax(s: Session) -> str:
    """With any Transfer Syntax, application/x-deflate is still what it says."""
    return _all_frames(s, "bits", multipart(DEFLATE, "*"))


@check("8.7.3.3.2", Level.SHOULD, needs="bits")
def no_pad(s: Session) -> str:
    """A stream comes without the NULL that pads its Fragment: browsers' DecompressionStream refuses it."""
    sample = s.sample("bits")
    count = len(sample.frames)
    answer = offered(
        s.get(f"{sample.path}/frames/{','.join(map(str, range(1, count + 1)))}", multipart(DEFLATE))
    )
    frames = frames_of(answer, count)
    behind = []
    for _, content in frames:
        try:
            behind.append(len(content) - inflate(content).nbytes)
        except ValueError as error:
            fail("raw DEFLATE streams", error)
    expect(
        not any(behind),
        "no byte behind a stream",
        f"a byte behind {sum(map(bool, behind))} of {count} streams",
    )
    return f"{count} streams"


@check("8.7.3.3.2", needs="bits")
def whole_streams(s: Session) -> str:
    """A stream that ends in a byte of zero keeps it."""
    sample = s.sample("bits")
    found = next((n for n, stream in enumerate(sample.streams, 1) if stream.endswith(b"\0")), 1)
    answer = offered(s.get(f"{sample.path}/frames/{found}", multipart(DEFLATE)))
    judge_deflated(*frames_of(answer)[0], sample, found)
    return f"{len(frames_of(answer)[0][1])} bytes"


@check("10.4.4", needs="bits")
def single_part(s: Session) -> str:
    """One Frame comes as a single part where that is asked for."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/2", DEFLATE))
    expect(answer.media.name == DEFLATE, DEFLATE, answer.describe())
    judge_deflated(answer.media, answer.content, sample, 2)
    return answer.describe()


@check("10.4.4", needs="bits")
def several_in_parts_only(s: Session) -> str:
    """Several Frames asked for as a single part alone are refused: 406."""
    answer = s.get(f"{s.sample('bits').path}/frames/1,2", DEFLATE)
    expect_status(answer, 406)
    return answer.describe()


@check("10.4.1.1.6", needs="bits")
def list_of_frames(s: Session) -> str:
    """Of a list of Frames each comes, in the order of the list."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/1,3,6", multipart(DEFLATE)))
    for number, part in zip((1, 3, 6), parts_of(answer, 3), strict=True):
        judge_deflated(part.media, part.content, sample, number)
    return answer.describe()


@check("Table 8.7.3-5", needs="native-bits")
def not_of_native(s: Session) -> str:
    """What is stored natively comes deflated rightly, or not at all."""
    sample = s.sample("native-bits")
    answer = offered(s.get(f"{sample.path}/frames/2", multipart(DEFLATE)))
    judge_honest(*frames_of(answer)[0], sample, 2)
    return answer.describe()
