# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate receive``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import ae_title, network, peer, port, seconds, size, uid, whole
from framedeflate.cli.parsers.shared import add_json, add_limits, add_store_policy, add_tls_files

__all__ = ["COMMAND"]

_NOTES = """\
Each instance is verified, every deflated frame inflated, before it is acknowledged; then it is safe on disk as \
STORE_DIR/ab/<SOP Instance UID>.dcm. Ctrl-C or SIGTERM ends the command once what is under way is done.

Only this machine can connect unless --host says otherwise; whoever can connect can fill the disk down to --min-free. \
AE titles are no proof of who calls, certificates are. docs/dimse.md has more.

--json prints one object a line, each with an "event":
  listening   host, port, ae_title, store
  instance    status (stored, duplicate or refused), sop_class_uid,
              sop_instance_uid, ae_title, address, dimse_status, comment,
              reason, path, arrived_transfer_syntax_uid, transfer_syntax_uid,
              number_of_frames, arrived_nbytes, stored_nbytes, seconds
  commitment  transaction_uid, ae_title, stored, failed (sop_instance_uid and
              failure_reason each), is_delivered
  stopped     stored, duplicates, refused"""


_LIMITS = (
    ("--max-associations", whole, 16, "N", "at a time"),
    ("--max-pdu", size, "256k", "SIZE", "longest PDU"),
    ("--max-object", size, "8G", "SIZE", "largest instance"),
    ("--min-free", size, "1G", "SIZE", "disk kept free"),
    ("--idle", seconds, 60.0, "SECONDS", "until a silent association ends"),
    ("--grace", seconds, 10.0, "SECONDS", "for what is under way at the end"),
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("needed")
    group.add_argument(
        "--port", type=port, required=True, metavar="PORT", help="port to listen on; 0 takes a free one"
    )
    group.add_argument(
        "--store", required=True, metavar="STORE_DIR", help="folder of the instances; made if missing"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s; all: 0.0.0.0)",
    )
    add_store_policy(parser)
    add_json(parser, lines=True)
    _add_peers(parser)
    add_limits(parser, _LIMITS)
    add_tls_files(
        parser.add_argument_group("TLS (files in PEM)"),
        authorities_help="authorities: peers must then show a certificate that one of them signed",
    )


def _add_peers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("peers")
    group.add_argument(
        "--ae-title",
        type=ae_title,
        default="FRAMEDEFLATE",
        metavar="AE",
        help="our AE title (default: %(default)s)",
    )
    group.add_argument("--require-ae-title", action="store_true", help="peers must call us by it")
    group.add_argument(
        "--allow-ae",
        type=ae_title,
        action="append",
        default=[],
        metavar="AE",
        help="who may call; repeat (default: all)",
    )
    group.add_argument(
        "--allow-address",
        type=network,
        action="append",
        default=[],
        metavar="NETWORK",
        help="from where, an address or 10.1.0.0/16; repeat (default: from anywhere)",
    )
    group.add_argument(
        "--sop-class",
        type=uid,
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
        metavar="AE=HOST:PORT",
        help="where to report Storage Commitment to; others hear on the association they asked on; repeat",
    )


COMMAND = Command(
    name="receive",
    summary="a DICOM node that stores what it is sent",
    usage="--port PORT --store STORE_DIR [options]",
    description="Run a DICOM storage node (C-STORE, C-ECHO, Storage Commitment) that takes deflated and native "
    "instances from any peer and keeps them in a folder. Needs the extra dimse.",
    examples=(
        "--port 11112 --store store/",
        "--port 11112 --store store/ --host 0.0.0.0 --allow-ae CT1",
    ),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
