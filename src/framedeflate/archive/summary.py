# SPDX-License-Identifier: Apache-2.0
"""What manifests say, added up: by kind of image, by failure, by size gained, over time."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from framedeflate.archive.manifest import Manifest
from framedeflate.pydicom_bridge import uid_name

__all__ = ["Failures", "Group", "Summary", "summarize"]

_PATHS_OF_A_KIND: Final = 20
_MOST_TIMES: Final = 120


@dataclass(slots=True)
class Group:
    """Files of one modality and SOP class that stand at the destination.

    Attributes
    ----------
    modality, sop_class : str
        "" for what could not be read; the SOP class by its name in PS3.6, or its UID.
    files, frames : int
        How many.
    source_nbytes, result_nbytes : int
        Of the files before and after.
    native_nbytes : int
        Of the Frames without any compression.
    seconds : float
        Of one process.
    """

    modality: str
    sop_class: str
    files: int = 0
    frames: int = 0
    source_nbytes: int = 0
    result_nbytes: int = 0
    native_nbytes: int = 0
    seconds: float = 0.0

    @property
    def saved_nbytes(self) -> int:
        """Bytes by which the files became smaller."""
        return self.source_nbytes - self.result_nbytes


@dataclass(slots=True)
class Failures:
    """Files that were not compressed for one reason.

    Attributes
    ----------
    state : str
        ``failed``, ``skipped`` or ``copied``.
    error, kind : str
        Class of the exception, and its kind.
    files : int
        How many.
    message : str
        Of the first of them.
    paths : list of str
        The first of them.
    """

    state: str
    error: str
    kind: str
    files: int = 0
    message: str = ""
    paths: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Summary:
    """All of it.

    Attributes
    ----------
    facts : list of dict
        Of each manifest: source, destination, shard, settings.
    states : Counter
        Files by state: those of the source, and those whose results are there though their sources are gone.
    gone : int
        Files that the last listing of the source did not find any more.
    groups : list of Group
        The largest first.
    failures : list of Failures
        Failed ones first, the most frequent first.
    gains : Counter
        Files by how many times smaller they became: the key is the lower end of a bin, in halves of a power of two.
    finished : list of (float, int, int)
        Seconds since 1970, and files and source bytes done by then.
    """

    facts: list[dict[str, str]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    groups: list[Group] = field(default_factory=list)
    failures: list[Failures] = field(default_factory=list)
    gains: Counter[float] = field(default_factory=Counter)
    finished: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def total(self) -> Group:
        """All groups together."""
        total = Group("", "all")
        for group in self.groups:
            for name in ("files", "frames", "source_nbytes", "result_nbytes", "native_nbytes", "seconds"):
                setattr(total, name, getattr(total, name) + getattr(group, name))
        return total


def summarize(manifests: Sequence[Manifest]) -> Summary:
    """Add up what manifests say; memory does not grow with their files.

    Raises
    ------
    ArchiveError
        kind ``manifest``.
    """
    found = Summary()
    groups: dict[tuple[str, str], Group] = {}
    failures: dict[tuple[str, str, str], Failures] = {}
    for manifest in manifests:
        found.facts.append(manifest.facts)
        last = manifest.last_run
        for state, count in manifest.query(
            "SELECT state, count(*) FROM file WHERE seen = ? OR result_digest IS NOT NULL GROUP BY state",
            last,
        ):
            found.states[state] += count
        for (gone,) in manifest.query("SELECT count(*) FROM file WHERE seen < ?", last):
            found.gone += gone
        _add_groups(manifest, groups)
        _add_failures(manifest, failures)
        for source, result in manifest.query(
            "SELECT source_nbytes, result_nbytes FROM file WHERE state = 'done' AND result_nbytes > 0"
        ):
            if source:
                found.gains[math.floor(2 * math.log2(source / result)) / 2] += 1
    found.groups = sorted(groups.values(), key=lambda group: -group.source_nbytes)
    found.failures = sorted(failures.values(), key=lambda one: (one.state != "failed", one.state, -one.files))
    found.finished = _finished(manifests)
    return found


def _add_groups(manifest: Manifest, groups: dict[tuple[str, str], Group]) -> None:
    for modality, uid, *sums in manifest.query(
        "SELECT coalesce(modality, ''), coalesce(sop_class_uid, ''), count(*), total(number_of_frames), "
        "total(source_nbytes), total(result_nbytes), total(native_nbytes), total(seconds) "
        "FROM file WHERE state IN ('done', 'copied') GROUP BY 1, 2"
    ):
        group = groups.setdefault((modality, uid), Group(modality, uid_name(uid) if uid else ""))
        files, frames, source, result, native, seconds = sums
        group.files += files
        group.frames += int(frames)
        group.source_nbytes += int(source)
        group.result_nbytes += int(result)
        group.native_nbytes += int(native)
        group.seconds += seconds


def _add_failures(manifest: Manifest, failures: dict[tuple[str, str, str], Failures]) -> None:
    last = manifest.last_run
    for state, error, kind, count, message in manifest.query(
        "SELECT state, coalesce(error, ''), coalesce(error_kind, ''), count(*), min(message) "
        "FROM file WHERE error IS NOT NULL AND state != 'planned' AND seen = ? GROUP BY 1, 2, 3",
        last,
    ):
        one = failures.setdefault((state, error, kind), Failures(state, error, kind, message=message or ""))
        one.files += count
        if state == "failed":
            one.paths += [
                path.decode("utf-8", "backslashreplace") if isinstance(path, bytes) else path
                for (path,) in manifest.query(
                    "SELECT path FROM file WHERE state = ? AND error = ? AND coalesce(error_kind, '') = ? "
                    "AND seen = ? LIMIT ?",
                    state,
                    error,
                    kind,
                    last,
                    _PATHS_OF_A_KIND - len(one.paths),
                )
            ]


def _finished(manifests: Sequence[Manifest]) -> list[tuple[float, int, int]]:
    """Return how much was done by when, in steps of equal time."""
    ends = [
        end
        for manifest in manifests
        for end in next(manifest.query("SELECT min(finished), max(finished) FROM file"))
        if end is not None
    ]
    if not ends:
        return []
    first, step = min(ends), max((max(ends) - min(ends)) / _MOST_TIMES, 1e-3)
    bins: dict[int, tuple[int, int]] = {}
    for manifest in manifests:
        for index, files, nbytes in manifest.query(
            "SELECT CAST((finished - ?) / ? AS INTEGER), count(*), total(source_nbytes) "
            "FROM file WHERE finished IS NOT NULL GROUP BY 1",
            first,
            step,
        ):
            before = bins.get(index, (0, 0))
            bins[index] = (before[0] + files, before[1] + int(nbytes))
    done, times = (0, 0), []
    for index in range(max(bins) + 1):
        more = bins.get(index, (0, 0))
        done = (done[0] + more[0], done[1] + more[1])
        times.append((first + index * step, *done))
    return times
