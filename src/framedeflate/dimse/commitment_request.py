# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment asked for (PS3.4 J): the peer says which instances it keeps for good.

The peer may answer on the association that asked, or later on one of its own, with the roles swapped; so there may be
a port to listen on. Every wait is bounded: an instance that nobody spoke of in time is unknown, not committed.
"""

import queue
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import UID

from framedeflate.dimse.peer_association import Peer, associate, new_entity, release
from framedeflate.dimse.send_result import SendResult
from framedeflate.errors import AssociationError
from framedeflate.extras import needing
from framedeflate.transcode.file_meta import new_uid

with needing("dimse", "Storage Commitment"):
    from pynetdicom import evt

__all__ = ["Commitment", "CommitmentStatus", "request_commitment"]

CommitmentStatus: TypeAlias = Literal["committed", "not-committed", "unknown"]

_MAX_REFERENCES: Final = 10_000
"""Instances of one transaction; a Data Set of a megabyte or two."""

_ANSWER_SECONDS: Final = 2.0

_PUSH_MODEL: Final = UID("1.2.840.10008.1.20.1")
_PUSH_MODEL_INSTANCE: Final = UID("1.2.840.10008.1.20.1.1")
"""Storage Commitment Push Model, and the well-known instance to which requests go (PS3.4 J.3.5)."""

_NATIVE: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the peer said of one instance.

    Attributes
    ----------
    status : str
        ``committed`` | ``not-committed`` | ``unknown`` (no answer in time, or it would not take the request).
    sop_instance_uid : str
        Which.
    failure_reason : int or None
        (0008,1197) of PS3.3 C.14.1.1, where the peer gave one.
    """

    status: CommitmentStatus
    sop_instance_uid: str
    failure_reason: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the documented object."""
        reason = self.failure_reason
        return {
            "status": self.status,
            "sop_instance_uid": self.sop_instance_uid,
            "failure_reason": None if reason is None else f"{reason:04X}",
        }


class _Told(NamedTuple):
    """What an N-EVENT-REPORT holds."""

    transaction_uid: str
    committed: frozenset[str]
    failed: Mapping[str, int | None]
    answering: threading.Thread


def request_commitment(
    peer: Peer,
    results: Sequence[SendResult],
    *,
    wait_seconds: float = 60.0,
    port: int | None = None,
    bind_address: str = "",
    listen_tls: ssl.SSLContext | None = None,
) -> list[Commitment]:
    """Ask the peer to keep what it has stored, and return what it says.

    Parameters
    ----------
    peer : Peer
        To whom the instances were sent.
    results : sequence of SendResult
        What `send_files` returned; those that were stored are asked for.
    wait_seconds : float
        How long to wait for its report; for each 10 000 instances anew.
    port : int, optional
        Listen here for a peer that reports on an association of its own; 0 takes any free one.
    bind_address : str
        The address to listen on; empty for all.
    listen_tls : ssl.SSLContext, optional
        `acceptor_context` for who reports there; a must where `peer` has TLS, as it calls back with TLS then.

    Returns
    -------
    list of Commitment
        One for each distinct instance that was stored, in their order.

    Raises
    ------
    AssociationError
        The peer cannot be reached, or accepts no request for Storage Commitment.
    OSError
        The port is taken.
    ValueError
        There is a port to listen on, and TLS in one direction alone.
    """
    if port is not None and (peer.tls is None) != (listen_tls is None):
        raise ValueError(
            "a peer that is spoken to by TLS reports by TLS: port needs listen_tls then, and only then"
        )
    classes = {one.sop_instance_uid: one.sop_class_uid for one in results if one.is_stored}
    told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, _handle, [told])]
    found: dict[str, Commitment] = {}
    uids = list(classes)
    if not uids:
        return []
    with ExitStack() as stack:
        if port is not None:
            stack.callback(_listen(peer, (bind_address, port), handlers, listen_tls).shutdown)
        association = _associate(peer, handlers)
        stack.callback(_end, association)
        for start in range(0, len(uids), _MAX_REFERENCES):
            asked = uids[start : start + _MAX_REFERENCES]
            transaction_uid = _ask(association, {uid: classes[uid] for uid in asked})
            # One transaction at a time: some peers take a second request for the answer to their report.
            report = _wait(told, transaction_uid, association if port is None else None, wait_seconds)
            if report is None:
                break
            found |= _said(report, asked)
    return [found.get(uid, Commitment("unknown", uid)) for uid in uids]


def _wait(
    told: "queue.SimpleQueue[_Told]", transaction_uid: str, association: Any | None, wait_seconds: float
) -> _Told | None:
    """Return the report on a transaction; None where there is none in time, or none can come any more."""
    deadline = time.monotonic() + wait_seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            report = told.get(timeout=min(left, 0.2))
        except queue.Empty:
            if association is not None and not association.is_established:
                return None
        else:
            # Its answer goes out first, however slow this machine is: behind a release it would be a breach of the
            # protocol, and some peers take a request that comes before it for the answer.
            report.answering.join(max(deadline - time.monotonic(), _ANSWER_SECONDS))
            # Reports on others' transactions are none of ours.
            if report.transaction_uid == transaction_uid:
                return report
    return None


def _said(report: _Told, asked: Sequence[str]) -> dict[str, Commitment]:
    """Return what a report says of what it was asked for; named as both, the worse counts."""
    found = {uid: Commitment("committed", uid) for uid in asked if uid in report.committed}
    failed = {
        uid: Commitment("not-committed", uid, report.failed[uid]) for uid in asked if uid in report.failed
    }
    return found | failed


def _associate(peer: Peer, handlers: list[Any]) -> Any:
    association = associate(peer, [(_PUSH_MODEL, _NATIVE)], handlers=handlers)
    if not association.is_established:
        raise AssociationError("the peer does not take requests for Storage Commitment", kind="rejected")
    return association


def _listen(peer: Peer, address: tuple[str, int], handlers: list[Any], tls: ssl.SSLContext | None) -> Any:
    entity = new_entity(peer.calling_ae, peer.timeout_seconds)
    # The peer is the Service Class Provider, and here it asks for the association: roles are swapped (PS3.4 J.3.3).
    entity.add_supported_context(_PUSH_MODEL, list(_NATIVE), scu_role=True, scp_role=True)
    entity.maximum_associations = 4
    return entity.start_server(address, block=False, ssl_context=tls, evt_handlers=handlers)


def _ask(association: Any, classes: Mapping[str, str]) -> str:
    request = Dataset()
    request.TransactionUID = new_uid()
    request.ReferencedSOPSequence = [_reference(uid, sop_class) for uid, sop_class in classes.items()]
    status, _ = association.send_n_action(request, 1, _PUSH_MODEL, _PUSH_MODEL_INSTANCE)
    if "Status" not in status:
        raise AssociationError("the peer did not answer the request for Storage Commitment", kind="timeout")
    if status.Status != 0:
        raise AssociationError(
            f"the peer answered {status.Status:04X} to the request for Storage Commitment", kind="rejected"
        )
    return str(request.TransactionUID)


def _reference(sop_instance_uid: str, sop_class_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def _handle(event: evt.Event, told: "queue.SimpleQueue[_Told]") -> tuple[int, None]:
    """Take an N-EVENT-REPORT, in the thread that pynetdicom answers it in."""
    try:
        information = event.event_information
        kept, failed = information.get("ReferencedSOPSequence"), information.get("FailedSOPSequence")
        report = _Told(
            str(information.TransactionUID),
            frozenset(_uid(item) for item in kept or ()),
            {_uid(item): item.get("FailureReason") for item in failed or ()},
            threading.current_thread(),
        )
    except (AttributeError, ValueError, TypeError, KeyError):
        return 0x0110, None
    told.put(report)
    return 0x0000, None


def _uid(item: Dataset) -> str:
    return str(item.ReferencedSOPInstanceUID)


def _end(association: Any) -> None:
    if association.is_established:
        release(association)
