# SPDX-License-Identifier: Apache-2.0
"""The public keys that tokens are checked against (JWKS, RFC 7517), from a file or a server, read again in time."""

import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["KeySet", "key_source"]

_MAX_KEY_SET_NBYTES: Final = 256 << 10
_MAX_KEYS: Final = 64
_ACCEPT: Final = {"Accept": "application/jwk-set+json, application/json"}
_TIMEOUT_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 300.0
_RETRY_SECONDS: Final = 30.0
"""At most so often is a set read again because a token names a key that is not in it: tokens are easily made up."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys come from where the operator said, nowhere else."""

    def redirect_request(self, *_arguments: object, **_more: object) -> None:
        return None


def key_source(where: str, *, context: ssl.SSLContext | None = None) -> Callable[[], bytes]:
    """Return what reads a key set.

    Parameters
    ----------
    where : str
        A path, or an https URL.
    context : ssl.SSLContext, optional
        Whom to trust; the system's authorities unless said.

    Raises
    ------
    ValueError
        A URL that is not https: whoever is on the way could put in keys of his own.
    """
    if "://" not in where:
        return lambda: _read_file(Path(where))
    if urlsplit(where).scheme != "https":
        raise ValueError("a key set comes from a file or an https URL")
    opener = urllib.request.build_opener(
        _NoRedirects, urllib.request.HTTPSHandler(context=context or ssl.create_default_context())
    )

    def fetch() -> bytes:
        request = urllib.request.Request(where, headers=_ACCEPT)  # noqa: S310 - https alone
        try:
            with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                body: bytes = answer.read(_MAX_KEY_SET_NBYTES + 1)
                if len(body) <= _MAX_KEY_SET_NBYTES and answer.length:
                    raise http.client.IncompleteRead(body, answer.length)
        except http.client.HTTPException as error:
            raise OSError(f"{where}: no answer as HTTP has them") from error
        return body

    return fetch


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_KEY_SET_NBYTES + 1)


class KeySet:
    """Keys by their ``kid``.

    Parameters
    ----------
    read : callable
        Returns the set as JSON; may raise OSError.
    clock : callable
        Seconds, for tests.

    Raises
    ------
    OSError, ValueError
        It cannot be read at first: better not to start than to turn everybody away.
    """

    def __init__(self, read: Callable[[], bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._guard = threading.Lock()
        self._keys = _parse(read())
        self._read_at = self._tried_at = clock()

    def candidates(self, kid: object) -> list[Mapping[str, Any]]:
        """Return the keys of that name; without a name, the only one there is.

        A set that is old, or lacks the name, is read again first. While its server does not answer the old one holds.
        """
        now = self._clock()
        if now - self._read_at > _FRESH_SECONDS or not self._find(kid):
            self._read_again(now)
        return self._find(kid)

    def _find(self, kid: object) -> list[Mapping[str, Any]]:
        if kid is None:
            return self._keys if len(self._keys) == 1 else []
        return [key for key in self._keys if key.get("kid") == kid]

    def _read_again(self, now: float) -> None:
        with self._guard:
            if now - self._tried_at < _RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = _parse(self._read())
            except (OSError, ValueError):
                return
            self._read_at = now


def _parse(text: bytes) -> list[Mapping[str, Any]]:
    if len(text) > _MAX_KEY_SET_NBYTES:
        raise ValueError(f"the key set is longer than {_MAX_KEY_SET_NBYTES} bytes")
    try:
        found = json.loads(text)
        keys = found["keys"]
        usable = [
            key
            for key in keys
            if key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig" and "d" not in key
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError('it is no key set: {"keys": [...]} with public keys (RFC 7517 5)') from None
    if not usable:
        raise ValueError("the key set holds no public key for signatures (RSA, EC or OKP)")
    if len(keys) > _MAX_KEYS:
        raise ValueError(f"the key set holds more than {_MAX_KEYS} keys")
    return usable
