# SPDX-License-Identifier: Apache-2.0
"""Files to peers of every kind: what arrives, judged by pydicom, and what never does."""

import socket
import ssl
import struct
import threading
import zlib
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pynetdicom import StoragePresentationContexts
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from certificates import self_signed
from child import run_child
from corpus import wheel_file
from dicom_writer import data_set, image, part10
from dimse_peers import (
    DEFLATED_DATA_SET,
    EXPLICIT,
    FRAMES,
    IMPLICIT,
    LEAKS,
    free_port,
    node,
    orthanc,
    storescp,
)
from dimse_sources import JPEG2000, RLE, Sources, copies, made_sources
from framedeflate import compress_file
from framedeflate.dimse.send_result import SendResult
from framedeflate.dimse.sender import send_files
from framedeflate.dimse.tls import TlsFiles, requestor_context
from made_files import native_header, write_sparse

pytestmark = LEAKS

QUICK = {"retry_seconds": 0.01, "timeout_seconds": 10.0}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return made_sources(tmp_path_factory.mktemp("sources"))


def send(port: int, *paths: Path, **options: Any) -> dict[str, SendResult]:
    results = send_files("127.0.0.1", port, paths, **(QUICK | options))
    assert len(results) == len(paths)
    return {result.path.name: result for result in results}


def test_a_peer_that_accepts_deflated_gets_the_file_s_own_bytes(sources: Sources) -> None:
    with node(FRAMES, EXPLICIT, IMPLICIT) as peer:
        results = send(peer.port, sources.deflated)
    (arrival,) = peer.arrivals
    assert arrival.transfer_syntax_uid == FRAMES
    assert arrival.data_set == data_set_of(sources.deflated)
    one = results["deflated.dcm"]
    assert (one.status, one.sent_as, one.dimse_status, one.attempts) == ("stored", "stored", 0, 1)
    assert len(arrival.data_set) < one.wire_nbytes < len(arrival.data_set) + 1000
    assert one.sop_instance_uid == arrival.sop_instance_uid
    # PS3.5 10.20: each Transfer Syntax in a context of its own, Implicit VR Little Endian among them.
    assert [syntaxes for _, syntaxes in peer.proposed[0]] == [(FRAMES,), (EXPLICIT,), (IMPLICIT,)]


def data_set_of(path: Path) -> bytes:
    data = path.read_bytes()
    return data[144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength :]


@pytest.mark.parametrize(("accepted", "sent_as"), [(EXPLICIT, "explicit"), (IMPLICIT, "implicit")])
def test_a_peer_that_knows_native_only_gets_the_same_pixels(
    sources: Sources, accepted: str, sent_as: str
) -> None:
    with node(accepted) as peer:
        results = send(peer.port, sources.deflated, sources.rgb, sources.big, sources.rle, sources.report)
    assert {result.status for result in results.values()} == {"stored"}
    assert results["deflated.dcm"].sent_as == sent_as
    got = {arrival.sop_instance_uid: arrival for arrival in peer.arrivals}
    assert {arrival.transfer_syntax_uid for arrival in peer.arrivals} == {accepted}
    for path in (sources.native, sources.rgb, sources.big, sources.rle):
        original = pydicom.dcmread(path)
        arrived = got[original.SOPInstanceUID].dataset()
        assert np.array_equal(arrived.pixel_array, original.pixel_array), path.name
        assert without_pixels(arrived) == without_pixels(original)
    original = pydicom.dcmread(sources.report)
    assert got[original.SOPInstanceUID].dataset() == original


def without_pixels(dataset: pydicom.Dataset) -> pydicom.Dataset:
    del dataset.PixelData
    return dataset


def test_a_deflated_data_set_goes_as_it_is_or_inflated(sources: Sources) -> None:
    original = pydicom.dcmread(sources.deflated_report)
    for accepted, sent_as in ((DEFLATED_DATA_SET, "stored"), (EXPLICIT, "explicit"), (IMPLICIT, "implicit")):
        with node(accepted) as peer:
            (result,) = send(peer.port, sources.deflated_report).values()
        (arrival,) = peer.arrivals
        assert (result.sent_as, arrival.transfer_syntax_uid) == (sent_as, accepted)
        if sent_as == "stored":
            assert zlib.decompressobj(-15).decompress(arrival.data_set) == data_set_of(sources.report)
        else:
            assert arrival.dataset() == original


def test_native_images_are_deflated_on_the_way_where_asked(sources: Sources) -> None:
    paths = (sources.native, sources.big, sources.report, sources.rle)
    with node(FRAMES, EXPLICIT, RLE) as peer:
        results = send(peer.port, *paths, deflate=True)
    assert {name: one.sent_as for name, one in results.items()} == {
        sources.native.name: "deflated",
        sources.big.name: "deflated",
        sources.report.name: "stored",
        sources.rle.name: "stored",
    }
    got = {arrival.sop_instance_uid: arrival for arrival in peer.arrivals}
    for path in (sources.native, sources.big):
        original = pydicom.dcmread(path)
        arrived = got[original.SOPInstanceUID]
        fragments = pydicom.encaps.generate_frames(
            arrived.dataset().PixelData, number_of_frames=int(original.get("NumberOfFrames", 1))
        )
        native = [zlib.decompressobj(-15).decompress(fragment) for fragment in fragments]
        assert native == frames_of(original)


def frames_of(dataset: pydicom.Dataset) -> list[bytes]:
    pixels = dataset.pixel_array
    frames = pixels if pixels.ndim == 3 else pixels[None]
    if dataset.BitsAllocated == 1:
        return [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in frames]
    return [frame.astype(frame.dtype.newbyteorder("<")).tobytes() for frame in frames]


def test_other_compressions_go_as_they_are_or_are_refused(sources: Sources) -> None:
    with node(JPEG2000) as peer:
        (result,) = send(peer.port, sources.jpeg).values()
    assert (result.status, peer.arrivals[0].data_set) == ("stored", data_set_of(sources.jpeg))
    with node(EXPLICIT, IMPLICIT) as peer:
        (result,) = send(peer.port, sources.jpeg).values()
    assert (result.status, peer.arrivals) == ("refused", [])
    assert result.error is not None
    assert (result.error.kind, result.sent_as) == ("transfer-syntax", None)


def test_a_peer_that_takes_nothing_refuses_all_in_one_association(sources: Sources) -> None:
    with node() as peer:
        results = send(peer.port, sources.deflated, sources.native, sources.report)
    assert {one.error.kind for one in results.values() if one.error} == {"sop-class"}
    assert {one.status for one in results.values()} == {"refused"}
    assert len(peer.proposed) == 1


@pytest.mark.parametrize("accepted", [EXPLICIT, IMPLICIT])
def test_fragments_that_no_image_describes_are_never_called_native(
    sources: Sources, tmp_path: Path, accepted: str
) -> None:
    bits_allocated = struct.pack("<HH2sHH", 0x0028, 0x0100, b"US", 2, 1)
    data = sources.deflated.read_bytes()
    assert data.count(bits_allocated) == 1
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(data.replace(bits_allocated, bits_allocated[:-2] + b"\7\0"))
    with node(accepted) as peer:
        results = send(peer.port, broken, sources.native)
    assert [arrival.sop_instance_uid for arrival in peer.arrivals] == [results["native.dcm"].sop_instance_uid]
    one = results["broken.dcm"]
    assert (one.status, one.wire_nbytes, one.error and one.error.kind) == ("failed", 0, "bits-allocated")


def test_native_pixel_data_over_4_gib_is_refused_where_it_would_be_inflated(sources: Sources) -> None:
    with node(EXPLICIT) as peer:
        (result,) = send(peer.port, sources.huge).values()
    assert result.error is not None
    assert (result.status, result.error.kind, peer.arrivals) == ("refused", "too-large", [])
    with node(FRAMES, EXPLICIT) as peer:
        (result,) = send(peer.port, sources.huge).values()
    assert (result.status, result.sent_as) == ("stored", "stored")
    assert peer.arrivals[0].data_set == data_set_of(sources.huge)


def test_wrong_files_do_not_stop_the_others(sources: Sources, tmp_path: Path) -> None:
    text, cut, cut_native = tmp_path / "notes.txt", tmp_path / "cut.dcm", tmp_path / "cut_native.dcm"
    text.write_text("no DICOM " * 40, encoding="utf-8")
    cut.write_bytes(sources.deflated.read_bytes()[:-20])
    cut_native.write_bytes(sources.native.read_bytes()[:-20])
    with node(FRAMES, EXPLICIT) as peer:
        directory = wheel_file("dicomdirtests/DICOMDIR")
        results = send(peer.port, text, directory, cut, cut_native, tmp_path / "none.dcm", sources.native)
    assert {name: one.status for name, one in results.items()} == {
        "notes.txt": "skipped",
        "DICOMDIR": "skipped",
        "cut.dcm": "failed",
        "cut_native.dcm": "failed",
        "none.dcm": "failed",
        sources.native.name: "stored",
    }
    kinds = {name: one.error.kind for name, one in results.items() if one.error}
    assert kinds == {
        "notes.txt": "not-part10",
        "DICOMDIR": "bad-value",
        "cut.dcm": "truncated",
        "cut_native.dcm": "truncated",
        "none.dcm": "",
    }
    assert len(peer.arrivals) == 1


def test_out_of_resources_is_tried_again(sources: Sources) -> None:
    with node(EXPLICIT, statuses=[0xA700, 0xA701]) as peer:
        (result,) = send(peer.port, sources.native).values()
    assert (result.status, result.attempts, result.dimse_status, result.error) == ("stored", 3, 0, None)
    assert len(peer.arrivals) == 1
    with node(EXPLICIT, statuses=[0xA700] * 9) as peer:
        (result,) = send(peer.port, sources.native, retries=1).values()
    assert result.error is not None
    assert (result.status, result.attempts, result.error.kind) == ("failed", 2, "out-of-resources")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0xA900, "sop-class-mismatch"),
        (0xC123, "cannot-understand"),
        (0x0124, "status"),
        (0x0111, "duplicate"),
    ],
)
def test_other_failures_are_not_tried_again(sources: Sources, status: int, kind: str) -> None:
    with node(EXPLICIT, statuses=[status]) as peer:
        results = send(peer.port, sources.native, sources.report)
    one = results[sources.native.name]
    assert one.error is not None
    assert (one.status, one.attempts, one.dimse_status, one.error.kind) == ("failed", 1, status, kind)
    assert results[sources.report.name].status == "stored"


def test_a_warning_is_stored(sources: Sources) -> None:
    with node(EXPLICIT, statuses=[0xB000]) as peer:
        (result,) = send(peer.port, sources.native).values()
    assert (result.status, result.dimse_status) == ("stored", 0xB000)


def test_a_lost_association_is_opened_again(sources: Sources, tmp_path: Path) -> None:
    paths = copies(sources.native, tmp_path, 6)
    with node(EXPLICIT, die_after=2) as peer:
        results = send(peer.port, *paths)
    assert Counter(one.status for one in results.values()) == {"stored": 6}
    assert sorted(arrival.sop_instance_uid for arrival in peer.arrivals) == sorted(
        one.sop_instance_uid for one in results.values()
    )
    assert len(peer.proposed) == 2
    assert sorted(one.attempts for one in results.values()) == [1] * 5 + [2]


def test_nobody_there_fails_all_soon() -> None:
    port = free_port()
    paths = [wheel_file("CT_small.dcm"), wheel_file("MR_small.dcm")]
    results = send(port, *paths, retries=1, associations=2)
    assert {(one.status, one.error.kind) for one in results.values() if one.error} == {
        ("failed", "connection")
    }


def test_a_peer_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (result,) = send(port, wheel_file("CT_small.dcm"), retries=0, timeout_seconds=0.5).values()
    assert result.error is not None
    assert result.error.type == "AssociationError"


def test_a_peer_with_room_for_one_association_gets_all_over_that(sources: Sources, tmp_path: Path) -> None:
    paths = copies(sources.native, tmp_path, 12)
    with node(EXPLICIT, most=1) as peer:
        results = send(peer.port, *paths, associations=3, retries=6, retry_seconds=0.1)
    assert Counter(one.status for one in results.values()) == {"stored": 12}
    assert len({arrival.sop_instance_uid for arrival in peer.arrivals}) == 12


def test_more_sop_classes_than_fit_one_association(tmp_path: Path) -> None:
    dataset: Any = pydicom.dcmread(wheel_file("test-SR.dcm"))
    paths = []
    known = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    # pynetdicom offers some SOP Classes that its own provider then cannot serve.
    classes = [uid for uid in known if issubclass(uid_to_service_class(uid), StorageServiceClass)][:70]
    for number, sop_class in enumerate(classes):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number + 1}"
        paths.append(tmp_path / f"{number}.dcm")
        dataset.save_as(paths[-1])
    with node(EXPLICIT, classes=classes) as peer:
        results = send(peer.port, *paths)
    assert Counter(one.status for one in results.values()) == {"stored": 70}
    # An association that a busy machine lost is opened again, with the same contexts.
    assert [count for count, _ in groupby(map(len, peer.proposed))] == [128, 12]


def test_the_cache_is_prepared_for_and_never_trusted(sources: Sources, tmp_path: Path) -> None:
    cache, port = tmp_path / "peers.json", free_port()
    with node(FRAMES, EXPLICIT, port=port) as peer:
        send(port, sources.deflated, peer_cache=cache)
    assert FRAMES in cache.read_text(encoding="ascii")
    with node(IMPLICIT, port=port) as peer:
        (result,) = send(port, sources.deflated, peer_cache=cache).values()
    assert (result.sent_as, peer.arrivals[0].transfer_syntax_uid) == ("implicit", IMPLICIT)
    assert FRAMES not in cache.read_text(encoding="ascii")
    cache.write_bytes(b'{"half')
    with node(FRAMES, port=port):
        (result,) = send(port, sources.deflated, peer_cache=cache).values()
    assert result.sent_as == "stored"


def test_stopping_ends_soon_and_reports_what_was_begun(sources: Sources, tmp_path: Path) -> None:
    paths = copies(sources.native, tmp_path, 30)
    seen: list[SendResult] = []

    def stop_at_ten(result: SendResult) -> None:
        seen.append(result)
        if len(seen) == 10:
            raise KeyboardInterrupt

    with node(EXPLICIT) as peer, pytest.raises(KeyboardInterrupt):
        send(peer.port, *paths, associations=2, on_result=stop_at_ten)
    stored = {one.sop_instance_uid for one in seen if one.status == "stored"}
    assert 10 <= len(seen) < 30
    assert {arrival.sop_instance_uid for arrival in peer.arrivals} >= stored
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("framedeflate-send")]


def test_tls_both_ways(sources: Sources, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    files = TlsFiles(certificate=certificate, key=key, authorities=certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.load_verify_locations(certificate)
    server.verify_mode = ssl.CERT_REQUIRED
    with node(FRAMES, tls=server) as peer:
        (result,) = send(peer.port, sources.deflated, tls=requestor_context(files)).values()
        assert (result.status, len(peer.arrivals)) == ("stored", 1)
        # Without a certificate of ours, or with no trust in theirs, nothing goes out.
        for refused in (TlsFiles(authorities=certificate), TlsFiles(certificate=certificate, key=key)):
            (result,) = send(
                peer.port, sources.deflated, tls=requestor_context(refused), retries=0, timeout_seconds=3
            ).values()
            assert result.status == "failed"
    assert len(peer.arrivals) == 1


def test_memory_does_not_grow_with_the_instance(tmp_path: Path) -> None:
    nbytes = 32 << 21
    start = data_set(image(frames="32", rows=1024, columns=2048, allocated=8)) + native_header(nbytes)
    large = write_sparse(tmp_path / "large.dcm", part10(start, uid=EXPLICIT), nbytes)
    deflated = tmp_path / "deflated.dcm"
    compress_file(large, deflated)
    body = """
from framedeflate.dimse.sender import send_files
(result,) = send_files("127.0.0.1", int(arguments[0]), [arguments[1]])
outcome = [result.status, result.sent_as, result.wire_nbytes]
"""
    setup = "import framedeflate.dimse.sender"
    with storescp(tmp_path / "got", "--bit-preserving") as port:
        for path, how in ((large, "stored"), (deflated, "explicit")):
            report = run_child(body, port, path, setup=setup, timeout_seconds=120)
            status, sent_as, wire_nbytes = report.outcome
            assert (status, sent_as) == ("stored", how)
            assert wire_nbytes > nbytes
            # Inflating takes batches of 8 MiB; what is queued for the wire is eight PDUs.
            assert report.peak_nbytes < nbytes / 2


def test_dcmtk_gets_inflated_pixels(sources: Sources, tmp_path: Path) -> None:
    with storescp(tmp_path / "got") as port:
        results = send(port, sources.deflated, sources.rgb_deflated, sources.big, associations=2)
    assert {one.status for one in results.values()} == {"stored"}
    arrived = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, (tmp_path / "got").iterdir())}
    for path in (sources.native, sources.rgb, sources.big):
        original = pydicom.dcmread(path)
        got = arrived[original.SOPInstanceUID]
        assert got.file_meta.TransferSyntaxUID in {EXPLICIT, IMPLICIT}
        assert np.array_equal(got.pixel_array, original.pixel_array)


def test_dcmtk_that_prefers_implicit_vr(sources: Sources, tmp_path: Path) -> None:
    with storescp(tmp_path / "got", "--implicit") as port:
        (result,) = send(port, sources.deflated).values()
    (path,) = (tmp_path / "got").iterdir()
    assert result.sent_as == "implicit"
    assert np.array_equal(pydicom.dcmread(path).pixel_array, pydicom.dcmread(sources.native).pixel_array)


def test_orthanc_gets_inflated_pixels(sources: Sources, tmp_path: Path) -> None:
    with orthanc(tmp_path / "orthanc") as peer:
        results = send(
            peer.dicom_port,
            sources.deflated,
            sources.rgb_deflated,
            sources.deflated_report,
            called_ae="ORTHANC",
        )
        assert {one.status for one in results.values()} == {"stored"}
        got = {}
        for name in peer.instances():
            path = tmp_path / f"{name}.dcm"
            path.write_bytes(peer.get(f"/instances/{name}/file"))
            dataset = pydicom.dcmread(path)
            got[dataset.SOPInstanceUID] = dataset
            if dataset.SOPInstanceUID == pydicom.dcmread(sources.native).SOPInstanceUID:
                raw = peer.get(f"/instances/{name}/frames/3/raw")
    assert results["deflated.dcm"].sent_as == "explicit"
    for path in (sources.native, sources.rgb):
        original = pydicom.dcmread(path)
        assert np.array_equal(got[original.SOPInstanceUID].pixel_array, original.pixel_array)
    assert got[pydicom.dcmread(sources.report).SOPInstanceUID].file_meta.TransferSyntaxUID != FRAMES
    # Orthanc's own word: the third frame, uncompressed.
    assert raw == frames_of(pydicom.dcmread(sources.native))[2]
