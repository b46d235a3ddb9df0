# SPDX-License-Identifier: Apache-2.0
"""Who can reach an address, and under which names a server answers there."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

__all__ = ["allowed_hosts", "completed_hosts", "is_loopback", "is_wildcard", "origin_of_url", "shown_address"]

_HOST: Final = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?")
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address; of a name, all that it stands for.

    Raises
    ------
    OSError
        A name that cannot be resolved.
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in found)


def is_wildcard(host: str) -> bool:
    """Whether an address stands for all of this machine's."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def shown_address(host: str, port: int) -> str:
    """Return an address and a port as they stand in a URL."""
    name = host.strip("[]")
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def origin_of_url(url: str) -> str:
    """Return scheme, host and port of a URL as a browser sends them in Origin.

    Raises
    ------
    ValueError
        It is no http or https URL, or has more to it than an origin (RFC 6454 4).
    """
    parts = urlsplit(url)
    netloc = parts.netloc.lower()
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not _HOST.fullmatch(netloc)
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError(f"{url!r} is no origin; say https://viewer.example or http://127.0.0.1:3000")
    if parts.port == _DEFAULT_PORTS[parts.scheme]:
        netloc = netloc.rpartition(":")[0]
    return f"{parts.scheme}://{netloc}"


def completed_hosts(port: int, *, is_tls: bool) -> dict[bytes, bytes]:
    """Return loopback's names without a port, and with the one that a program has left out: URLs in answers need it."""
    if port == _DEFAULT_PORTS["https" if is_tls else "http"]:
        return {}
    return {name.encode("ascii"): f"{name}:{port}".encode("ascii") for name in _LOOPBACK_NAMES}


def allowed_hosts(
    host: str, port: int, *, names: Iterable[str] = (), origin: str | None = None
) -> frozenset[bytes]:
    """Return every value that Host may have.

    A page of a stranger's can have its own name resolve to our address (DNS rebinding), and its scripts then count as
    ours in the browser: what gives it away is that name in Host.

    Parameters
    ----------
    host : str
        What is listened on. All loopback names count where it is one of them.
    port : int
        The port listened on.
    names : iterable of str
        More names, with a port or without; without one, both this server's and none may follow.
    origin : str, optional
        Where a proxy offers this server to others, scheme://host[:port].

    Raises
    ------
    ValueError
        A name that can be no host.
    """
    allowed: set[str] = set()
    own = _LOOPBACK_NAMES if is_loopback(host) else () if is_wildcard(host) else (host.strip("[]").lower(),)
    for name in (*own, *names):
        bare = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name.lower()
        if not _HOST.fullmatch(bare):
            raise ValueError(f"{name!r} is no host name; say pacs.example or pacs.example:8443")
        if re.search(r":[0-9]+$", bare) and not bare.endswith("]"):
            allowed.add(bare)
            continue
        # Some programs leave the port out, whatever it is (dicomweb-client); it is the name that tells a stranger.
        allowed |= {bare, f"{bare}:{port}"}
    if origin is not None:
        scheme, _, netloc = origin.partition("://")
        allowed |= {
            netloc,
            netloc if ":" in netloc.rpartition("]")[2] else f"{netloc}:{_DEFAULT_PORTS[scheme]}",
        }
    return frozenset(name.encode("ascii") for name in allowed)
