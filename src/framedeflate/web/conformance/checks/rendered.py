# SPDX-License-Identifier: Apache-2.0
"""Rendered instances and Frames."""

import struct

from framedeflate.web.conformance.judging import expect_status, offered
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.outcomes import Level, check, expect, not_offered
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import Session


def _png_size(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    columns, rows = struct.unpack(">II", content[16:24])
    return rows, columns


def _picture(s: Session, role: str, accept: str, name: str, frame: str = "") -> str:
    sample = s.sample(role)
    answer = s.get(f"{sample.path}{frame}/rendered", accept)
    expect_status(answer, 200)
    expect(answer.media.name == name, name, answer.describe())
    if name == "image/png":
        size = _png_size(answer.content)
        expect(size == (sample.rows, sample.columns), f"{sample.rows} rows, {sample.columns} columns", size)
    else:
        expect(answer.content[:3] == b"\xff\xd8\xff", "a JPEG", answer.describe())
    return answer.describe()


@check("Table 10.3-2, Table 8.7.4-1", needs="native")
def jpeg(s: Session) -> str:
    """A single-frame instance is rendered as image/jpeg."""
    return _picture(s, "native", "image/jpeg", "image/jpeg")


@check("Table 10.3-2, Table 8.7.4-1", needs="native")
def png(s: Session) -> str:
    """A single-frame instance is rendered as image/png, in its size."""
    return _picture(s, "native", "image/png", "image/png")


@check("8.7.8.1, Table 8.7.4-1", needs="native")
def by_default(s: Session) -> str:
    """Asked for anything, it is image/jpeg."""
    return _picture(s, "native", "*/*", "image/jpeg")


@check("Table 10.3-2, Table 8.7.4-1", needs="native-frames")
def frame(s: Session) -> str:
    """One Frame of a multi-frame image is rendered."""
    return _picture(s, "native-frames", "image/png", "image/png", "/frames/2")


@check("Table 10.3-2, Table 8.7.4-1", needs="native-bits")
def frame_of_bits(s: Session) -> str:
    """The same of a 1-bit Frame that begins inside a byte."""
    return _picture(s, "native-bits", "image/png", "image/png", "/frames/2")


@check("Table 10.3-2, Table 8.7.4-1", needs="bits")
def deflated_frame(s: Session) -> str:
    """One Frame of a deflated image is rendered."""
    return _picture(s, "bits", "image/png", "image/png", "/frames/2")


def _pictures(s: Session, path: str, samples: list[Sample]) -> str:
    answer = s.get(f"{path}/rendered", multipart("image/jpeg"))
    expect_status(answer, 200)
    parts = answer.payload.parts
    # A multi-frame image may come as several pictures, or as none in this type.
    single = sum(len(sample.frames) == 1 for sample in samples)
    expect(
        len(parts) >= single,
        f"a picture of each of {single} single-frame images at least",
        f"{len(parts)} parts",
    )
    for part in parts:
        expect(
            part.media.name == "image/jpeg" and part.content[:3] == b"\xff\xd8\xff", "JPEGs", str(part.media)
        )
    return f"{len(parts)} parts"


@check("Table 10.3-2, Table 10.4.1-3", needs="native")
def series(s: Session) -> str:
    """A series is rendered, its pictures in parts."""
    sample = s.sample("native")
    samples = s.of_series(sample)
    return _pictures(s, f"/studies/{sample.study}/series/{sample.series}", samples)


@check("Table 10.3-2, Table 10.4.1-3", needs="native")
def study(s: Session) -> str:
    """A study is rendered, its pictures in parts."""
    sample = s.sample("native")
    return _pictures(s, f"/studies/{sample.study}", s.of_study(sample))


@check("8.3.5.1", needs="native")
def viewport(s: Session) -> str:
    """A viewport asked for is what the picture is scaled into."""
    sample = s.sample("native")
    answer = s.get(f"{sample.path}/rendered?viewport=20,20", "image/png")
    expect_status(answer, 200)
    size = _png_size(answer.content)
    if size == (sample.rows, sample.columns):
        not_offered("the picture comes in its own size")
    expect(size is not None and max(size) == 20, "at most 20 rows and columns, 20 of one", size)
    return f"{size}"


@check("8.7.4", needs="native")
def not_dicom(s: Session) -> str:
    """A rendered resource does not come as application/dicom: 406, or 400."""
    answer = s.get(f"{s.sample('native').path}/rendered", "application/dicom")
    expect_status(answer, {400, 406})
    return answer.describe()


@check("Table 10.4.1-3", Level.MAY, needs="native")
def thumbnail(s: Session) -> str:
    """An instance has a thumbnail."""
    answer = offered(s.get(f"{s.sample('native').path}/thumbnail", "image/jpeg"))
    expect(answer.content[:3] == b"\xff\xd8\xff", "a JPEG", answer.describe())
    return answer.describe()
