# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment: what is confirmed, what is not and why, and where the report goes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from framedeflate.dimse.commitment_report import Peer
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
    assert event_type == 1
    assert information.TransactionUID == "2.25.777"
    assert uids(information.ReferencedSOPSequence) == ["2.25.1"]
    assert "FailedSOPSequence" not in information
    (report,) = running.reports
    assert report.is_delivered


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
