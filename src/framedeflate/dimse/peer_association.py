# SPDX-License-Identifier: Apache-2.0
"""Associations that this side asks for, by pynetdicom: with whom, how they begin and how they end."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from framedeflate.errors import AssociationError
from framedeflate.extras import needing
from framedeflate.transcode.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

with needing("dimse", "sending over DICOM's network protocol"):
    from pynetdicom import AE, build_context

__all__ = ["Peer", "acknowledge_at_once", "associate", "new_entity", "quiet_pynetdicom", "release"]

_RELEASE_SECONDS: Final = 5.0
_REJECTED_TRANSIENT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Whom to talk to, and how.

    Attributes
    ----------
    host : str
        Name or address.
    port : int
        TCP port.
    called_ae, calling_ae : str
        Its AE title and ours, 1 to 16 characters.
    timeout_seconds : float
        Greatest silence in connecting, in negotiating, and before an answer.
    tls : ssl.SSLContext, optional
        Speak TLS with these settings.
    """

    host: str
    port: int
    called_ae: str = "ANY-SCP"
    calling_ae: str = "FRAMEDEFLATE"
    timeout_seconds: float = 30.0
    tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """HOST:PORT/AE, as reports and the cache name it."""
        return f"{self.host}:{self.port}/{self.called_ae}"


def quiet_pynetdicom() -> None:
    """Keep pynetdicom's loggers still, unless somebody set them: they print Data Sets, which are patients'."""
    logger = logging.getLogger("pynetdicom")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def new_entity(ae_title: str, timeout_seconds: float) -> AE:
    """Return an application entity whose every wait is bounded."""
    quiet_pynetdicom()
    entity = AE(ae_title=ae_title)
    # What the files say wrote them is what peers see in associations (PS3.7 D.3.3.2), not the library below.
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = timeout_seconds
    entity.acse_timeout = timeout_seconds
    entity.dimse_timeout = timeout_seconds
    # While the next instance is prepared nothing is said; a large one takes minutes to inflate.
    entity.network_timeout = None
    return entity


def associate(
    peer: Peer, contexts: Iterable[tuple[str, Sequence[str]]], *, handlers: Sequence[Any] = ()
) -> Any:
    """Return an association, pynetdicom's.

    Parameters
    ----------
    peer : Peer
        With whom.
    contexts : iterable of (str, sequence of str)
        Abstract Syntax and Transfer Syntaxes of each presentation context.
    handlers : sequence
        pynetdicom's event handlers.

    Returns
    -------
    Association
        Established, unless the peer accepted the association and none of the contexts.

    Raises
    ------
    AssociationError
        kind ``connection`` | ``rejected`` | ``busy`` | ``aborted``.
    """
    entity = new_entity(peer.calling_ae, peer.timeout_seconds)
    proposed = [build_context(abstract, list(syntaxes)) for abstract, syntaxes in contexts]
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=proposed,
            ae_title=peer.called_ae,
            tls_args=None if peer.tls is None else (peer.tls, peer.host),
            evt_handlers=list(handlers),
        )
    except (OSError, UnicodeError) as error:
        # A name that nobody knows, or that cannot be one.
        reason = getattr(error, "strerror", None) or "there is no such name"
        raise AssociationError(f"cannot reach the peer: {reason}", kind="connection") from None
    if association.is_established:
        _send_at_once(association)
        return association
    said = association.acceptor.primitive
    if association.is_rejected:
        is_busy = said is not None and said.result == _REJECTED_TRANSIENT
        reason = "" if said is None else f": {said.reason_str}"
        raise AssociationError(
            f"the peer rejected the association{reason}", kind="busy" if is_busy else "rejected"
        )
    if said is not None and said.result == 0:
        # Accepted, but none of the contexts: that is an answer.
        return association
    transport = association.dul.socket
    if said is None and (transport is None or not transport._is_connected):
        raise AssociationError("cannot connect to the peer", kind="connection")
    raise AssociationError("the peer ended the association while it was negotiated", kind="aborted")


def _send_at_once(association: Any) -> None:
    """Switch Nagle's delay off: a command and its Data Set are two writes, and 40 ms would lie between them."""
    _set_option(association, socket.TCP_NODELAY)


def acknowledge_at_once(association: Any) -> None:
    """Have what has come acknowledged now, where the system can.

    DCMTK writes the header of its answer and the rest apart, and keeps the rest back until the header is acknowledged,
    which systems otherwise put off for 40 ms: twenty instances a second.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        _set_option(association, socket.TCP_QUICKACK)


def _set_option(association: Any, option: int) -> None:
    # pynetdicom's thread may close the connection at any time.
    transport = association.dul.socket
    connection = None if transport is None else transport.socket
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, 1)


def release(association: Any) -> bool:
    """Release an association; return whether the peer agreed in time."""
    # Where the peer says nothing, or pynetdicom's other thread has ended, this would take the whole timeout.
    releasing = threading.Thread(target=association.release, daemon=True)
    releasing.start()
    releasing.join(_RELEASE_SECONDS)
    return not releasing.is_alive()
