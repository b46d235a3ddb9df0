# SPDX-License-Identifier: Apache-2.0
"""What a C-STORE status says to the sender (PS3.4 B.2.3), and how long it waits before it tries again."""

from random import SystemRandom
from typing import Final

from framedeflate.dimse.send_result import SendFailure

__all__ = ["MAX_WAIT_SECONDS", "failure_of_status", "is_stored", "is_worth_retrying", "wait_seconds"]

MAX_WAIT_SECONDS: Final = 60.0

_RANDOM: Final = SystemRandom()

_SUCCESS: Final = 0x0000
_WARNINGS: Final = frozenset({0xB000, 0xB006, 0xB007})
"""Coerced, discarded, not matching: stored all the same."""

_OTHERS: Final = {
    0x0110: ("status", "it failed to process the instance"),
    0x0111: ("duplicate", "it has another instance under this SOP Instance UID"),
    0x0122: ("sop-class", "it does not take objects of this SOP Class"),
    0x0124: ("status", "it is not allowed to store here"),
}
"""PS3.7 9.1.1.1.9 and Annex C."""


def is_stored(status: int) -> bool:
    """Whether the peer has the instance: success, or a warning."""
    return status == _SUCCESS or status in _WARNINGS


def is_worth_retrying(status: int) -> bool:
    """Whether the same bytes may be stored later: out of resources, A7xx. What cannot be understood stays so."""
    return status >> 8 == 0xA7


def wait_seconds(attempt: int, first_seconds: float) -> float:
    """Return how long to wait before attempt number `attempt` + 1: about twice as long each time, a minute at most.

    About, since associations that were refused together would else come back together, and be refused again.
    """
    seconds = first_seconds * float(1 << min(attempt - 1, 30))
    return min(seconds, MAX_WAIT_SECONDS) * _RANDOM.uniform(0.5, 1.0)


def failure_of_status(status: int) -> SendFailure:
    """Return what a status other than success means."""
    if status >> 8 == 0xA7:
        kind, meaning = "out-of-resources", "it is out of resources"
    elif status >> 8 == 0xA9:
        kind, meaning = "sop-class-mismatch", "the Data Set does not match its SOP Class"
    elif status >> 12 == 0xC:
        kind, meaning = "cannot-understand", "it cannot understand the Data Set"
    else:
        kind, meaning = _OTHERS.get(status, ("status", "it refused"))
    return SendFailure("", kind, f"the peer answered {status:04X}: {meaning}")
