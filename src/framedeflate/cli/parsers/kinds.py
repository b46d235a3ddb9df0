# SPDX-License-Identifier: Apache-2.0
"""What the values of options are, and the sentence for one that is not."""

import argparse
import ipaddress
import re
from typing import Final

__all__ = [
    "ae_title",
    "count",
    "local_path",
    "network",
    "peer",
    "percent",
    "port",
    "positive",
    "positive_seconds",
    "sample",
    "seconds",
    "shard",
    "size",
    "uid",
    "whole",
]

_SIZE: Final = re.compile(r"(\d{1,15})\s*([kMGT]?)(i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def count(text: str) -> int:
    """Return a whole number, 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, 0 or more")
    return int(text)


def positive(text: str) -> int:
    """Return a whole number from 1."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def percent(text: str) -> float:
    """Return the part of one that a percentage is: 5 and 5% are 0.05."""
    try:
        found = float(text.removesuffix("%"))
    except ValueError:
        found = -1.0
    if not 0 <= found < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage from 0 to 99")
    return found / 100


def whole(text: str) -> int:
    """Return a whole number of any sign; what it may be the command says."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def uid(text: str) -> str:
    """Return a UID: up to 64 digits and dots, no component empty or with a leading zero (PS3.5 9.1)."""
    if len(text) > 64 or not re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no UID: up to 64 digits and dots, such as 1.2.840.10008.5.1"
        )
    return text


def seconds(text: str) -> float:
    """Return a time, 0 or more; whether 0 makes sense the command says."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    # Neither NaN nor more than any clock's function takes.
    if not 0 <= found < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def positive_seconds(text: str) -> float:
    """Return a time that is not 0."""
    if not (found := seconds(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, which must be more than 0")
    return found


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
        raise argparse.ArgumentTypeError(f"{text!r} is no peer; say AE=HOST:PORT")
    return ae_title(title), host.strip("[]"), port(number)


def local_path(text: str) -> str:
    """Return a path of this machine."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise argparse.ArgumentTypeError(
            "a path is needed; of the commands, compress and zarr alone read URLs"
        )
    return text


def shard(text: str) -> tuple[int, int]:
    """Return which part of how many: 1/8."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no part such as 1/8, 2/8, ... 8/8")
    return int(match[1]), int(match[2])


def sample(text: str) -> int:
    """Return how many draws a sample has."""
    number = count(text)
    if number < 2:
        raise argparse.ArgumentTypeError("2 draws are the least of which an interval can be told")
    return number
