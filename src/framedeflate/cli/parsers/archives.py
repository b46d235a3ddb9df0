# SPDX-License-Identifier: Apache-2.0
"""The parsers of ``framedeflate report`` and ``framedeflate audit``."""

import argparse

from framedeflate.cli.parsers.command import Command
from framedeflate.cli.parsers.shared import add_jobs, add_json

__all__ = ["AUDIT", "REPORT"]

_REPORT_NOTES = """\
--json prints one object:
  states     files by state: planned, done, copied, skipped, failed
  gone       files that the source had once and has no more
  groups     by modality and SOP class: files, frames, bytes before and after,
             bytes of native frames, seconds
  failures   by state, error and kind: files, a message, the first paths of
             failed ones
  facts      of each manifest: source, destination, shard, settings"""

_AUDIT_NOTES = """\
--json prints one object a line for each finding, and one with the sums at the end:
  kind      missing     gone from the destination
            changed     its bytes are others than were put there
            frames      its native frames are others
            unreadable  it cannot be read
            source      the source is there, and its native frames are others,
                        or the bytes that were copied (with --source)
            stale       made before its source changed, which failed or was
                        skipped since
            extra       no run put it there
            unfinished  planned and not done yet
            worker-died not looked at
  path      relative to the archive's root
  message   for a person
The last: files, frames and sources looked at, problems found, and how many
files of the source failed or were skipped (not_here)."""


def _add_manifests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="one for each part of the archive")


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add_manifests(parser)
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots; it is replaced")
    parser.add_argument(
        "--paths",
        action="store_true",
        help="name failed files in the page too; left out else, since paths often hold patients' names",
    )
    add_json(parser, lines=False)


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _add_manifests(parser)
    parser.add_argument(
        "--source", action="store_true", help="also read the sources, where they still are, and compare"
    )
    parser.add_argument(
        "--source-root", metavar="SOURCE", help="where the sources are now (implies --source)"
    )
    parser.add_argument("-o", "--output", metavar="DEST", help="where the archive is now, if it was moved")
    add_jobs(parser, default=0)
    add_json(parser, lines=True)


REPORT = Command(
    name="report",
    summary="show what compressing an archive brought",
    usage="MANIFEST... [options]",
    description="Add up what manifests of compress say, also while a run is writing them.",
    examples=("archive.manifest.sqlite --html report.html",),
    add_arguments=_add_report,
    notes=_REPORT_NOTES,
    module="archive_report",
)

AUDIT = Command(
    name="audit",
    summary="prove that an archive is what was put there",
    usage="MANIFEST... [options]",
    description="Read every file that a run of compress put at its destination, inflate every frame, and hold the "
    "digests of both against the manifest. Missing, changed and extra files are named.",
    examples=("archive.manifest.sqlite", "archive.manifest.sqlite --source --jobs 4"),
    add_arguments=_add_audit,
    notes=_AUDIT_NOTES,
    module="archive_audit",
)
