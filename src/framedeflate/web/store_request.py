# SPDX-License-Identifier: Apache-2.0
"""Whether the payload of a Store can be read, told from its header alone (PS3.18 10.5.2, 10.5.4; RFC 9110 15.5.16)."""

from dataclasses import dataclass
from typing import Final

from framedeflate.errors import MediaTypeError, MultipartError
from framedeflate.web.media_type import parse_media_type
from framedeflate.web.multipart_reader import checked_boundary
from framedeflate.web.refusal import Refusal

__all__ = ["StoreRequest", "read_store_request"]

_PART_TYPES: Final = ("application/dicom", "application/dicom+json", "application/dicom+xml")


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """How the payload is laid out.

    Attributes
    ----------
    media_type : str
        Of the instances, ``application/dicom``, or of their metadata: ``application/dicom+json``,
        ``application/dicom+xml``.
    boundary : str or None
        None for one instance that is the whole payload.
    """

    media_type: str
    boundary: str | None


def read_store_request(
    content_type: str | None,
    content_encoding: str | None = None,
    *,
    accepted: tuple[str, ...] = ("application/dicom",),
) -> StoreRequest | Refusal:
    """Decide whether a Store's payload can be read.

    A ``multipart/related`` without `type` is taken for one of ``application/dicom``: its parts name their types, too.

    Parameters
    ----------
    content_type, content_encoding : str or None
        The request's header fields.
    accepted : tuple of str
        Which of ``application/dicom``, ``application/dicom+json`` and ``application/dicom+xml`` can be read.

    Returns
    -------
    StoreRequest or Refusal
        Status 415, kinds ``media-type`` | ``coded-payload``; 400, kinds ``bad-media-type`` | ``no-boundary``.
    """
    if content_encoding is not None and content_encoding.strip().lower() not in {"", "identity"}:
        # Inflated it may be a thousand times longer, and what is uploaded is mostly compressed already.
        return Refusal(
            415, "coded-payload", "Send the payload without Content-Encoding.", ("Accept-Encoding: identity",)
        )
    try:
        media_type = None if content_type is None else parse_media_type(content_type)
        multipart = media_type is not None and media_type.name == "multipart/related"
        if media_type is not None and multipart:
            part_type = parse_media_type(media_type.get("type") or "application/dicom").name
        else:
            part_type = "" if media_type is None else media_type.name
    except MediaTypeError as error:
        return Refusal(400, "bad-media-type", f"Content-Type cannot be read: {error}.")
    # Metadata comes with bulkdata in other parts, so only instances may stand alone.
    if part_type not in accepted or part_type not in _PART_TYPES[: None if multipart else 1]:
        listed = tuple(f'multipart/related; type="{name}"' for name in accepted)
        return Refusal(415, "media-type", "This Content-Type cannot be stored (PS3.18 10.5.4).", listed)
    boundary = media_type.get("boundary") if media_type is not None and multipart else None
    if multipart and not boundary:
        return Refusal(400, "no-boundary", "Content-Type must give the boundary (RFC 2046 5.1.1).")
    try:
        if boundary:
            checked_boundary(boundary)
    except MultipartError as error:
        return Refusal(400, "no-boundary", f"Content-Type cannot be read: {error}.")
    return StoreRequest(part_type, boundary)
