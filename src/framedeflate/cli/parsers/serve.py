# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate serve``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import port, positive, positive_seconds, size
from framedeflate.cli.parsers.shared import add_json, add_limits, add_store_policy, add_tls_files

__all__ = ["COMMAND"]

_NOTES = """\
The service root is /dicomweb, the viewer is at /, /healthz says whether all is well, /metrics has numbers. Ctrl-C or \
SIGTERM ends the command once what is under way is done.

"framedeflate receive --store STORE_DIR" may run on the same folder: what it stores is served too. docs/serve.md has \
more.

--json prints one object a line, each with an "event":
  listening   url, service_url, host, port, store, instances, access (open,
              token or jwt), tls
  indexed     files, added, unchanged, removed, damaged, damaged_uids
  stored      path, sop_instance_uid, new: a file of a folder that is watched
  not-stored  message
  stopped     requests, seconds
and in the log (--log):
  request     time, method, route, status, nbytes, milliseconds, request_id,
              and the path's UIDs"""


_LIMITS = (
    ("--max-body", size, "16G", "SIZE", "longest request"),
    ("--max-object", size, "8G", "SIZE", "largest instance"),
    ("--min-free", size, "1G", "SIZE", "disk kept free"),
    ("--max-parts", positive, 100_000, "N", "parts of a request"),
    ("--max-frames", positive, 4096, "N", "Frames that a request may list"),
    ("--max-requests", positive, 256, "N", "answered at a time; more are told to come again"),
    ("--max-connections", positive, 512, "N", "at a time; more are closed"),
    ("--grace", positive_seconds, 10.0, "SECONDS", "for what is under way at the end"),
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", metavar="STORE_DIR", help="folder of the instances; made if missing")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s); others than this machine's own need a token and TLS",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=8080,
        metavar="PORT",
        help="port to listen on; 0 takes a free one (default: %(default)s)",
    )
    add_json(parser, lines=True)
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="a JSON line a request is appended here; - is standard error (default: there, where it is no terminal)",
    )
    _add_contents(parser)
    _add_access(parser)
    add_tls_files(
        parser.add_argument_group("TLS (files in PEM)"),
        authorities_help="authorities: clients must then show a certificate that one of them signed, too",
    )
    add_limits(parser, _LIMITS)


def _add_contents(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is stored and found")
    add_store_policy(group)
    group.add_argument("--read-only", action="store_true", help="take nothing in by the web")
    group.add_argument(
        "--allow-delete", action="store_true", help="DELETE takes studies, series and instances away for good"
    )
    group.add_argument(
        "--watch",
        action="append",
        default=[],
        metavar="DIR",
        help="store copies of what is put into this folder; repeat",
    )
    group.add_argument(
        "--watch-remove", action="store_true", help="remove files from watched folders once they are safe"
    )
    group.add_argument(
        "--index",
        metavar="URL",
        help="sqlite:///PATH or, with the extra postgres, postgresql+psycopg://USER@HOST/NAME "
        "(default: SQLite in STORE_DIR/.index)",
    )
    group.add_argument(
        "--reindex", action="store_true", help="make the index anew from the files, then serve"
    )


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


COMMAND = Command(
    name="serve",
    summary="a DICOMweb server with a viewer",
    usage="STORE_DIR [options]",
    description="Serve a folder of instances by DICOMweb (STOW-RS, WADO-RS, QIDO-RS), deflated frames as they "
    "are stored, with a viewer for the browser. Needs the extra web.",
    examples=(
        "store/",
        "store/ --watch incoming/",
        "store/ --host 10.1.2.3 --tls-cert us.pem --token-file token",
    ),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
