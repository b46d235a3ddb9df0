# SPDX-License-Identifier: Apache-2.0
"""One range from an object store."""

from collections.abc import Mapping
from typing import Any

from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source.answers import Answer, Version, encoded, require_same
from framedeflate.remote_source.store_client import StoreClient, status_in

__all__ = ["StoreTransport"]


class StoreTransport:
    """An object behind an s3, gs, az or abfs URL; parameters and errors as `StoreClient`."""

    def __init__(self, url: str, *, timeout: float, retries: int, options: Mapping[str, Any]) -> None:
        self._client = StoreClient(url, timeout=timeout, retries=retries, options=options)
        self._key = self._client.key
        if not self._key:
            raise self._client.error("the URL names no object in the bucket", "url", 0)

    def fetch(self, start: int, stop: int, version: Version | None) -> Answer:
        """Return one range; as `Transport.fetch`."""
        self._client.require_own_process(start)
        options: dict[str, Any] = {"range": (start, stop)}
        if version is not None and version.etag and not version.etag.startswith("W/"):
            options["if_match"] = version.etag
        try:
            result = self._client.store.get(self._key, options=options)
            now = _version(result.meta)
            if version is not None:
                require_same(self._client.shown, version, now, start, None)
            if result.attributes.get("Content-Encoding", "identity") not in {"identity", ""}:
                raise encoded(self._client.shown, start, None)
            # A store may send more than its headers say, for ever: so not all at once.
            expected = min(stop, now.nbytes) - start
            body = b""
            for chunk in result.stream(min_chunk_size=max(1, expected)):
                body = body + bytes(chunk) if body else bytes(chunk)
                if len(body) > expected:
                    break
        except RemoteSourceError:
            raise
        except self._client.failures as error:
            if start == 0 and version is None and status_in(str(error)) == 416:
                return self._empty()
            raise self._client.failure(error, start) from None
        if len(body) != expected:
            raise self._client.error(
                "the store's answer has another length than it says", "bad-answer", start
            )
        return Answer(body, now)

    def _empty(self) -> Answer:
        """Return what there is of a file without a first byte: its size, if that is 0."""
        try:
            version = _version(self._client.store.head(self._key))
        except self._client.failures as error:
            raise self._client.failure(error, 0) from None
        if version.nbytes:
            raise self._client.error(
                "the store refuses the range that it was asked for", "bad-answer", 0, 416
            )
        return Answer(b"", version)

    def close(self) -> None:
        """Nothing to close: obstore ends its connections with the store."""


def _version(meta: Mapping[str, Any]) -> Version:
    return Version(int(meta["size"]), meta["e_tag"] or "", str(meta["last_modified"]))
