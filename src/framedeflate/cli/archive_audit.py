# SPDX-License-Identifier: Apache-2.0
"""``framedeflate audit``: proof that an archive is what was put there."""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path

from framedeflate.archive.audit import audit
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.places import Place, place_of
from framedeflate.cli.archive_parts import say_missing_parts
from framedeflate.cli.archive_progress import archive_progress
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import print_error, print_json

__all__ = ["run"]


def run(namespace: argparse.Namespace) -> ExitCode:
    """Audit what the manifests speak of."""
    with ExitStack() as stack:
        manifests = [stack.enter_context(Manifest.open(Path(name))) for name in namespace.manifests]
        say_missing_parts(manifests)
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
            "not_here": found.not_here,
        }
        if namespace.json:
            print_json(sums)
        else:
            sources = f", {found.sources} sources" if source is not None else ""
            what = "all as the manifest says" if not found.problems else f"{found.problems} problems"
            print(f"{found.files} files, {found.frames} frames{sources}: {what}", flush=True)
            if found.not_here:
                print(
                    f"not in the archive, since they failed or were skipped: {found.not_here}; see report",
                    flush=True,
                )
        return ExitCode.INVALID_INPUT if found.problems else ExitCode.OK


def _place(manifests: list[Manifest], fact: str, given: str | None) -> Place:
    """Return the place that all manifests name, or the one that was given instead."""
    if given is not None:
        return place_of(given)
    named = {manifest.fact(fact) for manifest in manifests}
    if len(named) != 1:
        raise CommandError(
            f"the manifests are of different archives: {', '.join(sorted(named))}", exit_code=ExitCode.USAGE
        )
    return place_of(named.pop())
