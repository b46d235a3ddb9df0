# SPDX-License-Identifier: Apache-2.0
"""``framedeflate receive``: a DICOM node that stores what it is sent."""

import argparse
import logging
import signal
import threading
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.network_arguments import add_tls_arguments, ae_title, network, peer, port, size
from framedeflate.cli.quiet_libraries import quiet_libraries
from framedeflate.cli.report import human_nbytes, print_error, print_json
from framedeflate.cli.store_arguments import add_policy_arguments, open_store
from framedeflate.errors import MissingExtraError, TlsSettingsError

if TYPE_CHECKING:
    from framedeflate.dimse.commitment import CommitmentReport
    from framedeflate.dimse.receiver import Received, Receiver
    from framedeflate.instance_store import InstanceStore

__all__ = ["add_parser"]

_EPILOG = """\
Each instance is verified, every deflated frame inflated, before it is acknowledged; then it is safe on disk as
DIR/ab/<SOP Instance UID>.dcm. Ctrl-C or SIGTERM ends the command once what is under way is done.

Only this machine can connect unless --host says otherwise; whoever can connect can fill the disk down to --min-free.
AE titles are no proof of who calls, certificates are. docs/dimse.md has more.

--json prints one object a line, each with an "event":
  listening   host, port, ae_title, store
  instance    status (stored, duplicate or refused), sop_class_uid, sop_instance_uid, ae_title, address,
              dimse_status, comment, reason, path, arrived_transfer_syntax_uid, transfer_syntax_uid,
              number_of_frames, arrived_nbytes, stored_nbytes, seconds
  commitment  transaction_uid, ae_title, stored, failed (sop_instance_uid and failure_reason each), is_delivered
  stopped     stored, duplicates, refused"""


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the subcommand's parser and return it."""
    parser = subparsers.add_parser(
        "receive",
        help="a node that stores what it is sent",
        description="Run a DICOM storage node (C-STORE, C-ECHO, Storage Commitment) that takes deflated and native "
        "instances from any peer and keeps them in a folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=port, required=True, metavar="N", help="port to listen on; 0 takes a free one"
    )
    parser.add_argument(
        "--store", required=True, metavar="DIR", help="folder of the instances; made if missing"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDR",
        help="address to listen on (default: %(default)s; all: 0.0.0.0)",
    )
    add_policy_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line, see below")
    _add_peers(parser)
    _add_limits(parser)
    add_tls_arguments(
        parser, authorities_help="authorities: peers must then show a certificate that one of them signed"
    )
    parser.set_defaults(func=run)
    return parser


def _add_peers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("peers")
    group.add_argument(
        "--ae-title", type=ae_title, default="FRAMEDEFLATE", help="our AE title (default: %(default)s)"
    )
    group.add_argument("--require-ae-title", action="store_true", help="peers must call us by it")
    group.add_argument(
        "--allow-ae",
        type=ae_title,
        action="append",
        default=[],
        metavar="AET",
        help="who may call; repeat (default: all)",
    )
    group.add_argument(
        "--allow-address",
        type=network,
        action="append",
        default=[],
        metavar="NET",
        help="from where, an address or 10.1.0.0/16; repeat (default: from anywhere)",
    )
    group.add_argument(
        "--sop-class",
        action="append",
        default=[],
        metavar="UID",
        help="a private storage SOP Class to accept; repeat",
    )
    group.add_argument(
        "--peer",
        type=peer,
        action="append",
        default=[],
        metavar="AET=HOST:PORT",
        help="where to report Storage Commitment to; others hear on the association they asked on; repeat",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max-associations", type=int, default=16, metavar="N", help="at a time (default: %(default)s)"
    )
    group.add_argument(
        "--max-pdu", type=size, default="256k", metavar="SIZE", help="longest PDU (default: %(default)s)"
    )
    group.add_argument(
        "--max-object",
        type=size,
        default="8G",
        metavar="SIZE",
        help="largest instance (default: %(default)s)",
    )
    group.add_argument(
        "--min-free", type=size, default="1G", metavar="SIZE", help="disk kept free (default: %(default)s)"
    )
    group.add_argument(
        "--idle",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="until a silent association ends (default: %(default)s)",
    )
    group.add_argument(
        "--grace",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="for what is under way at the end (default: %(default)s)",
    )


def run(namespace: argparse.Namespace) -> ExitCode:
    """Listen until a signal says to end."""
    if namespace.max_associations < 1 or namespace.max_pdu < 4096 or namespace.idle <= 0:
        raise CommandError(
            "limits must leave room for one association and PDUs of 4096 bytes", exit_code=ExitCode.USAGE
        )
    stop = threading.Event()
    narrator = _Narrator(as_json=namespace.json, stop=stop)
    with _stopped_by_signals(stop), ExitStack() as stack:
        store = stack.enter_context(open_store(namespace))
        receiver = _make_receiver(namespace, store, narrator)
        try:
            host, number = receiver.start(namespace.host, namespace.port)
        except OSError as error:
            raise CommandError(
                f"cannot listen on port {namespace.port} of {namespace.host}: {error.strerror or error}",
                exit_code=ExitCode.CANNOT_LISTEN,
            ) from error
        narrator.listening(namespace, host, number)
        # A wait without an end would keep signals waiting too, on some systems.
        while not stop.wait(1.0):
            pass
        receiver.stop(namespace.grace)
    narrator.stopped()
    return ExitCode.OK


def _make_receiver(
    namespace: argparse.Namespace, store: "InstanceStore", narrator: "_Narrator"
) -> "Receiver":
    try:
        from framedeflate.dimse.commitment_report import Peer
        from framedeflate.dimse.receiver import Receiver, ReceiverLimits
        from framedeflate.dimse.tls import TlsFiles, acceptor_context, requestor_context
    except ModuleNotFoundError as error:
        missing = MissingExtraError(extra="dimse", feature="framedeflate receive")
        raise CommandError(str(missing), exit_code=ExitCode.USAGE) from error
    quiet_libraries()
    logging.getLogger("framedeflate.dimse.receiver.refusals").setLevel(logging.CRITICAL + 1)
    files = TlsFiles(namespace.tls_cert, namespace.tls_key, namespace.tls_ca)
    has_tls = files != TlsFiles()
    try:
        tls = acceptor_context(files, require_certificate=files.authorities is not None) if has_tls else None
        peer_tls = requestor_context(files) if has_tls else None
    except TlsSettingsError as error:
        raise CommandError(str(error), exit_code=ExitCode.USAGE) from error
    return Receiver(
        store,
        ae_title=namespace.ae_title,
        require_called_ae_title=namespace.require_ae_title,
        ae_titles=namespace.allow_ae,
        networks=namespace.allow_address,
        tls=tls,
        sop_classes=namespace.sop_class,
        peers={title: Peer(host, number) for title, host, number in namespace.peer},
        peer_tls=peer_tls,
        limits=ReceiverLimits(
            associations=namespace.max_associations, pdu_nbytes=namespace.max_pdu, idle_seconds=namespace.idle
        ),
        on_received=narrator.received,
        on_report=narrator.reported,
    )


def _stopped_by_signals(stop: threading.Event) -> AbstractContextManager[object]:
    """Have Ctrl-C and SIGTERM end the command in its own time; a second Ctrl-C ends it at once."""
    stack = ExitStack()

    def on_signal(number: int, _frame: object) -> None:
        stop.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        stack.callback(signal.signal, number, signal.signal(number, on_signal))
    return stack


class _Narrator:
    """Prints what happens, a line each, whichever thread it happens in."""

    def __init__(self, *, as_json: bool, stop: threading.Event) -> None:
        self._as_json = as_json
        self._stop = stop
        self._guard = threading.Lock()
        self._counts: Counter[str] = Counter()

    def listening(self, namespace: argparse.Namespace, host: str, number: int) -> None:
        """Say where; programs read the port from here."""
        fields = {"host": host, "port": number, "ae_title": namespace.ae_title, "store": namespace.store}
        self._say("listening", f"{namespace.ae_title} listens on {host} port {number}", fields)

    def received(self, received: "Received") -> None:
        """Say what came of an instance."""
        stored = received.stored
        status = "refused" if stored is None else "stored" if stored.is_new else "duplicate"
        self._counts[status] += 1
        fields: dict[str, object] = {
            "status": status,
            "sop_class_uid": received.sop_class_uid,
            "sop_instance_uid": received.sop_instance_uid,
            "ae_title": received.ae_title,
            "address": received.address,
            "dimse_status": f"{received.status.code:04X}",
            "comment": received.status.comment,
            "reason": received.reason,
        }
        line = f"{received.sop_instance_uid} from {received.ae_title}: {status}"
        if stored is None:
            line += f", status {received.status.code:04X}: {received.reason}"
        else:
            fields |= {
                "path": str(stored.path),
                "arrived_transfer_syntax_uid": stored.arrived_transfer_syntax_uid,
                "transfer_syntax_uid": stored.transfer_syntax_uid,
                "number_of_frames": stored.number_of_frames,
                "arrived_nbytes": stored.arrived_nbytes,
                "stored_nbytes": stored.stored_nbytes,
                "seconds": round(stored.seconds, 6),
            }
            line += f", {human_nbytes(stored.arrived_nbytes)} as {human_nbytes(stored.stored_nbytes)}"
        self._say("instance", line, fields, is_error=stored is None)

    def reported(self, report: "CommitmentReport") -> None:
        """Say what was answered to a request for Storage Commitment."""
        failed = [
            {"sop_instance_uid": uid, "failure_reason": f"{reason:04X}"} for uid, reason in report.failed
        ]
        fields = {
            "transaction_uid": report.transaction_uid,
            "ae_title": report.ae_title,
            "stored": report.stored,
            "failed": failed,
            "is_delivered": report.is_delivered,
        }
        told = "" if report.is_delivered else ", but the report could not be delivered"
        line = f"commitment for {report.ae_title}: {report.stored} confirmed, {len(failed)} not{told}"
        self._say("commitment", line, fields, is_error=not report.is_delivered)

    def stopped(self) -> None:
        """Say what it came to."""
        counts = self._counts
        fields = {"stored": counts["stored"], "duplicates": counts["duplicate"], "refused": counts["refused"]}
        line = f"{counts['stored']} stored, {counts['duplicate']} there already, {counts['refused']} refused"
        self._say("stopped", line, fields)

    def _say(self, event: str, line: str, fields: dict[str, Any], *, is_error: bool = False) -> None:
        with self._guard:
            try:
                if self._as_json:
                    print_json({"event": event, **fields})
                elif is_error:
                    print_error(line)
                else:
                    print(line, flush=True)
            except BrokenPipeError:
                # Nobody listens any more.
                self._stop.set()
