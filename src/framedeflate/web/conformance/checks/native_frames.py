# SPDX-License-Identifier: Apache-2.0
"""Frames without compression: application/octet-stream."""

from framedeflate.web.conformance.judging import (
    expect_status,
    frames_of,
    judge_honest,
    judge_native,
    offered,
    parts_of,
)
from framedeflate.web.conformance.media import EXPLICIT, multipart
from framedeflate.web.conformance.outcomes import Level, check, expect
from framedeflate.web.conformance.session import Session

OCTETS = "application/octet-stream"


def _each_frame(s: Session, role: str, accept: str = multipart(OCTETS)) -> str:
    sample = s.sample(role)
    for number in range(1, len(sample.frames) + 1):
        answer = s.get(f"{sample.path}/frames/{number}", accept)
        judge_native(*frames_of(answer)[0], sample, number)
    return f"{len(sample.frames[0])} bytes a Frame, Frames: {len(sample.frames)}"


def _listed_frames(s: Session, role: str) -> str:
    sample = s.sample(role)
    answer = s.get(f"{sample.path}/frames/1,3", multipart(OCTETS))
    for number, part in zip((1, 3), parts_of(answer, 2), strict=True):
        judge_native(part.media, part.content, sample, number)
    return answer.describe()


@check("Table 8.7.3-4", needs="bits")
def bits_inflated(s: Session) -> str:
    """Deflated 1-bit Frames come native, each from its first bit, and are labelled as what they are."""
    return _each_frame(s, "bits")


@check("Table 8.7.3-4", needs="labels")
def labels_inflated(s: Session) -> str:
    """The same of Frames of 8 bits and an odd length."""
    return _each_frame(s, "labels")


@check("Table 8.7.3-4", needs="colour")
def colour_inflated(s: Session) -> str:
    """The same of RGB."""
    return _each_frame(s, "colour")


@check("Table 8.7.3-4", needs="single")
def single_inflated(s: Session) -> str:
    """The same of one Frame of 16 bits."""
    return _each_frame(s, "single")


@check("Table 8.7.3-4", needs="native-bits")
def native_bits(s: Session) -> str:
    """Native 1-bit Frames that begin inside a byte come from their first bit."""
    return _each_frame(s, "native-bits")


@check("10.4.1.1.6, 8.7.3.3.1", needs="native-bits")
def list_of_bits(s: Session) -> str:
    """Of a list of 1-bit Frames each comes in a part of its own, from its first bit."""
    return _listed_frames(s, "native-bits")


@check("Table 8.7.3-4", needs="native-frames")
def native_frames(s: Session) -> str:
    """The Frames of a native image come each as it is."""
    return _each_frame(s, "native-frames")


@check("Table 8.7.3-4", needs="native")
def native(s: Session) -> str:
    """The Frame of a native image comes as it is."""
    return _each_frame(s, "native")


@check("8.7.3.3.2 note 1", needs="data-set")
def data_set_inflated(s: Session) -> str:
    """The Frame of an image stored in Deflated Explicit VR Little Endian comes native."""
    return _each_frame(s, "data-set")


@check("Table 8.7.3-4", needs="bits")
def any_transfer_syntax(s: Session) -> str:
    """application/octet-stream is uncompressed, also with transfer-syntax=*."""
    return _each_frame(s, "bits", multipart(OCTETS, "*"))


@check("8.7.3.5.2", needs="bits")
def by_uid(s: Session) -> str:
    """With Explicit VR Little Endian named, the answer is the same."""
    return _each_frame(s, "bits", multipart(OCTETS, EXPLICIT))


@check("10.4.4", Level.MAY, needs="bits")
def single_part(s: Session) -> str:
    """One Frame comes as a single part where that is asked for."""
    sample = s.sample("bits")
    answer = offered(s.get(f"{sample.path}/frames/1", OCTETS))
    expect(answer.media.name == OCTETS, OCTETS, answer.describe())
    judge_native(answer.media, answer.content, sample, 1)
    return answer.describe()


@check("10.4.4", needs="native-frames")
def several_in_parts_only(s: Session) -> str:
    """Several Frames asked for as a single part alone are refused: 406."""
    answer = s.get(f"{s.sample('native-frames').path}/frames/1,2", OCTETS)
    expect_status(answer, 406)
    return answer.describe()


@check("10.4.1.1.6", needs="native-frames")
def list_of_frames(s: Session) -> str:
    """Of a list of Frames each comes in a part of its own, in the order of the list."""
    return _listed_frames(s, "native-frames")


@check("8.7.7, Table 10.4.4-1", needs="bits")
def by_default(s: Session) -> str:
    """Asked for anything, a Frame comes in a form that its label tells."""
    sample = s.sample("bits")
    answer = s.get(f"{sample.path}/frames/1", "*/*")
    judge_honest(*frames_of(answer)[0], sample, 1)
    return answer.describe()


@check("10.4.3.1", needs="native-frames")
def behind_the_last(s: Session) -> str:
    """A Frame that the image does not have: 404 or 400."""
    sample = s.sample("native-frames")
    answer = s.get(f"{sample.path}/frames/{len(sample.frames) + 1}", multipart(OCTETS))
    expect_status(answer, {400, 404})
    return answer.describe()


@check("10.4.1.1.6", needs="native-frames")
def no_frame_number(s: Session) -> str:
    """Frames are numbered from 1: 0, -1 and words are refused."""
    path = f"{s.sample('native-frames').path}/frames"
    answers = [s.get(f"{path}/{number}", multipart(OCTETS)) for number in ("0", "-1", "first")]
    for answer in answers:
        expect_status(answer, {400, 404})
    return ", ".join(str(answer.status) for answer in answers)
