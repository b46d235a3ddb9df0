# SPDX-License-Identifier: Apache-2.0
"""What the receiver is limited by, and what it says of each instance: UIDs and sizes, nothing else that was sent."""

from dataclasses import dataclass

from framedeflate.dimse.statuses import StoreStatus
from framedeflate.instance_store import StoredInstance
from framedeflate.instance_store.check import is_uid

__all__ = ["Received", "ReceiverLimits", "printable", "reason_of", "shown_uid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """What a peer may take of this machine; the store has limits of its own for the size of an instance and the disk.

    Attributes
    ----------
    associations : int
        At a time.
    pdu_nbytes : int
        The longest PDU, told to peers when an association begins.
    pdu_seconds : float
        For a PDU that has begun, and for the handshake of TLS.
    idle_seconds : float
        For an association on which nothing comes.
    """

    associations: int = 16
    pdu_nbytes: int = 1 << 18
    pdu_seconds: float = 30.0
    idle_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came of one C-STORE request.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        As the command names them; "(no UID)" where what stands there is none.
    ae_title, address : str
        Who sent it.
    status : StoreStatus
        What was answered.
    stored : StoredInstance or None
        None where it was refused.
    reason : str
        Why it was refused; for logs on this side.
    """

    sop_class_uid: str
    sop_instance_uid: str
    ae_title: str
    address: str
    status: StoreStatus
    stored: StoredInstance | None = None
    reason: str = ""


def shown_uid(uid: str) -> str:
    """Return a UID that came in a command, unless it holds anything else: that must not reach a log."""
    return uid if is_uid(uid) else "(no UID)"


def printable(text: str) -> str:
    """Return what a peer calls itself, without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text.strip())


def reason_of(error: Exception) -> str:
    """Return why, without a path and without anything but UIDs of what was sent."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__
