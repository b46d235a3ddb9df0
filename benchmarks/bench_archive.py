# SPDX-License-Identifier: Apache-2.0
"""Archives: one process, two, a Dask cluster of two on the same machine; and what the manifest costs.

An archive of Segmentations (96 Frames of 512x512 and 1 bit, native) and of images of 16 bits (40 Frames of 256x256),
as many of each. Contestants take turns over the same folder, each with a new destination and manifest and one thread a
file; starting processes counts, the Dask cluster itself runs already. What each wrote is compared with the first one's.
The manifest's cost is that of planning and noting files with which nothing is done: processor time of the process
that does it.

    python benchmarks/bench_archive.py
    python benchmarks/bench_archive.py --quick    2 files of each, one round, no Dask
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from archive_tables import archive
from bench_files import FilesMaker
from command import Options, run
from frame_sets import FrameSet, all_sets
from framedeflate.archive.cluster import on_dask
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work
from framedeflate.archive.places import Entry, Folder
from framedeflate.archive.run import ArchiveRun, Executor, in_processes
from framedeflate.archive.settings import CompressSettings
from interleave import WrongResultError

__all__ = ["main", "measure"]

_FILES, _QUICK = 32, 2
_ROWS, _QUICK_ROWS = 20_000, 500
_KINDS: Final = {"seg": "Segmentations", "image": "images of 16 bits"}


def measure(options: Options) -> dict[str, Any]:
    """Return seconds by contestant, and what a file costs."""
    count = _QUICK if options.quick else _FILES
    with TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        source = folder / "in"
        _make(source, count, options)
        contestants: dict[str, Executor] = {"1 process": in_processes(1), "2 processes": in_processes(2)}
        if not options.quick:
            contestants["Dask, 2 workers"] = on_dask(_cluster(stack))
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        outcomes: list[FileOutcome] = []
        digests: set[str] = set()
        for number in range(options.rounds):
            names = list(contestants)
            first = number % len(names)
            for name in names[first:] + names[:first]:
                elapsed, outcomes = _turn(source, folder / "out", contestants[name])
                seconds[name].append(elapsed)
                digests.add(_digest(outcomes))
        if len(digests) != 1 or any(outcome.state != "done" for outcome in outcomes):
            raise WrongResultError("contestants wrote different archives")
        return {
            "files": len(outcomes),
            "source_nbytes": sum(outcome.entry.nbytes for outcome in outcomes),
            # The least: whatever else the machine does only ever adds.
            "seconds": {name: min(times) for name, times in seconds.items()},
            "kinds": {kind: _cost(kind, outcomes) for kind in _KINDS},
            "manifest_seconds_a_file": _manifest_cost(folder, _QUICK_ROWS if options.quick else _ROWS),
        }


def _make(source: Path, count: int, options: Options) -> None:
    one: FrameSet = next(
        one for one in all_sets(options.frames) if one.kind == "1-bit" and one.columns == 512
    )
    made = source / "made"
    made.mkdir(parents=True)
    FilesMaker(made, one, 96).write()
    for number in range(count):
        shutil.copyfile(made / "native.dcm", source / f"seg{number}.dcm")
    shutil.rmtree(made)
    rng = np.random.default_rng(5)
    for number in range(count):
        _image(source / f"image{number}.dcm", rng)


def _image(path: Path, rng: np.random.Generator) -> None:
    """A ramp with noise: what a scanner's air and tissue come to."""
    import pydicom
    from pydicom.dataset import FileMetaDataset

    dataset: Any = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 256, 256, 40
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    noise = rng.integers(0, 64, (40, 256, 256), dtype="<u2")
    dataset.PixelData = (noise + np.arange(256, dtype="<u2") * 8).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def _cluster(stack: ExitStack) -> str:
    from distributed import LocalCluster

    cluster: Any = LocalCluster
    running = cluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    )
    address: str = stack.enter_context(running).scheduler_address
    return address


def _turn(source: Path, out: Path, executor: Executor) -> tuple[float, list[FileOutcome]]:
    job = ArchiveJob(Folder(source), Folder(out), CompressSettings(threads=1))
    manifest = out.with_name("m.sqlite")
    started = time.perf_counter()
    with ArchiveRun(job=job, manifest=manifest).begin() as begun:
        outcomes = list(begun.outcomes(executor))
    elapsed = time.perf_counter() - started
    shutil.rmtree(out)
    manifest.unlink()
    return elapsed, outcomes


def _digest(outcomes: Sequence[FileOutcome]) -> str:
    parts = sorted(
        f"{outcome.entry.path} {outcome.stored.digest if outcome.stored else ''}" for outcome in outcomes
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _cost(kind: str, outcomes: Sequence[FileOutcome]) -> dict[str, Any]:
    chosen = [outcome for outcome in outcomes if outcome.entry.path.startswith(kind)]
    return {
        "name": _KINDS[kind],
        "frames": chosen[0].result.number_of_frames if chosen[0].result else 0,
        "source_nbytes": median(outcome.entry.nbytes for outcome in chosen),
        "result_nbytes": median(outcome.stored.nbytes if outcome.stored else 0 for outcome in chosen),
        "seconds": median(outcome.seconds for outcome in chosen),
    }


def _manifest_cost(folder: Path, rows: int) -> float:
    """Return the processor time that planning and noting a file takes."""

    def nothing(_job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
        for one in work:
            yield FileOutcome(one.entry, "skipped")

    executor: Callable[[ArchiveJob, Iterable[Work]], Iterator[FileOutcome]] = nothing
    started = time.process_time()
    with Manifest.create_or_open(folder / "rows.sqlite") as manifest:
        entries = (
            Entry(f"study{number % 500:05}/series/{number:08}.dcm", number, number) for number in range(rows)
        )
        for _ in manifest.plan(entries):
            pass
        job = ArchiveJob(Folder(folder), Folder(folder), CompressSettings())
        for outcome in executor(job, manifest.work()):
            manifest.record(outcome)
    return (time.process_time() - started) / rows


def main(arguments: Sequence[str] | None = None) -> int:
    return run("archive", __doc__ or "", measure, archive, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
