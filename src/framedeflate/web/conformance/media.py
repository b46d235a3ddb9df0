# SPDX-License-Identifier: Apache-2.0
"""Media types of answers, read by Python's email package: none of the code that judges is the code that serves."""

from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache

__all__ = ["DEFLATED", "EXPLICIT", "FRAME_SYNTAX", "IMPLICIT", "Media", "media_of", "multipart"]

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
FRAME_SYNTAX = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression."""


@dataclass(frozen=True, slots=True)
class Media:
    """A Content-Type: name in lower case, parameters by lower-case name."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def transfer_syntax_uid(self) -> str:
        """What it says, or the default of its type (Tables 8.7.3-2, 8.7.3-4, 8.7.3-5), or ""."""
        stated = self.parameters.get("transfer-syntax")
        if stated:
            return stated
        defaults = {
            "application/dicom": EXPLICIT,
            "application/octet-stream": EXPLICIT,
            "application/x-deflate": FRAME_SYNTAX,
        }
        return defaults.get(self.name, "")

    def __str__(self) -> str:
        shown = [
            f"{key}={self.parameters[key]}" for key in ("type", "transfer-syntax") if key in self.parameters
        ]
        return "; ".join([self.name or "no media type", *shown])


@lru_cache(maxsize=1024)
def media_of(value: str | None) -> Media:
    """Read a Content-Type."""
    message = Message()
    message["Content-Type"] = (value or "").replace("\r", " ").replace("\n", " ")
    pairs = message.get_params(failobj=[], header="content-type", unquote=True) or []
    if not value or not pairs:
        return Media("")
    parameters = {name.lower(): text if isinstance(text, str) else "" for name, text in pairs[1:]}
    return Media(pairs[0][0].strip().lower(), parameters)


def multipart(part_type: str, transfer_syntax: str = "") -> str:
    """Return an element of Accept that asks for parts of that type."""
    stated = f"; transfer-syntax={transfer_syntax}" if transfer_syntax else ""
    return f'multipart/related; type="{part_type}"{stated}'
