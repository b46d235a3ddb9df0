# SPDX-License-Identifier: Apache-2.0
"""``framedeflate compress`` over an archive: one folder or bucket, with a manifest."""

import argparse
import builtins
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from framedeflate.archive.one_file import ArchiveJob, Failure, FileOutcome
from framedeflate.archive.places import OutputFolderError, Place, place_of
from framedeflate.archive.run import ArchiveRun, BegunRun, Executor, in_processes
from framedeflate.archive.settings import CompressSettings
from framedeflate.archive.shard import Shard
from framedeflate.cli import transcoding
from framedeflate.cli.archive_progress import archive_progress, listing_progress
from framedeflate.cli.archive_signals import ended_by_sigterm
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.parsers.compress import MANIFEST_SUFFIX
from framedeflate.cli.report import human_nbytes, print_error, print_json
from framedeflate.extras import require

__all__ = ["is_asked_for", "run"]


def is_asked_for(namespace: argparse.Namespace) -> bool:
    """Whether a manifest is to be kept."""
    if namespace.manifest or namespace.shard or namespace.dask or namespace.dry_run or namespace.moved:
        return True
    if namespace.retry_failed is not None or any(map(_is_url, [*namespace.sources, namespace.output or ""])):
        return True
    if namespace.in_place or namespace.output is None or len(namespace.sources) != 1:
        return False
    if not Path(namespace.sources[0]).is_dir() or namespace.photometric:
        return False
    return namespace.jobs != 1 or _default_manifest(namespace).exists()


def run(namespace: argparse.Namespace, settings: CompressSettings) -> ExitCode:
    """Compress an archive, or predict what it would bring."""
    _check(namespace)
    source = _source(namespace.sources[0])
    if namespace.dry_run:
        # Imported here: nothing else needs it.
        from framedeflate.cli import archive_prediction

        return archive_prediction.run(namespace, source, settings)
    if namespace.dask:
        # Before a manifest is made.
        require("dask", "working on a Dask cluster")
    destination = place_of(namespace.output)
    job = ArchiveJob(source, destination, settings)
    retry = namespace.retry_failed
    archive = ArchiveRun(
        job=job,
        manifest=_manifest(namespace),
        shard=_shard(namespace),
        retry=None if retry is None else tuple(filter(None, retry.split(","))),
        moved=namespace.moved,
    )
    transcoding.make_folder(archive.manifest.parent)
    with ended_by_sigterm(), ExitStack() as stack:
        with listing_progress() as progress:
            begun = stack.enter_context(archive.begin(on_planned=progress))
        if not namespace.json:
            print(f"manifest {archive.manifest}: {_beginning(begun)}", flush=True)
        _work(begun, _executor(namespace), as_json=namespace.json)
        begun.manifest.commit()
        return _finish(begun, as_json=namespace.json)


def _check(namespace: argparse.Namespace) -> None:
    """Refuse what makes no sense for an archive."""
    if namespace.in_place:
        raise CommandError(
            "a manifest is of one folder that goes into another; --in-place has none",
            exit_code=ExitCode.USAGE,
        )
    if namespace.output is None and not namespace.dry_run:
        raise CommandError("say -o DEST", exit_code=ExitCode.USAGE)
    if len(namespace.sources) != 1:
        raise CommandError("an archive is one SOURCE: a folder or a URL", exit_code=ExitCode.USAGE)
    if namespace.photometric:
        raise CommandError(
            "--photometric gives other SOP Instance UIDs each time, so it cannot be resumed; convert files without a "
            "manifest",
            exit_code=ExitCode.USAGE,
        )


def _source(text: str) -> Place:
    if not _is_url(text) and not Path(text).is_dir():
        there = "is no folder" if Path(text).exists() else "is not there"
        code = ExitCode.USAGE if Path(text).exists() else ExitCode.CANNOT_READ_INPUT
        raise CommandError(f"{text} {there}; an archive is a folder or a URL", exit_code=code)
    return place_of(text)


def _is_url(text: str) -> bool:
    if "://" not in text:
        return False
    from framedeflate.remote_source import is_url

    return is_url(text)


def _manifest(namespace: argparse.Namespace) -> Path:
    if namespace.manifest:
        path = Path(namespace.manifest)
        if path.is_dir():
            raise CommandError(f"{path} is a folder; --manifest names a file", exit_code=ExitCode.USAGE)
        return path
    if _is_url(namespace.output):
        raise CommandError("say --manifest FILE, a file of this machine", exit_code=ExitCode.USAGE)
    return _default_manifest(namespace)


def _shard(namespace: argparse.Namespace) -> Shard:
    return Shard() if namespace.shard is None else Shard(*namespace.shard)


def _default_manifest(namespace: argparse.Namespace) -> Path:
    folder = Path(os.path.abspath(namespace.output))  # noqa: PTH100 - resolve() would follow links
    part = "" if namespace.shard is None else ".{}-of-{}".format(*namespace.shard)
    return folder.with_name(f"{folder.name}{part}{MANIFEST_SUFFIX}")


def _executor(namespace: argparse.Namespace) -> Executor:
    if not namespace.dask:
        return in_processes(namespace.jobs or os.cpu_count() or 1)
    # Needs the extra.
    from framedeflate.archive.cluster import on_dask

    return on_dask(namespace.dask)


def _beginning(begun: BegunRun) -> str:
    known = begun.listed - begun.planned
    parts = [f"{_files(begun.planned)} to do, {human_nbytes(begun.planned_nbytes)}"]
    if known:
        parts.append(f"{known} known from before")
    return ", ".join(parts)


def _work(begun: BegunRun, executor: Executor, *, as_json: bool) -> None:
    with archive_progress(begun.planned, begun.planned_nbytes) as progress:
        for outcome in begun.outcomes(executor):
            if as_json:
                print_json(_fields(begun.job, outcome))
            elif outcome.state == "failed" and outcome.failure is not None:
                print_error(_line(begun.job, outcome.entry.path, outcome.failure))
            progress.add(outcome.entry.nbytes, outcome.saved_nbytes)


def _finish(begun: BegunRun, *, as_json: bool) -> ExitCode:
    """Say what the whole archive is now, and return the exit code of all its files, those of earlier runs too."""
    last = begun.manifest.last_run
    states = {
        state: (count, source or 0, result or 0)
        for state, count, source, result in begun.manifest.query(
            "SELECT state, count(*), total(source_nbytes), total(result_nbytes) FROM file "
            "WHERE seen = ? OR result_digest IS NOT NULL GROUP BY state",
            last,
        )
    }
    if not as_json:
        print(_summary(states), flush=True)
    worst = max(
        (
            _code(error, side)
            for error, side in begun.manifest.query(
                "SELECT DISTINCT error, error_side FROM file WHERE state = 'failed' AND seen = ?",
                last,
            )
        ),
        default=ExitCode.OK,
    )
    if worst and not as_json:
        count = states["failed"][0]
        print_error(f"{_files(count)} failed; --retry-failed does them again, report names them")
    is_image = any(
        count
        for (count,) in begun.manifest.query(
            "SELECT count(*) FROM file "
            "WHERE state IN ('done', 'copied', 'failed') OR error_kind IN ('policy', 'min-gain')"
        )
    )
    return worst if is_image else ExitCode.NO_VALID_INPUT


def _summary(states: Mapping[str, tuple[int, float, float]]) -> str:
    names = {"done": "compressed", "planned": "still to do"}
    parts = ", ".join(f"{count} {names.get(state, state)}" for state, (count, _, _) in states.items())
    source = sum(states.get(state, (0, 0, 0))[1] for state in ("done", "copied"))
    result = sum(states.get(state, (0, 0, 0))[2] for state in ("done", "copied"))
    if not source:
        return parts
    change = f"{100 * abs(1 - result / source):.1f} % {'saved' if result <= source else 'more; --min-gain 0 avoids it'}"
    return f"{parts}; {human_nbytes(int(source))} became {human_nbytes(int(result))}, {change}"


def _code(error: str, side: str) -> ExitCode:
    if error == "ListingError":
        return ExitCode.INVALID_INPUT_FOLDER
    if error == OutputFolderError.__name__:
        return ExitCode.INVALID_OUTPUT_FOLDER
    if side == "destination" or error == "RoundTripError":
        return ExitCode.CANNOT_WRITE_OUTPUT
    if error.endswith("SourceError") or error in _OS_ERRORS:
        return ExitCode.CANNOT_READ_INPUT
    return ExitCode.INVALID_INPUT


_OS_ERRORS = {
    kind.__name__ for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, OSError)
}


def _line(job: ArchiveJob, path: str, failure: Failure) -> str:
    place = job.destination if failure.side == "destination" else job.source
    return f"{place.shown(path)}: {failure.message}"


def _fields(job: ArchiveJob, outcome: FileOutcome) -> dict[str, object]:
    path = outcome.entry.path
    fields: dict[str, object] = {
        "status": outcome.state,
        "source": job.source.shown(path),
        "destination": None if outcome.stored is None else job.destination.shown(path),
    }
    if outcome.result is not None:
        fields |= {
            **transcoding.outcome_of(outcome.result).fields,
            "frames_digest": outcome.result.frames_digest,
        }
    if outcome.stored is not None:
        fields["result_digest"] = outcome.stored.digest
    if outcome.failure is not None:
        failure = outcome.failure
        fields["error"] = {"type": failure.error, "kind": failure.kind or None, "message": failure.message}
    return fields


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
