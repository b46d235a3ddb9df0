# SPDX-License-Identifier: Apache-2.0
"""Whether a client's copy is still good: strong entity tags and what may be kept (RFC 9110 8.8.3, 13.1.2; RFC 9111)."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from framedeflate.web.conditions import is_known
from framedeflate.web.negotiation import VARY

__all__ = ["entity_tag", "kept_for", "not_modified"]


def entity_tag(*facts: object) -> str:
    """Return the entity tag of what follows from these facts, and from nothing else."""
    text = "\n".join(str(fact) for fact in facts)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def kept_for(seconds: int, *, changes: bool = False) -> str:
    """Return Cache-Control: by the client alone, since it is patients' data.

    Parameters
    ----------
    seconds : int
    changes : bool
        Whether the resource may become another, as a study does that grows; then each use asks anew.
    """
    return "private, no-cache" if changes else f"private, max-age={seconds}, immutable"


def not_modified(request: Request, tag: str, cache_control: str) -> Response | None:
    """Return 304 where If-None-Match names the tag, else None."""
    if not is_known(request.headers.get("if-none-match"), tag):
        return None
    return Response(status_code=304, headers={"ETag": tag, "Vary": VARY, "Cache-Control": cache_control})
