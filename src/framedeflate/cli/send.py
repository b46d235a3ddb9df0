# SPDX-License-Identifier: Apache-2.0
"""``framedeflate send``: files to a DICOM peer, deflated where it takes that."""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.progress import ProgressBar, progress_bar
from framedeflate.cli.quiet_libraries import quiet_libraries
from framedeflate.cli.report import human_nbytes, print_error, print_json
from framedeflate.cli.sources import find_files
from framedeflate.errors import AssociationError, TlsSettingsError
from framedeflate.extras import require

if TYPE_CHECKING:
    import ssl

    from framedeflate.dimse.commitment_request import Commitment
    from framedeflate.dimse.send_result import SendResult

__all__ = ["run"]

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


def run(namespace: argparse.Namespace) -> ExitCode:
    """Send what the command line names."""
    require("dimse", "framedeflate send")
    from framedeflate.dimse.commitment_request import request_commitment
    from framedeflate.dimse.peer_association import Peer
    from framedeflate.dimse.sender import send_files

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
    if result.error is not None and result.error.type == "AssociationError":
        # The first thing to look at is what was typed.
        reason += f" ({result.peer})"
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
