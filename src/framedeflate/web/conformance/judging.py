# SPDX-License-Identifier: Apache-2.0
"""What several groups of checks judge alike: statuses, Frames in parts, files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.media import EXPLICIT, FRAME_SYNTAX, Media
from framedeflate.web.conformance.multipart import Part
from framedeflate.web.conformance.outcomes import CheckFailedError, expect, fail, not_offered
from framedeflate.web.conformance.samples import Sample, sample_of
from framedeflate.web.conformance.streams import inflate

__all__ = [
    "expect_status",
    "file_of",
    "frames_of",
    "judge_deflated",
    "judge_honest",
    "judge_native",
    "offered",
    "parts_of",
]

REFUSALS: Final = frozenset({400, 404, 405, 406, 415, 501})


def expect_status(answer: Answer, statuses: int | Collection[int]) -> None:
    """Fail unless the status is one of these."""
    allowed = (statuses,) if isinstance(statuses, int) else tuple(sorted(statuses))
    expect(answer.status in allowed, " or ".join(map(str, allowed)), answer.describe())


def offered(answer: Answer) -> Answer:
    """Return an answer of status 200; what is optional may be refused, but not by breaking down."""
    if answer.status in REFUSALS:
        not_offered(answer.describe())
    expect_status(answer, 200)
    return answer


def parts_of(answer: Answer, count: int) -> tuple[Part, ...]:
    """Return so many parts of an answer of kind multipart/related."""
    expect_status(answer, 200)
    expect(answer.media.name == "multipart/related", "multipart/related", answer.describe())
    parts = answer.payload.parts
    expect(len(parts) == count, f"{count} parts", f"{len(parts)} parts; {answer.describe()}")
    return parts


def frames_of(answer: Answer, count: int = 1) -> list[tuple[Media, bytes]]:
    """Return the media type and content of each Frame of an answer, in parts or not."""
    expect_status(answer, 200)
    if answer.media.name == "multipart/related":
        return [(part.media, part.content) for part in parts_of(answer, count)]
    expect(count == 1, "several Frames in parts (10.4.4)", answer.describe())
    return [(answer.media, answer.content)]


def what_it_is(content: bytes, sample: Sample, frame_number: int) -> str:
    """Say what bytes are that should be a Frame."""
    index = frame_number - 1
    size = f"{len(content)} bytes"
    if content == sample.frames[index]:
        return f"{size}, the native Frame"
    if sample.fragments:
        if content == sample.streams[index]:
            return f"{size}, the raw DEFLATE stream"
        if content == sample.fragments[index]:
            return f"{size}, the raw DEFLATE stream with its pad"
    if len(content) == len(sample.frames[index]):
        return f"{size}, of other content"
    return f"{size}, no form of the Frame"


def judge_native(media: Media, content: bytes, sample: Sample, frame_number: int) -> None:
    """Fail unless it is the native Frame, labelled so."""
    frame = sample.frames[frame_number - 1]
    expected = f"Frame {frame_number}: {len(frame)} native bytes, application/octet-stream, {EXPLICIT}"
    what = what_it_is(content, sample, frame_number)
    labelled = media.name == "application/octet-stream" and media.transfer_syntax_uid == EXPLICIT
    # 1-bit Frames may have anything in the bits that pad their last byte.
    same = content == frame or _same_bits(content, frame, sample)
    if (
        labelled
        and not same
        and sample.fragments
        and content in {sample.streams[frame_number - 1], sample.fragments[frame_number - 1]}
    ):
        fail(expected, f"silently mislabelled: {media} on {what}")
    expect(labelled and same, expected, f"{media}: {what}")


def _same_bits(content: bytes, frame: bytes, sample: Sample) -> bool:
    used = sample.rows * sample.columns * sample.samples_per_pixel % 8
    if sample.bits_allocated != 1 or not used or len(content) != len(frame):
        return False
    return content[:-1] == frame[:-1] and (content[-1] ^ frame[-1]) & ((1 << used) - 1) == 0


def judge_deflated(media: Media, content: bytes, sample: Sample, frame_number: int) -> None:
    """Fail unless it is a raw stream that inflates to the Frame, labelled so; what follows the stream is not judged."""
    frame = sample.frames[frame_number - 1]
    expected = (
        f"Frame {frame_number}: raw DEFLATE of {len(frame)} bytes, application/x-deflate, {FRAME_SYNTAX}"
    )
    labelled = media.name == "application/x-deflate" and media.transfer_syntax_uid == FRAME_SYNTAX
    expect(labelled, expected, f"{media}: {what_it_is(content, sample, frame_number)}")
    try:
        inflated = inflate(content)
    except ValueError as error:
        raise CheckFailedError(f"{media}: {error}", expected) from error
    same = inflated.content == frame or _same_bits(inflated.content, frame, sample)
    expect(same, expected, f"{media}: inflates to {len(inflated.content)} bytes")


def judge_honest(media: Media, content: bytes, sample: Sample, frame_number: int) -> None:
    """Fail unless it is the Frame in the form that its label says."""
    if media.name == "application/x-deflate":
        judge_deflated(media, content, sample, frame_number)
    else:
        judge_native(media, content, sample, frame_number)


def file_of(media: Media, content: bytes) -> Sample:
    """Read a Part 10 file out of an answer, and hold its label against its File Meta Information (8.7.9)."""
    expect(media.name == "application/dicom", "application/dicom", media)
    expect(
        content[128:132] == b"DICM", "a DICOM file (PS3.10 7.1)", f"{len(content)} bytes of something else"
    )
    try:
        sample = sample_of(content)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        NotImplementedError,
        EOFError,
        OSError,
    ) as error:
        raise CheckFailedError(
            f"{media}, {len(content)} bytes: {type(error).__name__}", "an image that can be read"
        ) from error
    expect(
        media.transfer_syntax_uid == sample.syntax,
        "a label that is the file's Transfer Syntax",
        f"{media} on a file of {sample.syntax}",
    )
    return sample


def same_pixels(found: Sequence[bytes], sample: Sample) -> bool:
    """Whether these are the sample's Frames."""
    return len(found) == len(sample.frames) and all(
        one == frame or _same_bits(one, frame, sample)
        for one, frame in zip(found, sample.frames, strict=True)
    )
