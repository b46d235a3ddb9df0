# SPDX-License-Identifier: Apache-2.0
"""Metadata: the DICOM JSON Model and the Native DICOM Model."""

import json
from typing import Any
from xml.etree import ElementTree

from framedeflate.web.conformance.judging import expect_status
from framedeflate.web.conformance.made_samples import new_uid
from framedeflate.web.conformance.media import multipart
from framedeflate.web.conformance.outcomes import CheckFailedError, Level, check, expect
from framedeflate.web.conformance.samples import Sample
from framedeflate.web.conformance.session import JSON, Session, json_of

PIXEL_DATA = "7FE00010"


def instance_metadata(s: Session, sample: Sample) -> dict[str, Any]:
    """Return the metadata of an instance, once it is what it must be."""
    answer = s.get(f"{sample.path}/metadata", JSON)
    expect_status(answer, 200)
    expect(answer.media.name == JSON, JSON, answer.describe())
    found = json_of(answer)
    expect(
        isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict),
        "an array of one object (F.2.1)",
        answer.describe(),
    )
    one: dict[str, Any] = found[0]
    return one


@check("10.4.1.1.2, F.2.1", needs="native")
def instance(s: Session) -> str:
    """The metadata of an instance are an array of one object."""
    return f"{len(instance_metadata(s, s.sample('native')))} attributes"


@check("10.4.1.1.2, F.2.1", needs="bits")
def of_deflated(s: Session) -> str:
    """Also of a deflated instance."""
    return f"{len(instance_metadata(s, s.sample('bits')))} attributes"


def _several(s: Session, path: str, samples: list[Sample]) -> str:
    answer = s.get(f"{path}/metadata", JSON)
    expect_status(answer, 200)
    found = json_of(answer)
    uids = {str(one.get("00080018", {}).get("Value")) for one in found if isinstance(one, dict)}
    missing = [one for one in samples if str([one.uid]) not in uids]
    expect(not missing, f"all {len(samples)} instances", f"{len(found)} objects, {len(missing)} missing")
    return f"{len(found)} objects"


@check("10.4.1.1.2")
def study(s: Session) -> str:
    """The metadata of a study name all its instances."""
    one = s.any_sample()
    return _several(s, f"/studies/{one.study}", s.of_study(one))


@check("10.4.1.1.2")
def series(s: Session) -> str:
    """The metadata of a series name all its instances."""
    one = s.any_sample()
    samples = s.of_series(one)
    return _several(s, f"/studies/{one.study}/series/{one.series}", samples)


@check("10.4.3.1")
def unknown(s: Session) -> str:
    """Metadata of a study that is not there: 404."""
    answer = s.get(f"/studies/{new_uid()}/metadata", JSON)
    expect_status(answer, 404)
    return answer.describe()


@check("10.4.1.1.2, PS3.10 7.1", needs="native")
def no_file_meta(s: Session) -> str:
    """File Meta Information is not among them."""
    found = [tag for tag in instance_metadata(s, s.sample("native")) if tag.startswith("0002")]
    expect(not found, "no attribute of group 0002", f"{len(found)}: {', '.join(found[:3])}")
    return "none"


@check("10.4.1.1.2", needs="bits")
def no_pixels(s: Session) -> str:
    """Pixel Data are not among them, only where they are."""
    element = instance_metadata(s, s.sample("bits")).get(PIXEL_DATA, {})
    expect("InlineBinary" not in element and "Value" not in element, "no Pixel Data", "Pixel Data inline")
    return "BulkDataURI" if "BulkDataURI" in element else "left out"


@check("F.2.1.1", needs="native")
def utf_8(s: Session) -> str:
    """Text of another character set comes in UTF-8, person names in their groups."""
    sample = s.sample("native")
    found = instance_metadata(s, sample)
    name = found.get("00100010", {}).get("Value", [{}])
    expected = (
        json.loads(sample.dataset["PatientName"].to_json(None, 1 << 20))["Value"]
        if "PatientName" in sample.dataset
        else [{}]
    )
    same = isinstance(name[0], dict) and name[0].get("Alphabetic") == expected[0].get("Alphabetic")
    expect(same, "the name, decoded, as Alphabetic", "another, or none")
    return "decoded"


@check("F.2.2", needs="native")
def values(s: Session) -> str:
    """Each attribute has its VR, and the value that was stored."""
    sample = s.sample("native")
    found = instance_metadata(s, sample)
    expected = json.loads(sample.dataset.to_json(bulk_data_threshold=1 << 30))
    # What the character set was is not in JSON: it is UTF-8. Values are compared, not shown.
    different = [tag for tag in expected if tag != "00080005" and not _same(found.get(tag), expected[tag])]
    expect(not different, "all attributes, equal", f"different or missing: {', '.join(different[:5])}")
    return f"{len(found)} attributes"


def _same(found: Any, expected: dict[str, Any]) -> bool:
    if not isinstance(found, dict) or found.get("vr") != expected["vr"]:
        return False
    return bool(_plain(found.get("Value")) == _plain(expected.get("Value")))


def _plain(values: Any) -> Any:
    """Leave out what JSON writers differ in: numbers as text, empty values as none."""
    if values in (None, [], [None], [""]):
        return None
    if isinstance(values, list):
        return [_plain(value) for value in values]
    if isinstance(values, dict):
        return {
            key: _plain(value.get("Value") if isinstance(value, dict) else value)
            for key, value in values.items()
        }
    try:
        return float(values)
    except (TypeError, ValueError):
        return values


@check("Table 10.4.4-1, F.2.1.1.1", needs="native")
def character_set(s: Session) -> str:
    """Specific Character Set, where it is given, is that of UTF-8."""
    element = instance_metadata(s, s.sample("native")).get("00080005", {})
    stated = element.get("Value", [])
    expect(stated in ([], ["ISO_IR 192"]), "ISO_IR 192, or none", "another one")
    return "ISO_IR 192" if stated else "left out"


@check("Table 10.4.4-1", needs="native")
def xml(s: Session) -> str:
    """Metadata come as multipart application/dicom+xml, too."""
    sample = s.sample("native")
    answer = s.get(f"{sample.path}/metadata", multipart("application/dicom+xml"))
    expect_status(answer, 200)
    parts = answer.payload.parts
    expect(len(parts) == 1, "one part", f"{len(parts)} parts")
    content = parts[0].content
    # A document type can name entities that grow without end.
    expect(b"<!DOCTYPE" not in content, "no document type", answer.describe())
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without a document type
    except ElementTree.ParseError as error:
        raise CheckFailedError(answer.describe(), "well-formed XML (PS3.19 A.1)") from error
    expect(
        root.tag.rpartition("}")[2] == "NativeDicomModel", "NativeDicomModel (PS3.19 A.1)", "another element"
    )
    tags = {element.get("tag") for element in root}
    expect({"00080018", "00280010"} <= tags, "its attributes", f"{len(tags)} attributes")
    return f"{len(tags)} attributes"


@check("F.2.5", Level.SHOULD, needs="bits")
def where_the_pixels_are(s: Session) -> str:
    """Pixel Data is named, with a BulkDataURI."""
    element = instance_metadata(s, s.sample("bits")).get(PIXEL_DATA, {})
    expect(element.get("BulkDataURI"), "a BulkDataURI", "none")
    return "BulkDataURI"
