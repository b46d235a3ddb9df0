# SPDX-License-Identifier: Apache-2.0
"""Search (QIDO-RS)."""

from typing import Any
from urllib.parse import quote

from framedeflate.web.conformance.judging import expect_status, file_of, parts_of
from framedeflate.web.conformance.made_samples import new_uid
from framedeflate.web.conformance.media import EXPLICIT, FRAME_SYNTAX, multipart
from framedeflate.web.conformance.outcomes import CheckSkippedError, Level, check, expect, not_offered
from framedeflate.web.conformance.session import JSON, Session, json_of

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def _rows(s: Session, path: str) -> list[dict[str, Any]]:
    answer = s.get(path, JSON)
    if answer.status == 204:
        return []
    expect_status(answer, 200)
    expect(answer.media.name == JSON, JSON, answer.describe())
    found = json_of(answer)
    good = isinstance(found, list) and all(isinstance(row, dict) for row in found)
    expect(good, "an array of objects (F.2.1)", answer.describe())
    rows: list[dict[str, Any]] = found
    return rows


def _value(row: dict[str, Any], tag: str) -> Any:
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def _uids(rows: list[dict[str, Any]], tag: str) -> list[str]:
    return [str(_value(row, tag)) for row in rows]


def _only_study(s: Session, query: str) -> str:
    study = s.any_sample().study
    found = _uids(_rows(s, f"/studies?{query}"), STUDY)
    expect(
        found == [study],
        "the study alone",
        f"{len(found)} studies, it {'' if study in found else 'not '}among them",
    )
    return "1 study"


def _not_the_study(s: Session, query: str) -> str:
    study = s.any_sample().study
    found = _uids(_rows(s, f"/studies?{query}"), STUDY)
    expect(study not in found, "no study of this run", "it is found")
    return f"{len(found)} studies"


@check("Table 10.6.1-1")
def study_by_uid(s: Session) -> str:
    """A study is found by its UID."""
    return _only_study(s, f"StudyInstanceUID={s.any_sample().study}")


@check("8.3.4.1")
def by_tag(s: Session) -> str:
    """A tag says the same as a keyword."""
    return _only_study(s, f"{STUDY}={s.any_sample().study}")


@check("Table 10.6.3-3")
def study_attributes(s: Session) -> str:
    """A study comes with what must be returned of it."""
    rows = _rows(s, f"/studies?StudyInstanceUID={s.any_sample().study}")
    needed = ("00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "00100030",
              "00100040", STUDY, "00200010", "00201206", "00201208")  # fmt: skip
    missing = [tag for tag in needed if tag not in rows[0]] if rows else list(needed)
    expect(not missing, f"{len(needed)} attributes", f"missing: {', '.join(missing[:6])}")
    return f"{len(rows[0])} attributes"


@check("Table 10.6.3-3", writes=True)
def counts(s: Session) -> str:
    """Number of Study Related Series and Instances are right."""
    study = s.any_sample().study
    rows = _rows(s, f"/studies?StudyInstanceUID={study}")
    series = _rows(s, f"/studies/{study}/series")
    instances = _rows(s, f"/studies/{study}/instances")
    told = tuple(str(_value(rows[0], tag)) for tag in ("00201206", "00201208")) if rows else ()
    expect(
        told == (str(len(series)), str(len(instances))),
        f"{len(series)} and {len(instances)}",
        " and ".join(told),
    )
    return " and ".join(told)


@check("Table 10.6.1-1")
def series_of_study(s: Session) -> str:
    """The series of a study are found."""
    one = s.any_sample()
    expected = {each.series for each in s.of_study(one)}
    rows = _rows(s, f"/studies/{one.study}/series")
    found = set(_uids(rows, SERIES))
    expect(expected <= found, f"{len(expected)} series", f"{len(expected - found)} missing")
    needed = ("00080060", SERIES, "00200011", "00201209")
    missing = [tag for tag in needed if tag not in rows[0]]
    expect(not missing, "the attributes of Table 10.6.3-4", f"missing: {', '.join(missing)}")
    return f"{len(found)} series"


@check("Table 10.6.1-1")
def instances_of_study(s: Session) -> str:
    """The instances of a study are found."""
    one = s.any_sample()
    expected = {each.uid for each in s.of_study(one)}
    found = set(_uids(_rows(s, f"/studies/{one.study}/instances"), INSTANCE))
    expect(expected <= found, f"{len(expected)} instances", f"{len(expected - found)} missing")
    return f"{len(found)} instances"


@check("Table 10.6.1-1")
def instances_of_series(s: Session) -> str:
    """The instances of a series are found, and no others."""
    one = s.any_sample()
    expected = {each.uid for each in s.of_series(one)}
    others = {each.uid for each in s.stored.values() if each.series != one.series}
    found = set(_uids(_rows(s, f"/studies/{one.study}/series/{one.series}/instances"), INSTANCE))
    wrong = len(expected - found), len(found & others)
    expect(wrong == (0, 0), f"{len(expected)} instances", f"{wrong[0]} missing, {wrong[1]} of other series")
    return f"{len(found)} instances"


@check("Table 10.6.1-2")
def by_series_attributes(s: Session) -> str:
    """Instances of a study are found by attributes of their series."""
    one = s.any_sample()
    others = [each for each in s.of_study(one) if each.series != one.series]
    modality = one.dataset.get("Modality", "")
    if not others or any(each.dataset.get("Modality", "") == modality for each in others):
        raise CheckSkippedError("one modality alone")
    found = _uids(_rows(s, f"/studies/{one.study}/instances?Modality={quote(modality)}"), INSTANCE)
    expect(one.uid in found, "the instances of that series", f"{len(found)} instances without it")
    expect(
        not {each.uid for each in others} & set(found), "those alone", f"{len(found)} instances, others too"
    )
    return f"{len(found)} instances"


@check("Table 10.6.1-1")
def among_all(s: Session) -> str:
    """Series and instances are found among those of all studies."""
    one = s.any_sample()
    series = _uids(_rows(s, f"/series?SeriesInstanceUID={one.series}"), SERIES)
    instances = _uids(_rows(s, f"/instances?SOPInstanceUID={one.uid}"), INSTANCE)
    seen = f"{len(series)} series, {len(instances)} instances"
    expect(series == [one.series] and instances == [one.uid], "1 series, 1 instance", seen)
    return seen


@check("Table 10.6.3-5")
def instance_attributes(s: Session) -> str:
    """An instance comes with what must be returned of it."""
    one = s.any_sample()
    rows = _rows(s, f"/instances?SOPInstanceUID={one.uid}")
    needed = ("00080016", INSTANCE, STUDY, SERIES, "00200013", "00280010", "00280011", "00280100")
    missing = [tag for tag in needed if tag not in rows[0]] if rows else list(needed)
    expect(not missing, f"{len(needed)} attributes", f"missing: {', '.join(missing[:6])}")
    return f"{len(rows[0])} attributes"


@check("Table 10.6.3-5", needs="bits")
def number_of_frames(s: Session) -> str:
    """Number of Frames comes with a multi-frame image."""
    sample = s.sample("bits")
    rows = _rows(s, f"/studies/{sample.study}/instances?SOPInstanceUID={sample.uid}")
    count = str(_value(rows[0], "00280008")) if rows else "none"
    expect(count == str(len(sample.frames)), len(sample.frames).__str__(), count)
    return count


@check("10.6.3.1")
def nothing_found(s: Session) -> str:
    """Where nothing matches, the answer is empty: 204, or 200 and an empty array."""
    answer = s.get(f"/studies?StudyInstanceUID={new_uid()}", JSON)
    expect_status(answer, {200, 204})
    found = [] if answer.status == 204 else json_of(answer)
    expect(found == [] and not (answer.status == 204 and answer.raw), "nothing", answer.describe())
    return answer.describe()


@check("8.3.4.4")
def limit_and_offset(s: Session) -> str:
    """Pages hold what they are asked to, and together all."""
    study = s.any_sample().study
    whole = _uids(_rows(s, f"/studies/{study}/instances"), INSTANCE)
    if len(whole) < 2:
        raise CheckSkippedError("one instance is no page")
    pages = [
        _uids(_rows(s, f"/studies/{study}/instances?limit=1&offset={n}"), INSTANCE) for n in range(len(whole))
    ]
    expect(
        all(len(page) == 1 for page in pages),
        "1 instance a page",
        ", ".join(str(len(page)) for page in pages),
    )
    found = {page[0] for page in pages}
    expect(found == set(whole), f"{len(whole)} instances", f"{len(found)} different ones")
    beyond = _rows(s, f"/studies/{study}/instances?limit=1&offset={len(whole) + 5}")
    expect(not beyond, "nothing behind the last page", f"{len(beyond)} instances")
    return f"{len(pages)} pages"


@check("8.3.4.1, PS3.4 C.2.2.2.2")
def list_of_uids(s: Session) -> str:
    """Of a list of UIDs each is found."""
    study = s.any_sample().study
    uids = [each.uid for each in s.stored.values() if each.study == study][:2]
    found = set(_uids(_rows(s, f"/studies/{study}/instances?SOPInstanceUID={','.join(uids)}"), INSTANCE))
    expect(found == set(uids), f"{len(uids)} instances", f"{len(found)} instances")
    return f"{len(found)} instances"


@check("PS3.4 C.2.2.2.1", writes=True)
def single_value(s: Session) -> str:
    """A value is matched whole."""
    _not_the_study(s, f"PatientID={s.uids.patient_id[:-1]}")
    return _only_study(s, f"PatientID={s.uids.patient_id}")


@check("PS3.4 C.2.2.2.4", writes=True)
def wildcard(s: Session) -> str:
    """* and ? are matched."""
    _not_the_study(s, f"PatientID={s.uids.patient_id[:-2]}?")
    _only_study(s, f"PatientID={s.uids.patient_id[:-1]}?")
    return _only_study(s, f"PatientID={s.uids.patient_id[:-3]}*")


@check("PS3.4 C.2.2.2.4, 8.3.4.1", writes=True)
def person_name(s: Session) -> str:
    """A name is matched in UTF-8, whatever character set it was stored in."""
    name = quote("Prüfung*")
    return _only_study(s, f"PatientName={name}&PatientID={s.uids.patient_id}")


@check("PS3.4 C.2.2.2.5", writes=True)
def date_range(s: Session) -> str:
    """Dates are matched by ranges, open ones too."""
    patient = f"PatientID={s.uids.patient_id}"
    _not_the_study(s, f"StudyDate=20240101-20240228&{patient}")
    _not_the_study(s, f"StudyDate=20240301-&{patient}")
    _only_study(s, f"StudyDate=-20240301&{patient}")
    return _only_study(s, f"StudyDate=20240229-20240229&{patient}")


@check("8.3.4.1", writes=True)
def all_must_match(s: Session) -> str:
    """Several criteria must match together."""
    return _not_the_study(s, f"PatientID={s.uids.patient_id}&StudyDate=19990101")


@check("8.3.4.3", writes=True)
def includefield(s: Session) -> str:
    """What includefield asks for comes along."""
    rows = _rows(s, f"/studies?PatientID={s.uids.patient_id}&includefield=StudyDescription")
    expect(rows and _value(rows[0], "00081030") is not None, "Study Description (0008,1030)", "it is missing")
    rows = _rows(s, f"/studies?PatientID={s.uids.patient_id}&includefield=00081030")
    expect(rows and _value(rows[0], "00081030") is not None, "the same by its tag", "it is missing")
    return "Study Description"


@check("8.3.4.3")
def all_fields(s: Session) -> str:
    """With includefield=all more comes than without it, and nothing less."""
    study = s.any_sample().study
    few, many = (_rows(s, f"/studies?StudyInstanceUID={study}{query}") for query in ("", "&includefield=all"))
    expect(few and many, "the study", f"{len(few)} and {len(many)} studies")
    expect(set(few[0]) <= set(many[0]), "all attributes that come without it", f"{len(many[0])} attributes")
    return f"{len(few[0])} attributes, {len(many[0])} with it"


@check("8.3.4.2")
def fuzzy(s: Session) -> str:
    """A search with fuzzymatching finds what one without it finds."""
    return _only_study(s, f"StudyInstanceUID={s.any_sample().study}&fuzzymatching=true")


@check("Table 10.6.1-2", needs="native bits", writes=True)
def modalities_in_study(s: Session) -> str:
    """A study is found by any of its Modalities in Study."""
    _not_the_study(s, f"ModalitiesInStudy=XA&PatientID={s.uids.patient_id}")
    for modality in ("SEG", "OT"):
        _only_study(s, f"ModalitiesInStudy={modality}&PatientID={s.uids.patient_id}")
    return "SEG, OT"


@check("8.3.4.4", Level.SHOULD)
def bad_limit(s: Session) -> str:
    """A limit that is no number does not break the server: 400, or passed over."""
    answer = s.get("/studies?limit=many", JSON)
    expect_status(answer, {200, 204, 400})
    return answer.describe()


@check("Table 10.6.3-5, PS3.3 C.12.1.1")
def retrieve_url(s: Session) -> str:
    """The Retrieve URL of a match leads to it."""
    one = s.any_sample()
    rows = _rows(s, f"/instances?SOPInstanceUID={one.uid}")
    uri = _value(rows[0], "00081190") if rows else None
    expect(uri, "a Retrieve URL", "none")
    url = s.client.resolve(str(uri))
    if url is None:
        raise CheckSkippedError("it leads to another host, where no request is sent to")
    part = parts_of(s.get(url, multipart("application/dicom")), 1)[0]
    expect(file_of(part.media, part.content).uid == one.uid, "the instance", "another one")
    return "leads to it"


@check("PS3.4 C.6.1.1.5.2", needs="bits")
def available_transfer_syntaxes(s: Session) -> str:
    """Available Transfer Syntax UID, where it is given, names the one that is stored and Explicit VR Little Endian."""
    sample = s.sample("bits")
    path = f"/studies/{sample.study}/instances?SOPInstanceUID={sample.uid}&includefield=00083002"
    rows = _rows(s, path)
    stated = rows[0].get("00083002", {}).get("Value", []) if rows else []
    if not stated:
        not_offered("no Available Transfer Syntax UID")
    expect(
        set(stated) <= {FRAME_SYNTAX, EXPLICIT},
        f"{FRAME_SYNTAX}, {EXPLICIT}",
        ", ".join(map(str, stated))[:150],
    )
    return ", ".join(stated)


@check("Table 10.6.4-1")
def xml(s: Session) -> str:
    """Matches come as multipart application/dicom+xml, too."""
    answer = s.get(f"/studies?StudyInstanceUID={s.any_sample().study}", multipart("application/dicom+xml"))
    parts = parts_of(answer, 1)
    expect(b"NativeDicomModel" in parts[0].content, "a NativeDicomModel", answer.describe())
    return answer.describe()


@check("8.7.8.1")
def not_acceptable(s: Session) -> str:
    """Matches as something that they cannot be: 406."""
    answer = s.get(f"/studies?StudyInstanceUID={s.any_sample().study}", "image/png")
    expect_status(answer, 406)
    return answer.describe()
