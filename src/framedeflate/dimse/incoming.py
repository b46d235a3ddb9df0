# SPDX-License-Identifier: Apache-2.0
"""DIMSE messages as they come in: Data Sets go to disk while they arrive, and nothing grows without a limit.

pynetdicom can write Data Sets to disk by itself (``_config.STORE_RECV_CHUNKED_DATASET``), but for the whole process,
into the system's folder for temporary files, without a limit, and what an aborted association began stays there.
"""

import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from framedeflate.errors import InstanceError
from framedeflate.extras import needing
from framedeflate.instance_store import Arrival

with needing("dimse", "DICOM's network protocol"):
    from pynetdicom.dimse import DIMSEServiceProvider
    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
    from pynetdicom.pdu_primitives import P_DATA

__all__ = ["ArrivingDataSet", "IncomingMessages"]

MAX_COMMAND_NBYTES: Final = 1 << 16
MAX_INFORMATION_NBYTES: Final = 32 << 20
"""Longest Data Set of any other message than C-STORE: a commitment request for 200 000 instances."""

MAX_WAITING_MESSAGES: Final = 8
"""A peer may have one request open at a time, as nothing else was negotiated (PS3.7 D.3.3.3)."""

_COMMAND: Final = 1
_INVALID_PDU: Final = "Evt19"


class ArrivingDataSet(BytesIO):
    """The Data Set of a C-STORE request; it looks like memory to pynetdicom and is a file of the store.

    Attributes
    ----------
    arrival : Arrival or None
        The file; None where it could not be written.
    error : Exception or None
        Why. The bytes that still come are dropped, so that the peer gets its answer.
    dropped_nbytes : int
        How many were.
    """

    def __init__(self, begin: Callable[[], Arrival]) -> None:
        super().__init__()
        self.arrival: Arrival | None = None
        self.error: Exception | None = None
        self.dropped_nbytes = 0
        try:
            self.arrival = begin()
        except (InstanceError, OSError) as error:
            self.error = error

    def write(self, data: Any, /) -> int:
        """Write to the file. Never fails: this runs in pynetdicom's network thread."""
        if self.arrival is None:
            self.dropped_nbytes += len(data)
            return len(data)
        try:
            self.arrival.write(data)
        except (InstanceError, OSError) as error:
            self.error = error
            self.discard()
        return len(data)

    def discard(self) -> None:
        """Remove the file."""
        if self.arrival is not None:
            arrival, self.arrival = self.arrival, None
            arrival.discard()


class IncomingMessages(DIMSEServiceProvider):
    """The messages of one association.

    Parameters
    ----------
    association : pynetdicom.association.Association
        Whose.
    begin : callable
        Makes the file for a C-STORE request, from its message.
    max_object_nbytes : int
        As many bytes are dropped of an instance that is refused, then the association ends.
    on_action_answered : callable
        Called with (association, N-ACTION response) once the response is on its way.
    """

    def __init__(
        self,
        association: Any,
        *,
        begin: Callable[[Any, Any], Arrival],
        max_object_nbytes: int,
        on_action_answered: Callable[[Any, Any], None],
    ) -> None:
        super().__init__(association)
        self._begin = begin
        self._max_dropped_nbytes = max_object_nbytes
        self._on_action_answered = on_action_answered
        self._command_nbytes = self._information_nbytes = 0
        self._is_broken = False
        self.reason = ""
        self._sending = threading.Lock()
        self._report_answers: dict[int, int | None] = {}
        """Statuses by Message ID, of the reports whose answers are waited for and no others."""
        self._report_answered = threading.Condition()

    @property
    def is_receiving(self) -> bool:
        """Whether a message has begun and not ended."""
        return self.message is not None

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take one PDU's worth of messages."""
        for value in primitive.presentation_data_value_list:
            if self._is_broken:
                return
            piece = P_DATA()
            piece.presentation_data_value_list.append(value)
            try:
                self._check(value[1])
                super().receive_primitive(piece)
                self._route()
            except Exception as error:  # noqa: BLE001 - what decoding a hostile command raises is pydicom's to choose
                self.break_off(f"a message that cannot be read: {type(error).__name__}")

    def break_off(self, reason: str) -> None:
        """Drop what is half received, and have the association aborted."""
        self._is_broken = True
        self.reason = reason
        self.discard_unfinished()
        self.dul.event_queue.put(_INVALID_PDU)

    def discard_unfinished(self) -> None:
        """Remove the file of a message that will not be completed, and those of messages that nobody answers."""
        message, self.message = self.message, None
        waiting = [message.data_set] if message is not None else []
        while not self.msg_queue.empty():
            _context_id, request = super().get_msg(block=False)
            waiting.append(getattr(request, "DataSet", None))
        for data_set in waiting:
            if isinstance(data_set, ArrivingDataSet):
                data_set.discard()

    def _check(self, value: bytes) -> None:
        data_set = None if self.message is None else self.message.data_set
        if value[0] & _COMMAND:
            self._command_nbytes += len(value)
        elif not isinstance(data_set, ArrivingDataSet):
            self._information_nbytes += len(value)
        elif data_set.dropped_nbytes > self._max_dropped_nbytes:
            raise ValueError
        if self._command_nbytes > MAX_COMMAND_NBYTES or self._information_nbytes > MAX_INFORMATION_NBYTES:
            raise ValueError
        if self.message is None and self.msg_queue.qsize() >= MAX_WAITING_MESSAGES:
            raise ValueError

    def _route(self) -> None:
        """Once the command of a C-STORE request is there, have its Data Set go to the store."""
        message = self.message
        if message is None:
            self._command_nbytes = self._information_nbytes = 0
        elif isinstance(message, C_STORE_RQ) and not isinstance(message.data_set, ArrivingDataSet):
            if message._data_set_file is not None:
                # Somebody else in this process asked for pynetdicom's own way.
                message._data_set_file.close()
                Path(message._data_set_file.name).unlink(missing_ok=True)
                message._data_set_file = message._data_set_path = None
            message.data_set = ArrivingDataSet(lambda: self._begin(self.assoc, message))

    def get_msg(self, block: bool = False) -> Any:
        """Return the next message, but for answers to reports, which `report` waits for."""
        context_id, message = super().get_msg(block)
        if isinstance(message, N_EVENT_REPORT) and message.MessageIDBeingRespondedTo is not None:
            with self._report_answered:
                # Of the status alone: a peer may answer what nobody asked, megabytes each time.
                if message.MessageIDBeingRespondedTo in self._report_answers:
                    self._report_answers[message.MessageIDBeingRespondedTo] = message.Status
                    self._report_answered.notify_all()
            return None, None
        return context_id, message

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message; reports are sent by another thread than answers, and Fragments of two must not mix."""
        with self._sending:
            super().send_msg(primitive, context_id)
        if isinstance(primitive, N_ACTION):
            self._on_action_answered(self.assoc, primitive)

    def report(self, request: N_EVENT_REPORT, context_id: int, *, timeout_seconds: float) -> int | None:
        """Send an N-EVENT-REPORT on this association and return the status of its answer, None without one."""
        number = int(request.MessageID or 0)
        with self._report_answered:
            self._report_answers[number] = None
        try:
            self.send_msg(request, context_id)
            with self._report_answered:
                self._report_answered.wait_for(
                    lambda: self._report_answers[number] is not None, timeout_seconds
                )
        finally:
            with self._report_answered:
                status = self._report_answers.pop(number)
        return status
