# SPDX-License-Identifier: Apache-2.0
"""Instances, series and studies as files (application/dicom)."""

from framedeflate.web.conformance.judging import expect_status, file_of, offered, parts_of, same_pixels
from framedeflate.web.conformance.made_samples import new_uid
from framedeflate.web.conformance.media import EXPLICIT, FRAME_SYNTAX, IMPLICIT, multipart
from framedeflate.web.conformance.outcomes import Level, check, expect
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import Session

DICOM = "application/dicom"


def _explicit(s: Session, role: str) -> str:
    sample = s.sample(role)
    answer = s.get(sample.path, multipart(DICOM))
    part = parts_of(answer, 1)[0]
    _expect_explicit(file_of(part.media, part.content), sample)
    return f"{part.media}, {len(part.content)} bytes"


def _expect_explicit(found: Sample, sample: Sample) -> None:
    expect(found.syntax == EXPLICIT, f"a file in {EXPLICIT}", f"a file in {found.syntax}")
    expect(
        same_pixels(found.frames, sample),
        f"{len(sample.frames)} Frames, equal",
        f"{len(found.frames)} Frames",
    )
    expect(found.uid == sample.uid, "its SOP Instance UID", "another one")


@check("8.7.3, Table 8.7.3-2", needs="bits")
def bits_inflated(s: Session) -> str:
    """A deflated instance comes in Explicit VR Little Endian where none is asked for: 1-bit Frames joined."""
    return _explicit(s, "bits")


@check("8.7.3, Table 8.7.3-2", needs="labels")
def labels_inflated(s: Session) -> str:
    """The same of Frames of 8 bits and an odd length."""
    return _explicit(s, "labels")


@check("8.7.3, Table 8.7.3-2", needs="colour")
def colour_inflated(s: Session) -> str:
    """The same of RGB."""
    return _explicit(s, "colour")


@check("8.7.3, Table 8.7.3-2", needs="single")
def single_inflated(s: Session) -> str:
    """The same of one Frame of 16 bits."""
    return _explicit(s, "single")


@check("8.7.3, Table 8.7.3-2", needs="native-bits")
def native_bits(s: Session) -> str:
    """Native 1-bit Frames come back bit for bit."""
    return _explicit(s, "native-bits")


@check("8.7.3, Table 8.7.3-2", needs="native")
def native(s: Session) -> str:
    """A native instance comes back in Explicit VR Little Endian."""
    return _explicit(s, "native")


@check("8.7.3.3.2 note 1", needs="data-set")
def data_set_inflated(s: Session) -> str:
    """What was stored in Deflated Explicit VR Little Endian comes in Explicit VR Little Endian."""
    return _explicit(s, "data-set")


@check("8.7.3", needs="implicit")
def implicit_as_explicit(s: Session) -> str:
    """What was stored in Implicit VR Little Endian comes in Explicit VR Little Endian."""
    return _explicit(s, "implicit")


@check("8.7.3", needs="native")
def never_implicit(s: Session) -> str:
    """Implicit VR Little Endian is not sent, even when it is asked for."""
    answer = s.get(s.sample("native").path, multipart(DICOM, IMPLICIT))
    expect_status(answer, 406)
    return answer.describe()


@check("Sup 244, Table 8.7.3-2", needs="bits")
def deflated_by_uid(s: Session) -> str:
    """Asked for by its UID, the deflated instance comes deflated."""
    sample = s.sample("bits")
    answer = offered(s.get(sample.path, multipart(DICOM, FRAME_SYNTAX)))
    part = parts_of(answer, 1)[0]
    found = file_of(part.media, part.content)
    expect(found.syntax == FRAME_SYNTAX, f"a file in {FRAME_SYNTAX}", f"a file in {found.syntax}")
    expect(
        same_pixels(found.frames, sample),
        f"{len(sample.frames)} Frames, equal",
        f"{len(found.frames)} Frames",
    )
    return f"{part.media}, {len(part.content)} bytes"


@check("8.7.3.5.2", needs="bits")
def any_transfer_syntax(s: Session) -> str:
    """Asked for in any Transfer Syntax, it comes in one, labelled as it is."""
    sample = s.sample("bits")
    part = parts_of(s.get(sample.path, multipart(DICOM, "*")), 1)[0]
    found = file_of(part.media, part.content)
    expect(
        same_pixels(found.frames, sample),
        f"{len(sample.frames)} Frames, equal",
        f"{len(found.frames)} Frames",
    )
    return f"{part.media}, {len(part.content)} bytes"


@check("8.7.3.5.2", Level.SHOULD, needs="bits")
def stored_bytes(s: Session) -> str:
    """Asked for in any Transfer Syntax, the file comes as it was stored, or its Fragments at least."""
    sample = s.sample("bits")
    part = parts_of(s.get(sample.path, multipart(DICOM, "*")), 1)[0]
    found = file_of(part.media, part.content)
    expect(
        found.fragments == sample.fragments,
        "the Fragments, equal",
        f"a file in {found.syntax}, other Fragments",
    )
    same = (
        "byte for byte" if part.content == sample.file else "Fragments equal, File Meta Information its own"
    )
    return f"{len(part.content)} bytes, {same}"


@check("PS3.4 B.4.1", Level.SHOULD, needs="native")
def attributes_kept(s: Session) -> str:
    """All attributes come back as they were stored."""
    sample = s.sample("native")
    part = parts_of(s.get(sample.path, multipart(DICOM)), 1)[0]
    found = file_of(part.media, part.content).dataset
    different = [str(element.tag) for element in sample.dataset if found.get(element.tag) != element]
    expect(not different, "all attributes, equal", f"different: {', '.join(different[:5])}")
    return f"{len(found)} attributes"


@check("10.4.4", needs="native")
def single_part(s: Session) -> str:
    """One instance comes as a single part where that is asked for."""
    sample = s.sample("native")
    answer = s.get(sample.path, DICOM)
    expect_status(answer, 200)
    _expect_explicit(file_of(answer.media, answer.content), sample)
    return answer.describe()


@check("10.4.4")
def study_in_parts_only(s: Session) -> str:
    """A study asked for in single parts alone is refused: 406."""
    answer = s.get(f"/studies/{s.any_sample().study}", DICOM)
    expect_status(answer, 406)
    return answer.describe()


def _all_of(s: Session, path: str, samples: list[Sample]) -> str:
    answer = s.get(path, multipart(DICOM, "*"))
    expect_status(answer, 200)
    found = {file_of(part.media, part.content).uid for part in answer.payload.parts}
    missing = {sample.uid for sample in samples} - found
    expect(not missing, f"all {len(samples)} instances", f"{len(found)} parts, {len(missing)} missing")
    return f"{len(found)} parts"


@check("Table 10.4.1-1")
def study(s: Session) -> str:
    """A study comes with all its instances."""
    one = s.any_sample()
    return _all_of(s, f"/studies/{one.study}", s.of_study(one))


@check("Table 10.4.1-1")
def series(s: Session) -> str:
    """A series comes with all its instances."""
    one = s.any_sample()
    path = f"/studies/{one.study}/series/{one.series}"
    return _all_of(s, path, s.of_series(one))


@check("10.4.3.1")
def unknown_study(s: Session) -> str:
    """A study that is not there: 404."""
    answer = s.get(f"/studies/{new_uid()}", multipart(DICOM))
    expect_status(answer, 404)
    return answer.describe()


@check("10.4.3.1")
def unknown_instance(s: Session) -> str:
    """An instance that is not there: 404."""
    one = s.any_sample()
    answer = s.get(f"/studies/{one.study}/series/{one.series}/instances/{new_uid()}", multipart(DICOM))
    expect_status(answer, 404)
    return answer.describe()


@check("10.4.3.1")
def instance_of_another_study(s: Session) -> str:
    """An instance asked for under a study that is not its own: 404."""
    one = s.any_sample()
    answer = s.get(f"/studies/{new_uid()}/series/{one.series}/instances/{one.uid}", multipart(DICOM))
    expect_status(answer, 404)
    return answer.describe()
