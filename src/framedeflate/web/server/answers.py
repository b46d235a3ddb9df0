# SPDX-License-Identifier: Apache-2.0
"""Answers that are no resource: why a request has none, as a small JSON object that holds nothing of the request."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from framedeflate.errors import (
    DicomFormatError,
    FrameDeflateError,
    FrameNumberError,
    MissingExtraError,
    StoreIndexError,
    TransferSyntaxError,
    UnsupportedImageError,
)
from framedeflate.web.negotiation import VARY
from framedeflate.web.refusal import Refusal

__all__ = ["RequestError", "problem", "problem_of", "refused"]

_NO_STORE: Final = {"Cache-Control": "no-store", "Vary": VARY}


class RequestError(Exception):
    """What ends a request with a status of 400 or more; `app` makes the answer of it.

    Attributes
    ----------
    status : int
    kind : str
        For programs.
    message : str
        What to do about it; no value of an attribute but UIDs.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message)


def problem(
    status: int,
    kind: str,
    message: str,
    *,
    available: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a Status Report (PS3.18 8.6.3): ``{"status", "kind", "message"}``, ``available`` where there is any."""
    report: dict[str, object] = {"status": status, "kind": kind, "message": message}
    if available:
        report["available"] = list(available)
    body = json.dumps(report).encode("ascii")
    return Response(body, status, {**_NO_STORE, **(headers or {})}, "application/json")


def refused(refusal: Refusal) -> Response:
    """Return the answer of a `Refusal`, with what could have been had."""
    return problem(refusal.status, refusal.kind, refusal.message, available=refusal.available)


def problem_of(error: Exception) -> Response:
    """Return the answer of an error that nobody caught: stored files that are damaged, disks that fail."""
    if isinstance(error, RequestError):
        return problem(error.status, error.kind, error.message, headers=error.headers)
    if isinstance(error, FileNotFoundError):
        return problem(404, "gone", "The instance's file is no longer in the store; index the store anew.")
    if isinstance(error, FrameNumberError):
        return problem(404, "unknown-frame", str(error))
    kind = str(getattr(error, "kind", ""))
    if isinstance(error, UnsupportedImageError | MissingExtraError | TransferSyntaxError) or (
        isinstance(error, DicomFormatError) and kind == "too-large"
    ):
        # What negotiation could not know: only who reads the file sees it.
        said = (
            f"This cannot be made of the stored instance: {error}. transfer-syntax=* brings what is stored."
        )
        return problem(406, kind or "decoder", said)
    if isinstance(error, FrameDeflateError):
        return _unreadable(error)
    return problem(500, "storage", "The store cannot be read at the moment.")


def _unreadable(error: FrameDeflateError) -> Response:
    kind = str(getattr(error, "kind", "error"))
    if isinstance(error, StoreIndexError):
        return problem(503, f"index-{kind}", "The index cannot be read at the moment; try again later.")
    if kind == "disk-left":
        return problem(503, kind, "The disk is too full for this at the moment; try again later.")
    # The message is about a file of ours, with numbers and tags at most.
    return problem(500, kind, f"The stored instance cannot be read: {error}.")
