# SPDX-License-Identifier: Apache-2.0
"""``framedeflate audit``: proof that an archive is what was put there."""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path

from framedeflate.archive.audit import audit
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.places import Place, place_of
from framedeflate.cli import transcoding
from framedeflate.cli.archive_progress import archive_progress
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import print_error, print_json

__all__ = ["add_parser"]

_JSON_HELP = """\
--json prints one object a line for each finding, and one with the sums at the end:
  kind      missing     gone from the destination
            changed     its bytes are others than were put there
            frames      its native frames are others
            unreadable  it cannot be read
            source      the source is there, and its native frames are others (with --source)
            extra       no run put it there
            unfinished  planned and not done yet
            worker-died not looked at
  path      relative to the archive's root
  message   for a person
The last: files, frames and sources looked at, problems found.

exit codes: 0 all is as the manifest says, 22 something is not"""


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str = "audit"
) -> argparse.ArgumentParser:
    """Add the subcommand's parser and return it."""
    parser = subparsers.add_parser(
        name,
        help="prove that an archive is what was put there",
        description="Read every file that a run of compress put at its destination, inflate every frame, and hold the "
        "digests of both against the manifest. Missing, changed and extra files are named.",
        epilog=_JSON_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="one for each part of the archive")
    parser.add_argument(
        "--source", action="store_true", help="also read the sources, where they still are, and compare"
    )
    parser.add_argument("--source-root", metavar="PLACE", help="where the sources are now (implies --source)")
    parser.add_argument("-o", "--output", metavar="PLACE", help="where the archive is now, if it was moved")
    parser.add_argument(
        "--jobs",
        type=transcoding.count,
        default=0,
        help="files read at a time, 0 for one per core (default: 0)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, see below")
    parser.set_defaults(func=run)
    return parser


def run(namespace: argparse.Namespace) -> ExitCode:
    """Audit what the manifests speak of."""
    with ExitStack() as stack:
        manifests = [stack.enter_context(Manifest.open(Path(name))) for name in namespace.manifests]
        destination = _place(manifests, "destination", namespace.output)
        source = None
        if namespace.source or namespace.source_root:
            source = _place(manifests, "source", namespace.source_root)
        files, nbytes = 0, 0.0
        for manifest in manifests:
            for count, total in manifest.query(
                "SELECT count(*), total(result_nbytes) FROM file WHERE result_digest IS NOT NULL"
            ):
                files, nbytes = files + count, nbytes + total
        with archive_progress(files, int(nbytes), verb="") as progress:
            for found, finding in audit(  # noqa: B007 - the last one is the sum
                manifests,
                destination,
                source=source,
                jobs=namespace.jobs or os.cpu_count() or 1,
                on_file=progress.add,
            ):
                if finding is None:
                    continue
                if namespace.json:
                    print_json(finding._asdict())
                else:
                    print_error(f"{finding.kind}: {finding.path}: {finding.message}")
        sums = {
            "files": found.files,
            "frames": found.frames,
            "sources": found.sources,
            "problems": found.problems,
        }
        if namespace.json:
            print_json(sums)
        else:
            sources = f", {found.sources} sources" if source is not None else ""
            what = "all as the manifest says" if not found.problems else f"{found.problems} problems"
            print(f"{found.files} files, {found.frames} frames{sources}: {what}", flush=True)
        return ExitCode.INVALID_INPUT if found.problems else ExitCode.OK


def _place(manifests: list[Manifest], fact: str, given: str | None) -> Place:
    """Return the place that all manifests name, or the one that was given instead."""
    if given is not None:
        return place_of(given)
    named = {manifest.facts[fact] for manifest in manifests}
    if len(named) != 1:
        raise CommandError(
            f"the manifests are of different archives: {', '.join(sorted(named))}", exit_code=ExitCode.USAGE
        )
    return place_of(named.pop())
