# SPDX-License-Identifier: Apache-2.0
"""The one table of a Store's Failure Reasons (PS3.18 I.2.2), and the HTTP status of a Store that stored nothing."""

from collections.abc import Set as AbstractSet
from typing import Final

from framedeflate.errors import InstanceError, MultipartError, StoreIndexError
from framedeflate.instance_store.refusals import REFUSALS, StoreRefusal, refusal_name

__all__ = ["FAILURE_REASONS", "UNAVAILABLE", "failure_name", "status_without_success"]

_UNKNOWN: Final = "Error: Cannot understand"

FAILURE_REASONS: Final[dict[str, StoreRefusal]] = {
    **REFUSALS,
    # Table I.2-2 has a code of its own for what C-STORE can only call Cxxx.
    "transfer-syntax": StoreRefusal(
        0xC122,
        "Referenced Transfer Syntax not supported",
        "Not to be had in a Transfer Syntax of this server",
    ),
    "study": StoreRefusal(0xC005, _UNKNOWN, "The instance is of another Study than the URL"),
    "part-type": StoreRefusal(0xC006, _UNKNOWN, "A part of a media type that does not belong here"),
    "payload": StoreRefusal(0xC007, _UNKNOWN, "The payload breaks off, or its parts cannot be told apart"),
    "metadata": StoreRefusal(0xC008, _UNKNOWN, "The metadata cannot be read"),
    "bulkdata": StoreRefusal(0xC009, _UNKNOWN, "No part has the Content-Location that the metadata names"),
}
"""By the name of the failure; an InstanceError's kind is one of them."""

UNAVAILABLE: Final = frozenset({"disk-left", "memory", "interrupted", "processing"})
_BAD_SYNTAX: Final = frozenset({"payload", "part-type", "metadata"})


def failure_name(error: Exception) -> str:
    """Return which of `FAILURE_REASONS` says what kept an instance, or a part, from being stored."""
    if isinstance(error, MultipartError):
        return "too-large" if error.kind in {"part-too-long", "too-many-parts"} else "payload"
    if isinstance(error, StoreIndexError) and error.kind == "full":
        return "disk-left"
    if isinstance(error, InstanceError) and error.kind in FAILURE_REASONS:
        return error.kind
    return refusal_name(error)


def status_without_success(names: AbstractSet[str]) -> int:
    """Return the HTTP status where not one instance was stored (Table 10.5.3-1, 8.5).

    Parameters
    ----------
    names : set of str
        Of all failures; empty where the payload held nothing.
    """
    if names <= _BAD_SYNTAX:
        return 400
    if names == {"too-large"}:
        return 413
    # Not what was sent is at fault: the same request may succeed later.
    return 503 if names <= UNAVAILABLE else 409
