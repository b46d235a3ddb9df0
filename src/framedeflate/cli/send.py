# SPDX-License-Identifier: Apache-2.0
"""``framedeflate send``: files to a DICOM peer, deflated where it takes that."""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.network_arguments import add_tls_arguments, ae_title, port
from framedeflate.cli.progress import ProgressBar, progress_bar
from framedeflate.cli.quiet_libraries import quiet_libraries
from framedeflate.cli.report import human_nbytes, print_error, print_json
from framedeflate.cli.sources import find_files
from framedeflate.errors import AssociationError, MissingExtraError, TlsSettingsError
from framedeflate.frame_codec import DEFAULT_LEVEL

if TYPE_CHECKING:
    import ssl

    from framedeflate.dimse.commitment_request import Commitment
    from framedeflate.dimse.send_result import SendResult

__all__ = ["add_parser"]

_EPILOG = """\
Each file goes in the best encoding that HOST accepts for it: its own bytes, else inflated on the way with the same SOP
Instance UID. Nothing deflated is sent to a peer that did not accept it.

--json prints one object a line for each file:
  status                stored, stored-before (--resume), skipped (no DICOM file), refused (cannot go to
                        this peer), failed or interrupted
  source, peer          path; HOST:PORT/AE
  sop_class_uid, sop_instance_uid
  source_transfer_syntax_uid, transfer_syntax_uid
                        how it is stored, how it was sent
  sent_as               stored (the file's own bytes), explicit, implicit (VR), deflated (on the way) or null
  wire_nbytes           bytes of all PDUs of the last attempt
  dimse_status          the peer's status, four hexadecimal digits, or null
  attempts, seconds     how often it was sent; time taken, conversion and waits included
  error                 null, or type, kind, message
and with --commit, afterwards, one for each instance that was stored:
  status                committed, not-committed or unknown (no answer in time)
  sop_instance_uid
  failure_reason        four hexadecimal digits, or null"""

_INPUT_ERRORS = {
    "FileNotFoundError": ExitCode.CANNOT_READ_INPUT,
    "PermissionError": ExitCode.CANNOT_READ_INPUT,
    "IsADirectoryError": ExitCode.CANNOT_READ_INPUT,
}

_SENT_AS = {
    "stored": "as it is",
    "explicit": "in Explicit VR",
    "implicit": "in Implicit VR",
    "deflated": "deflated",
}


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the subcommand's parser and return it."""
    parser = subparsers.add_parser(
        "send",
        help="send files to a DICOM peer (C-STORE)",
        description="Send DICOM files to a peer of any kind by C-STORE.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("host", metavar="HOST", help="name or address of the peer")
    parser.add_argument("port", metavar="PORT", type=port, help="its TCP port")
    parser.add_argument("sources", nargs="+", metavar="PATH", help="files, or folders to search to any depth")
    parser.add_argument(
        "--called-ae",
        type=ae_title,
        default="ANY-SCP",
        metavar="AE",
        help="the peer's AE title (%(default)s)",
    )
    parser.add_argument(
        "--calling-ae", type=ae_title, default="FRAMEDEFLATE", metavar="AE", help="ours (%(default)s)"
    )
    parser.add_argument(
        "--associations", type=int, default=1, metavar="N", help="how many in parallel, 1 to 64 (%(default)s)"
    )
    parser.add_argument(
        "--deflate", action="store_true", help="deflate native images where the peer takes that"
    )
    parser.add_argument(
        "--level",
        type=int,
        choices=range(1, 10),
        default=DEFAULT_LEVEL,
        metavar="1-9",
        help="1 is fastest, 9 smallest (%(default)s)",
    )
    parser.add_argument(
        "--retries",
        type=int,
        default=3,
        metavar="N",
        help="tries after a lost connection or status A7xx (%(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="greatest silence of the peer (%(default)s)",
    )
    parser.add_argument(
        "--resume", metavar="REPORT", help="leave out what this output of --json says the peer stored"
    )
    parser.add_argument(
        "--peer-cache",
        metavar="FILE",
        help="remember what peers accept, to convert before the first association, not in it",
    )
    _add_commitment(parser)
    add_tls_arguments(parser, authorities_help="authorities to trust (default: the system's)")
    parser.add_argument("--tls", action="store_true", help="speak TLS; each option of it implies this one")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, see below")
    parser.set_defaults(func=run)
    return parser


def _add_commitment(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Storage Commitment")
    group.add_argument("--commit", action="store_true", help="ask the peer to keep what it stored")
    group.add_argument(
        "--commit-port",
        type=port,
        metavar="PORT",
        help="listen here for a peer that answers by calling back",
    )
    group.add_argument(
        "--commit-wait",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for it (%(default)s)",
    )


def run(namespace: argparse.Namespace) -> ExitCode:
    """Send what the command line names."""
    try:
        from framedeflate.dimse.commitment_request import request_commitment
        from framedeflate.dimse.peer_association import Peer
        from framedeflate.dimse.sender import send_files
    except MissingExtraError as error:
        raise CommandError(str(error), exit_code=ExitCode.USAGE) from error
    quiet_libraries()
    paths = [path for path, _ in find_files(namespace.sources)]
    _check_report(namespace.resume)
    tls, listen_tls = _tls_settings(namespace)
    tally = _Tally(as_json=namespace.json)
    with progress_bar(len(paths)) as bar:
        try:
            results = send_files(
                namespace.host,
                namespace.port,
                paths,
                called_ae=namespace.called_ae,
                calling_ae=namespace.calling_ae,
                associations=namespace.associations,
                deflate=namespace.deflate,
                level=namespace.level,
                retries=namespace.retries,
                timeout_seconds=namespace.timeout,
                tls=tls,
                resume=namespace.resume,
                peer_cache=namespace.peer_cache,
                on_result=lambda result: tally.add(result, bar),
            )
        except ValueError as error:
            raise CommandError(str(error), exit_code=ExitCode.USAGE) from error
        except KeyboardInterrupt:
            tally.finish()
            print_error("interrupted; --resume with the output of --json goes on where this ended")
            return ExitCode.INTERRUPTED
    code = tally.finish()
    if namespace.commit and any(result.is_stored for result in results):
        peer = Peer(
            host=namespace.host,
            port=namespace.port,
            called_ae=namespace.called_ae,
            calling_ae=namespace.calling_ae,
            timeout_seconds=namespace.timeout,
            tls=tls,
        )
        try:
            said = request_commitment(
                peer,
                results,
                wait_seconds=namespace.commit_wait,
                port=namespace.commit_port,
                listen_tls=listen_tls,
            )
        except AssociationError as error:
            raise CommandError(f"Storage Commitment: {error}", exit_code=ExitCode.NOT_SENT) from error
        except OSError as error:
            raise CommandError(
                f"Storage Commitment was not asked for: cannot listen on port {namespace.commit_port}: "
                f"{error.strerror or error}",
                exit_code=ExitCode.CANNOT_LISTEN,
            ) from error
        code = max(code, _print_commitments(said, as_json=namespace.json))
    return code


def _check_report(path: str | None) -> None:
    if path is not None and not Path(path).is_file():
        raise CommandError(f"{path}: there is no such report", exit_code=ExitCode.CANNOT_READ_INPUT)


def _tls_settings(namespace: argparse.Namespace) -> "tuple[ssl.SSLContext | None, ssl.SSLContext | None]":
    """Return how to speak TLS with the peer, and with who calls back on --commit-port."""
    certificate, key, authorities = namespace.tls_cert, namespace.tls_key, namespace.tls_ca
    if not (namespace.tls or certificate or key or authorities):
        return None, None
    from framedeflate.dimse.tls import TlsFiles, acceptor_context, requestor_context

    files = TlsFiles(certificate=certificate, key=key, authorities=authorities)
    try:
        if namespace.commit_port is None:
            return requestor_context(files), None
        return requestor_context(files), acceptor_context(files, require_certificate=authorities is not None)
    except TlsSettingsError as error:
        raise CommandError(str(error), exit_code=ExitCode.CANNOT_READ_INPUT) from error


class _Tally:
    """Prints results as they come and remembers what the command ends with."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._counts: Counter[str] = Counter()
        self._wire_nbytes = 0
        self._worst = ExitCode.OK
        self._started = time.monotonic()

    def add(self, result: "SendResult", bar: ProgressBar) -> None:
        """Print one result and count it."""
        self._counts[result.status] += 1
        self._wire_nbytes += result.wire_nbytes
        self._worst = max(self._worst, _exit_code(result))
        if self._as_json:
            print_json(result.as_json())
        elif result.status in {"failed", "refused", "interrupted"}:
            print_error(_line(result))
        else:
            print(_line(result), flush=True)
        bar.finish_file()

    def finish(self) -> ExitCode:
        """Print the sum and return the exit code."""
        seconds = time.monotonic() - self._started
        if not self._as_json and self._counts.total() > 1:
            counts = ", ".join(f"{count} {status}" for status, count in self._counts.items())
            print(f"{counts}; {human_nbytes(self._wire_nbytes)} in {seconds:.1f} s", flush=True)
        if self._worst == ExitCode.OK and set(self._counts) == {"skipped"}:
            return ExitCode.NO_VALID_INPUT
        return self._worst


def _exit_code(result: "SendResult") -> ExitCode:
    if result.status in {"stored", "stored-before", "skipped"} or result.error is None:
        return ExitCode.INTERRUPTED if result.status == "interrupted" else ExitCode.OK
    if result.status == "interrupted":
        return ExitCode.INTERRUPTED
    error = result.error
    if error.type == "AssociationError":
        is_none = error.kind in {"connection", "rejected", "busy"}
        return ExitCode.NO_ASSOCIATION if is_none else ExitCode.NOT_SENT
    if error.type in _INPUT_ERRORS:
        return _INPUT_ERRORS[error.type]
    return ExitCode.INVALID_INPUT if error.type else ExitCode.NOT_SENT


def _line(result: "SendResult") -> str:
    if result.status == "stored":
        again = "" if result.attempts == 1 else f", attempt {result.attempts}"
        warning = f", warning {result.dimse_status:04X}" if result.dimse_status else ""
        how = _SENT_AS[result.sent_as or "stored"]
        return f"{result.path}: stored {how}, {human_nbytes(result.wire_nbytes)}{again}{warning}"
    reason = "" if result.error is None else f": {result.error.message}"
    return f"{result.path}: {result.status}{reason}"


def _print_commitments(said: "Sequence[Commitment]", *, as_json: bool) -> ExitCode:
    counts: Counter[str] = Counter()
    for one in said:
        counts[one.status] += 1
        if as_json:
            print_json(one.as_json())
        elif one.status != "committed":
            reason = "" if one.failure_reason is None else f", failure reason {one.failure_reason:04X}"
            print_error(f"{one.sop_instance_uid}: {one.status}{reason}")
    if not as_json:
        print(", ".join(f"{count} {status}" for status, count in counts.items()), flush=True)
    return ExitCode.OK if set(counts) <= {"committed"} else ExitCode.NOT_SENT
