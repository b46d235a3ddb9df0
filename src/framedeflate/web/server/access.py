# SPDX-License-Identifier: Apache-2.0
"""Who may ask at all: everybody, or who shows a bearer token (RFC 6750)."""

import hashlib
import hmac
import re
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

__all__ = ["MIN_TOKEN_LENGTH", "Access", "Decision", "StaticToken", "bearer_token", "read_token_file"]

Decision: TypeAlias = Literal["granted", "missing", "invalid"]
"""Whether a request may pass; ``missing`` where it shows no bearer token, ``invalid`` where that does not hold."""

MIN_TOKEN_LENGTH: Final = 16
_MAX_TOKEN_NBYTES: Final = 8192
_TOKEN: Final = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")


class Access(Protocol):
    """Decides by the value of Authorization."""

    def known(self, authorization: bytes | None) -> Decision | None:
        """Return the decision where nothing has to be waited for, else None."""

    def decide(self, authorization: bytes | None) -> Decision:
        """Return the decision; may take a while."""


def bearer_token(authorization: bytes | None) -> bytes | None:
    """Return the token, or None where there is no well-formed one."""
    if authorization is None or len(authorization) > _MAX_TOKEN_NBYTES:
        return None
    scheme, _, token = authorization.partition(b" ")
    token = token.strip(b" ")
    return token if scheme.lower() == b"bearer" and _TOKEN.fullmatch(token) else None


class StaticToken:
    """One secret that all clients share.

    Parameters
    ----------
    token : bytes
        The secret.
    """

    def __init__(self, token: bytes) -> None:
        self._digest = hashlib.sha256(token).digest()

    def known(self, authorization: bytes | None) -> Decision:
        """Compare; how long that takes says nothing of the token, nor of its length."""
        token = bearer_token(authorization)
        if token is None:
            return "missing" if authorization is None else "invalid"
        return "granted" if hmac.compare_digest(hashlib.sha256(token).digest(), self._digest) else "invalid"

    decide = known


def read_token_file(path: str | Path) -> bytes:
    """Return the token that a file holds on its only line.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It holds no token that could stand in a request, or one that could be guessed.
    """
    with Path(path).open("rb") as file:
        token = file.read(_MAX_TOKEN_NBYTES).strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            f"{path}: a token is one line of letters, digits and -._~+/ (openssl rand -hex 32 makes one)"
        )
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(
            f"{path}: a token of fewer than {MIN_TOKEN_LENGTH} characters can be guessed "
            "(openssl rand -hex 32 makes one)"
        )
    return token
