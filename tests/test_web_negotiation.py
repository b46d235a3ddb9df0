# SPDX-License-Identifier: Apache-2.0
"""Which representation answers: tables of cases, each with its clause of PS3.18 (with Supplement 244) or RFC 9110."""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate.web.accept import parse_accept
from framedeflate.web.media_type import parse_media_type
from framedeflate.web.negotiation import VARY, Abilities, Answer, Asked, negotiate
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import (
    COMPRESSED_BULKDATA,
    MAX_VALUE_NBYTES,
    Category,
    Making,
    StoredInstance,
    Target,
    category_of,
)
from framedeflate.web.store_request import StoreRequest, read_store_request

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, DEFLATED_SET = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.99"
JPEG_70, JPEG_50, RLE, MPEG_101, MP4_102 = (
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.102",
)

STORED = {
    "seg": StoredInstance(Category.MULTI_FRAME, DEFLATED, 512 * 512, 96),
    "one": StoredInstance(Category.SINGLE_FRAME, DEFLATED, 512 * 512 * 16, 1),
    "scope": StoredInstance(Category.VIDEO, DEFLATED, 512 * 512 * 24, 30),
    "long": StoredInstance(Category.MULTI_FRAME, DEFLATED, 1 << 20, 40_000),
    "native": StoredInstance(Category.MULTI_FRAME, EXPLICIT, 512 * 512, 96),
    "bits": StoredInstance(Category.MULTI_FRAME, EXPLICIT, 5 * 7, 3),
    "implicit": StoredInstance(Category.MULTI_FRAME, IMPLICIT, 512 * 512, 96),
    "big": StoredInstance(Category.SINGLE_FRAME, BIG, 512 * 512 * 16, 1),
    "set": StoredInstance(Category.SINGLE_FRAME, DEFLATED_SET, 512 * 512 * 16, 1),
    "report": StoredInstance(Category.TEXT, EXPLICIT),
    "report-set": StoredInstance(Category.TEXT, DEFLATED_SET),
    "jpeg70": StoredInstance(Category.SINGLE_FRAME, JPEG_70, 512 * 512 * 16, 1, decodable=True),
    "jpeg50": StoredInstance(Category.MULTI_FRAME, JPEG_50, 512 * 512 * 8, 9, decodable=True),
    "jpeg50-only": StoredInstance(Category.MULTI_FRAME, JPEG_50, 512 * 512 * 8, 9),
    "rle": StoredInstance(Category.MULTI_FRAME, RLE, 512 * 512 * 8, 9, decodable=True),
    "movie": StoredInstance(Category.VIDEO, MP4_102, 512 * 512 * 24, 300),
}

X = "application/x-deflate"
OCTETS = "application/octet-stream"
DICOM = "application/dicom"


def parts_of(name: str) -> str:
    return f'multipart/related; type="{name}"'


# clause | what is asked for | stored | Accept | form and media type, Transfer Syntax, making; or a refusal's status
CASES = [
    # Table 8.7.3-2, rows for application/dicom
    ("8.7.3-2 D", "instance", "one", DICOM, f"single {DICOM}", EXPLICIT, "inflated"),
    ("8.7.3-2 D", "instance", "seg", DICOM, f"single {DICOM}", EXPLICIT, "inflated"),
    ("8.7.3-2 D", "instance", "scope", DICOM, f"single {DICOM}", EXPLICIT, "inflated"),
    ("8.7.3-2 D text", "instance", "report", DICOM, f"single {DICOM}", EXPLICIT, "stored"),
    ("8.7.3-2 O", "instance", "one", f"{DICOM}; transfer-syntax={DEFLATED}", f"single {DICOM}", DEFLATED, "stored"),
    ("8.7.3-2 O", "instance", "seg", f"{DICOM}; transfer-syntax={DEFLATED}", f"single {DICOM}", DEFLATED, "stored"),
    ("8.7.3-2 O", "instance", "scope", f"{DICOM};transfer-syntax={DEFLATED}", f"single {DICOM}", DEFLATED, "stored"),
    ("8.7.3.5.2 *", "instance", "seg", f"{DICOM}; transfer-syntax=*", f"single {DICOM}", DEFLATED, "stored"),
    ("8.7.3.5.2", "instance", "seg", f"{DICOM}; transfer-syntax={EXPLICIT}", f"single {DICOM}", EXPLICIT, "inflated"),
    ("8.7.3.5.2 *", "instance", "native", f"{DICOM}; transfer-syntax=*", f"single {DICOM}", EXPLICIT, "stored"),
    ("8.7.8.2", "instance", "native", f"{DICOM}; transfer-syntax={DEFLATED}", 406),
      # nothing is deflated for a request
    ("8.7.8.2", "instance", "seg", f"{DICOM}; transfer-syntax={JPEG_70}", 406),
    ("8.7.8.1", "instance", "seg", f"{DICOM}; transfer-syntax=*, {DICOM}", f"single {DICOM}", DEFLATED, "stored"),
    ("10.4.4-1 D", "instance", "seg", "*/*", f"multipart {DICOM}", EXPLICIT, "inflated"),
    ("10.4.4-1 D", "instance", "seg", "*/*; transfer-syntax=*", f"multipart {DICOM}", DEFLATED, "stored"),
    ("10.4.4-1 O", "instance", "seg", "application/*", f"single {DICOM}", EXPLICIT, "inflated"),
    ("10.4.4-1 D", "instance", "seg", parts_of(DICOM), f"multipart {DICOM}", EXPLICIT, "inflated"),
    ("8.7.3.5.1", "instance", "seg", "multipart/related;type=application/dicom;transfer-syntax=*",
     f"multipart {DICOM}",
     DEFLATED, "stored"),
    ("as dcm4che#308", "instance", "seg", f'multipart/related; type="{DICOM}; transfer-syntax={DEFLATED}"',
     f"multipart {DICOM}", DEFLATED, "stored"),
    ("10.4.4-1 note 2", "instance", "seg", parts_of(OCTETS), f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "instance", "seg", parts_of(X), f"multipart {X}", DEFLATED, "stored"),
    # 8.7.3: Implicit VR Little Endian and Explicit VR Big Endian are never used
    ("8.7.3", "instance", "implicit", f"{DICOM}; transfer-syntax=*", f"single {DICOM}", EXPLICIT, "re-encoded"),
    ("8.7.3", "instance", "implicit", f"{DICOM}; transfer-syntax={IMPLICIT}", 406),
    ("8.7.3", "instance", "big", DICOM, f"single {DICOM}", EXPLICIT, "re-encoded"),
    # 8.7.3.3.2 note 1: Deflated Explicit VR Little Endian is inflated
    ("8.7.3.3.2 note", "instance", "set", DICOM, f"single {DICOM}", EXPLICIT, "inflated data set"),
    ("8.7.3.3.2 note", "instance", "set", f"{DICOM}; transfer-syntax=*", f"single {DICOM}", EXPLICIT,
     "inflated data set"),
    ("8.7.3.3.2 note", "instance", "report-set", DICOM, f"single {DICOM}", EXPLICIT, "inflated data set"),
    ("8.7.3-2", "instance", "set", f"{DICOM}; transfer-syntax={DEFLATED_SET}", 406),
    ("8.7.3.3.2 note", "frame", "set", OCTETS, f"single {OCTETS}", EXPLICIT, "inflated data set"),
    # 8.7.8.1 note 1: native Pixel Data too long for its value field
    ("8.7.8.1 note 1", "instance", "long", f"{DICOM}; transfer-syntax={EXPLICIT}", 406),
    ("8.7.3.4", "instance", "long", DICOM, f"single {DICOM}", DEFLATED, "stored"),
    ("8.7.3.4", "instance", "long", "*/*", f"multipart {DICOM}", DEFLATED, "stored"),
    ("8.7.8.1 note 1", "frame", "long", parts_of(OCTETS), f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("8.7.3.4", "instance", "jpeg50-only", DICOM, f"single {DICOM}", JPEG_50, "stored"),
    # Table 8.7.3-5, rows for application/x-deflate: its default is Deflated Image Frame Compression
    ("8.7.3-5 D single", "frame", "one", X, f"single {X}", DEFLATED, "stored"),
    ("8.7.3-5 D multi", "frame", "seg", X, f"single {X}", DEFLATED, "stored"),
    ("8.7.3-5 D video", "frame", "scope", X, f"single {X}", DEFLATED, "stored"),
    ("8.7.3-5 D", "frame", "seg", parts_of(X), f"multipart {X}", DEFLATED, "stored"),
    ("8.7.3-5 D", "frame", "seg", f"{X}; transfer-syntax={DEFLATED}", f"single {X}", DEFLATED, "stored"),
    ("8.7.3-5 D", "frame", "seg", f"{X}; transfer-syntax=*", f"single {X}", DEFLATED, "stored"),
    ("8.7.3-5", "frame", "seg", f"{X}; transfer-syntax={EXPLICIT}", 406),
    ("8.7.3-5", "frame", "native", X, 406),
    ("8.7.3-5 text", "frame", "report", X, 406),
    ("8.7.3.3.2", "frames", "seg", parts_of(X), f"multipart {X}", DEFLATED, "stored"),
    ("8.7.3.3.2", "pixel data", "seg", parts_of(X), f"multipart {X}", DEFLATED, "stored"),
    ("8.7.3.3.2", "pixel data", "seg", X, 406),  # 96 parts, and none of them the whole
    ("8.7.3.3.2", "pixel data", "one", X, f"single {X}", DEFLATED, "stored"),
    # ... its other rows
    ("8.7.3-5 D", "frame", "jpeg70", "image/jpeg", "single image/jpeg", JPEG_70, "stored"),
    ("8.7.3-5 O", "frame", "jpeg50", f"image/jpeg; transfer-syntax={JPEG_50}", "single image/jpeg", JPEG_50,
     "stored"),
    ("8.7.3-5 O", "frame", "jpeg50", "image/jpeg", 406),
      # 8.7.3: without Transfer Syntax it means 1.2.840.10008.1.2.4.70
    ("8.7.3-5 O", "frame", "jpeg50", "image/jpeg; transfer-syntax=*", "single image/jpeg", JPEG_50, "stored"),
    ("8.7.3.5.1", "frames", "jpeg50", 'multipart/related; type="image/*"; boundary=**', "multipart image/jpeg",
     JPEG_50,
     "stored"),
    ("8.7.3-5 D", "frame", "rle", "image/dicom-rle", "single image/dicom-rle", RLE, "stored"),
    ("8.7.3-5 video", "pixel data", "movie", "video/mp4", "single video/mp4", MP4_102, "stored"),
    ("8.7.3-5 video", "pixel data", "movie", 'multipart/related; type="video/*"', "multipart video/mp4",
     MP4_102, "stored"),
    ("8.7.3-5 video", "pixel data", "movie", "VIDEO/MP4", "single video/mp4", MP4_102, "stored"),
    ("8.7.3-5 video", "frame", "movie", "*/*", 406),
    # Table 8.7.3-4: application/octet-stream is uncompressed, whatever transfer-syntax says
    ("8.7.3-4", "frame", "seg", OCTETS, f"single {OCTETS}", EXPLICIT, "inflated"),
    ("8.7.3-4", "frame", "seg", f"{OCTETS}; transfer-syntax=*", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("8.7.3-4", "frame", "seg", "multipart/related; type=application/octet-stream; transfer-syntax=*",
     f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("8.7.3-4", "frame", "seg", f"{OCTETS}; transfer-syntax={DEFLATED}", 406),
    ("8.7.3-4", "frame", "native", OCTETS, f"single {OCTETS}", EXPLICIT, "stored"),
    ("8.7.3-4", "frame", "implicit", OCTETS, f"single {OCTETS}", EXPLICIT, "stored"),
    ("8.7.3-4", "frame", "big", OCTETS, f"single {OCTETS}", EXPLICIT, "re-encoded"),
    ("8.7.3-4", "frame", "jpeg50", OCTETS, f"single {OCTETS}", EXPLICIT, "decoded"),
    ("8.7.3-4", "frame", "jpeg50-only", OCTETS, 406),
    ("PS3.5 8.2", "frame", "bits", OCTETS, f"single {OCTETS}", EXPLICIT, "cut"),
    ("PS3.5 8.2", "pixel data", "bits", OCTETS, f"single {OCTETS}", EXPLICIT, "stored"),
    ("8.7.3.3.1", "bulkdata", "report", OCTETS, f"single {OCTETS}", EXPLICIT, "stored"),
    ("8.7.3.3.1", "bulkdata", "big", parts_of(OCTETS), f"multipart {OCTETS}", EXPLICIT, "re-encoded"),
    # 10.4.4: single part for what is a single item only
    ("10.4.4", "frames", "seg", X, 406),
    ("10.4.4", "frames", "seg", OCTETS, 406),
    ("10.4.4", "frames", "seg", f"{X}, {parts_of(OCTETS)}", f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4", "study", "seg", DICOM, 406),
    ("10.4.4", "study", "seg", parts_of(DICOM), f"multipart {DICOM}", EXPLICIT, "inflated"),
    ("10.4.4", "series", "seg", f"{parts_of(DICOM)}; transfer-syntax=*", f"multipart {DICOM}", DEFLATED, "stored"),
    ("10.4.4", "series", "seg", "application/*", 406),
    ("10.4.4-1", "frame", "seg", "*/*", f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "frame", "seg", "*/*;transfer-syntax=*", f"multipart {X}", DEFLATED, "stored"),
    ("10.4.4-1", "frame", "seg", f"*/*; transfer-syntax={DEFLATED}", f"multipart {X}", DEFLATED, "stored"),
    ("10.4.4-1", "frame", "seg", parts_of("*/*"), f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "frame", "seg", "multipart/related", f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "frame", "seg", "multipart/*", f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "frame", "seg", "application/*", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("10.4.4-1", "frame", "seg", "multipart/mixed", 406),
    ("10.4.4-1", "frame", "seg", "image/*", 406),
    # Metadata
    ("10.4.4-1 D", "metadata", "seg", "*/*", "single application/dicom+json", None, "described"),
    ("10.4.4-1 D", "metadata", "seg", "application/dicom+json", "single application/dicom+json", None, "described"),
    ("8.7.3.5 note", "metadata", "seg", f"application/dicom+json; transfer-syntax={EXPLICIT}",
     "single application/dicom+json", None, "described"),
    ("10.4.4-1 R", "metadata", "seg", parts_of("application/dicom+xml"), "multipart application/dicom+xml",
     None, "described"),
    ("10.4.4-1 note 1", "metadata", "seg", parts_of("application/dicom+json"), 406),
    ("10.4.4-1", "metadata", "seg", DICOM, 406),
    # Rendered
    ("8.7.4-1 D", "rendered", "seg", "*/*", "single image/jpeg", None, "rendered"),
    ("8.7.4-1 D", "thumbnail", "seg", "image/*", "single image/jpeg", None, "rendered"),
    ("8.7.4-1 R", "rendered", "seg", "image/png", "single image/png", None, "rendered"),
    ("8.7.4-1", "rendered", "seg", "image/png, image/jpeg", "single image/png", None, "rendered"),
    ("a browser's", "rendered", "seg", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
     "single image/jpeg",
     None, "rendered"),
    ("8.7.4-1", "rendered", "seg", "image/bmp", 406),
    ("10.4.4", "rendered frames", "seg", "image/png", 406),
    ("10.4.4-1 O", "rendered frames", "seg", parts_of("image/png"), "multipart image/png", None, "rendered"),
    ("8.7.4", "rendered", "report", "*/*", 406),
    ("8.7.4", "rendered", "jpeg50-only", "*/*", 406),
    # 8.7.5: DICOM or rendered media types, not both; image/jpeg is what is asked for
    ("8.7.5", "instance", "seg", f"{DICOM}, image/png", 400),
    ("8.7.5", "frame", "seg", f"{X}, image/png", 400),
    ("8.7.5", "rendered", "seg", f"image/jpeg, {DICOM}", 400),
    ("8.7.5", "rendered", "seg", f"image/png, {parts_of(DICOM)}", 400),
    ("8.7.5", "frame", "seg", f"image/jpeg, {X}", f"single {X}", DEFLATED, "stored"),
    ("8.7.5", "frame", "seg", f"{X}, image/png;q=0", f"single {X}", DEFLATED, "stored"),
    ("8.7.5", "rendered", "seg", "image/png, */*;q=0.1", "single image/png", None, "rendered"),
    # Weights
    ("RFC 9110 12.4.2", "frame", "seg", f"{X};q=0.5, {OCTETS};q=0.7", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("RFC 9110 12.4.2", "frame", "seg", f"image/jpeg;q=1, {X};q=.5, {OCTETS};q=0.7", f"single {OCTETS}",
     EXPLICIT, "inflated"),
    ("RFC 9110 12.4.2", "frame", "seg", f"{X};q=0, {OCTETS}", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("RFC 9110 12.4.2", "frame", "seg", f"{X};q=0", 406),
    ("RFC 9110 12.4.2", "frame", "seg", f"*/*, {parts_of(OCTETS)};q=0, {OCTETS};q=0", f"multipart {X}",
     DEFLATED, "stored"),
    ("RFC 9110 12.5.1", "frame", "seg", f"application/*;q=0.9, {OCTETS};q=0.1", f"single {X}", DEFLATED, "stored"),
    ("RFC 9110 12.5.1", "frame", "seg", f"{OCTETS};q=0.2, */*;q=0.1", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("RFC 9110 12.5.1", "instance", "seg", f"{DICOM};q=0.1, {DICOM};transfer-syntax={DEFLATED};q=0, "
     f"{DICOM};transfer-syntax=*",
     f"single {DICOM}", EXPLICIT, "inflated"),
    ("RFC 9110 12.5.1", "frame", "seg", "*/*;q=0", 406),
    ("RFC 9110 12.4.2", "frame", "jpeg50", "image/jpeg;q=0, image/*", 406),  # excluded in all Transfer Syntaxes
    ("RFC 9110 12.5.1", "frame", "seg",
     f"*/*;transfer-syntax={DEFLATED};q=0.1, multipart/related;q=0.9, application/*;q=0.5",
     f"multipart {OCTETS}", EXPLICIT, "inflated"),
    ("ties, ours", "frame", "seg", f"{OCTETS}, {X}", f"single {X}", DEFLATED, "stored"),
    ("ties, ours", "frame", "seg", f"*/*, {OCTETS}", f"single {OCTETS}", EXPLICIT, "inflated"),
    ("ties, ours", "frame", "seg", f"{parts_of(X)}, {X}", f"multipart {X}", DEFLATED, "stored"),
    ("ties, ours", "frame", "seg", f"{X}, {parts_of(X)}", f"single {X}", DEFLATED, "stored"),
    ("Java's default", "frame", "seg", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", f"multipart {OCTETS}",
     EXPLICIT, "inflated"),
    # Unreadable elements are as if they were not there
    ("8.7.7", "frame", "seg", f"nonsense, {X}", f"single {X}", DEFLATED, "stored"),
    ("8.7.7", "frame", "seg", 'multipart/related; type="nonsense"', 406),
    ("8.7.7", "frame", "seg", "", 406),
    ("a bound", "frame", "seg", "a/b," * 99, 400),
]  # fmt: skip


def said(answer: Answer | Refusal) -> tuple[object, ...]:
    """Return an answer as the table writes it."""
    if isinstance(answer, Refusal):
        return (answer.status,)
    [part] = answer.parts
    form = "multipart" if answer.multipart else "single"
    return f"{form} {part.media_type.name}", part.transfer_syntax_uid, part.making.value


@pytest.mark.parametrize("case", CASES, ids=[" | ".join(map(str, case[:4]))[:100] for case in CASES])
def test_the_answer_to(case: tuple[object, ...]) -> None:
    _, target, stored, accept, *expected = case
    answer = negotiate(
        Target(target), [STORED[str(stored)]], Asked(str(accept)), Abilities(metadata_xml=True)
    )
    assert said(answer) == tuple(expected)


# Accept-Encoding on an answer that is one deflated Frame, and on others: the note of 8.7.3.3.2
CODED = [
    ("frame", "seg", OCTETS, "deflate", "deflate", "wrapped"),
    ("frame", "seg", OCTETS, "gzip, deflate, br", "deflate", "wrapped"),
    ("frame", "one", OCTETS, "gzip", "gzip", "wrapped"),
    ("pixel data", "one", OCTETS, "gzip;q=1, deflate;q=0.5", "gzip", "wrapped"),
    ("frame", "seg", OCTETS, None, None, "inflated"),
    ("frame", "seg", OCTETS, "br", None, "inflated"),
    ("frame", "seg", OCTETS, "identity", None, "inflated"),
    ("frame", "seg", OCTETS, "deflate;q=0", None, "inflated"),
    ("frame", "seg", OCTETS, "identity;q=0, gzip", "gzip", "wrapped"),
    ("frame", "seg", parts_of(OCTETS), "deflate", None, "inflated"),  # of single parts only
    ("frames", "seg", parts_of(OCTETS), "deflate", None, "inflated"),
    ("pixel data", "seg", OCTETS, "deflate", None, "inflated"),  # 96 streams are not one
    ("frame", "seg", X, "deflate", None, "stored"),  # it is deflated already
    ("frame", "native", OCTETS, "deflate", None, "stored"),
    ("instance", "seg", DICOM, "deflate", None, "inflated"),
    ("metadata", "seg", "*/*", "gzip", "gzip", "described"),
    ("metadata", "seg", "*/*", None, None, "described"),
]


@pytest.mark.parametrize(("target", "stored", "accept", "field", "coding", "making"), CODED)
def test_content_encoding(  # noqa: PLR0917
    target: str, stored: str, accept: str, field: str | None, coding: str | None, making: str
) -> None:
    answer = negotiate(Target(target), [STORED[stored]], Asked(accept, None, field))
    assert isinstance(answer, Answer)
    assert answer.content_encoding == coding
    assert answer.headers().get("Content-Encoding") == coding
    assert answer.headers()["Vary"] == VARY
    assert answer.parts[0].making is Making(making)
    if making == "wrapped":  # labelled as what it decodes to
        assert answer.headers()["Content-Type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize("field", ["identity;q=0", "*;q=0"])
def test_without_any_coding_there_is_no_answer(field: str) -> None:  # RFC 9110 12.5.3
    answer = negotiate(Target.FRAME, [STORED["seg"]], Asked(X, None, field))
    assert isinstance(answer, Refusal)
    assert (answer.status, answer.kind) == (406, "no-coding")


# The accept parameter (8.3.3.1, 8.7.8.1 steps 2 and 3)
PARAMETERS = [
    ("*/*", X, (f"single {X}", DEFLATED, "stored")),
    (f"{X};q=0.5, */*;q=0.1", OCTETS, (f"single {OCTETS}", EXPLICIT, "inflated")),  # goes before Accept
    ("application/*", X, (f"single {X}", DEFLATED, "stored")),
    (OCTETS, X, (f"single {OCTETS}", EXPLICIT, "inflated")),  # not covered by Accept, so not there
    (f"*/*, {X};q=0", X, (f"multipart {OCTETS}", EXPLICIT, "inflated")),
    ("*/*", "image/jp2", (f"multipart {OCTETS}", EXPLICIT, "inflated")),  # not supported: step 3
    ("*/*", "*/*;transfer-syntax=*", (f"multipart {OCTETS}", EXPLICIT, "inflated")),  # it knows no wildcards
    ("*/*", f'multipart/related; type="{X}"', (f"multipart {X}", DEFLATED, "stored")),
    (None, X, (406,)),  # 8.7.5: even with the parameter
    (f"{X}, */*", "image/png", (400,)),
]


@pytest.mark.parametrize(("header", "parameter", "expected"), PARAMETERS)
def test_the_accept_parameter(header: str | None, parameter: str, expected: tuple[object, ...]) -> None:
    assert said(negotiate(Target.FRAME, [STORED["seg"]], Asked(header, parameter))) == expected


def test_absent_accept() -> None:
    """8.7.5 wants it; RFC 9110 12.5.1 takes its absence for anything."""
    refusal = negotiate(Target.METADATA, [STORED["seg"]], Asked(None))
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.kind) == (406, "no-accept")
    answer = negotiate(Target.METADATA, [STORED["seg"]], Asked(None), Abilities(absent_accept="anything"))
    assert said(answer) == ("single application/dicom+json", None, "described")


def test_each_instance_of_a_study_has_its_own_transfer_syntax() -> (
    None
):  # 8.7.8.1: independently for each part
    names = ["seg", "native", "set", "jpeg70", "seg"]
    asked = Asked(f"{parts_of(DICOM)}; transfer-syntax=*")
    answer = negotiate(Target.STUDY, [STORED[name] for name in names], asked)
    assert isinstance(answer, Answer)
    assert str(answer.media_type) == parts_of(DICOM)
    assert [part.transfer_syntax_uid for part in answer.parts] == [
        DEFLATED,
        EXPLICIT,
        EXPLICIT,
        JPEG_70,
        DEFLATED,
    ]


def test_a_study_of_which_a_part_cannot_be_sent_is_refused_whole() -> None:
    asked = Asked(f"{parts_of(DICOM)}; transfer-syntax={EXPLICIT}")
    refusal = negotiate(Target.STUDY, [STORED["seg"], STORED["long"]], asked)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 406
    assert all(EXPLICIT + '"' not in name for name in refusal.available)


TABLE_5 = [
    (category, name, uid, default)
    for category, rows in COMPRESSED_BULKDATA.items()
    for name, uids in rows.items()
    for uid, default in uids.items()
]


@pytest.mark.parametrize(("category", "name", "uid", "default"), TABLE_5)
def test_every_row_of_table_8_7_3_5(category: Category, name: str, uid: str, default: bool) -> None:
    stored = StoredInstance(category, uid, 64, 1)
    target = Target.PIXEL_DATA if stored.is_video_stream else Target.FRAME
    answered = (f"single {name}", uid, "stored")
    for accept, expected in [
        (name, answered if default else (406,)),
        (f"{name}; transfer-syntax={uid}", answered),
        (f"{name}; transfer-syntax=*", answered),
    ]:
        assert said(negotiate(target, [stored], Asked(accept))) == expected


SEEDS = sorted((Path(__file__).parents[1] / "../shared/seeds").glob("003*.txt"))


@pytest.mark.skipif(not SEEDS, reason="the supplement's text does not lie beside the repository")
def test_table_8_7_3_5_is_as_the_supplement_has_it() -> None:
    lines = SEEDS[0].read_text().splitlines()
    titles = [n for n, line in enumerate(lines) if line.startswith("Table 8.7.3-5.")]
    category, name, rows = "", "", set()
    for line in lines[titles[-1] :]:
        if line.startswith("Text\t"):
            break
        cells = [cell for cell in line.split("\t") if cell]
        if cells and cells[0] in {kind.value for kind in Category}:
            category = cells.pop(0)
        if cells and "/" in cells[0]:
            name = cells.pop(0).lower()
        if cells and cells[0].startswith("1.2.840"):
            rows.add((Category(category), name, cells[0], cells[-1] == "D"))
    assert rows == set(TABLE_5)
    assert len(rows) == 47


def test_a_refusal_lists_what_would_have_been_answered() -> None:
    """Each line, sent as Accept, brings an answer."""
    for (name, stored), target in product(STORED.items(), Target):
        refusal = negotiate(target, [stored], Asked("audio/basic"))
        assert isinstance(refusal, Refusal), name
        assert refusal.status == 406
        for line in refusal.available:
            assert line in refusal.body()
            answer = negotiate(target, [stored], Asked(line))
            assert isinstance(answer, Answer), (name, target, line)


def test_a_refusal_repeats_nothing_of_the_request() -> None:
    for accept in ("<script>/x", "a/b;x=<script>", "<script>" * 2000):
        refusal = negotiate(Target.FRAME, [STORED["seg"]], Asked(accept, "<script>", "<script>"))
        assert isinstance(refusal, Refusal)
        assert "script" not in refusal.body()


WORDS = ["*/*", DICOM, X, OCTETS, "image/*", "image/png", "multipart/related", ";type=", ";transfer-syntax=", "*",
         DEFLATED, EXPLICIT, ";q=0", ";q=1", ";q=0.5", ",", '"', "\\", " "]  # fmt: skip


@given(
    st.sampled_from(Target),
    st.sampled_from(sorted(STORED)),
    st.lists(st.sampled_from(WORDS), max_size=14).map("".join) | st.text(max_size=60),
    st.none() | st.lists(st.sampled_from(WORDS), max_size=8).map("".join),
    st.none() | st.sampled_from(["gzip", "deflate;q=0, *", "identity;q=0"]),
)
def test_whatever_is_asked_is_answered_or_refused(
    target: Target, name: str, accept: str, parameter: str | None, coding: str | None
) -> None:
    stored = STORED[name]
    answer = negotiate(target, [stored], Asked(accept, parameter, coding), Abilities(metadata_xml=True))
    if isinstance(answer, Refusal):
        assert answer.status in {400, 406}
        return
    [part] = answer.parts
    # What holds of any answer. 8.7.3: two Transfer Syntaxes are never used. 8.7.9: the label is there, and it is true.
    assert part.transfer_syntax_uid not in {IMPLICIT, BIG, DEFLATED_SET}
    assert parse_media_type(str(part.media_type)).get("transfer-syntax") == part.transfer_syntax_uid
    if part.making is Making.STORED and part.transfer_syntax_uid != EXPLICIT:
        assert part.transfer_syntax_uid == stored.transfer_syntax_uid
    if part.media_type.name == OCTETS:
        assert part.transfer_syntax_uid == EXPLICIT
    # 10.4.4: what is several items goes in parts.
    if target in {Target.STUDY, Target.SERIES, Target.FRAMES, Target.RENDERED_FRAMES}:
        assert answer.multipart or part.media_type.name == "application/dicom+json"
    # Nothing comes that Accept does not have, spelled out or by wildcard.
    ranges = parse_accept(accept)
    assert any(found.weight > 0 for found in ranges)
    if answer.content_encoding is not None:
        assert not answer.multipart
        assert (part.making is Making.WRAPPED) != (target is Target.METADATA)


def test_the_same_words_bring_the_same_answer_to_several() -> None:
    """Answers for a lone instance are remembered, those for several are not."""
    asked = Asked(f"{parts_of(DICOM)}; transfer-syntax=*")
    alone = negotiate(Target.SERIES, [STORED["seg"]], asked)
    twice = negotiate(Target.SERIES, [STORED["seg"]] * 2, asked)
    assert isinstance(alone, Answer)
    assert isinstance(twice, Answer)
    assert twice.parts == alone.parts * 2
    assert negotiate(Target.SERIES, [STORED["native"]], asked) != alone
    with pytest.raises(ValueError, match="at least one"):
        negotiate(Target.SERIES, [], asked)


def test_categories() -> None:  # 8.7.2
    assert category_of(DEFLATED, 1) is Category.SINGLE_FRAME
    assert category_of(DEFLATED, 2) is Category.MULTI_FRAME
    assert category_of(MPEG_101, 1) is Category.VIDEO
    assert category_of(EXPLICIT, 0) is Category.OTHER
    assert category_of(EXPLICIT, 0, text=True) is Category.TEXT


def test_native_length() -> None:
    assert STORED["bits"].native_nbytes == 14  # PS3.5 8.2: 3 Frames of 35 bits, joined, made even
    assert STORED["long"].native_nbytes > MAX_VALUE_NBYTES


# PS3.18 10.5.2, 10.5.4; RFC 9110 15.5.16
STORES = [
    ("multipart/related; type=\"application/dicom\"; boundary=x", None, ("application/dicom", "x")),
    ("multipart/related; type=application/dicom; boundary=\"a b\"", "identity", ("application/dicom", "a b")),
    ("Multipart/Related; boundary=x", None, ("application/dicom", "x")),
    ("application/dicom", None, ("application/dicom", None)),
    ("multipart/related; type=\"application/dicom+json\"; boundary=x", None, 415),
    ("multipart/form-data; boundary=x", None, 415),
    ("application/json", None, 415),
    (None, None, 415),
    ("multipart/related; type=\"application/dicom\"", None, 400),
    ("multipart/related; type=\"application/dicom\"; boundary=x; boundary=y", None, 400),
    ("nonsense", None, 400),
    ("application/dicom", "gzip", 415),
    ("multipart/related; boundary=x", "deflate", 415),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "coding", "expected"), STORES)
def test_a_store_request(content_type: str | None, coding: str | None, expected: object) -> None:
    found = read_store_request(content_type, coding)
    if isinstance(found, Refusal):
        assert found.status == expected
        assert re.search(r"\S", found.body())
    else:
        assert (found.media_type, found.boundary) == expected


def test_metadata_with_bulkdata_may_be_stored_in_parts_only() -> None:
    accepted = ("application/dicom", "application/dicom+json")
    found = read_store_request(
        'multipart/related; type="application/dicom+json"; boundary=x', accepted=accepted
    )
    assert found == StoreRequest("application/dicom+json", "x")
    alone = read_store_request("application/dicom+json", accepted=accepted)
    assert isinstance(alone, Refusal)
    assert (alone.status, alone.kind) == (415, "media-type")
