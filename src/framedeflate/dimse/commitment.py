# SPDX-License-Identifier: Apache-2.0
"""Storage Commitment as SCP: answers for what is on disk, decodes and is of the asked SOP Class (PS3.4 J)."""

import logging
import queue
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.dataset import Dataset

from framedeflate.dimse.acceptance import is_storage
from framedeflate.dimse.commitment_content import CommitmentContent, read_commitment_content
from framedeflate.dimse.commitment_report import WELL_KNOWN_INSTANCE, Peer, ReportDelivery
from framedeflate.errors import DicomFormatError, InstanceError
from framedeflate.instance_store import InstanceStore
from framedeflate.transfer_syntax import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

__all__ = ["FAILURE_REASONS", "CommitmentProvider", "CommitmentReport"]

_LOG: Final = logging.getLogger(__name__)

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
    ae_title, peers, tls, timeout_seconds
        As `ReportDelivery`.
    extra_sop_classes : collection of str
        As the receiver's.
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
        self._extra = extra_sop_classes
        self._on_report = on_report
        self._waiting: queue.Queue[_Request | None] = queue.Queue()
        self._answering: dict[int, _Request] = {}
        self._open: set[str] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._delivery = ReportDelivery(
            ae_title=ae_title,
            peers=peers,
            tls=tls,
            timeout_seconds=timeout_seconds,
            stopping=self._stopping,
        )
        self._thread = threading.Thread(target=self._run, name="framedeflate-commitment", daemon=True)

    def start(self) -> None:
        """Begin; once."""
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
        if request.RequestedSOPInstanceUID != WELL_KNOWN_INSTANCE:
            return _INVALID_INSTANCE, None
        syntax = event.context.transfer_syntax
        try:
            content = read_commitment_content(
                request.ActionInformation.getvalue() if request.ActionInformation else b"",
                implicit_vr=syntax == IMPLICIT_VR_LITTLE_ENDIAN,
                big_endian=syntax == EXPLICIT_VR_BIG_ENDIAN,
            )
        except (InstanceError, DicomFormatError) as error:
            _LOG.warning("a commitment request cannot be read: %s", error)
            return _INVALID_ARGUMENT, None
        return self._register(content, event.assoc), None

    def _register(self, content: CommitmentContent, association: Any) -> int:
        """Note a request until it has been answered, and return the status of that answer."""
        uid, references = content
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
            is_delivered=self._delivery.deliver(
                request.association, request.ae_title, event_type, information
            ),
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


def _reference(sop_class_uid: str, sop_instance_uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if reason is not None:
        item.FailureReason = reason
    return item
