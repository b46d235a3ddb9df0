# SPDX-License-Identifier: Apache-2.0
"""Requests for what changed and for a range of bytes (RFC 9110 13, 14), decided without the payload."""

import re
from typing import Final, Literal

__all__ = ["is_known", "wanted_range"]

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this representation already, so that 304 answers (RFC 9110 13.1.2, weak comparison)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(found[1] == opaque for found in _TAG.finditer(if_none_match))


def wanted_range(
    header: str | None, if_range: str | None, etag: str, nbytes: int
) -> tuple[int, int] | Literal["unsatisfiable"] | None:
    """Decide which bytes a Range field asks for.

    Several ranges in one request are answered with the whole, as is what cannot be read: both are allowed (14.2), and
    a hundred overlapping ranges are an attack.

    Parameters
    ----------
    header, if_range : str or None
        The fields Range and If-Range.
    etag : str
        Of the representation; strong.
    nbytes : int
        Its length.

    Returns
    -------
    (start, stop), "unsatisfiable" or None
        Bytes ``[start, stop)``; None for the whole.
    """
    found = None if header is None else _ONE_RANGE.fullmatch(header)
    if found is None or found[1] == found[2] == "":
        return None
    # A date is never ours: what is stored does not change, and no Last-Modified is sent (13.1.5).
    if if_range is not None and if_range.strip() != etag:
        return None
    if not found[1]:
        length = int(found[2])
        return (max(nbytes - length, 0), nbytes) if length and nbytes else "unsatisfiable"
    start = int(found[1])
    stop = nbytes if not found[2] else min(int(found[2]) + 1, nbytes)
    if found[2] and int(found[2]) < start:
        return None
    return (start, stop) if start < nbytes else "unsatisfiable"
