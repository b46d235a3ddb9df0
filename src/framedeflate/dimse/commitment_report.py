# SPDX-License-Identifier: Apache-2.0
"""How a report on Storage Commitment reaches who asked: on the request's association, or on a new one (PS3.4 J.3.3)."""

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from framedeflate.dimse.acceptance import STORAGE_COMMITMENT
from framedeflate.dimse.incoming import IncomingMessages
from framedeflate.dimse.peer_association import new_entity
from framedeflate.extras import needing
from framedeflate.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

with needing("dimse", "DICOM's network protocol"):
    from pynetdicom.dimse_primitives import N_EVENT_REPORT
    from pynetdicom.dsutils import encode
    from pynetdicom.presentation import build_context, build_role

__all__ = ["WELL_KNOWN_INSTANCE", "Peer", "ReportDelivery"]

WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""Storage Commitment Push Model SOP Instance (PS3.4 J.3.5): requests and reports are all about this one."""

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


class ReportDelivery:
    """Delivers reports, one at a time.

    Parameters
    ----------
    ae_title : str
        Ours.
    peers : mapping of str to Peer
        Where to report to, by AE title, on a new association; who is not in it hears on the one it asked on, for as
        long as that is open.
    tls : ssl.SSLContext or None
        For new associations.
    timeout_seconds : float
        For each answer.
    stopping : threading.Event
        Ends the waiting between tries.
    """

    def __init__(
        self,
        *,
        ae_title: str,
        peers: Mapping[str, Peer],
        tls: ssl.SSLContext | None,
        timeout_seconds: float,
        stopping: threading.Event,
    ) -> None:
        self._ae_title = ae_title
        self._peers = peers
        self._tls = tls
        self._timeout_seconds = timeout_seconds
        self._stopping = stopping
        self._message_number = 0

    def deliver(self, association: Any, ae_title: str, event_type: int, information: Dataset) -> bool:
        """Report; return whether the peer has taken it."""
        peer = self._peers.get(ae_title)
        if peer is None:
            return self._deliver_back(association, event_type, information)
        for seconds in (*_RETRY_SECONDS, 0.0):
            if self._deliver_to(peer, ae_title, event_type, information):
                return True
            if self._stopping.wait(seconds):
                break
        return False

    def _deliver_back(self, association: Any, event_type: int, information: Dataset) -> bool:
        """Report on the association of the request."""
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
        report.AffectedSOPInstanceUID = UID(WELL_KNOWN_INSTANCE)
        report.EventTypeID = event_type
        syntax = contexts[0].transfer_syntax[0]
        data = encode(information, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        report.EventInformation = BytesIO(data or b"")
        status = messages.report(report, contexts[0].context_id, timeout_seconds=self._timeout_seconds)
        return status == 0x0000

    def _deliver_to(self, peer: Peer, ae_title: str, event_type: int, information: Dataset) -> bool:
        """Report on a new association; whoever opens it says that roles are swapped (PS3.4 J.3.3, PS3.7 D.3.3.4)."""
        entity = new_entity(self._ae_title, self._timeout_seconds)
        entity.network_timeout = self._timeout_seconds
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
                information, event_type, STORAGE_COMMITMENT, WELL_KNOWN_INSTANCE
            )
        except (RuntimeError, ValueError):
            # The association ended meanwhile, or the peer took no such context.
            return False
        finally:
            association.release()
        return bool("Status" in status and status.Status == 0x0000)
