# SPDX-License-Identifier: Apache-2.0
"""Arguments of commands that talk to peers: sizes, addresses, certificates."""

import argparse
import ipaddress
import re
from typing import Final

__all__ = ["add_tls_arguments", "ae_title", "network", "peer", "port", "size"]

_SIZE: Final = re.compile(r"(\d{1,15})\s*([kMGT]?)(i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(text: str) -> int:
    """Return bytes: 4096, 512k, 8G."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; say 4096, 512k, 100M or 8G")
    return int(match[1]) * _UNITS[match[2].lower()]


def port(text: str) -> int:
    """Return a TCP port, or 0 for a free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to 65535)")
    return int(text)


def ae_title(text: str) -> str:
    """Return an AE title: 1 to 16 characters (PS3.5 6.2)."""
    title = text.strip()
    if not (1 <= len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title):
        raise argparse.ArgumentTypeError(f"{text!r} is no AE title: 1 to 16 plain characters, no backslash")
    return title


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return an address, or a network such as 10.1.0.0/16."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address or network; say 10.1.2.3 or 10.1.0.0/16"
        ) from None


def peer(text: str) -> tuple[str, str, int]:
    """Return AE title, host and port: ARCHIVE=10.1.2.3:104."""
    title, equals, where = text.partition("=")
    host, colon, number = where.rpartition(":")
    if not (equals and colon and host):
        raise argparse.ArgumentTypeError(f"{text!r} is no peer; say AETITLE=HOST:PORT")
    return ae_title(title), host.strip("[]"), port(number)


def add_tls_arguments(parser: argparse.ArgumentParser, *, authorities_help: str) -> None:
    """Add --tls-cert, --tls-key and --tls-ca."""
    group = parser.add_argument_group("TLS (files in PEM)")
    group.add_argument("--tls-cert", metavar="FILE", help="our certificate, and those up to its authority")
    group.add_argument("--tls-key", metavar="FILE", help="its private key, where it is not in the same file")
    group.add_argument("--tls-ca", metavar="FILE", help=authorities_help)
