# SPDX-License-Identifier: Apache-2.0
"""Storage SCP: takes instances from any peer, proves them, and says so only once they are safe on disk (PS3.4 B)."""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from pydicom.dataset import Dataset

from framedeflate.dimse.acceptance import STORAGE_COMMITMENT, VERIFICATION, is_storage, supported_contexts
from framedeflate.dimse.association_server import AssociationServer, Network
from framedeflate.dimse.commitment import CommitmentProvider, CommitmentReport
from framedeflate.dimse.commitment_report import Peer
from framedeflate.dimse.incoming import ArrivingDataSet, IncomingMessages
from framedeflate.dimse.received import Received, ReceiverLimits, printable, reason_of, shown_uid
from framedeflate.dimse.statuses import STATUSES, SopClassNotSupportedError, status_of
from framedeflate.errors import FrameDeflateError, InstanceError
from framedeflate.extras import needing
from framedeflate.instance_store import Arrival, InstanceStore, StoredInstance
from framedeflate.instance_store.check import is_uid
from framedeflate.transcode.file_meta import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    new_file_meta,
)

with needing("dimse", "DICOM's network protocol"):
    from pynetdicom import AE, evt
    from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation

__all__ = ["Received", "Receiver", "ReceiverLimits"]

_LOG: Final = logging.getLogger(__name__)
_REFUSALS: Final = logging.getLogger(f"{__name__}.refusals")
"""Apart from the rest, for callers that show each `Received` themselves."""

_STORAGE_SERVICE_CLASS: Final = "1.2.840.10008.4.2"
_MAX_CONTEXTS: Final = 128
_WAITING_CONNECTIONS: Final = 16
"""Connections beyond the associations: they are told that there are too many, instead of nothing."""


class Receiver:
    """A node that stores what it is sent, and answers C-ECHO and requests for Storage Commitment.

    Parameters
    ----------
    store : InstanceStore
        Where instances go.
    ae_title : str
        Its own, up to 16 characters.
    require_called_ae_title : bool
        Whether peers must call it by that.
    ae_titles : sequence of str
        Who may call; empty means anybody. Anybody can also claim to be one of them: only TLS proves who calls.
    networks : sequence of Network
        Addresses that are let in; empty means all.
    tls : ssl.SSLContext or None
        `acceptor_context`.
    sop_classes : sequence of str
        Private storage SOP Classes to accept beside those of the standard.
    peers : mapping of str to Peer
        Where to report commitment to, by AE title.
    peer_tls : ssl.SSLContext or None
        `requestor_context` for that.
    limits : ReceiverLimits
        What a peer may take.
    on_received : callable
        Called with each `Received`, from several threads.
    on_report : callable
        Called with each `CommitmentReport`.
    """

    def __init__(
        self,
        store: InstanceStore,
        *,
        ae_title: str = "FRAMEDEFLATE",
        require_called_ae_title: bool = False,
        ae_titles: Sequence[str] = (),
        networks: Sequence[Network] = (),
        tls: ssl.SSLContext | None = None,
        sop_classes: Sequence[str] = (),
        peers: Mapping[str, Peer] | None = None,
        peer_tls: ssl.SSLContext | None = None,
        limits: ReceiverLimits | None = None,
        on_received: Callable[[Received], None] | None = None,
        on_report: Callable[[CommitmentReport], None] | None = None,
    ) -> None:
        self.limits = limits or ReceiverLimits()
        self._store = store
        self._tls = tls
        self._networks = tuple(networks)
        self._extra = frozenset(sop_classes)
        self._on_received = on_received or (lambda _received: None)
        self._entity = AE(ae_title)
        self._entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self._entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        self._entity.require_called_aet = require_called_ae_title
        self._entity.require_calling_aet = list(ae_titles)
        self._entity.maximum_associations = self.limits.associations
        self._entity.maximum_pdu_size = self.limits.pdu_nbytes
        self._entity.acse_timeout = self._entity.dimse_timeout = self.limits.pdu_seconds
        self._entity.network_timeout = self.limits.idle_seconds
        self._commitment = CommitmentProvider(
            store,
            ae_title=ae_title,
            peers=peers or {},
            tls=peer_tls,
            extra_sop_classes=self._extra,
            timeout_seconds=self.limits.pdu_seconds,
            on_report=on_report or (lambda _report: None),
        )
        self._server: AssociationServer | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._busy = _Busy()

    def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen, in threads of its own; once.

        Parameters
        ----------
        host : str
            Address to listen on; "0.0.0.0" means all.
        port : int
            0 takes a free one.

        Returns
        -------
        (str, int)
            Address and port.

        Raises
        ------
        OSError
            The port is taken, or the address is not ours.
        RuntimeError
            It was started before.
        """
        if self._thread is not None:
            raise RuntimeError("a receiver is started once; make another")
        # pynetdicom wants some; what counts is chosen for each association, once it is known what is proposed.
        contexts = supported_contexts([VERIFICATION])
        handlers: list[Any] = [
            (evt.EVT_CONN_CLOSE, _end_waiting),
            (evt.EVT_REQUESTED, self._choose_contexts),
            (evt.EVT_ACCEPTED, self._name_services),
            (evt.EVT_C_STORE, self._receive),
            (evt.EVT_N_ACTION, self._commitment.take),
        ]
        self._server = AssociationServer(
            self._entity,
            (host, port),
            self._entity.ae_title,
            contexts,
            handlers,
            tls=self._tls,
            networks=self._networks,
            max_connections=self.limits.associations + _WAITING_CONNECTIONS,
            max_pdu_nbytes=self.limits.pdu_nbytes,
            seconds=self.limits.pdu_seconds,
            prepare=self._prepare,
            finish=self._finish,
        )
        self._entity._servers.append(self._server)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="framedeflate-receiver", daemon=True
        )
        self._thread.start()
        self._commitment.start()
        address = self._server.server_address
        return str(address[0]), int(address[1])

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Take no more connections, let what is under way come to its end, then end the associations.

        Parameters
        ----------
        grace_seconds : float
            How long an instance that is arriving, or being verified, may take; after that it is dropped, and its
            sender has no answer that says otherwise. New requests are refused at once, as out of resources.
        """
        server, self._server = self._server, None
        if server is None:
            return
        self._stopping.set()
        server.shutdown()
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline and (self._busy.count or _any_receiving(server)):
            time.sleep(0.02)
        for association in server.active_associations:
            if not _ended_waiting(association):
                association.abort(block=False)
        self._commitment.stop(max(1.0, deadline - time.monotonic()))
        for seconds in (0.5, 2.0):
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and server.active_associations:
                time.sleep(0.02)
            server.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self, association: Any) -> None:
        association.dimse = IncomingMessages(
            association,
            begin=self._begin,
            max_object_nbytes=self._store.max_object_nbytes,
            on_action_answered=lambda of, _response: self._commitment.answered(of),
        )

    def _finish(self, association: Any) -> None:
        association.dimse.discard_unfinished()
        self._commitment.forget(association)
        if association.dimse.reason:
            address = association.requestor.address
            _LOG.warning("association with %s ended: %s", address, association.dimse.reason)

    def _choose_contexts(self, event: Any) -> None:
        """Support what is proposed, as far as it is storage: lists of SOP Classes are never complete."""
        association = event.assoc
        request = association.requestor.primitive
        # There are no more IDs (PS3.8 9.3.2.2). A request that repeats them thousands of times would take minutes.
        del request.presentation_context_definition_list[_MAX_CONTEXTS:]
        proposed = request.presentation_context_definition_list
        association.acceptor.supported_contexts = supported_contexts(
            {str(context.abstract_syntax) for context in proposed}, extra=self._extra
        )

    def _name_services(self, event: Any) -> None:
        """Tell pynetdicom that these SOP Classes are storage, for this association alone."""
        association = event.assoc
        for context in association.accepted_contexts:
            uid = context.abstract_syntax
            if uid not in {VERIFICATION, STORAGE_COMMITMENT}:
                item = SOPClassCommonExtendedNegotiation()
                item.sop_class_uid = uid
                item.service_class_uid = _STORAGE_SERVICE_CLASS
                association.acceptor._common_ext[uid] = item

    def _begin(self, association: Any, message: Any) -> Arrival:
        """Begin the file of an instance whose command has come.

        Raises
        ------
        InstanceError, OSError
            It is refused already; its Data Set is dropped as it comes.
        """
        if self._stopping.is_set():
            raise InstanceError("the receiver is being stopped", kind="interrupted")
        command = message.command_set
        uids = str(command.AffectedSOPClassUID), str(command.AffectedSOPInstanceUID)
        if not all(map(is_uid, uids)):
            raise InstanceError("the command has no proper SOP Class or SOP Instance UID", kind="no-uid")
        context = association._accepted_cx[message.context_id]
        arrival = self._store.arrival()
        arrival.write(new_file_meta(*uids, str(context.transfer_syntax[0])))
        return arrival

    def _receive(self, event: Any) -> Dataset:
        """Answer a C-STORE request: prove and store what lies on disk already."""
        with self._busy:
            received = self._store_one(event)
            self._tell(received)
        # Proving a large instance may take longer than an association may be idle: the time begins anew.
        event.assoc.dul._idle_timer.restart()
        answer = Dataset()
        answer.Status = received.status.code
        if received.status.comment:
            answer.ErrorComment = received.status.comment
        return answer

    def _tell(self, received: Received) -> None:
        try:
            self._on_received(received)
        except Exception:  # noqa: BLE001
            # The instance is stored: an error in what listens must not tell its sender otherwise.
            _LOG.exception("what listens to received instances failed")

    def _store_one(self, event: Any) -> Received:
        request = event.request
        uids = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        ae_title = printable(str(event.assoc.requestor.ae_title))
        address = str(event.assoc.requestor.address)
        stored, reason = None, ""
        try:
            stored = self._put(request.DataSet, event.context.abstract_syntax, uids)
            status = STATUSES["success"]
        except (FrameDeflateError, OSError, MemoryError, SopClassNotSupportedError) as error:
            status, reason = status_of(error), reason_of(error)
            _REFUSALS.warning(
                "%s from %s at %s refused, status %04X: %s",
                shown_uid(uids[1]),
                ae_title,
                address,
                status.code,
                reason,
            )
        return Received(
            sop_class_uid=shown_uid(uids[0]),
            sop_instance_uid=shown_uid(uids[1]),
            ae_title=ae_title,
            address=address,
            status=status,
            stored=stored,
            reason=reason,
        )

    def _put(self, data_set: Any, abstract_syntax: str, uids: tuple[str, str]) -> StoredInstance:
        if not isinstance(data_set, ArrivingDataSet):
            raise InstanceError("the request has no Data Set", kind="no-uid")
        try:
            if data_set.error is not None:
                raise data_set.error
            if data_set.arrival is None:
                raise InstanceError("the receiver is being stopped", kind="interrupted")
            if uids[0] != abstract_syntax or not is_storage(uids[0], self._extra):
                raise SopClassNotSupportedError(
                    "the command's SOP Class is not that of its presentation context"
                )
            return self._store.put(data_set.arrival, sop_class_uid=uids[0], sop_instance_uid=uids[1])
        finally:
            data_set.discard()


class _Busy:
    """Counts requests that are being answered."""

    def __init__(self) -> None:
        self.count = 0
        self._guard = threading.Lock()

    def __enter__(self) -> None:
        with self._guard:
            self.count += 1

    def __exit__(self, *_error: object) -> None:
        with self._guard:
            self.count -= 1


def _end_waiting(event: Any) -> None:
    """End the wait for an association on a connection that was closed: it would hold its place until a time-out."""
    _ended_waiting(event.assoc)


def _ended_waiting(association: Any) -> bool:
    if association.requestor.primitive is not None:
        return False
    association.dul.to_user_queue.put(None)
    return True


def _any_receiving(server: AssociationServer) -> bool:
    messages = [association.dimse for association in server.active_associations]
    return any(isinstance(of, IncomingMessages) and of.is_receiving for of in messages)
