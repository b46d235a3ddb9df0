# SPDX-License-Identifier: Apache-2.0
"""One range from an object store (S3, Google Cloud Storage, Azure Blob Storage), by obstore. Its only door."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from framedeflate.errors import MissingExtraError, RemoteSourceError
from framedeflate.remote_source.answers import Answer, Version, encoded, replaced, require_same
from framedeflate.remote_source.urls import scheme_of, shown_url

__all__ = ["StoreTransport"]


class StoreTransport:
    """An object behind an s3, gs, az or abfs URL.

    Parameters
    ----------
    url : str
        scheme://bucket/key. The key is taken as it stands: nothing in it is percent-encoded.
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
    """

    _runtime_pid: ClassVar[int | None] = None
    """Process that obstore's threads run in. A forked one has none of them, and would wait for ever."""

    def __init__(self, url: str, *, timeout: float, retries: int, options: Mapping[str, Any]) -> None:
        try:
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise MissingExtraError(extra="remote", feature=f"reading {scheme_of(url)}:// URLs") from None
        self._shown = shown_url(url)
        self._timeout = timeout
        self._failures = (obstore.exceptions.BaseError, OSError, ValueError)
        self._obstore = obstore.exceptions
        cls = type(self)
        if cls._runtime_pid is None:
            cls._runtime_pid = os.getpid()
        self._require_own_process(0)
        scheme, place = url.split("://", 1)
        bucket, _, self._key = place.partition("/")
        if not bucket or not self._key:
            raise self._error("the URL names no bucket, or nothing in it", "url", 0)
        given = dict(options)
        client_options = {
            "timeout": f"{int(timeout * 3000)}ms",
            "connect_timeout": f"{int(timeout * 1000)}ms",
            **given.pop("client_options", {}),
        }
        # An endpoint that was given with http is meant so; obstore asks to say it twice.
        if any(str(value).startswith("http://") for value in given.values()):
            client_options.setdefault("allow_http", True)
        retry_config = {
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=3 * timeout),
            **given.pop("retry_config", {}),
        }
        from_url: Any = obstore.store.from_url
        try:
            self._store = from_url(
                f"{scheme.lower()}://{bucket}",
                client_options=client_options,
                retry_config=retry_config,
                **given,
            )
        except (obstore.exceptions.UnknownConfigurationKeyError, TypeError):
            names = ", ".join(repr(name) for name in options)
            raise TypeError(f"obstore's store for {scheme}:// has no such option among {names}") from None
        except self._failures as error:
            raise self._failure(error, 0) from None

    def fetch(self, start: int, stop: int, version: Version | None) -> Answer:
        """Return one range; as `Transport.fetch`."""
        self._require_own_process(start)
        options: dict[str, Any] = {"range": (start, stop)}
        if version is not None and version.etag and not version.etag.startswith("W/"):
            options["if_match"] = version.etag
        try:
            result = self._store.get(self._key, options=options)
            now = _version(result.meta)
            if version is not None:
                require_same(self._shown, version, now, start, None)
            if result.attributes.get("Content-Encoding", "identity") not in {"identity", ""}:
                raise encoded(self._shown, start, None)
            # A store may send more than its headers say, for ever: so not all at once.
            expected = min(stop, now.nbytes) - start
            body = b""
            for chunk in result.stream(min_chunk_size=max(1, expected)):
                body = body + bytes(chunk) if body else bytes(chunk)
                if len(body) > expected:
                    break
        except RemoteSourceError:
            raise
        except self._failures as error:
            if start == 0 and version is None and _status(str(error)) == 416:
                return self._empty()
            raise self._failure(error, start) from None
        if len(body) != expected:
            raise self._error("the store's answer has another length than it says", "bad-answer", start)
        return Answer(body, now)

    def _empty(self) -> Answer:
        """Return what there is of a file without a first byte: its size, if that is 0."""
        try:
            version = _version(self._store.head(self._key))
        except self._failures as error:
            raise self._failure(error, 0) from None
        if version.nbytes:
            raise self._error("the store refuses the range that it was asked for", "bad-answer", 0, 416)
        return Answer(b"", version)

    def close(self) -> None:
        """Nothing to close: obstore ends its connections with the store."""

    def _require_own_process(self, position: int) -> None:
        if self._runtime_pid != os.getpid():
            raise self._error(
                "object stores cannot be read in a process that was forked from one that had read them; start "
                'processes with "spawn" or "forkserver"',
                "forked",
                position,
            )

    def _failure(self, error: Exception, position: int) -> RemoteSourceError:
        """Return what obstore's error means. Its own words are left out: they hold URLs, which may be signed."""
        text = str(error)
        status = _status(text)
        if isinstance(error, self._obstore.PreconditionError):
            return replaced(self._shown, position, 412)
        for kind_of_error, message, kind in (
            (FileNotFoundError, "there is no such object", "not-found"),
            (self._obstore.PermissionDeniedError, "the store refuses access", "denied"),
            (self._obstore.UnauthenticatedError, "the store does not know these credentials", "denied"),
            (self._obstore.NotSupportedError, "the store does not answer byte ranges", "no-ranges"),
            (self._obstore.InvalidPathError, "no object can have this name", "url"),
            (ValueError, "no object can have this name", "url"),
        ):
            if isinstance(error, kind_of_error):
                return self._error(message, kind, position, status)
        for pattern, message, kind in _MEANINGS:
            if re.search(pattern, text):
                return self._error(message, kind, position, status)
        if status is not None:
            return self._error(f"the store answers with HTTP status {status}", "status", position, status)
        return self._error("the store could not be read", "store", position)

    def _error(self, message: str, kind: str, position: int, status: int | None = None) -> RemoteSourceError:
        return RemoteSourceError(f"{self._shown}: {message}", kind=kind, position=position, status=status)


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


def _status(text: str) -> int | None:
    match = re.search(r"non-2xx status code: (\d{3})", text)
    return int(match[1]) if match else None


def _version(meta: Mapping[str, Any]) -> Version:
    return Version(int(meta["size"]), meta["e_tag"] or "", str(meta["last_modified"]))
