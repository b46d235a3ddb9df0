# SPDX-License-Identifier: Apache-2.0
"""Why a request is refused, for the status line and for the one who reads the body (PS3.18 8.5, 8.6.3)."""

from dataclasses import dataclass

__all__ = ["Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer.

    Attributes
    ----------
    status : int
        400 | 406 | 415.
    kind : str
        ``bad-list`` | ``mixture`` | ``no-accept`` | ``nothing-acceptable`` | ``no-coding``; of a Store ``media-type`` |
        ``no-boundary`` | ``coded-payload``.
    message : str
        What to do about it, in a sentence.
    available : tuple of str
        Media types that would have been answered, as they may stand in Accept.
    """

    status: int
    kind: str
    message: str
    available: tuple[str, ...] = ()

    def body(self) -> str:
        """Return a Status Report (8.6.3) as plain text; nothing of the request is repeated in it."""
        if not self.available:
            return self.message + "\n"
        return "\n".join([self.message, "Available:", *(f"  {name}" for name in self.available), ""])
