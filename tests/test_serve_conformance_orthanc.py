# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on Debian's Orthanc with its DICOMweb plugin: what is known of it is found."""

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("httpx")
pytest.importorskip("pynetdicom")
from dimse_peers import Orthanc, orthanc
from framedeflate.web.conformance.outcomes import Outcome, Result
from framedeflate.web.conformance.suite import Report, run_suite

PLUGIN = "libOrthancDicomWeb.so"
SILENT = "silently mislabelled: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("peer") / "orthanc", plugins=[PLUGIN]) as running:
        yield running


@pytest.fixture(scope="module")
def report(peer: Orthanc) -> Report:
    return run_suite(f"http://127.0.0.1:{peer.http_port}/dicom-web")


def result(report: Report, name: str) -> Result:
    return next(one for one in report.results if one.check.name == name)


@pytest.mark.parametrize("role", ["labels", "colour", "single"])
def test_deflated_frames_labelled_as_native_are_found(role: str, report: Report) -> None:
    found = result(report, f"native-frames.{role}-inflated")
    assert found.outcome is Outcome.FAIL
    assert found.seen.startswith(SILENT)
    assert "the raw DEFLATE stream" in found.seen


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("instances.bits-inflated", "500"),
        ("instances.any-transfer-syntax", "application/dicom on a file of 1.2.840.10008.1.2.8.1"),
        ("instances.never-implicit", "200"),
        ("hostile.truncated-stream", "no form of the Frame"),
        ("hostile.broken-frames-refused", "bomb: 200"),
        ("hostile.paths", "%00: 200"),
        ("negotiation.no-accept", "200"),
        ("rendered.deflated-frame", "400"),
        ("metadata.where-the-pixels-are", "none"),
    ],
)
def test_what_else_is_wrong_is_found(name: str, seen: str, report: Report) -> None:
    found = result(report, name)
    assert found.outcome is Outcome.FAIL
    assert seen in found.seen


@pytest.mark.parametrize(
    "name",
    [
        "store.native",
        "store.deflated",
        "instances.native",
        "instances.native-bits",
        "instances.data-set-inflated",
        "native-frames.native",
        "native-frames.list-of-frames",
        "negotiation.unquoted-type",
        "multipart-syntax.delimiters",
        "metadata.instance",
        "search.study-by-uid",
        "search.wildcard",
        "search.limit-and-offset",
        "rendered.jpeg",
    ],
)
def test_what_it_does_right_passes(name: str, report: Report) -> None:
    assert result(report, name).outcome is Outcome.PASS


def test_what_it_does_not_offer_is_no_failure(report: Report) -> None:
    names = {one.check.name for one in report.results if one.outcome is Outcome.NOT_OFFERED}
    assert {
        "frames.bits",
        "frames.no-pad",
        "caching.not-modified",
        "search.available-transfer-syntaxes",
    } <= names


def test_what_is_left_there_is_told(report: Report, peer: Orthanc) -> None:
    # It has no DELETE; its own interface lists the studies.
    stored = {json.loads(peer.get(f"/studies/{name}"))["MainDicomTags"]["StudyInstanceUID"]
              for name in json.loads(peer.get("/studies"))}  # fmt: skip
    assert stored
    assert stored <= set(report.left_behind)
    assert not report.conforms


def test_reading_only_finds_the_same_and_stores_nothing(report: Report, peer: Orthanc) -> None:
    before = peer.get("/statistics")
    again = run_suite(
        f"http://127.0.0.1:{peer.http_port}/dicom-web",
        read_only=[report.left_behind[0]],
        only=["native-frames", "store", "instances"],
    )
    assert peer.get("/statistics") == before
    for one in again.results:
        if one.check.writes:
            assert one.outcome is Outcome.SKIPPED
        else:
            assert one.outcome is result(report, one.check.name).outcome, one.check.name
