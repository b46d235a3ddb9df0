# SPDX-License-Identifier: Apache-2.0
"""URLs: what is one, and what of it may be shown. Signed URLs carry a key in their query, others a password."""

import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["HTTP_SCHEMES", "SCHEMES", "STORE_SCHEMES", "is_url", "origin", "scheme_of", "shown_url"]

HTTP_SCHEMES: Final = frozenset({"http", "https"})
STORE_SCHEMES: Final = frozenset({"s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"})
SCHEMES: Final = HTTP_SCHEMES | STORE_SCHEMES

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""A scheme of one letter is a drive: C://folder is a path on Windows."""

_SHOWN_LENGTH: Final = 300


def scheme_of(text: str) -> str:
    """Return the scheme in lower case; "" for what is no URL."""
    match = _URL.match(text)
    return match[1].lower() if match else ""


def is_url(text: str) -> bool:
    """Whether a string means a URL and not a path: it begins with a scheme of two letters or more, and "://"."""
    return bool(scheme_of(text))


def shown_url(url: str) -> str:
    """Return a URL as messages and logs may show it: without user, password, query and fragment."""
    scheme = scheme_of(url)
    # Not by urlsplit, which raises on what it cannot read: that text must not be shown either.
    place = re.split(r"[?#]", url[len(scheme) + 3 :], maxsplit=1)[0]
    host, slash, path = place.partition("/")
    if "@" not in host and "@" in path and re.search(r":\d*[^\d\]:]", host):
        # A password with a slash that was not encoded, where a port would stand.
        host, slash, path = place.rpartition("@")[2].partition("/")
    container, at, account = host.rpartition("@")
    if at and scheme in {"abfs", "abfss"} and ":" not in container:
        account = host  # abfs://container@account: no user
    shown = f"{scheme}://{account}{slash}{path}"
    shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port, which decide whom a secret may be sent to; ValueError for a malformed URL."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or (443 if scheme == "https" else 80)
