# SPDX-License-Identifier: Apache-2.0
"""JSON Web Tokens (RFC 7519) checked by PyJWT against a key set."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

import jwt

from framedeflate.web.server.access import Decision, bearer_token
from framedeflate.web.server.key_set import KeySet

__all__ = ["JsonWebTokens"]

_ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""By the type of the key. A token names an algorithm, and never decides: none, and a public key taken for a secret of
HMAC, are how such checks were fooled (RFC 8725 2.1)."""

_LEEWAY_SECONDS: Final = 30
_REMEMBERED_SECONDS: Final = 60.0
_MAX_REMEMBERED: Final = 1024


class JsonWebTokens:
    """Tokens of one issuer for this server.

    Parameters
    ----------
    keys : KeySet
        Whose signatures count.
    issuer, audience : str
        What ``iss`` and ``aud`` must say; ``exp`` must be there too and lie ahead, ``nbf`` behind where it is there.
    clock : callable
        Seconds since 1970, for tests of what is remembered.
    """

    def __init__(
        self, keys: KeySet, *, issuer: str, audience: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        # A signature takes longer to check than a Frame to send. For a minute at most, since keys are withdrawn too.
        self._good_until: dict[bytes, float] = {}

    def known(self, authorization: bytes | None) -> Decision | None:
        """Decide where there is no token, or it was checked within the last minute."""
        token = bearer_token(authorization)
        if token is None:
            return "missing" if authorization is None else "invalid"
        until = self._good_until.get(hashlib.sha256(token).digest())
        return "granted" if until is not None and self._clock() < until else None

    def decide(self, authorization: bytes | None) -> Decision:
        """Check the token; may read the key set."""
        known = self.known(authorization)
        if known is not None:
            return known
        token = bearer_token(authorization) or b""
        try:
            expires = self._check(token)
        except (jwt.PyJWTError, RecursionError):
            # Brackets inside brackets are enough for the latter.
            return "invalid"
        now = self._clock()
        if len(self._good_until) >= _MAX_REMEMBERED:
            self._good_until = {}
        self._good_until[hashlib.sha256(token).digest()] = min(
            expires + _LEEWAY_SECONDS, now + _REMEMBERED_SECONDS
        )
        return "granted"

    def _check(self, token: bytes) -> float:
        """Return when the token expires."""
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        for key in self._keys.candidates(header.get("kid")):
            allowed = _ALGORITHMS[key["kty"]]
            if algorithm not in allowed or key.get("alg", algorithm) != algorithm:
                continue
            claims = jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )
            return float(claims["exp"])
        raise jwt.InvalidKeyError("no key of the set fits")
