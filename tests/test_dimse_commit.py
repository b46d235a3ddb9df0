# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment asked of pynetdicom's peers, which answer on the same association, call back, or say nothing."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt

from cli_runner import run_command
from corpus import wheel_file
from dimse_peers import COMMITMENT, EXPLICIT, IMPLICIT, LEAKS, free_port, node
from dimse_sources import copies
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.dimse.commitment_request import Commitment, request_commitment
from framedeflate.dimse.peer_association import Peer
from framedeflate.dimse.send_result import SendResult
from framedeflate.errors import AssociationError

pytestmark = LEAKS

ROLES = {"scu_role": True, "scp_role": False}


class Committer:
    """Says that all instances are kept but those named."""

    def __init__(self, *failed: str, call_back: int | None = None, is_silent: bool = False) -> None:
        self.failed = failed
        self.call_back = call_back
        self.is_silent = is_silent
        self.asked: list[str] = []

    def handle(self, event: evt.Event) -> tuple[int, None]:
        request: Any = event.action_information
        references = list(request.ReferencedSOPSequence)
        self.asked += [str(item.ReferencedSOPInstanceUID) for item in references]
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        kept = [item for item in references if item.ReferencedSOPInstanceUID not in self.failed]
        lost = [item for item in references if item.ReferencedSOPInstanceUID in self.failed]
        for item in lost:
            item.FailureReason = 0x0112
        if kept:
            report.ReferencedSOPSequence = kept
        if lost:
            report.FailedSOPSequence = lost
        if not self.is_silent:
            threading.Thread(target=self.answer, args=(event.assoc, report, 2 if lost else 1)).start()
        return 0x0000, None

    def answer(self, association: Any, report: Dataset, event_type: int) -> None:
        instance = "1.2.840.10008.1.20.1.1"
        if self.call_back is None:
            association.send_n_event_report(report, event_type, COMMITMENT, instance)
            return
        entity = AE(ae_title="NODE")
        entity.add_requested_context(COMMITMENT, [IMPLICIT])
        own = entity.associate(
            "127.0.0.1", self.call_back, ext_neg=[build_role(COMMITMENT, scu_role=False, scp_role=True)]
        )
        assert own.is_established
        status, _ = own.send_n_event_report(report, event_type, COMMITMENT, instance)
        assert status.Status == 0
        own.release()


def stored(*uids: str) -> list[SendResult]:
    return [
        SendResult(status="stored", path=Path(uid), peer="", sop_class_uid="1.2.3", sop_instance_uid=uid)
        for uid in uids
    ]


def ask(committer: Committer, results: list[SendResult], **options: Any) -> list[Commitment]:
    handlers = [(evt.EVT_N_ACTION, committer.handle)]
    with node(EXPLICIT, handlers=handlers, also=[(COMMITMENT, ROLES)]) as peer:
        return request_commitment(
            Peer(host="127.0.0.1", port=peer.port, timeout_seconds=10), results, **options
        )


@pytest.mark.parametrize("is_called_back", [False, True])
def test_what_is_kept_and_what_is_not(is_called_back: bool) -> None:
    port = free_port() if is_called_back else None
    committer = Committer("2.25.2", call_back=port)
    said = ask(committer, stored("2.25.1", "2.25.2", "2.25.3"), port=port, wait_seconds=20)
    assert said == [
        Commitment("committed", "2.25.1"),
        Commitment("not-committed", "2.25.2", 0x0112),
        Commitment("committed", "2.25.3"),
    ]


def test_many_take_several_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framedeflate.dimse.commitment_request._MAX_REFERENCES", 100)
    uids = [f"2.25.{number}" for number in range(1, 252)]
    committer = Committer()
    said = ask(committer, stored(*uids), wait_seconds=30)
    assert committer.asked == uids
    assert {one.status for one in said} == {"committed"}


def test_a_silent_peer_is_waited_for_in_bounds() -> None:
    (one,) = ask(Committer(is_silent=True), stored("2.25.1"), wait_seconds=0.3)
    assert one == Commitment("unknown", "2.25.1")


def test_what_was_not_stored_is_not_asked_for() -> None:
    result = SendResult(status="failed", path=Path("x"), peer="", sop_instance_uid="2.25.1")
    assert request_commitment(Peer(host="127.0.0.1", port=1), [result]) == []


def test_a_peer_without_the_service() -> None:
    with node(EXPLICIT) as peer, pytest.raises(AssociationError) as caught:
        request_commitment(Peer(host="127.0.0.1", port=peer.port), stored("2.25.1"))
    assert caught.value.kind == "rejected"


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copies(wheel_file("MR_small.dcm"), tmp_path, 3)
    committer = Committer("2.25.77001")
    handlers = [(evt.EVT_N_ACTION, committer.handle)]
    with node(EXPLICIT, handlers=handlers, also=[(COMMITMENT, ROLES)]) as peer:
        ran = run_command(capsys, "send", "127.0.0.1", peer.port, tmp_path, "--commit", "--json")
    assert ran.code == ExitCode.NOT_SENT
    assert ran.objects[3:] == [
        {"status": "committed", "sop_instance_uid": "2.25.77000", "failure_reason": None},
        {"status": "not-committed", "sop_instance_uid": "2.25.77001", "failure_reason": "0112"},
        {"status": "committed", "sop_instance_uid": "2.25.77002", "failure_reason": None},
    ]


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copies(wheel_file("MR_small.dcm"), tmp_path, 1)
    handlers = [(evt.EVT_N_ACTION, Committer().handle)]
    with (
        node(EXPLICIT, handlers=handlers, also=[(COMMITMENT, ROLES)]) as peer,
        socket.create_server(("", 0)) as other,
    ):
        port = other.getsockname()[1]
        command = ("send", "127.0.0.1", peer.port, tmp_path, "--commit", "--commit-port", port)
        ran = run_command(capsys, *command)
    assert ran.code == ExitCode.CANNOT_LISTEN
    assert f"cannot listen on port {port}" in ran.err


def test_a_peer_that_is_spoken_to_by_tls_does_not_call_back_without() -> None:
    peer = Peer(host="127.0.0.1", port=1, tls=ssl.create_default_context())
    with pytest.raises(ValueError, match="listen_tls"):
        request_commitment(peer, stored("2.25.1"), port=0)
