# SPDX-License-Identifier: Apache-2.0
"""The same archive by a Dask cluster of real processes, one of which is killed."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive_samples import contents, make_tree, rows, run_archive
from framedeflate.archive.cluster import batches_of, on_dask
from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work
from framedeflate.archive.places import Entry, Folder
from framedeflate.archive.run import ArchiveRun
from framedeflate.archive.settings import CompressSettings
from framedeflate.errors import ArchiveError, MissingExtraError


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        silence_logs=50,
    ) as running:
        yield running


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process")
def test_a_worker_that_is_killed_loses_nothing_and_repeats_little(cluster: Any, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=150, large=1, frames=8)
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    job = ArchiveJob(Folder(source), Folder(tmp_path / "out"), CompressSettings())
    outcomes: list[FileOutcome] = []
    with ArchiveRun(job=job, manifest=tmp_path / "m.sqlite").begin() as begun:
        for outcome in begun.outcomes(on_dask(cluster.scheduler_address)):
            if not outcomes:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            outcomes.append(outcome)
    # Each file is told once, whoever did it.
    assert sorted(outcome.entry.path for outcome in outcomes) == sorted(contents(source))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    columns = "path, state, frames_digest, result_digest, number_of_frames"
    assert rows(tmp_path / "m.sqlite", columns) == rows(tmp_path / "whole.sqlite", columns)
    # Begun again there is nothing to do, and no cluster is asked.
    assert (
        run_archive(source, tmp_path / "out", tmp_path / "m.sqlite", executor=on_dask("tcp://127.0.0.1:1"))
        == []
    )


def test_batches_are_of_bytes_and_files() -> None:
    work = [Work(Entry(str(number), nbytes, 0)) for number, nbytes in enumerate([5, 5, 5, 30, 1, 1, 1, 1])]
    batches = [[one.entry.nbytes for one in batch] for batch in batches_of(work, nbytes=10, files=3)]
    assert batches == [[5, 5], [5], [30], [1, 1, 1], [1]]


def test_no_cluster_and_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("framedeflate.archive.cluster.CONNECT_SECONDS", 1)
    source = make_tree(tmp_path / "in", small=1, large=0)
    with pytest.raises(ArchiveError) as caught:
        run_archive(source, tmp_path / "out", tmp_path / "m", executor=on_dask("tcp://127.0.0.1:1"))
    assert caught.value.kind == "cluster"
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"framedeflate\[dask\]"):
        on_dask("tcp://127.0.0.1:1")
