# SPDX-License-Identifier: Apache-2.0
"""One departure from the standard, as `verify_file` reports it."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["MAX_PROBLEMS", "Problem", "Severity"]

MAX_PROBLEMS: Final = 100_000
"""Most that are reported of one file: a hostile one could have millions, each of which takes memory."""

Severity = Literal["error", "warning"]
"""``error``: breaks a "shall" of the standard; ``warning``: legal, but readers may stumble over it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A departure from the standard and its place.

    Attributes
    ----------
    kind : str
        A word that programs can match; docs/format.md lists them.
    severity : {"error", "warning"}
        ``error`` breaks a "shall" of the standard; ``warning`` is legal, but readers may stumble over it.
    frame_number : int or None
        The Frame it is about, from 1.
    position : int or None
        Where, in bytes from the start of the file.
    message : str
        What is wrong and what the standard asks, for people.
    """

    kind: str
    severity: Severity
    frame_number: int | None
    position: int | None
    message: str
