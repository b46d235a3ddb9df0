# SPDX-License-Identifier: Apache-2.0
"""Proof afterwards that nothing changed: files and native Frames held against the digests in the manifest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from framedeflate.archive.manifest import Manifest, Row
from framedeflate.archive.manifest_file import own_files
from framedeflate.archive.places import Place, digest_file
from framedeflate.archive.shard import Shard
from framedeflate.errors import ArchiveError, FrameDeflateError
from framedeflate.transcode import digest_frames
from framedeflate.worker_pool import Lost, WorkerPool, WorkersError

__all__ = ["Audit", "AuditKind", "Finding", "audit"]

AuditKind: TypeAlias = Literal[
    "missing", "changed", "frames", "unreadable", "source", "stale", "extra", "unfinished", "worker-died"
]
"""gone from the destination | other bytes than were put there | other native Frames | cannot be read | the source is
there and is another | made of the source as it was before it changed | nobody put it there | still planned | not looked
at."""


class Finding(NamedTuple):
    """Something that is not as the manifest says.

    Attributes
    ----------
    kind : AuditKind
    path : str
        Relative to the archive's root.
    message : str
        For a person.
    """

    kind: AuditKind
    path: str
    message: str


class _Checked(NamedTuple):
    findings: list[Finding]
    nbytes: int
    number_of_frames: int
    source_was_there: bool


@dataclass
class Audit:
    """What an audit has found so far.

    Attributes
    ----------
    files, frames, sources : int
        Files at the destination, Frames in them and sources that were looked at.
    problems : int
        Findings.
    not_here : int
        Files of the source that failed or were skipped, as the manifest says: nothing of them is at the destination.
    """

    files: int = 0
    frames: int = 0
    sources: int = 0
    problems: int = 0
    not_here: int = 0
    manifests: Sequence[Manifest] = field(default=(), repr=False)


def audit(
    manifests: Sequence[Manifest],
    destination: Place,
    *,
    source: Place | None = None,
    jobs: int = 1,
    on_file: Callable[[int], None] | None = None,
) -> Iterator[tuple[Audit, Finding | None]]:
    """Look at every file that stands at the destination, or should; yield after each finding, and at the end.

    Parameters
    ----------
    manifests : sequence of Manifest
        One for each part of the archive; files of parts that are not given are no business of this audit.
    destination : Place
        Where the results are.
    source : Place, optional
        Where the sources are, as far as they still are: their native Frames are held against the manifest too.
    jobs : int
        Processes.
    on_file : callable, optional
        Called with the size of each file that was looked at.

    Raises
    ------
    ArchiveError
        kind ``manifest`` | ``workers`` | ``folder``.
    """
    found = Audit(manifests=manifests)

    def tell(finding: Finding) -> tuple[Audit, Finding]:
        found.problems += 1
        return found, finding

    for finding in _not_done(manifests, found):
        yield tell(finding)
    rows = (row for manifest in manifests for row in manifest.rows(*_STATES) if row.result_digest)
    with WorkerPool(partial(_check, destination, source), jobs) as pool:
        try:
            for row, checked in pool.results(rows):
                found.files += 1
                if isinstance(checked, Lost):
                    yield tell(Finding("worker-died", row.path, str(checked)))
                else:
                    found.frames += checked.number_of_frames
                    found.sources += checked.source_was_there
                    for finding in checked.findings:
                        yield tell(finding)
                if on_file is not None:
                    on_file(row.result_nbytes or 0)
        except WorkersError as error:
            raise ArchiveError(str(error), kind="workers") from error
    for finding in _not_ours(manifests, destination):
        yield tell(finding)
    yield found, None


_SINCE = {"failed": "failed", "skipped": "was skipped"}
_STATES = ("done", "copied", "skipped", "failed", "planned")
"""Files that failed or changed later may stand at the destination too, as they were made before."""


def _not_done(manifests: Sequence[Manifest], found: Audit) -> Iterator[Finding]:
    for manifest in manifests:
        for row in manifest.rows("planned", "failed", "skipped", still_there=True):
            if row.state == "planned":
                yield Finding("unfinished", row.path, "planned and not done; run the same compress again")
            elif row.result_digest:
                yield Finding(
                    "stale", row.path, f"made before its source changed, which {_SINCE[row.state]} since"
                )
            else:
                found.not_here += 1


def _not_ours(manifests: Sequence[Manifest], destination: Place) -> Iterator[Finding]:
    parts = [(Shard.of(manifest.fact("shard")), manifest) for manifest in manifests]
    beside = tuple(path for manifest in manifests for path in own_files(manifest.path))
    for entry in destination.entries(apart_from=beside):
        # A question for the part alone that the file falls to: there may be hundreds of others.
        asked = [manifest for shard, manifest in parts if shard.has(entry.path)]
        if entry.problem:
            yield Finding("unreadable", entry.path, entry.problem)
        elif asked and not any(manifest.knows_result(entry.path) for manifest in asked):
            yield Finding("extra", entry.path, "no run put it there")


def _check(destination: Place, source: Place | None, row: Row) -> _Checked:
    """Hold one file, and its source, against its row."""
    findings: list[Finding] = []
    frames = 0
    try:
        with destination.local(row.path) as path:
            stored = digest_file(path)
            if stored != (row.result_nbytes, row.result_digest):
                findings.append(_changed(row, stored.nbytes))
            if row.frames_digest:
                found = digest_frames(path)
                frames = found.number_of_frames
                if (found.digest, frames) != (row.frames_digest, row.number_of_frames):
                    findings.append(
                        Finding("frames", row.path, "its native Frames are others than were put there")
                    )
    except FileNotFoundError:
        findings.append(Finding("missing", row.path, "gone from the destination"))
    except (OSError, FrameDeflateError) as error:
        kind: AuditKind = "missing" if getattr(error, "kind", "") == "not-found" else "unreadable"
        findings.append(Finding(kind, row.path, str(error)))
    # The manifest speaks of the source as it was: one that waits to be done again is another file by now.
    # One that was deflated as a whole has no Frames to compare; its result's digest is all there is.
    wanted = source is not None and (row.state == "copied" or (row.state == "done" and row.frames_digest))
    was_there = bool(wanted and source is not None and _check_source(source, row, findings))
    return _Checked(findings, row.result_nbytes or 0, frames, was_there)


def _changed(row: Row, nbytes: int) -> Finding:
    size = "" if nbytes == row.result_nbytes else f": {nbytes} where there were {row.result_nbytes}"
    return Finding("changed", row.path, f"its bytes are others than were put there{size}")


def _check_source(source: Place, row: Row, findings: list[Finding]) -> bool:
    """Hold the source's native Frames, or what was copied, against the manifest; return whether it is still there."""
    try:
        with source.local(row.path) as path:
            if row.state == "copied":
                if digest_file(path).digest != row.result_digest:
                    findings.append(
                        Finding("source", row.path, "the source has other bytes than were copied")
                    )
            elif digest_frames(path).digest != row.frames_digest:
                findings.append(
                    Finding("source", row.path, "the source has other native Frames than were compressed")
                )
    except FileNotFoundError:
        return False
    except (OSError, FrameDeflateError) as error:
        if getattr(error, "kind", "") == "not-found":
            return False
        findings.append(Finding("source", row.path, f"the source cannot be read: {error}"))
    return True
