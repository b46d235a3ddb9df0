# SPDX-License-Identifier: Apache-2.0
"""The one table of C-STORE statuses: which failure is answered with which, and by what clause."""

from dataclasses import dataclass
from typing import Final

from framedeflate.instance_store.refusals import REFUSALS, refusal_name

__all__ = ["STATUSES", "SopClassNotSupportedError", "StoreStatus", "status_of"]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """A status of a C-STORE response.

    Attributes
    ----------
    code : int
        Status (0000,0900).
    meaning : str
        What the standard calls it.
    comment : str
        Our Error Comment (0000,0902), 64 characters at most.
    clause : str
        Where it is defined.
    """

    code: int
    meaning: str
    comment: str
    clause: str


_B_2_3: Final = "PS3.4 B.2.3"
_ANNEX_C: Final = "PS3.7 C"
_STORE: Final = "PS3.7 9.1.1.1.9"

STATUSES: Final[dict[str, StoreStatus]] = {
    "success": StoreStatus(0x0000, "Success", "", _B_2_3),
    **{
        name: StoreStatus(of.code, of.meaning, of.comment, _ANNEX_C if of.code < 0xA000 else _B_2_3)
        for name, of in REFUSALS.items()
    },
    "context": StoreStatus(
        0x0122, "Refused: SOP Class not supported", "Not the SOP Class of this presentation context", _STORE
    ),
}
"""By the name of the failure. 0124 (not authorized) is never sent: who is not allowed to store is turned away before
there is an association."""


class SopClassNotSupportedError(Exception):
    """The command names another SOP Class than its presentation context."""


def status_of(error: Exception) -> StoreStatus:
    """Return the status for what kept an instance from being stored."""
    return STATUSES["context" if isinstance(error, SopClassNotSupportedError) else refusal_name(error)]
