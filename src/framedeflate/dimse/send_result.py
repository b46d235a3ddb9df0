# SPDX-License-Identifier: Apache-2.0
"""What became of each instance that was to be sent: as a record, as JSON, and read from a report again."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from framedeflate.dimse.contexts import SentAs
from framedeflate.dimse.stored_instance import StoredInstance

__all__ = ["SendFailure", "SendResult", "SendStatus", "stored_before"]

SendStatus: TypeAlias = Literal["stored", "stored-before", "skipped", "refused", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class SendFailure:
    """Why an instance was not stored.

    Attributes
    ----------
    type : str
        Class of the error; empty where the peer's answer is the reason.
    kind : str
        For programs: of the error, of the refusal (``sop-class`` | ``transfer-syntax`` | ``too-large``), or of the
        peer's status (``out-of-resources`` | ``sop-class-mismatch`` | ``cannot-understand`` | ``duplicate`` |
        ``sop-class`` | ``status``).
    message : str
        For people.
    """

    type: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What became of one file.

    Attributes
    ----------
    status : str
        ``stored`` | ``stored-before`` (a report said so) | ``skipped`` (no DICOM file) | ``refused`` (it cannot go to
        this peer) | ``failed`` | ``interrupted``.
    path : Path
        The file.
    peer : str
        HOST:PORT/AE.
    sop_class_uid, sop_instance_uid : str
        Empty where they were not read.
    source_transfer_syntax_uid, transfer_syntax_uid : str
        How it is stored, and how it was sent; the second is empty where it was not.
    sent_as : str or None
        ``stored`` (the file's own bytes) | ``explicit`` | ``implicit`` | ``deflated``; None where it was not sent.
    wire_nbytes : int
        Bytes of all PDUs of the last attempt.
    dimse_status : int or None
        The peer's last status.
    attempts : int
        How often it was sent.
    seconds : float
        Time taken, conversion and waits included.
    error : SendFailure or None
        Why it was not stored.
    """

    status: SendStatus
    path: Path
    peer: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    source_transfer_syntax_uid: str = ""
    transfer_syntax_uid: str = ""
    sent_as: SentAs | None = None
    wire_nbytes: int = 0
    dimse_status: int | None = None
    attempts: int = 0
    seconds: float = 0.0
    error: SendFailure | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the peer has it."""
        return self.status in {"stored", "stored-before"}

    @classmethod
    def of(
        cls, instance: StoredInstance, peer: str, status: SendStatus, *, error: SendFailure | None = None
    ) -> Self:
        """Return the result of an instance that was not sent."""
        return cls(
            status=status,
            path=instance.path,
            peer=peer,
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            source_transfer_syntax_uid=instance.transfer_syntax_uid,
            error=error,
        )

    def as_json(self) -> dict[str, object]:
        """Return the documented object."""
        error = self.error
        return {
            "status": self.status,
            "source": str(self.path),
            "peer": self.peer,
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "source_transfer_syntax_uid": self.source_transfer_syntax_uid,
            "transfer_syntax_uid": self.transfer_syntax_uid,
            "sent_as": self.sent_as,
            "wire_nbytes": self.wire_nbytes,
            "dimse_status": None if self.dimse_status is None else f"{self.dimse_status:04X}",
            "attempts": self.attempts,
            "seconds": round(self.seconds, 6),
            "error": error and {"type": error.type, "kind": error.kind, "message": error.message},
        }


def stored_before(lines: Iterable[str], peer: str) -> frozenset[tuple[str, str]]:
    """Return what a report says this peer has stored.

    Parameters
    ----------
    lines : iterable of str
        A report: JSON objects, one a line. The last may be cut off, as a killed sender leaves it.
    peer : str
        HOST:PORT/AE; what another peer has stored does not count.

    Returns
    -------
    frozenset of (str, str)
        Absolute path and SOP Instance UID of each.
    """
    found = set()
    for line in lines:
        fields = _object(line)
        if fields.get("peer") == peer and fields.get("status") in {"stored", "stored-before"}:
            source, uid = fields.get("source"), fields.get("sop_instance_uid")
            if isinstance(source, str) and isinstance(uid, str):
                found.add((str(Path(os.path.abspath(source))), uid))  # noqa: PTH100 - resolve() would follow links
    return frozenset(found)


def _object(line: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
