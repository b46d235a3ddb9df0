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
from framedeflate.cli.opened_store import open_store
from framedeflate.cli.quiet_libraries import quiet_libraries
from framedeflate.cli.report import human_nbytes, print_error, print_json
from framedeflate.errors import TlsSettingsError
from framedeflate.extras import require

if TYPE_CHECKING:
    from framedeflate.dimse.commitment import CommitmentReport
    from framedeflate.dimse.receiver import Received, Receiver
    from framedeflate.instance_store import InstanceStore

__all__ = ["run"]


def run(namespace: argparse.Namespace) -> ExitCode:
    """Listen until a signal says to end."""
    require("dimse", "framedeflate receive")
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
    from framedeflate.dimse.commitment_report import Peer
    from framedeflate.dimse.receiver import Receiver, ReceiverLimits
    from framedeflate.dimse.tls import TlsFiles, acceptor_context, requestor_context

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
