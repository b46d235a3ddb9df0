# SPDX-License-Identifier: Apache-2.0
"""Ways in which servers are wrong, one thing each, and the checks of the conformance suite that see it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace

from answer_changes import (
    DEFLATE,
    OCTETS,
    add,
    body,
    coded,
    content,
    each_object,
    in_path,
    multipart,
    of_metadata,
    of_search,
    of_store,
    only,
    part_header,
    raw_as_native,
    remove,
    reverse,
    status,
    with_header,
    without_accept,
    without_query,
)
from framedeflate.web.conformance.exchange import Answer
from framedeflate.web.conformance.media import EXPLICIT, FRAME_SYNTAX
from recorded_server import ChangeAnswer, ChangeRequest


@dataclass(frozen=True)
class Fault:
    """One thing that a server does wrong.

    Attributes
    ----------
    seen : str
        The checks that fail, by name; with "..." others, too, more than are worth naming.
    """

    name: str
    seen: str
    answer: ChangeAnswer = lambda _asked, answer: answer
    request: ChangeRequest = lambda asked: asked


DEFLATED_FRAMES = (
    "frames.bits "
    "frames.labels "
    "frames.colour "
    "frames.single "
    "frames.by-uid "
    "frames.any-transfer-syntax "
    "frames.no-pad "
    "frames.whole-streams "
    "frames.single-part "
    "frames.list-of-frames "
    "frames.not-of-native "
    "content-coding.not-twice "
    "negotiation.weight-for-deflated "
    "negotiation.accept-parameter "
    "bulkdata.deflated "
)
NATIVE_FRAMES = (
    "native-frames.bits-inflated "
    "native-frames.labels-inflated "
    "native-frames.colour-inflated "
    "native-frames.single-inflated "
    "native-frames.native-bits "
    "native-frames.list-of-bits "
    "native-frames.native-frames "
    "native-frames.native "
    "native-frames.data-set-inflated "
    "native-frames.any-transfer-syntax "
    "native-frames.by-uid "
    "native-frames.single-part "
    "native-frames.list-of-frames "
    "native-frames.by-default "
    "content-coding.not-unasked "
    "content-coding.not-refused-coding "
    "content-coding.whole-payload "
    "negotiation.weight-for-native "
    "negotiation.weight-of-zero "
    "negotiation.unknown-types "
    "negotiation.invalid-elements "
    "negotiation.single-parts-ignored "
    "negotiation.unquoted-type "
    "negotiation.quoted-transfer-syntax "
    "negotiation.transfer-syntax-within-type "
    "negotiation.letter-case "
    "multipart-syntax.right-content-location "
    "caching.content-length "
)
METADATA = (
    "negotiation.wildcard-of-metadata "
    "negotiation.half-a-wildcard "
    "bulkdata.native-bits "
    "bulkdata.bits-inflated "
    "bulkdata.labels-inflated "
    "bulkdata.deflated "
    "bulkdata.single-part "
    "metadata.instance "
    "metadata.of-deflated "
    "metadata.no-file-meta "
    "metadata.no-pixels "
    "metadata.utf-8 "
    "metadata.values "
    "metadata.character-set "
    "metadata.where-the-pixels-are "
)
"""The checks that look at what is deflated, native, or JSON, whatever else they are about."""

FAULTS = [
    Fault(
        "keeps the pad", "frames.no-pad", content(DEFLATE, lambda content: content + bytes(len(content) % 2))
    ),
    Fault(
        "strips zeros",
        (
            "frames.bits "
            "frames.by-uid "
            "frames.any-transfer-syntax "
            "frames.no-pad "
            "frames.whole-streams "
            "frames.single-part "
            "frames.list-of-frames "
            "bulkdata.deflated "
        ),
        content(DEFLATE, lambda content: content.rstrip(b"\0")),
    ),
    Fault(
        "sends zlib's container",
        DEFLATED_FRAMES,
        content(DEFLATE, lambda content: zlib.compress(b"") + content),
    ),
    Fault(
        "sends the Item's header",
        DEFLATED_FRAMES,
        content(DEFLATE, lambda content: b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content),
    ),
    Fault("sends deflated Frames as native", NATIVE_FRAMES, raw_as_native),
    Fault(
        "calls deflated Frames native",
        (
            "instances.deflated-by-uid "
            "instances.any-transfer-syntax "
            "instances.stored-bytes "
            "instances.study "
            "instances.series " + DEFLATED_FRAMES.replace("frames.no-pad ", "")
        ),
        part_header(
            "content-type", lambda value: value.replace(DEFLATE, OCTETS).replace(FRAME_SYNTAX, EXPLICIT)
        ),
    ),
    Fault(
        "sends a byte too many",
        NATIVE_FRAMES + " bulkdata.native-bits",
        content(OCTETS, lambda content: content + b"\0"),
    ),
    Fault(
        "shifts bits",
        NATIVE_FRAMES
        + " bulkdata.native-bits bulkdata.bits-inflated bulkdata.labels-inflated bulkdata.single-part",
        content(OCTETS, lambda content: bytes(byte << 1 & 0xFF for byte in content)),
    ),
    Fault(
        "sends Frames in another order",
        (
            "frames.bits "
            "frames.labels "
            "frames.colour "
            "frames.by-uid "
            "frames.any-transfer-syntax "
            "frames.list-of-frames "
            "native-frames.list-of-bits "
            "native-frames.list-of-frames "
            "content-coding.whole-payload "
            "negotiation.single-parts-ignored "
            "multipart-syntax.right-content-location "
            "bulkdata.deflated "
        ),
        reverse,
    ),
    Fault(
        "ends lines in LF",
        "multipart-syntax.delimiters",
        only(multipart, body(lambda raw: raw.replace(b"\r\n", b"\n"))),
    ),
    Fault(
        "does not close the parts",
        "multipart-syntax.delimiters ...",
        only(multipart, body(lambda raw: raw.rstrip(b"\r\n-"))),
    ),
    Fault(
        "leaves type out",
        "multipart-syntax.type-parameter",
        lambda _asked, answer: (
            with_header(
                answer,
                "content-type",
                re.sub(r'type="[^"]*"; ', "", answer.headers.get("content-type", "")),
            )
            if answer.media.name == "multipart/related"
            else answer
        ),
    ),
    Fault(
        "says wrong lengths of parts",
        "multipart-syntax.right-content-length",
        part_header("content-length", lambda value: f"{value}0x"),
    ),
    Fault(
        "says no lengths of parts",
        "multipart-syntax.content-length",
        part_header("content-length", lambda _value: None),
    ),
    Fault(
        "says no places of parts",
        "multipart-syntax.content-location",
        part_header("content-location", lambda _value: None),
    ),
    Fault(
        "says wrong places of parts",
        "multipart-syntax.right-content-location",
        part_header("content-location", lambda value: re.sub(r"frames/\d+", "frames/2", value)),
    ),
    Fault(
        "says no Transfer Syntax",
        (
            "instances.deflated-by-uid "
            "instances.any-transfer-syntax "
            "instances.stored-bytes "
            "instances.study "
            "instances.series "
            "multipart-syntax.transfer-syntax "
        ),
        part_header("content-type", lambda value: value.partition(";")[0]),
    ),
    Fault(
        "says another Transfer Syntax",
        "instances.native native-frames.native ...",
        part_header("content-type", lambda value: value.replace(EXPLICIT, "1.2.840.10008.1.2")),
    ),
    Fault(
        "refuses with 400",
        (
            "instances.never-implicit "
            "instances.study-in-parts-only "
            "frames.several-in-parts-only "
            "native-frames.several-in-parts-only "
            "negotiation.no-accept "
            "negotiation.nothing-acceptable "
            "negotiation.nothing-acceptable-deflated "
            "search.not-acceptable "
        ),
        status(406, 400),
    ),
    Fault(
        "refuses nothing",
        (
            "instances.never-implicit "
            "instances.study-in-parts-only "
            "frames.several-in-parts-only "
            "native-frames.several-in-parts-only "
            "negotiation.no-accept "
            "negotiation.nothing-acceptable "
            "negotiation.nothing-acceptable-deflated "
            "negotiation.refusal-explains "
            "negotiation.other-transfer-syntax "
            "search.not-acceptable "
            "rendered.not-dicom "
        ),
        status(406, 200),
    ),
    Fault(
        "knows no 404",
        (
            "instances.unknown-study "
            "instances.unknown-instance "
            "instances.instance-of-another-study "
            "native-frames.behind-the-last "
            "metadata.unknown "
            "hostile.paths "
            "hostile.no-markup "
        ),
        status(404, 200),
    ),
    Fault(
        "breaks down for what is not there",
        (
            "instances.unknown-study "
            "instances.unknown-instance "
            "instances.instance-of-another-study "
            "native-frames.behind-the-last "
            "metadata.unknown "
            "hostile.paths "
            "hostile.no-markup "
            "hostile.deletion-is-told "
        ),
        status(404, 500),
    ),
    Fault(
        "calls mixtures not acceptable",
        (
            "store.no-boundary "
            "store.half-a-payload "
            "native-frames.no-frame-number "
            "negotiation.mixture "
            "search.bad-limit "
            "hostile.paths "
            "hostile.odd-queries "
        ),
        status(400, 406),
    ),
    Fault(
        "takes any request for */*",
        "negotiation.no-accept",
        request=lambda asked: replace(asked, accept=asked.accept or "*/*"),
    ),
    Fault(
        "does not weigh",
        "negotiation.weight-for-native negotiation.weight-of-zero",
        request=without_accept(r";q=[\d.]+"),
    ),
    Fault(
        "knows no accept parameter",
        "negotiation.accept-parameter negotiation.accept-parameter-on-metadata",
        request=without_query(r"[?&]accept=[^&]*"),
    ),
    Fault(
        "knows types in quotes alone",
        "negotiation.unquoted-type",
        only(
            lambda asked, _answer: "type=application" in (asked.accept or ""),
            lambda a: replace(a, status=406),
        ),
    ),
    Fault(
        "wraps nothing",
        ("content-coding.deflate content-coding.deflate-of-labels content-coding.at-deflated-cost "),
        only(coded("deflate"), body(lambda raw: zlib.decompressobj().decompress(raw) and raw[2:-4])),
    ),
    Fault(
        "sums wrongly",
        ("content-coding.deflate content-coding.deflate-of-labels content-coding.at-deflated-cost "),
        only(coded("deflate"), body(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]))),
    ),
    Fault(
        "sums wrongly, gzip",
        "content-coding.gzip content-coding.metadata",
        only(coded("gzip"), body(lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:])),
    ),
    Fault(
        "does not say how it coded",
        "content-coding.deflate content-coding.deflate-of-labels",
        only(coded("deflate"), lambda a: with_header(a, "content-encoding", None)),
    ),
    Fault(
        "codes nothing",
        "",
        request=lambda asked: replace(
            asked, headers=tuple(pair for pair in asked.headers if pair[0] != "Accept-Encoding")
        ),
    ),
    Fault(
        "codes unasked",
        "content-coding.not-unasked content-coding.not-refused-coding",
        request=lambda asked: (
            replace(
                asked,
                headers=(
                    ("Accept-Encoding", "deflate"),
                    *(p for p in asked.headers if p[0] != "Accept-Encoding"),
                ),
            )
            if asked.method == "GET"
            else asked
        ),
    ),
    Fault(
        "says no Vary",
        "content-coding.vary negotiation.vary",
        lambda _asked, answer: with_header(answer, "vary", None),
    ),
    Fault("has no bulk data", "metadata.where-the-pixels-are", only(of_metadata, remove("7FE00010"))),
    Fault(
        "lists File Meta Information",
        "metadata.no-file-meta",
        only(of_metadata, add("00020010", "UI", FRAME_SYNTAX)),
    ),
    Fault(
        "sends pixels with metadata",
        "metadata.no-pixels metadata.where-the-pixels-are",
        only(
            of_metadata,
            each_object(lambda one: one.__setitem__("7FE00010", {"vr": "OB", "InlineBinary": "AAAA"})),
        ),
    ),
    Fault(
        "sends Latin-1",
        (
            "bulkdata.native-bits "
            "bulkdata.bits-inflated "
            "bulkdata.labels-inflated "
            "bulkdata.deflated "
            "bulkdata.single-part "
            "metadata.instance "
            "metadata.of-deflated "
            "metadata.study "
            "metadata.series "
            "metadata.no-file-meta "
            "metadata.no-pixels "
            "metadata.utf-8 "
            "metadata.values "
            "metadata.character-set "
            "metadata.where-the-pixels-are "
        ),
        only(
            lambda asked, answer: (
                of_metadata(asked, answer) and "json" in answer.media.name and not answer.coding
            ),
            body(lambda raw: raw.decode().encode("latin-1")),
        ),
    ),
    Fault(
        "garbles names",
        "metadata.utf-8 metadata.values",
        only(of_metadata, body(lambda raw: raw.replace("ü".encode(), b"??"))),
    ),
    Fault("says Latin-1", "metadata.character-set", only(of_metadata, add("00080005", "CS", "ISO_IR 100"))),
    Fault("loses an attribute", "metadata.values", only(of_metadata, remove("00100040"))),
    Fault(
        "sends metadata as plain JSON",
        METADATA,
        only(
            of_metadata,
            lambda answer: (
                with_header(answer, "content-type", "application/json")
                if "json" in answer.media.name
                else answer
            ),
        ),
    ),
    Fault(
        "finds everything",
        "search.nothing-found search.single-value search.wildcard",
        request=without_query(r"(?<=\?)(PatientID|StudyInstanceUID|0020000D)=[^&]*&?"),
    ),
    Fault("takes * for a letter", "search.wildcard", request=without_query(r"(PatientID=[^&]*)[*?]", r"\1!")),
    Fault("knows no ranges of dates", "search.date-range", request=without_query(r"StudyDate=[^&]*-[^&]*&?")),
    Fault(
        "knows no Modalities in Study",
        "search.modalities-in-study",
        request=without_query(r"ModalitiesInStudy=\w+&?"),
    ),
    Fault(
        "cannot scale",
        "rendered.viewport",
        only(in_path("viewport="), lambda answer: replace(answer, status=500)),
    ),
    Fault("knows no limit", "search.limit-and-offset", request=without_query(r"limit=\d+&?")),
    Fault("knows no offset", "search.limit-and-offset", request=without_query(r"&offset=\d+")),
    Fault(
        "knows no lists of UIDs",
        "search.list-of-uids",
        request=without_query(r"(SOPInstanceUID=[^,&]*),[^&]*", r"\1"),
    ),
    Fault("includes no fields", "search.includefield", request=without_query(r"&includefield=[^&]*")),
    Fault(
        "leaves attributes out of matches",
        "search.study-attributes search.counts",
        only(of_search, remove("00201206")),
    ),
    Fault("leaves Rows out of matches", "search.instance-attributes", only(of_search, remove("00280010"))),
    Fault("counts wrongly", "search.counts", only(of_search, add("00201208", "IS", 99))),
    Fault(
        "says wrong Retrieve URLs",
        "search.retrieve-url",
        only(of_search, add("00081190", "UR", "/dicomweb/studies/1")),
    ),
    Fault(
        "claims JPEG",
        "search.available-transfer-syntaxes",
        only(of_search, add("00083002", "UI", "1.2.840.10008.1.2.4.50")),
    ),
    Fault(
        "stores everything",
        (
            "store.some-stored "
            "store.none-stored "
            "store.media-type "
            "store.no-boundary "
            "store.half-a-payload "
            "store.other-study "
            "hostile.bomb "
            "hostile.truncated-stream "
            "hostile.short-frame "
            "hostile.broken-frames-refused "
            "hostile.truncated-file "
            "hostile.coded-payload "
        ),
        only(of_store, lambda answer: replace(answer, status=200)),
    ),
    Fault(
        "stores in silence",
        "store.response-module store.retrieve-url store.some-stored",
        only(of_store, lambda answer: replace(answer, raw=b"")),
    ),
    Fault("says 200 for some", "store.some-stored", status(202, 200)),
    Fault("says 409 for media types", "store.media-type", status(415, 409)),
    Fault(
        "sends 304 with a body",
        "caching.not-modified",
        only(lambda _asked, answer: answer.status == 304, lambda answer: replace(answer, raw=b"body")),
    ),
    Fault(
        "knows no conditions",
        "caching.not-modified caching.range-of-another-version",
        request=lambda asked: replace(
            asked,
            headers=tuple(pair for pair in asked.headers if pair[0] not in {"If-None-Match", "If-Range"}),
        ),
    ),
    Fault(
        "has one ETag for all",
        "caching.not-modified caching.tags-differ",
        only(lambda _asked, answer: answer.status == 200, lambda answer: with_header(answer, "etag", '"1"')),
    ),
    Fault(
        "is off by one in ranges",
        "caching.part-of-a-file caching.range-behind-the-end",
        only(lambda _asked, answer: answer.status == 206, body(lambda raw: raw[1:] + b"\0")),
    ),
    Fault(
        "says another range",
        "caching.part-of-a-file",
        only(
            lambda _asked, answer: answer.status == 206,
            lambda answer: with_header(answer, "content-range", "bytes 0-199/4000"),
        ),
    ),
    Fault("cannot send the last bytes", "caching.range-behind-the-end", status(416, 500)),
    Fault(
        "knows no HEAD",
        "caching.head",
        lambda asked, answer: replace(answer, status=405) if asked.method == "HEAD" else answer,
    ),
    Fault(
        "says wrong lengths",
        "caching.content-length",
        lambda _asked, answer: with_header(answer, "content-length", "1"),
    ),
    Fault(
        "draws the wrong size",
        "rendered.png rendered.frame rendered.frame-of-bits rendered.deflated-frame",
        only(
            lambda _asked, answer: answer.media.name == "image/png",
            body(lambda raw: raw[:16] + raw[20:24] + raw[16:20] + raw[24:]),
        ),
    ),
    Fault(
        "draws nothing",
        (
            "rendered.jpeg "
            "rendered.png "
            "rendered.by-default "
            "rendered.frame "
            "rendered.frame-of-bits "
            "rendered.deflated-frame "
            "rendered.series "
            "rendered.study "
            "rendered.viewport "
        ),
        only(in_path("/rendered"), lambda answer: replace(answer, status=501)),
    ),
    Fault(
        "has no thumbnails in order",
        "rendered.thumbnail",
        only(in_path("/thumbnail"), body(lambda _raw: b"GIF")),
    ),
    Fault(
        "says nothing of itself",
        "capabilities.described",
        lambda asked, answer: replace(answer, status=404) if asked.method == "OPTIONS" else answer,
    ),
    Fault(
        "cannot read what it stored",
        "instances.native metadata.study search.study-by-uid ...",
        lambda asked, answer: replace(answer, status=500) if asked.method == "GET" else answer,
    ),
    Fault(
        "is down",
        "store.native store.media-type hostile.still-there ...",
        lambda _asked, _answer: Answer(500, {"content-type": "text/plain"}, b"sorry"),
    ),
    Fault(
        "says yes to all",
        "store.none-stored metadata.unknown hostile.still-there ...",
        lambda _asked, _answer: Answer(200, {"content-type": "text/plain"}, b"yes"),
    ),
]
