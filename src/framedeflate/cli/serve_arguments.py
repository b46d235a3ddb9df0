# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``framedeflate serve``."""

import argparse

from framedeflate.cli.network_arguments import add_tls_arguments, port, size
from framedeflate.cli.store_arguments import add_policy_arguments

__all__ = ["add_arguments", "count"]


def count(text: str) -> int:
    """Return a number from 1."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them all."""
    parser.add_argument("store", metavar="STORE_DIR", help="folder of the instances; made if missing")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDR",
        help="address to listen on (default: %(default)s); others than this machine's own need a token and TLS",
    )
    parser.add_argument(
        "--port", type=port, default=8080, metavar="N", help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--index",
        metavar="URL",
        help="sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME (default: SQLite in STORE_DIR/.index)",
    )
    parser.add_argument(
        "--reindex", action="store_true", help="make the index anew from the files, then serve"
    )
    parser.add_argument(
        "--watch",
        action="append",
        default=[],
        metavar="DIR",
        help="store copies of what is put into this folder; repeat",
    )
    parser.add_argument(
        "--watch-remove", action="store_true", help="remove files from watched folders once they are safe"
    )
    add_policy_arguments(parser)
    parser.add_argument("--read-only", action="store_true", help="take nothing in by the web")
    parser.add_argument(
        "--allow-delete", action="store_true", help="DELETE takes studies, series and instances away for good"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, see below")
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="a JSON line a request is appended here; - is standard error (default: there, where it is no terminal)",
    )
    _add_access(parser)
    add_tls_arguments(
        parser,
        authorities_help="authorities: clients must then show a certificate that one of them signed, too",
    )
    _add_limits(parser)


def _add_access(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("access")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help="the token that clients show (Authorization: Bearer), on the file's only line",
    )
    group.add_argument(
        "--jwks",
        metavar="FILE_OR_URL",
        help="public keys (JWKS) of who issues JSON Web Tokens; with --issuer and --audience",
    )
    group.add_argument("--issuer", metavar="ISS", help="what their iss must say")
    group.add_argument("--audience", metavar="AUD", help="what their aud must say")
    group.add_argument(
        "--public-url",
        metavar="URL",
        help="where a proxy offers this server: https://pacs.example; stands in the URLs of answers",
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that clients may use for this server; repeat",
    )
    group.add_argument(
        "--behind-tls-proxy",
        action="store_true",
        help="a proxy ends TLS, and nobody else reaches what lies between: plain HTTP on any --host",
    )
    group.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="pages of this origin may ask from browsers: https://viewer.example; repeat",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    for name, kind, default, metavar, meaning in (
        ("--max-body", size, "16G", "SIZE", "longest request"),
        ("--max-object", size, "8G", "SIZE", "largest instance"),
        ("--min-free", size, "1G", "SIZE", "disk kept free"),
        ("--max-parts", count, 100_000, "N", "parts of a request"),
        ("--max-frames", count, 4096, "N", "Frames that a request may list"),
        ("--max-requests", count, 256, "N", "answered at a time; more are told to come again"),
        ("--max-connections", count, 512, "N", "at a time; more are closed"),
        ("--grace", _seconds, 10.0, "SECONDS", "for what is under way at the end"),
    ):
        group.add_argument(
            name, type=kind, default=default, metavar=metavar, help=f"{meaning} (default: %(default)s)"
        )
