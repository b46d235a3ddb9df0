# SPDX-License-Identifier: Apache-2.0
"""A connection to an object store (S3, Google Cloud Storage, Azure Blob Storage) by obstore, and what it answers."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from framedeflate.errors import MissingExtraError, RemoteSourceError
from framedeflate.remote_source.answers import replaced
from framedeflate.remote_source.urls import scheme_of, shown_url

__all__ = ["StoreClient", "status_in"]


class StoreClient:
    """What lies behind an s3, gs, az or abfs URL.

    Parameters
    ----------
    url : str
        scheme://bucket/key, or a bucket alone. The key is taken as it stands: nothing in it is percent-encoded.
    timeout : float
        As for http; a request with all that is tried again ends after some three times that.
    retries : int
        As for http.
    options : mapping
        What obstore's store takes. Without credentials it looks for them where the cloud's own tools do: in the
        environment, and at the address where a cloud's machines find theirs.

    Raises
    ------
    MissingExtraError
        obstore is not installed.
    RemoteSourceError
        kind ``url`` | ``store``.
    TypeError
        There is no such option.

    Attributes
    ----------
    store : obstore's own
        The bucket.
    key : str
        What of it the URL names; "" for all.
    failures : tuple of exception classes
        What obstore raises.
    """

    _runtime_pid: ClassVar[int | None] = None
    """Process that obstore's threads run in. A forked one has none of them, and would wait for ever."""

    def __init__(self, url: str, *, timeout: float, retries: int, options: Mapping[str, Any]) -> None:
        try:
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise MissingExtraError(extra="remote", feature=f"reading {scheme_of(url)}:// URLs") from None
        self.shown = shown_url(url)
        self._timeout = timeout
        self.failures = (obstore.exceptions.BaseError, OSError, ValueError)
        self._obstore = obstore.exceptions
        cls = type(self)
        if cls._runtime_pid is None:
            cls._runtime_pid = os.getpid()
        self.require_own_process(0)
        scheme, place = url.split("://", 1)
        bucket, _, self.key = place.partition("/")
        if not bucket:
            raise self.error("the URL names no bucket", "url", 0)
        given = dict(options)
        client_options = {
            "timeout": f"{int(timeout * 3000)}ms",
            "connect_timeout": f"{int(timeout * 1000)}ms",
            **given.pop("client_options", {}),
        }
        # An endpoint that was given with http is meant so; obstore asks to say it twice.
        endpoints = (*given.values(), *(os.environ.get(name, "") for name in _ENDPOINT_VARIABLES))
        if any(str(value).startswith("http://") for value in endpoints):
            client_options.setdefault("allow_http", True)
        retry_config = {
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=3 * timeout),
            **given.pop("retry_config", {}),
        }
        from_url: Any = obstore.store.from_url
        try:
            self.store = from_url(
                f"{scheme.lower()}://{bucket}",
                client_options=client_options,
                retry_config=retry_config,
                **given,
            )
        except (obstore.exceptions.UnknownConfigurationKeyError, TypeError):
            names = ", ".join(repr(name) for name in options)
            raise TypeError(f"obstore's store for {scheme}:// has no such option among {names}") from None
        except self.failures as error:
            raise self.failure(error, 0) from None

    def require_own_process(self, position: int) -> None:
        """Refuse to wait for ever, as `RemoteSourceError` of kind ``forked``."""
        if self._runtime_pid != os.getpid():
            raise self.error(
                "object stores cannot be read in a process that was forked from one that had read them; start "
                'processes with "spawn" or "forkserver"',
                "forked",
                position,
            )

    def failure(self, error: Exception, position: int, key: str = "") -> RemoteSourceError:
        """Return what obstore's error means for what lies below the URL under `key`.

        Its own words are left out: they hold URLs, which may be signed.
        """
        text = str(error)
        status = status_in(text)
        if isinstance(error, self._obstore.PreconditionError):
            return replaced(self.shown, position, 412)
        for kind_of_error, message, kind in (
            (FileNotFoundError, "there is no such object", "not-found"),
            (self._obstore.PermissionDeniedError, "the store refuses access", "denied"),
            (self._obstore.UnauthenticatedError, "the store does not know these credentials", "denied"),
            (self._obstore.NotSupportedError, "the store does not answer byte ranges", "no-ranges"),
            (
                self._obstore.InvalidPathError,
                'an object\'s name has an empty part, "." or "..", which no folder could hold; rename it',
                "url",
            ),
            (ValueError, "no object can have this name", "url"),
        ):
            if isinstance(error, kind_of_error):
                return self.error(message, kind, position, status, key)
        for pattern, message, kind in _MEANINGS:
            if re.search(pattern, text):
                return self.error(message, kind, position, status, key)
        if status is not None:
            return self.error(f"the store answers with HTTP status {status}", "status", position, status, key)
        return self.error("the store could not be read", "store", position, None, key)

    def error(
        self, message: str, kind: str, position: int, status: int | None = None, key: str = ""
    ) -> RemoteSourceError:
        """Return an error that names the URL, as far as it may be shown."""
        shown = f"{self.shown}/{key}" if key else self.shown
        return RemoteSourceError(f"{shown}: {message}", kind=kind, position=position, status=status)


_ENDPOINT_VARIABLES: Final = (
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
    "GOOGLE_BASE_URL",
)

_MEANINGS: Final = (
    (
        r"169\.254\.|[Cc]redential|token request|MissingAccount|Account must be specified",
        "no credentials were found; set the cloud's environment variables, give them as options, or give the option "
        "skip_signature=True for what is public",
        "denied",
    ),
    (r"non-partial response", "the store does not answer byte ranges", "no-ranges"),
    (r"[Rr]edirect", "the store redirects; the bucket may be in another region (option region)", "redirect"),
    (
        r"Content-?Range|CONTENT_RANGE|UnexpectedRange|missing from response|status code: 416",
        "the store did not answer with the bytes that were asked for",
        "bad-answer",
    ),
    (r"(?i)certificate|\btls\b", "no secure connection", "tls"),
    (r"(?i)timed ?out", "the store is too slow (option timeout)", "timeout"),
    (
        r"error sending request|body error|Connect|Interrupted",
        "the connection failed or was lost",
        "connection",
    ),
)


def status_in(text: str) -> int | None:
    """Return the HTTP status that obstore names in an error."""
    match = re.search(r"non-2xx status code: (\d{3})", text)
    return int(match[1]) if match else None
