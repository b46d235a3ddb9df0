# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment as SCP: answers for what is on disk, decodes and is of the asked SOP Class (PS3.4 J)."""

import logging
import queue
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode
from pynetdicom.presentation import build_context, build_role

from framedeflate.dimse.acceptance import STORAGE_COMMITMENT, is_storage
from framedeflate.dimse.incoming import IncomingMessages
from framedeflate.errors import InstanceError
from framedeflate.instance_store import InstanceStore
from framedeflate.instance_store.check import is_uid
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

__all__ = ["FAILURE_REASONS", "CommitmentProvider", "CommitmentReport", "Peer"]

_LOG: Final = logging.getLogger(__name__)

_WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
_REQUEST_COMMITMENT: Final = 1
_ALL_STORED, _SOME_FAILED = 1, 2

FAILURE_REASONS: Final[dict[str, tuple[int, str]]] = {
    "missing": (0x0112, "no such object instance"),
    "no-uid": (0x0112, "no such object instance"),
    "sop-class": (0x0119, "class/instance conflict"),
    "damaged": (0x0110, "processing failure"),
    "not-stored-here": (0x0122, "referenced SOP Class not supported"),
    "disk-left": (0x0213, "resource limitation"),
    "interrupted": (0x0213, "resource limitation"),
}
"""Failure Reason (0008,1197) by what kept an instance from being confirmed (PS3.3 C.14.1.1). 0131, duplicate
Transaction UID, is not among them: such a request is refused as a whole, with status 0210."""

_PROCESSING_FAILURE: Final = 0x0110
_INVALID_ARGUMENT: Final = 0x0115
_INVALID_INSTANCE: Final = 0x0117
_NO_SUCH_ACTION: Final = 0x0123
_DUPLICATE_INVOCATION: Final = 0x0210
_RESOURCE_LIMITATION: Final = 0x0213

_MAX_WAITING: Final = 100
_MAX_INSTANCES: Final = 200_000
_RETRY_SECONDS: Final = (1.0, 5.0, 25.0)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where an Application Entity listens.

    Attributes
    ----------
    host : str
        Name or address.
    port : int
        Its port.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What was answered to one request.

    Attributes
    ----------
    transaction_uid : str
        The request's.
    ae_title : str
        Who asked.
    stored : int
        How many instances are confirmed.
    failed : tuple of (str, int)
        SOP Instance UID and Failure Reason of the others.
    is_delivered : bool
        Whether the peer has taken the report.
    """

    transaction_uid: str
    ae_title: str
    stored: int
    failed: tuple[tuple[str, int], ...]
    is_delivered: bool


@dataclass(frozen=True, slots=True)
class _Request:
    transaction_uid: str
    references: tuple[tuple[str, str], ...]
    ae_title: str
    association: Any


class CommitmentProvider:
    """Takes requests, reads the instances through in a thread of its own, and reports.

    Parameters
    ----------
    store : InstanceStore
        What one may answer for.
    ae_title : str
        Ours.
    peers : mapping of str to Peer
        Where to report to, by AE title, on a new association; who is not in it hears on the one it asked on, for as
        long as that is open.
    tls : ssl.SSLContext or None
        For new associations.
    extra_sop_classes : collection of str
        As the receiver's.
    timeout_seconds : float
        For each answer.
    on_report : callable
        Called with a CommitmentReport.
    """

    def __init__(
        self,
        store: InstanceStore,
        *,
        ae_title: str,
        peers: Mapping[str, Peer],
        tls: ssl.SSLContext | None,
        extra_sop_classes: frozenset[str],
        timeout_seconds: float,
        on_report: Callable[[CommitmentReport], None],
    ) -> None:
        self._store = store
        self._ae_title = ae_title
        self._peers = peers
        self._tls = tls
        self._extra = extra_sop_classes
        self._timeout_seconds = timeout_seconds
        self._on_report = on_report
        self._waiting: queue.Queue[_Request | None] = queue.Queue()
        self._answering: dict[int, _Request] = {}
        self._open: set[str] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._message_number = 0
        self._thread = threading.Thread(target=self._run, name="framedeflate-commitment", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End, after the report under way if it is quick; a peer whose request is dropped hears nothing."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(timeout_seconds)

    def take(self, event: Any) -> tuple[int, None]:
        """Answer an N-ACTION request; the report follows once that answer is on its way."""
        request = event.request
        if request.ActionTypeID != _REQUEST_COMMITMENT:
            return _NO_SUCH_ACTION, None
        if request.RequestedSOPInstanceUID != _WELL_KNOWN_INSTANCE:
            return _INVALID_INSTANCE, None
        try:
            uid, references = _read_request(event)
        except Exception as error:  # noqa: BLE001 - what pydicom raises for a broken Data Set is its own choice
            _LOG.warning("a commitment request cannot be read: %s", type(error).__name__)
            return _INVALID_ARGUMENT, None
        return self._register(uid, references, event.assoc), None

    def _register(self, uid: str, references: tuple[tuple[str, str], ...], association: Any) -> int:
        """Note a request until it has been answered, and return the status of that answer."""
        with self._guard:
            if uid in self._open:
                return _DUPLICATE_INVOCATION
            if self._stopping.is_set() or len(self._open) >= _MAX_WAITING:
                return _RESOURCE_LIMITATION
            self._open.add(uid)
            self._answering[id(association)] = _Request(
                uid, references, str(association.requestor.ae_title).strip(), association
            )
        return 0x0000

    def answered(self, association: Any) -> None:
        """Begin with the request of this association: its answer has been sent."""
        with self._guard:
            request = self._answering.pop(id(association), None)
        if request is not None:
            self._waiting.put(request)

    def forget(self, association: Any) -> None:
        """Drop the request of an association that ended before it was answered."""
        with self._guard:
            request = self._answering.pop(id(association), None)
            if request is not None:
                self._open.discard(request.transaction_uid)

    def _run(self) -> None:
        while (request := self._waiting.get()) is not None and not self._stopping.is_set():
            try:
                self._on_report(self._handle(request))
            except Exception:  # noqa: BLE001
                # One request must not end the service for all others.
                _LOG.exception("commitment %s ended by an error of this program", request.transaction_uid)
            finally:
                with self._guard:
                    self._open.discard(request.transaction_uid)

    def _handle(self, request: _Request) -> CommitmentReport:
        stored, failed = [], []
        for sop_class_uid, sop_instance_uid in request.references:
            reason = self._failure(sop_class_uid, sop_instance_uid)
            if reason is None:
                stored.append((sop_class_uid, sop_instance_uid))
            else:
                failed.append((sop_class_uid, sop_instance_uid, reason))
        information = Dataset()
        information.TransactionUID = request.transaction_uid
        information.ReferencedSOPSequence = [_reference(*of) for of in stored]
        if failed:
            information.FailedSOPSequence = [_reference(*of) for of in failed]
        if not stored:
            del information.ReferencedSOPSequence
        event_type = _SOME_FAILED if failed else _ALL_STORED
        return CommitmentReport(
            transaction_uid=request.transaction_uid,
            ae_title=request.ae_title,
            stored=len(stored),
            failed=tuple((instance, reason) for _class, instance, reason in failed),
            is_delivered=self._deliver(request, event_type, information),
        )

    def _failure(self, sop_class_uid: str, sop_instance_uid: str) -> int | None:
        """Return the Failure Reason, or None for what one may answer for."""
        if self._stopping.is_set():
            return FAILURE_REASONS["interrupted"][0]
        if not is_storage(sop_class_uid, self._extra):
            return FAILURE_REASONS["not-stored-here"][0]
        try:
            self._store.confirm(sop_instance_uid, sop_class_uid)
        except InstanceError as error:
            return FAILURE_REASONS.get(error.kind, (_PROCESSING_FAILURE, ""))[0]
        except (OSError, MemoryError) as error:
            _LOG.error("%s cannot be confirmed: %s", sop_instance_uid, type(error).__name__)
            return _PROCESSING_FAILURE
        return None

    def _deliver(self, request: _Request, event_type: int, information: Dataset) -> bool:
        peer = self._peers.get(request.ae_title)
        if peer is None:
            return self._deliver_back(request, event_type, information)
        for seconds in (*_RETRY_SECONDS, 0.0):
            if self._deliver_to(peer, request.ae_title, event_type, information):
                return True
            if self._stopping.wait(seconds):
                break
        return False

    def _deliver_back(self, request: _Request, event_type: int, information: Dataset) -> bool:
        """Report on the association of the request."""
        association = request.association
        contexts = [
            context
            for context in association.accepted_contexts
            if context.abstract_syntax == STORAGE_COMMITMENT
        ]
        messages = association.dimse
        if not contexts or not association.is_established or not isinstance(messages, IncomingMessages):
            return False
        self._message_number = self._message_number % 0xFFFF + 1
        report = N_EVENT_REPORT()
        report.MessageID = self._message_number
        report.AffectedSOPClassUID = UID(STORAGE_COMMITMENT)
        report.AffectedSOPInstanceUID = UID(_WELL_KNOWN_INSTANCE)
        report.EventTypeID = event_type
        syntax = contexts[0].transfer_syntax[0]
        data = encode(information, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        report.EventInformation = BytesIO(data or b"")
        status = messages.report(report, contexts[0].context_id, timeout_seconds=self._timeout_seconds)
        return status == 0x0000

    def _deliver_to(self, peer: Peer, ae_title: str, event_type: int, information: Dataset) -> bool:
        """Report on a new association; whoever opens it says that roles are swapped (PS3.4 J.3.3, PS3.7 D.3.3.4)."""
        entity = AE(self._ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._timeout_seconds
        entity.connection_timeout = self._timeout_seconds
        context = build_context(STORAGE_COMMITMENT, [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=[context],
            ae_title=ae_title,
            ext_neg=[build_role(STORAGE_COMMITMENT, scp_role=True)],
            tls_args=None if self._tls is None else (self._tls, peer.host),
        )
        if not association.is_established:
            return False
        try:
            status, _reply = association.send_n_event_report(
                information, event_type, STORAGE_COMMITMENT, _WELL_KNOWN_INSTANCE
            )
        except (RuntimeError, ValueError):
            # The association ended meanwhile, or the peer took no such context.
            return False
        finally:
            association.release()
        return bool("Status" in status and status.Status == 0x0000)


def _read_request(event: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return Transaction UID, and SOP Class and Instance UIDs of what is asked for.

    Raises
    ------
    ValueError
        They are missing, malformed or too many.
    """
    information = event.action_information
    uid = str(information.TransactionUID)
    items = information.ReferencedSOPSequence
    references = tuple(
        (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)) for item in items
    )
    if not is_uid(uid) or not 1 <= len(references) <= _MAX_INSTANCES:
        raise ValueError
    if not all(is_uid(part) for reference in references for part in reference):
        raise ValueError
    return uid, references


def _reference(sop_class_uid: str, sop_instance_uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if reason is not None:
        item.FailureReason = reason
    return item
