# SPDX-License-Identifier: Apache-2.0
"""Bulk data by the URI that metadata give."""

from framedeflate.web.conformance.checks.metadata import PIXEL_DATA, instance_metadata
from framedeflate.web.conformance.judging import expect_status, frames_of, judge_deflated, offered, parts_of
from framedeflate.web.conformance.media import EXPLICIT, multipart
from framedeflate.web.conformance.outcomes import CheckSkippedError, FeatureNotOfferedError, check, expect
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import Session

OCTETS, DEFLATE = "application/octet-stream", "application/x-deflate"


def _url(s: Session, sample: Sample) -> str:
    uri = instance_metadata(s, sample).get(PIXEL_DATA, {}).get("BulkDataURI")
    if not uri:
        raise FeatureNotOfferedError("no BulkDataURI for Pixel Data")
    url = s.client.resolve(str(uri), base=f"{s.client.root}{sample.path}/metadata")
    if url is None:
        raise CheckSkippedError("it leads to another host, where no request is sent to")
    return url


def _native(s: Session, role: str) -> str:
    sample = s.sample(role)
    answer = s.get(_url(s, sample), multipart(OCTETS))
    media, content = frames_of(answer)[0]
    expect(media.name == OCTETS, OCTETS, str(media))
    expect(media.transfer_syntax_uid == EXPLICIT, EXPLICIT, str(media))
    # The pad of an odd value belongs to the element, not to the pixels: with it or without it.
    nbytes = (sum(map(len, sample.frames)), -(-sample.rows * sample.columns * len(sample.frames) // 8))
    used = nbytes[sample.bits_allocated == 1]
    expect(
        content in (sample.native, sample.native[:used]),
        f"{used} bytes: all Frames, joined as native Pixel Data is",
        f"{len(content)} bytes",
    )
    return answer.describe()


@check("10.4.1.1.5, 8.7.3.3.1", needs="native-bits")
def native_bits(s: Session) -> str:
    """Pixel Data of native 1-bit Frames comes with its Frames joined bit by bit."""
    return _native(s, "native-bits")


@check("10.4.1.1.5, 8.7.3.3.1", needs="bits")
def bits_inflated(s: Session) -> str:
    """Pixel Data of deflated 1-bit Frames comes native, joined bit by bit."""
    return _native(s, "bits")


@check("10.4.1.1.5, 8.7.3.3.1", needs="labels")
def labels_inflated(s: Session) -> str:
    """The same of Frames of 8 bits."""
    return _native(s, "labels")


@check("Sup 244, 8.7.3.3.2", needs="bits")
def deflated(s: Session) -> str:
    """Pixel Data comes deflated, a part a Frame."""
    sample = s.sample("bits")
    answer = offered(s.get(_url(s, sample), multipart(DEFLATE)))
    for number, part in enumerate(parts_of(answer, len(sample.frames)), 1):
        judge_deflated(part.media, part.content, sample, number)
    return answer.describe()


@check("10.4.4", needs="native")
def single_part(s: Session) -> str:
    """Native Pixel Data is one item, and comes as a single part."""
    sample = s.sample("native")
    answer = s.get(_url(s, sample), OCTETS)
    expect_status(answer, 200)
    used = sum(map(len, sample.frames))
    expect(answer.content in (sample.native, sample.native[:used]), f"{used} bytes", answer.describe())
    return answer.describe()
