# SPDX-License-Identifier: Apache-2.0
"""Metadata and bulk data in parts of their own, put together to files; pydicom is the judge."""

import json
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

pytest.importorskip("sqlalchemy")
from framedeflate.web.ingest import Ingest, StoreLimits, StoreReport
from receiving import (
    DEFLATED,
    EXPLICIT,
    ct,
    deflated,
    masks,
    packed,
    raw_deflate,
    segmentation,
    stored_pixels,
)
from receiving import report as sr_report
from store_payloads import Part, json_part, metadata_of, multipart, native_model_of
from test_web_store import ingest, other_reasons, reasons, send, stored_uids

__all__ = ["ingest"]

JSON, XML = "application/dicom+json", "application/dicom+xml"
OCTETS, DEFLATE = "application/octet-stream", "application/x-deflate"
PIXELS = "bulk/7FE00010"


def send_json(ingest: Ingest, *parts: Part, **options: Any) -> StoreReport:
    return send(ingest, multipart(parts), media_type=JSON, **options)


def stored(ingest: Ingest, uid: str) -> Dataset:
    return pydicom.dcmread(ingest.store.path_of(uid))


def without_pixels(dataset: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        dataset.to_json(bulk_data_threshold=1, bulk_data_element_handler=lambda _: "x")
    )
    return {tag: value for tag, value in found.items() if tag != "7FE00010"}


def rich() -> Dataset:
    """Every Value Representation, nested, in several character sets' letters."""
    dataset = ct("2.25.2")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset.PatientComments = "a\\b ä"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.PixelSpacing = ["0.50", "1.2500"]
    dataset.SliceThickness = "-1.234567890123"
    dataset.InstanceNumber = "7"
    dataset.FrameIncrementPointer = [0x00181063, 0x00181065]
    dataset.SimpleFrameList = [1, 1 << 31]
    dataset.add_new(0x00189310, "FD", 3.141592653589793)
    dataset.add_new(0x00431010, "LO", "ACME")
    dataset.add_new(0x00431011, "OB", b"\x00\x80\xff")
    dataset.add_new(0x00431012, "UN", b"ab")
    dataset.add_new(0x00431013, "FL", [1.5, -2.25])
    dataset.add_new(0x00431014, "SS", [-1, 5])
    dataset.add_new(0x00431015, "SV", -(1 << 62))
    dataset.add_new(0x00431016, "UT", "x" * 70_000)
    inner = Dataset()
    inner.CodeMeaning = "größer"
    inner.ReferencedSOPSequence = [Dataset(), Dataset()]
    inner.ReferencedSOPSequence[1].ReferencedSOPInstanceUID = "2.25.77"
    dataset.ProcedureCodeSequence = [inner, Dataset()]
    dataset.add_new(0x00081140, "SQ", [])
    return dataset


@pytest.mark.parametrize("media_type", [JSON, XML])
def test_every_value_comes_back(ingest: Ingest, media_type: str) -> None:
    dataset = rich()
    part = json_part(metadata_of(dataset, bulk={"PixelData": PIXELS}))
    if media_type == XML:
        part = Part(native_model_of(dataset, bulk={"PixelData": PIXELS}), XML)
    payload = multipart([part, Part(dataset.PixelData, OCTETS, PIXELS)])
    report = send(ingest, payload, media_type=media_type)
    assert (report.status, reasons(report), other_reasons(report)) == (200, [], [])
    got = stored(ingest, "2.25.2")
    assert got.file_meta.TransferSyntaxUID == EXPLICIT
    assert got.PixelData == dataset.PixelData
    assert without_pixels(got) == without_pixels(dataset)
    assert got.PatientName == dataset.PatientName
    assert stored_uids(ingest) == {"2.25.2"}


def test_a_number_keeps_its_spelling_where_it_has_room(ingest: Ingest) -> None:
    metadata = {**metadata_of(sr_report(), bulk={}), "00280030": {"vr": "DS", "Value": ["here"]}}
    text = json.dumps([metadata]).replace('"here"', '1.50, "2.50", 0.12345678901234567')
    assert send_json(ingest, Part(text.encode(), JSON)).status == 200
    spacing = stored(ingest, "2.25.3").get_item("PixelSpacing").value
    assert spacing.rstrip(b" ") == b"1.50\\2.50\\0.12345678901235"


def test_several_instances_share_one_metadata_part(ingest: Ingest) -> None:
    one, other, third = ct("2.25.2"), ct("2.25.20", seed=5), sr_report("2.25.3")
    report = send_json(
        ingest,
        json_part(
            metadata_of(one, bulk={"PixelData": "a"}),
            metadata_of(other, bulk={"PixelData": "b"}),
            metadata_of(third, bulk={}),
        ),
        Part(other.PixelData, OCTETS, "b"),
        Part(one.PixelData, None, "a"),
    )
    assert report.status == 200
    assert stored_uids(ingest) == {"2.25.2", "2.25.20", "2.25.3"}
    for dataset in (one, other):
        assert stored(ingest, dataset.SOPInstanceUID).PixelData == dataset.PixelData
    assert stored(ingest, "2.25.3").ContentLabel == "LABEL"


def test_pixel_data_may_stand_in_the_metadata(ingest: Ingest) -> None:
    dataset = ct()
    assert send_json(ingest, json_part(metadata_of(dataset, bulk={}))).status == 200
    assert stored(ingest, "2.25.2").PixelData == dataset.PixelData


def test_native_masks_are_deflated_as_all_others(ingest: Ingest) -> None:
    dataset = segmentation()
    report = send_json(
        ingest,
        json_part(metadata_of(dataset, bulk={"PixelData": PIXELS})),
        Part(dataset.PixelData, OCTETS, PIXELS),
    )
    assert report.status == 200
    assert stored(ingest, "2.25.1").file_meta.TransferSyntaxUID == DEFLATED
    assert np.array_equal(stored_pixels(ingest.store.path_of("2.25.1")), masks())


def deflated_metadata(uid: str = "2.25.4") -> dict[str, Any]:
    return metadata_of(deflated(uid), bulk={"PixelData": PIXELS})


def test_deflated_frames_come_one_a_part(ingest: Ingest) -> None:
    streams = [raw_deflate(packed(frame)) for frame in masks(4)]
    # As a client gets them from us: without the NULL that makes a Fragment even.
    streams[1] = streams[1].removesuffix(b"\0")
    parts = [Part(stream, DEFLATE, PIXELS) for stream in streams]
    assert send_json(ingest, json_part(deflated_metadata()), *parts).status == 200
    dataset = stored(ingest, "2.25.4")
    assert dataset.file_meta.TransferSyntaxUID == DEFLATED
    table, *fragments = generate_fragments(dataset.PixelData)
    assert [fragment.rstrip(b"\0") for fragment in fragments] == [stream.rstrip(b"\0") for stream in streams]
    lengths = np.array([0, *(8 + len(fragment) for fragment in fragments)]).cumsum()
    assert np.array_equal(np.frombuffer(table, "<u4"), lengths[:-1])
    assert np.array_equal(stored_pixels(ingest.store.path_of("2.25.4")), masks(4))


def changed(metadata: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    for tag, value in attributes.items():
        if value is None:
            del metadata[tag[1:]]
        else:
            metadata[tag[1:]] = value
    return metadata


STREAMS = [raw_deflate(packed(frame)) for frame in masks(4)]
FRAMES = [Part(stream, DEFLATE, PIXELS) for stream in STREAMS]


@pytest.mark.parametrize(
    ("metadata", "parts", "reason"),
    [
        (deflated_metadata(), FRAMES[:4], 0xA902),
        (deflated_metadata(), [*FRAMES[:4], Part(raw_deflate(bytes(1 << 20)), DEFLATE, PIXELS)], 0xC002),
        (deflated_metadata(), [], 0xC009),
        (deflated_metadata(), [*FRAMES[:4], Part(STREAMS[4], OCTETS, PIXELS)], 0xC009),
        (deflated_metadata(), [Part(b"".join(STREAMS), "application/x-zip", PIXELS)], 0xC122),
        (
            deflated_metadata(),
            [Part(stream, DEFLATE + "; transfer-syntax=1.2.840.10008.1.2.5", PIXELS) for stream in STREAMS],
            0xC122,
        ),
        (changed(deflated_metadata(), _00280010=None), FRAMES, 0xA902),
        (changed(deflated_metadata(), _00080018={"vr": "UI", "Value": ["../../there"]}), FRAMES, None),
        (changed(deflated_metadata(), _00280010={"vr": "US", "Value": [1 << 16]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "XX", "Value": ["CT"]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "CS", "Value": "CT"}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "CS", "Value": ["A\\B"]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "CS", "Value": [True]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "CS", "Value": ["\ud800"]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00080060={"vr": "CS", "Value": ["x" * 70_000]}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00431010={"vr": "OB", "InlineBinary": "no Base64!"}), FRAMES, 0xC008),
        (changed(deflated_metadata(), _00431010={"vr": "OB", "BulkDataURI": "nowhere"}), FRAMES, 0xC009),
        (changed(deflated_metadata(), _00431010={"vr": "OB", "BulkDataURI": PIXELS}), FRAMES, 0xC009),
    ],
)
def test_what_is_wrong_with_one_is_said_of_it(
    ingest: Ingest, metadata: dict[str, Any], parts: list[Part], reason: int | None
) -> None:
    whole = ct("2.25.20")
    report = send_json(
        ingest,
        json_part(metadata, metadata_of(whole, bulk={"PixelData": "other"})),
        *parts,
        Part(whole.PixelData, OCTETS, "other"),
    )
    assert report.status == 202
    assert reasons(report) == ([] if reason is None else [reason])
    assert other_reasons(report) == ([0xC004] if reason is None else [])
    assert stored_uids(ingest) == {"2.25.20"}


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><NativeDicomModel>&c;</NativeDicomModel>'


@pytest.mark.parametrize(
    ("media_type", "parts", "status", "reason"),
    [
        (JSON, [Part(b"{", JSON)], 400, 0xC008),
        (JSON, [Part(b"[" * 100_000, JSON)], 400, 0xC008),
        (JSON, [Part(b"[]", JSON)], 400, 0xC008),
        (JSON, [Part(b"[1]", JSON)], 400, 0xC008),
        (JSON, [Part(b"\xff\xfe", JSON)], 400, 0xC008),
        (JSON, [Part(b'[{"00080060": {"vr": "CS", "Value": [NaN]}}]', JSON)], 400, 0xC008),
        (JSON, [Part(b'[{"Modality": {"vr": "CS"}}]', JSON)], 400, 0xC008),
        (JSON, [Part(b"x", OCTETS, "a")], 400, 0xC008),
        (JSON, [Part(b"x", OCTETS)], 409, 0xC009),
        (JSON, [Part(b" " * 2000, JSON)], 413, 0xA701),
        (XML, [Part(b"<NativeDicomModel>", XML)], 400, 0xC008),
        (XML, [Part(b"<Other/>", XML)], 400, 0xC008),
        (XML, [Part(BOMB, XML)], 400, 0xC008),
        (XML, [Part(b"<NativeDicomModel>" + b"<a>" * 900, XML)], 413, 0xA701),
        (XML, [Part(b"<NativeDicomModel>" + b"<a>" * 300, XML)], 400, 0xC008),
    ],
)
def test_metadata_that_cannot_be_read(
    ingest: Ingest, media_type: str, parts: list[Part], status: int, reason: int
) -> None:
    limits = StoreLimits(metadata_nbytes=1500 if len(parts[0].content) < 100_000 else 1 << 20)
    report = send(ingest, multipart(parts), media_type=media_type, limits=limits)
    assert (report.status, other_reasons(report)) == (status, [reason])
    assert stored_uids(ingest) == set()


def test_sequences_may_be_nested_and_not_without_end(ingest: Ingest) -> None:
    def nested(depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for _ in range(depth):
            value = {"0008113F": {"vr": "SQ", "Value": [value]}}
        return {**metadata_of(sr_report(), bulk={}), **value}

    assert reasons(send_json(ingest, json_part(nested(90)))) == [0xC008]
    assert send_json(ingest, json_part(nested(30))).status == 200


def test_of_a_study_in_the_url(ingest: Ingest) -> None:
    part = json_part(metadata_of(sr_report(), bulk={}))
    assert reasons(send_json(ingest, part, study="2.25.99")) == [0xC005]
    assert send_json(ingest, part, study="2.25.10").status == 200
