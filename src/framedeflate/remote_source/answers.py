# SPDX-License-Identifier: Apache-2.0
"""What an answer to a range must hold, whoever gives it; and by what a replaced file is known."""

import re
from dataclasses import dataclass
from typing import Final, Protocol

from framedeflate.errors import RemoteSourceError

__all__ = [
    "MAX_WHOLE_NBYTES",
    "Answer",
    "Transport",
    "Version",
    "content_range",
    "encoded",
    "replaced",
    "require_same",
    "unsatisfied_size",
]

MAX_WHOLE_NBYTES: Final = 8 << 20
"""A file that a server sends only as a whole is taken up to this size."""

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_UNSATISFIED: Final = re.compile(r"bytes \*/(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Version:
    """What tells a file from the one that replaced it.

    Attributes
    ----------
    nbytes : int
        Size of the whole.
    etag : str
        Its entity tag as sent, "" without one.
    last_modified : str
        When it was changed, as sent, "" where that is not said.
    """

    nbytes: int
    etag: str
    last_modified: str

    def is_of_same_file(self, other: "Version") -> bool:
        """Whether both may be of one file: what both state must be equal."""
        if self.nbytes != other.nbytes:
            return False
        if self.etag and other.etag:
            return self.etag == other.etag
        return not (self.last_modified and other.last_modified) or self.last_modified == other.last_modified


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one range.

    Attributes
    ----------
    body : bytes
        From the first byte that was asked for on; fewer than asked for only at the end of the file. More only where
        the whole of a small file came.
    version : Version
        Of which file they are.
    """

    body: bytes
    version: Version


class Transport(Protocol):
    """Gets one range; may be used from several threads at once."""

    def fetch(self, start: int, stop: int, version: Version | None) -> Answer:
        """Return bytes start to stop, of the file of that `version`.

        With `version` None it is the first request: the whole of a small file is taken too, and an empty file.

        Raises
        ------
        RemoteSourceError
        """

    def close(self) -> None:
        """Close the connections."""


def content_range(text: str) -> tuple[int, int, int] | None:
    """Return start, stop (exclusive) and size of the whole from a Content-Range (RFC 9110 14.4); None if unreadable."""
    match = _CONTENT_RANGE.fullmatch(text.strip())
    return (int(match[1]), int(match[2]) + 1, int(match[3])) if match else None


def unsatisfied_size(text: str) -> int | None:
    """Return the size of the whole from the Content-Range of a 416; None where it is not said."""
    match = _UNSATISFIED.fullmatch(text.strip())
    return int(match[1]) if match else None


def require_same(shown: str, before: Version, now: Version, position: int, status: int | None) -> None:
    """Refuse bytes of a file that replaced the one that was opened."""
    if not before.is_of_same_file(now):
        raise replaced(shown, position, status)


def replaced(shown: str, position: int, status: int | None) -> RemoteSourceError:
    """Return the error for a file that is no longer the one that was opened."""
    return RemoteSourceError(
        f"{shown}: the file was replaced on its server while it was read; open it again",
        kind="changed",
        position=position,
        status=status,
    )


def encoded(shown: str, position: int, status: int | None) -> RemoteSourceError:
    """Return the error for an answer that counts the bytes of a compressed copy."""
    return RemoteSourceError(
        f"{shown}: the server encodes the file although it was asked not to, so byte ranges cannot be told; switch "
        "compression off for DICOM files there",
        kind="bad-answer",
        position=position,
        status=status,
    )
