# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment: what is confirmed, what is not and why, and where the report goes."""

import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.presentation import build_context

from framedeflate.dimse.acceptance import supported_contexts
from framedeflate.dimse.commitment_content import read_commitment_content
from framedeflate.dimse.commitment_report import Peer
from framedeflate.errors import DicomFormatError, InstanceError
from receiving import CT, EXPLICIT, SEG, Running, deflated, encoded, receiving, segmentation, store_bytes

COMMITMENT = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"


class Listener:
    """Collects N-EVENT-REPORTs."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, Dataset]] = []
        self.came = threading.Event()

    def __call__(self, event: Any) -> tuple[int, None]:
        self.reports.append((event.event_type, event.event_information))
        self.came.set()
        return 0x0000, None

    def only(self) -> tuple[int, Dataset]:
        assert self.came.wait(15), "no report came"
        (report,) = self.reports
        return report


def request_bytes(
    *references: tuple[str, str], implicit: bool = False, little: bool = True, defined: bool = True
) -> bytes:
    """A request's Data Set, by pydicom."""
    request = Dataset()
    request.TransactionUID = UID("2.25.777")
    request.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.is_undefined_length_sequence_item = not defined
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(instance)
        request.ReferencedSOPSequence.append(item)
    request["ReferencedSOPSequence"].is_undefined_length = not defined
    out = pydicom.filebase.DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, little
    pydicom.filewriter.write_dataset(out, request)
    return out.getvalue()


@contextmanager
def associated(running: Running, listener: Listener) -> Iterator[Any]:
    with running.association(
        (COMMITMENT, [EXPLICIT]), (SEG, [EXPLICIT]), evt_handlers=[(evt.EVT_N_EVENT_REPORT, listener)]
    ) as association:
        assert association.is_established
        yield association


def ask(association: Any, *references: tuple[str, str], uid: str = "2.25.777", action: int = 1) -> int:
    request = Dataset()
    request.TransactionUID = UID(uid)
    request.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(instance)
        request.ReferencedSOPSequence.append(item)
    status, _reply = association.send_n_action(request, action, COMMITMENT, INSTANCE)
    return int(status.Status)


def uids(sequence: Any) -> list[str]:
    return [str(item.ReferencedSOPInstanceUID) for item in sequence]


def test_what_is_safe_is_confirmed(tmp_path: Path) -> None:
    listener = Listener()
    with receiving(tmp_path / "store") as running, associated(running, listener) as association:
        assert store_bytes(association, encoded(segmentation()), SEG, "2.25.1", context=1) == 0
        assert ask(association, (SEG, "2.25.1")) == 0
        event_type, information = listener.only()
        # Not after the association is released: the answer to the report may still be on its way.
        assert running.report().is_delivered
    assert event_type == 1
    assert information.TransactionUID == "2.25.777"
    assert uids(information.ReferencedSOPSequence) == ["2.25.1"]
    assert "FailedSOPSequence" not in information


def test_what_is_not_has_its_reason(tmp_path: Path) -> None:
    listener = Listener()
    with receiving(tmp_path / "store") as running:
        assert running.send(deflated("2.25.4"), "1.2.840.10008.1.2.8.1") == 0
        for number in (5, 6):
            assert running.send(segmentation(f"2.25.{number}")) == 0
        damaged, gone = running.store.path_of("2.25.5"), running.store.path_of("2.25.6")
        data = bytearray(damaged.read_bytes())
        start = data.index(b"\xe0\x7f\x10\x00OB")
        data[start + 45 : start + 60] = bytes(15)
        damaged.write_bytes(data)
        gone.unlink()
        with associated(running, listener) as association:
            references = (
                (SEG, "2.25.4"),
                (SEG, "2.25.5"),
                (SEG, "2.25.6"),
                (CT, "2.25.4"),
                ("2.25.99", "2.25.4"),
            )
            assert ask(association, *references) == 0
            event_type, information = listener.only()
    assert event_type == 2
    assert uids(information.ReferencedSOPSequence) == ["2.25.4"]
    reasons = [int(item.FailureReason) for item in information.FailedSOPSequence]
    assert reasons == [0x0110, 0x0112, 0x0119, 0x0122]
    assert uids(information.FailedSOPSequence) == ["2.25.5", "2.25.6", "2.25.4", "2.25.4"]


def test_a_configured_peer_hears_on_a_new_association(tmp_path: Path) -> None:
    listener = Listener()
    entity = AE("TESTER")
    entity.supported_contexts = [build_context(COMMITMENT, [EXPLICIT])]
    entity.supported_contexts[0].scu_role = True
    entity.supported_contexts[0].scp_role = True
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, listener)]
    )
    assert server is not None
    try:
        peers = {"TESTER": Peer("127.0.0.1", server.server_address[1])}
        with receiving(tmp_path / "store", peers=peers) as running:
            assert running.send(segmentation()) == 0
            with running.association((COMMITMENT, [EXPLICIT])) as association:
                assert ask(association, (SEG, "2.25.1")) == 0
            event_type, information = listener.only()
            assert event_type == 1
            assert uids(information.ReferencedSOPSequence) == ["2.25.1"]
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("references", "uid", "action", "status"),
    [
        (((SEG, "2.25.1"),), "2.25.777", 2, 0x0123),
        ((), "2.25.777", 1, 0x0115),
        (((SEG, "../../etc/passwd"),), "2.25.777", 1, 0x0115),
        (((SEG, "2.25.1"),), "no uid", 1, 0x0115),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_requests_that_make_no_sense(
    tmp_path: Path, references: tuple[tuple[str, str], ...], uid: str, action: int, status: int
) -> None:
    listener = Listener()
    with receiving(tmp_path / "store") as running, associated(running, listener) as association:
        assert ask(association, *references, uid=uid, action=action) == status
        assert association.is_established
    assert listener.reports == []


@pytest.mark.parametrize("defined", [True, False])
@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_requests_in_every_encoding(*, implicit: bool, little: bool, defined: bool) -> None:
    references = ((SEG, "2.25.1"), (CT, "2.25.123"))
    data = request_bytes(*references, implicit=implicit, little=little, defined=defined)
    content = read_commitment_content(data, implicit_vr=implicit, big_endian=not little)
    assert content == ("2.25.777", references)
    for cut in range(1, len(data)):
        try:
            shorter = read_commitment_content(data[:cut], implicit_vr=implicit, big_endian=not little)
        except (InstanceError, DicomFormatError):
            continue
        # Cut where only the end of the sequence is missing, which the Items do not need.
        assert shorter == content


def test_millions_of_items_take_no_memory() -> None:
    # Eight bytes each on the wire, an object each for whoever reads all before he looks at one.
    items = bytes.fromhex("feff00e000000000") * (1 << 18)
    header = bytes.fromhex("08009911") + len(items).to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(InstanceError):
            read_commitment_content(header + items, implicit_vr=True, big_endian=False)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    # Inflated in memory by pynetdicom before we see it: a thousand times what was sent.
    (context,) = supported_contexts([COMMITMENT])
    assert "1.2.840.10008.1.2.1.99" not in map(str, context.transfer_syntax)


def test_what_is_no_uid_is_not_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    data = request_bytes((SEG, "2.25.1234567890")).replace(b"2.25.1234567890", b"DOE^JOHN^DAVID^")
    with receiving(tmp_path / "store") as running, associated(running, Listener()) as association:
        request = N_ACTION()
        request.MessageID, request.ActionTypeID = 1, 1
        request.RequestedSOPClassUID, request.RequestedSOPInstanceUID = COMMITMENT, INSTANCE
        request.ActionInformation = BytesIO(data)
        association._reactor_checkpoint.clear()
        while not association._is_paused:
            time.sleep(0.0001)
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        _context, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        assert answer.Status == 0x0115
    assert "DOE" not in caplog.text
    assert not [warning for warning in recwarn if "DOE" in str(warning.message)]


def test_answers_to_what_was_never_asked_are_not_kept(tmp_path: Path) -> None:
    with receiving(tmp_path / "store") as running, associated(running, Listener()) as association:
        for number in range(1, 6):
            answer = N_EVENT_REPORT()
            answer.MessageIDBeingRespondedTo, answer.Status = number, 0
            answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID = COMMITMENT, INSTANCE
            answer.EventTypeID, answer.EventReply = 1, BytesIO(bytes(1000))
            association.dimse.send_msg(answer, association.accepted_contexts[0].context_id)
        assert store_bytes(association, encoded(segmentation()), SEG, "2.25.1", context=1) == 0
        assert running.receiver._server is not None
        (theirs,) = running.receiver._server.active_associations
        messages: Any = theirs.dimse
        assert not messages._report_answers
