# SPDX-License-Identifier: Apache-2.0
"""The parser of ``framedeflate send``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.kinds import ae_title, port, seconds, whole
from framedeflate.cli.parsers.shared import add_json, add_level, add_sources, add_tls_files

__all__ = ["COMMAND"]

_NOTES = """\
Each file goes in the best encoding that HOST accepts for it: its own bytes, else inflated on the way with the same \
SOP Instance UID. Nothing deflated is sent to a peer that did not accept it.

--json prints one object a line for each file:
  status                stored, stored-before (--resume), skipped (no DICOM
                        file), refused (cannot go to this peer), failed or
                        interrupted
  source, peer          path; HOST:PORT/AE
  sop_class_uid, sop_instance_uid
  source_transfer_syntax_uid, transfer_syntax_uid
                        how it is stored, how it was sent
  sent_as               stored (the file's own bytes), explicit, implicit (VR),
                        deflated (on the way) or null
  wire_nbytes           bytes of all PDUs of the last attempt
  dimse_status          the peer's status, four hexadecimal digits, or null
  attempts, seconds     how often it was sent; time taken, conversion and waits
                        included
  error                 null, or type, kind, message
and with --commit, afterwards, one for each instance that was stored:
  status                committed, not-committed or unknown (no answer in time)
  sop_instance_uid
  failure_reason        four hexadecimal digits, or null"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", help="name or address of the peer")
    parser.add_argument("port", metavar="PORT", type=port, help="its TCP port")
    add_sources(parser)
    add_json(parser, lines=True)
    _add_association(parser)
    _add_encoding(parser)
    _add_resuming(parser)
    _add_commitment(parser)
    group = parser.add_argument_group("TLS (files in PEM)")
    group.add_argument("--tls", action="store_true", help="speak TLS; each option of it implies this one")
    add_tls_files(group, authorities_help="authorities to trust (default: the system's)")


def _add_association(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("association")
    group.add_argument(
        "--called-ae",
        type=ae_title,
        default="ANY-SCP",
        metavar="AE",
        help="the peer's AE title (default: %(default)s)",
    )
    group.add_argument(
        "--calling-ae",
        type=ae_title,
        default="FRAMEDEFLATE",
        metavar="AE",
        help="our AE title (default: %(default)s)",
    )
    group.add_argument(
        "--associations",
        type=whole,
        default=1,
        metavar="N",
        help="how many in parallel, 1 to 64 (default: %(default)s)",
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="greatest silence of the peer (default: %(default)s)",
    )


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument(
        "--deflate", action="store_true", help="deflate native images where the peer takes that"
    )
    add_level(group)
    group.add_argument(
        "--peer-cache",
        metavar="FILE",
        help="remember what peers accept, to convert before the first association, not in it",
    )


def _add_resuming(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("when it fails")
    group.add_argument(
        "--retries",
        type=whole,
        default=3,
        metavar="N",
        help="tries after a lost connection or status A7xx (default: %(default)s)",
    )
    group.add_argument(
        "--resume", metavar="REPORT", help="leave out what this output of --json says the peer stored"
    )


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
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for it (default: %(default)s)",
    )


COMMAND = Command(
    name="send",
    summary="send files to a DICOM peer (C-STORE)",
    usage="HOST PORT SOURCE... [options]",
    description="Send DICOM files to a peer of any kind by C-STORE. Needs the extra dimse.",
    examples=(
        "pacs.example 104 archive/ --called-ae PACS",
        "pacs.example 104 archive/ --json > sent.jsonl",
        "pacs.example 104 archive/ --resume sent.jsonl",
    ),
    add_arguments=_add_arguments,
    notes=_NOTES,
)
