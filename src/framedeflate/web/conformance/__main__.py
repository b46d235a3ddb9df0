# SPDX-License-Identifier: Apache-2.0
"""The command: ``python -m framedeflate.web.conformance URL``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from framedeflate.errors import MissingExtraError

__all__ = ["main"]

PASSED, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 61

_EPILOG = """\
Instances of a made-up patient are stored under UIDs made for the run, and deleted again where the server deletes; what
stays is told. With --read-only nothing is stored.

exit codes:
   0  all that was looked at and the standard says with "shall" is kept
   1  something of it is not
   2  the command line makes no sense
  61  the server cannot be reached"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m framedeflate.web.conformance",
        description="Check a DICOMweb origin server, Deflated Image Frame Compression above all, clause by clause.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "url", metavar="URL", nargs="?", help="the service root, as https://example.org/dicomweb"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--failures", action="store_true", help="leave out of the table what did not fail")
    parser.add_argument(
        "--token",
        default=os.environ.get("DICOMWEB_TOKEN", ""),
        help="sent as Authorization: Bearer; better in the environment, as DICOMWEB_TOKEN",
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        action="append",
        default=[],
        help='a group or check, as "frames" or "*.vary"',
    )
    parser.add_argument(
        "--read-only",
        metavar="STUDY",
        nargs="+",
        default=[],
        help="look at the images of these studies, store none",
    )
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="SECONDS", help="for an answer, 30 by default"
    )
    parser.add_argument("--list", action="store_true", help="print the checks, and make none")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite, print its report, and return the exit code."""
    parser = build_parser()
    namespace = parser.parse_args(arguments)
    try:
        from framedeflate.web.conformance import suite, table
        from framedeflate.web.conformance.exchange import UnreachableError
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return USAGE
    chosen = suite.all_checks(namespace.only)
    if not chosen:
        parser.error(f"no check is called {', '.join(namespace.only)}; --list names them")
    if namespace.list:
        for one in chosen:
            print(f"{one.name:42} {one.level:7} {one.clause:36} {one.title}")
        return PASSED
    if namespace.url is None or urlsplit(namespace.url).scheme not in {"http", "https"}:
        parser.error("give the URL of the service root, with http:// or https://")
    try:
        report = suite.run_suite(
            namespace.url,
            token=namespace.token,
            only=namespace.only,
            read_only=namespace.read_only,
            seconds=namespace.timeout,
            progress=_progress if sys.stderr.isatty() else lambda _name: None,
        )
    except UnreachableError as error:
        print(f"cannot be reached: {error}", file=sys.stderr)
        return UNREACHABLE
    if namespace.json:
        json.dump(table.json_report(report), sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        table.print_report(report, sys.stdout, failures_only=namespace.failures)
    return PASSED if report.conforms else FAILED


def _progress(name: str) -> None:
    print(f"\r\033[K{name}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
