# SPDX-License-Identifier: Apache-2.0
"""What an operator decides, and the limits that keep one request from taking what all need."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["SERVICE_ROOT", "ServerSettings"]

SERVICE_ROOT: Final = "/dicomweb"
"""Path of the DICOMweb service; all resources of PS3.18 lie below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How a server behaves.

    Attributes
    ----------
    public_url : str or None
        Scheme, host and port that clients see, without a slash at the end; None takes them from each request.
    absent_accept : "refused" or "anything"
        A request without Accept: 406 (PS3.18 8.7.5), or taken for ``*/*`` (RFC 9110 12.5.1).
    read_only : bool
        Whether nothing is taken in by the web.
    allow_delete : bool
        Whether DELETE takes studies, series and instances away.
    max_body_nbytes : int
        The longest request payload.
    max_url_nbytes : int
        Of path and query.
    max_in_flight : int
        Requests answered at a time; more are told to come again (503).
    max_parts : int
        Parts of a request payload.
    max_metadata_nbytes : int
        Metadata that comes apart from its bulk data; it is held in memory when it is put together.
    max_storing : int
        Threads that write and verify what is stored; other payloads wait their turn.
    max_frames : int
        Frames that one request may list.
    max_results : int
        Results of one search; the rest is asked for by offset.
    max_inflating : int
        Requests at a time that inflate, decode or encode anew; others wait their turn.
    max_inflated_nbytes : int
        The largest Data Set of 1.2.840.10008.1.2.1.99 that is inflated, to a file beside the store.
    cache_seconds : int
        How long a client may keep what it got (Cache-Control max-age).
    max_open_files : int
        Files held open for the next request.
    metadata_cache_nbytes : int
        Metadata that is kept, deflated, once it was written.
    """

    public_url: str | None = None
    absent_accept: Literal["refused", "anything"] = "refused"
    read_only: bool = False
    allow_delete: bool = False
    max_body_nbytes: int = 16 << 30
    max_url_nbytes: int = 8192
    max_in_flight: int = 256
    max_parts: int = 100_000
    max_metadata_nbytes: int = 32 << 20
    max_storing: int = 8
    max_frames: int = 4096
    max_results: int = 5000
    max_inflating: int = 8
    max_inflated_nbytes: int = 8 << 30
    cache_seconds: int = 86_400
    max_open_files: int = 128
    metadata_cache_nbytes: int = 64 << 20
