# SPDX-License-Identifier: Apache-2.0
"""One association that this side asked for, by pynetdicom: what the peer accepts, and C-STORE from a file.

pynetdicom's own `send_c_store` queues a whole file in memory before it is on the wire, sends it as one PDU where the
peer names no greatest length, and is asked to stream by a switch that is global. `store` here hands over a PDU
when the last ones have left.
"""

import itertools
import queue
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final

from framedeflate.dimse.contexts import Answer, Proposal
from framedeflate.dimse.peer_association import Peer, acknowledge_at_once, associate, release
from framedeflate.errors import AssociationError
from framedeflate.extras import needing

with needing("dimse", "sending over DICOM's network protocol"):
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.pdu_primitives import P_DATA

__all__ = ["Requestor"]

_MAX_PDV_NBYTES: Final = 1 << 16
"""Of one P-DATA-TF PDU, where the peer allows more or any: what is held in memory for it, several times."""

_PDU_OVERHEAD_NBYTES: Final = 12
"""PDU header, PDV length, context ID, message control header (PS3.8 9.3.5)."""

_QUEUED_PDUS: Final = 64
_POLL_SECONDS: Final = 0.0005
_FULL_SECONDS: Final = 0.003
_EARLY_POLLS: Final = 25
_STOP_SECONDS: Final = 5.0
"""How long an answer is waited for once a stop was asked for: what the peer has whole, it likely stored."""

_ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
_LAST_FRAGMENT: Final = b"\2"
_FRAGMENT: Final = b"\0"
"""Message control headers of a Data Set's fragments (PS3.8 E.2)."""


class Requestor:
    """An association with a peer.

    Parameters
    ----------
    peer : Peer
        With whom.
    proposals : sequence of Proposal
        At most 128 presentation contexts.
    is_stopped : callable, optional
        Asked between PDUs: where it returns True, sending ends with an AssociationError of kind ``stopped``.

    Attributes
    ----------
    answer : Answer
        What the peer accepted.
    is_open : bool
        Whether instances can be sent. A peer that accepts none of the contexts has none open.

    Raises
    ------
    AssociationError
        kind ``connection`` | ``rejected`` | ``busy`` (rejected for now) | ``aborted`` | ``timeout``.
    """

    def __init__(
        self, peer: Peer, proposals: Sequence[Proposal], *, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._peer = peer
        self._is_stopped = is_stopped
        self._message_id = 0
        self._association = associate(
            peer, [(proposal.sop_class_uid, [proposal.transfer_syntax_uid]) for proposal in proposals]
        )
        self.answer = _answer(self._association)

    @property
    def is_open(self) -> bool:
        """Whether the association stands."""
        return bool(self._association.is_established) and self._association.dul.is_alive()

    def close(self) -> None:
        """Release the association, where it still stands."""
        if self.is_open and not release(self._association):
            self.drop()

    def drop(self) -> None:
        """Abort the association; where even that cannot be sent, close the connection."""
        association = self._association
        if association.dul.is_alive():
            association.abort(block=False)
            association.dul.join(1.0)
        if association.dul.is_alive():
            transport = association.dul.socket
            if transport is not None and transport.socket is not None:
                with suppress(OSError):
                    transport.socket.shutdown(socket.SHUT_RDWR)
            association.dul.join(1.0)

    def store(
        self,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        context_id: int,
        data_set: BinaryIO,
        nbytes: int,
    ) -> tuple[int, int]:
        """Send one instance.

        Parameters
        ----------
        sop_class_uid, sop_instance_uid : str
            Whose the Data Set is.
        context_id : int
            An accepted presentation context, in whose Transfer Syntax the Data Set is encoded.
        data_set : file object
            Where the Data Set begins.
        nbytes : int
            Bytes of the Data Set.

        Returns
        -------
        status, wire_nbytes : int
            The peer's status (PS3.4 B.2.3), and the bytes of all PDUs that were sent for it.

        Raises
        ------
        AssociationError
            kind ``aborted`` | ``timeout`` | ``bad-answer`` | ``stopped``. The association is gone then.
        EOFError
            The Data Set is shorter than `nbytes`; the association is gone.
        """
        self._message_id = self._message_id % 0xFFFF + 1
        request = C_STORE()
        request.MessageID = self._message_id
        request.Priority = 0
        request.AffectedSOPClassUID = sop_class_uid
        request.AffectedSOPInstanceUID = sop_instance_uid
        message = C_STORE_RQ()
        message.primitive_to_message(request)
        message.command_set.CommandDataSetType = 0x0001
        message.data_set = None
        association = self._association
        # pynetdicom's thread for what the peer asks of us must not take the answer out of the queue.
        association._reactor_checkpoint.clear()
        try:
            while not association._is_paused and association.is_alive():
                time.sleep(_POLL_SECONDS)
            most = _pdv_nbytes(association.dimse.maximum_pdu_size)
            wire_nbytes = self._send(message.encode_msg(context_id, association.dimse.maximum_pdu_size))
            wire_nbytes += self._send(_data_pdus(data_set, nbytes, context_id, most))
            return self._answer_of(self._message_id), wire_nbytes
        except BaseException:
            self.drop()
            raise
        finally:
            association._reactor_checkpoint.set()

    def _send(self, pdus: Iterable[P_DATA]) -> int:
        wire_nbytes = 0
        for pdu in pdus:
            self._wait_for_room()
            wire_nbytes += sum(len(value) for _, value in pdu.presentation_data_value_list)
            wire_nbytes += _PDU_OVERHEAD_NBYTES - 1
            self._association.dul.send_pdu(pdu)
        return wire_nbytes

    def _wait_for_room(self) -> None:
        """Wait while many PDUs are queued: a peer, or a wire, that is slower than the disk must not fill memory."""
        dul = self._association.dul
        deadline = time.monotonic() + self._peer.timeout_seconds
        before, most = dul.to_provider_queue.qsize(), _QUEUED_PDUS
        while True:
            if self._is_stopped():
                raise AssociationError("sending was stopped", kind="stopped")
            if not self.is_open or not self._association.dimse.msg_queue.empty():
                # What answers before the end is an abort, or a peer that reads no further.
                raise AssociationError("the peer ended the association while it was sent to", kind="aborted")
            queued = dul.to_provider_queue.qsize()
            if queued < most:
                return
            if queued < before:
                before, deadline = queued, time.monotonic() + self._peer.timeout_seconds
            elif time.monotonic() > deadline:
                raise AssociationError(
                    f"the peer read nothing for {self._peer.timeout_seconds:g} seconds", kind="timeout"
                )
            # Seldom, and until half of them have left: pynetdicom's thread needs the interpreter to send them.
            most = _QUEUED_PDUS // 2
            time.sleep(_FULL_SECONDS)

    def _answer_of(self, message_id: int) -> int:
        deadline = time.monotonic() + self._peer.timeout_seconds
        dul = self._association.dul
        stop_at = None
        for waited in itertools.count():
            is_early = waited < _EARLY_POLLS
            try:
                _, answer = self._association.dimse.msg_queue.get(timeout=0.002 if is_early else 0.1)
                break
            except queue.Empty:
                if is_early:
                    acknowledge_at_once(self._association)
                now = time.monotonic()
                if dul.to_provider_queue.qsize():
                    # Not all is on the wire yet, so the peer is not late.
                    deadline = max(deadline, now + self._peer.timeout_seconds / 2)
                if self._is_stopped():
                    stop_at = stop_at or now + _STOP_SECONDS
                    if now > stop_at:
                        raise AssociationError("sending was stopped", kind="stopped") from None
                if now > deadline:
                    raise AssociationError(
                        f"the peer did not answer within {self._peer.timeout_seconds:g} seconds",
                        kind="timeout",
                    ) from None
                if not dul.is_alive():
                    raise AssociationError("the connection was lost", kind="aborted") from None
        if answer is None:
            raise AssociationError("the peer ended the association before it answered", kind="aborted")
        if (
            not isinstance(answer, C_STORE)
            or not answer.is_valid_response
            or answer.MessageIDBeingRespondedTo != message_id
            or answer.Status is None
        ):
            raise AssociationError("the peer's answer does not belong to what was sent", kind="bad-answer")
        return int(answer.Status)


def _pdv_nbytes(maximum_pdu_nbytes: int) -> int:
    """Bytes of the Data Set in one PDU; 0 says that the peer takes any length (PS3.8 D.1)."""
    if maximum_pdu_nbytes == 0:
        return _MAX_PDV_NBYTES
    # Six bytes are the PDV's own header. Even, so that no value is cut inside a word.
    return max(2, min(maximum_pdu_nbytes - 6, _MAX_PDV_NBYTES) & ~1)


def _data_pdus(data_set: BinaryIO, nbytes: int, context_id: int, most: int) -> Iterable[P_DATA]:
    left = nbytes
    while left:
        value = data_set.read(min(most, left))
        if not value:
            raise EOFError
        left -= len(value)
        pdu = P_DATA()
        pdu.presentation_data_value_list.append((context_id, (_FRAGMENT if left else _LAST_FRAGMENT) + value))
        yield pdu


def _answer(association: Any) -> Answer:
    proposed = {context.context_id: context for context in association.requestor.requested_contexts}
    accepted: dict[tuple[str, str], int] = {}
    for context in association.accepted_contexts:
        uid = str(context.transfer_syntax[0])
        # A peer may not answer with a Transfer Syntax that was not proposed; one that does is not believed.
        if uid in proposed[context.context_id].transfer_syntax:
            accepted[str(context.abstract_syntax), uid] = context.context_id
    unknown = {
        str(context.abstract_syntax)
        for context in association.rejected_contexts
        if context.result == _ABSTRACT_SYNTAX_NOT_SUPPORTED
    }
    return Answer(accepted, frozenset(unknown - {sop_class for sop_class, _ in accepted}))
