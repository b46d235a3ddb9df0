# SPDX-License-Identifier: Apache-2.0
"""Answers to searches over HTTP: what each result holds, paging, warnings, refusals; dicomweb-client's view of them."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from requests_toolbelt.multipart.decoder import MultipartDecoder

from indexed_files import made_dataset, made_frames, save_deflated
from searched_studies import datasets, save_all
from web_server import put_in_store, running_server

# One for all: each of httpx's own functions loads certificates anew.
CLIENT = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
JSON = {"Accept": "application/dicom+json"}
STUDY_KEYS = [
    "00080005", "00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00080201",
    "00081190", "00100010", "00100020", "00100030", "00100040", "0020000D", "00200010", "00201206",
    "00201208",
]  # fmt: skip
SERIES_KEYS = [
    "00080005", "00080056", "00080060", "00080201", "0008103E", "00081190", "0020000D", "0020000E",
    "00200011", "00201209", "00400275",
]  # fmt: skip
INSTANCE_KEYS = [
    "00080005", "00080016", "00080018", "00080056", "00080201", "00081190", "00083002", "0020000D",
    "0020000E", "00200013",
]  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("answers")
    paths = save_all(folder / "made")
    image = made_dataset(
        "1.9", "1.9.1", "1.9.1.1", Modality="SEG", PatientName="Müller^Änne", InstanceNumber=7
    )
    image.SpecificCharacterSet = "ISO_IR 100"
    save_deflated(image, folder / "made" / "image.dcm", made_frames(3, 9, 11), 9, 11)
    put_in_store(folder / "store", *paths, folder / "made" / "image.dcm")
    with running_server(folder / "store", max_results=5) as base:
        yield f"{base}/dicomweb"


def get(url: str, **headers: str) -> httpx.Response:
    return CLIENT.get(url, headers={**JSON, **headers})


def results(url: str) -> list[dict[str, Any]]:
    answer = get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    found: list[dict[str, Any]] = answer.json()
    for one in found:
        assert list(one) == sorted(one)
        assert Dataset.from_json(json.dumps(one)).StudyInstanceUID
    return found


def test_each_level_returns_what_its_table_asks_for(url: str) -> None:
    (study,) = results(f"{url}/studies?StudyInstanceUID=1.2.2")
    assert list(study) == STUDY_KEYS
    read = Dataset.from_json(json.dumps(study))
    assert read.PatientName == "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert read.RetrieveURL == f"{url}/studies/1.2.2"
    # Required attributes that the files lack are there without a value.
    assert study["00080090"] == {"vr": "PN"}
    mine = [one for one in datasets() if one.StudyInstanceUID == "1.2.2"]
    assert read.NumberOfStudyRelatedInstances == len(mine)
    assert read.NumberOfStudyRelatedSeries == len({one.SeriesInstanceUID for one in mine})
    assert sorted(read.ModalitiesInStudy) == sorted({one.Modality for one in mine})
    series = results(f"{url}/studies/1.2.2/series")
    assert [list(one) for one in series] == [SERIES_KEYS] * 3
    assert [one["00200011"]["Value"] for one in series] == [[1], [2], [3]]
    assert series[1]["00081190"]["Value"] == [f"{url}/studies/1.2.2/series/1.3.2.1"]
    assert series[1]["00201209"]["Value"] == [sum(one.SeriesInstanceUID == "1.3.2.1" for one in mine)]
    instances = results(f"{url}/studies/1.2.2/series/1.3.2.1/instances")
    assert [list(one) for one in instances] == [INSTANCE_KEYS] * len(instances)
    assert instances[0]["00081190"]["Value"][0].endswith(
        f"/studies/1.2.2/series/1.3.2.1/instances/{instances[0]['00080018']['Value'][0]}"
    )


def test_what_no_path_names_is_returned_too(url: str) -> None:
    (series,) = results(f"{url}/series?SeriesInstanceUID=1.3.2.1")
    assert set(series) == {*STUDY_KEYS, *SERIES_KEYS}
    (instance,) = results(f"{url}/instances?SOPInstanceUID=1.4.1")
    assert set(instance) == {*STUDY_KEYS, *SERIES_KEYS, *INSTANCE_KEYS}
    in_study = results(f"{url}/studies/1.2.0/instances")
    assert set(in_study[0]) == {*SERIES_KEYS, *INSTANCE_KEYS}


def test_an_image_says_how_it_can_be_had(url: str) -> None:
    (image,) = results(f"{url}/studies/1.9/instances?includefield=PatientName,00280004")
    assert image["00083002"]["Value"] == ["1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1"]
    assert [image[key]["Value"] for key in ("00280008", "00280010", "00280011", "00280100")] == [
        [3],
        [9],
        [11],
        [1],
    ]
    assert image["00280004"]["Value"] == ["MONOCHROME2"]
    # From ISO 8859-1 in the file, in Unicode here.
    assert image["00100010"]["Value"] == [{"Alphabetic": "Müller^Änne"}]
    assert image["00080005"]["Value"] == ["ISO_IR 192"]
    assert results(f"{url}/studies?PatientName=m%C3%BCller*")[0]["0020000D"]["Value"] == ["1.9"]


def test_fields_are_included_by_name_and_tag_and_all(url: str) -> None:
    query = f"{url}/studies?StudyInstanceUID=1.2.1"
    assert "00101030" not in results(query)[0]
    for include in (
        "PatientWeight",
        "00101030",
        "StudyID,PatientWeight",
        "StudyID&includefield=PatientWeight",
        "all",
    ):
        (study,) = results(f"{query}&includefield={include}")
        assert study["00101030"] == {"vr": "DS", "Value": [70.5]}
    # What is matched is returned; what belongs to a lower level is not.
    assert "00101030" in results(f"{query}&PatientWeight=")[0]
    assert "00280010" not in results(f"{query}&includefield=Rows&includefield=all")[0]


def test_pages_follow_each_other(url: str) -> None:
    whole: list[str] = []
    count = len(list(datasets())) + 1
    for offset in range(0, count + 5, 5):
        answer = get(f"{url}/instances?offset={offset}")
        assert answer.headers["x-total-count"] == str(count)
        more = [one for one in answer.headers.get_list("warning") if "Additional results" in one]
        assert bool(more) == (offset + 5 < count)
        if offset >= count:
            assert (answer.status_code, answer.content) == (204, b"")
            break
        whole += [one["00080018"]["Value"][0] for one in answer.json()]
    assert len(set(whole)) == len(whole) == count
    answer = get(f"{url}/instances?limit=2&offset=1")
    assert [one["00080018"]["Value"][0] for one in answer.json()] == whole[1:3]
    assert "warning" not in answer.headers
    assert len(get(f"{url}/instances?limit=1000").json()) == 5
    assert get(f"{url}/instances?limit=0").status_code == 204


def test_what_is_not_followed_is_said(url: str) -> None:
    answer = get(f"{url}/studies?fuzzymatching=true&StudyInstanceUID=1.2.1")
    service = answer.headers["warning"].partition(": ")[0]
    assert service == f"299 {url}"
    assert "fuzzymatching" in answer.headers["warning"]
    assert len(answer.json()) == 1
    answer = get(f"{url}/studies?EyeColour=blue&Rows=3&00091001=x&includefield=SegmentSequence&limit=1")
    (warning,) = answer.headers.get_list("warning")
    assert all(name in warning for name in ("EyeColour", "Rows", "00091001", "SegmentSequence"))
    assert "blue" not in warning
    assert get(f"{url}/studies?a%0D%0Ab=1&limit=1").headers["warning"].endswith("(no attribute).")
    assert (
        "warning"
        not in get(f"{url}/studies?fuzzymatching=false&limit=1&accept=application/dicom%2Bjson").headers
    )


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("StudyDate=yesterday", "value"),
        ("StudyDate=20240101-x", "value"),
        ("StudyTime=1", "value"),
        ("PatientWeight=heavy", "value"),
        ("PatientID=a%00b", "value"),
        ("PatientName=a=b=c=d", "value"),
        ("StudyID=1&StudyID=2", "duplicate"),
        ("StudyID=1&00200010=2", "duplicate"),
        ("limit=-1", "limit"),
        ("offset=x", "limit"),
        ("PatientID=%FF", "syntax"),
        ("PatientID=" + "*a" * 40, "too-many"),
        ("PatientID=" + "a" * 2000, "too-long"),
        ("StudyInstanceUID=" + ",".join(["1.2"] * 1001), "too-many"),
        ("&".join(f"x{n}=1" for n in range(300)), "too-many"),
    ],
)
def test_what_cannot_be_understood_is_refused(url: str, query: str, kind: str) -> None:
    answer = get(f"{url}/studies?{query}")
    assert answer.status_code == 400
    assert answer.json()["kind"] == kind
    assert not {"yesterday", "heavy"} & set(answer.text.replace('"', " ").split())


def test_only_what_is_acceptable_is_sent(url: str) -> None:
    assert get(f"{url}/studies", Accept="image/png").status_code == 406
    assert get(f"{url}/studies/1.a/series").status_code == 400
    assert get(f"{url}/studies/1.9.9.9/series").status_code == 204
    assert CLIENT.post(f"{url}/series", headers=JSON).status_code == 405
    for coding in ("gzip", "deflate", "identity"):
        answer = get(f"{url}/studies?limit=3", **{"Accept-Encoding": coding})
        assert answer.headers.get("content-encoding", "identity") == coding
        assert len(answer.json()) == 3


def test_xml_says_the_same(url: str) -> None:
    answer = get(f"{url}/series?limit=3", Accept='multipart/related; type="application/dicom+xml"')
    assert answer.status_code == 200
    parts = MultipartDecoder(answer.content, answer.headers["content-type"]).parts
    same = results(f"{url}/series?limit=3")
    assert len(parts) == len(same) == 3
    for part, model in zip(parts, same, strict=True):
        assert part.headers[b"Content-Type"] == b"application/dicom+xml"
        root = ET.fromstring(part.content)  # noqa: S314 (our own answer)
        assert [one.get("tag") for one in root] == list(model)
        (uid,) = [one for one in root if one.get("tag") == "0020000E"]
        assert uid[0].text == model["0020000E"]["Value"][0]


def test_dicomweb_client_searches(url: str) -> None:
    client = DICOMwebClient(url)
    every = list(datasets())
    assert len(client.search_for_studies(get_remaining=True)) == 7
    found = client.search_for_studies(search_filters={"PatientName": "yamada*"}, fields=["PatientWeight"])
    assert [Dataset.from_json(one).PatientWeight for one in found] == [70.5]
    series = client.search_for_series("1.2.2", search_filters={"Modality": "SEG"})
    assert {one["0020000E"]["Value"][0] for one in series} == {
        one.SeriesInstanceUID for one in every if one.StudyInstanceUID == "1.2.2" and one.Modality == "SEG"
    }
    instances = client.search_for_instances(get_remaining=True)
    assert {one["00080018"]["Value"][0] for one in instances} == {one.SOPInstanceUID for one in every} | {
        "1.9.1.1"
    }
    assert client.search_for_instances("1.2.2", "1.3.2.1", limit=1)[0]["00200013"]["Value"] == [1]
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
