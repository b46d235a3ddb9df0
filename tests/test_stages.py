# SPDX-License-Identifier: Apache-2.0
"""Work that is done ahead: in order, bounded, with its errors, and without a thread that stays."""

import threading
from collections.abc import Iterator

import pytest

from framedeflate.transcode.stages import Stages, worker_count

GIVE_UP_SECONDS = 30


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_results_come_in_order(workers: int, count: int) -> None:
    def work(job: int) -> int:
        return job * job

    with Stages(work, workers=workers) as stages:
        assert list(stages.results(range(count))) == [job * job for job in range(count)]


def test_a_later_job_that_is_done_first_waits_for_its_turn() -> None:
    second_is_done = threading.Event()

    def work(job: int) -> int:
        if job == 0:
            assert second_is_done.wait(GIVE_UP_SECONDS)
        if job == 1:
            second_is_done.set()
        return job

    with Stages(work, workers=2) as stages:
        assert list(stages.results(range(9))) == list(range(9))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_no_more_is_taken_than_was_said(workers: int) -> None:
    taken = 0

    def jobs() -> Iterator[int]:
        nonlocal taken
        for job in range(50):
            taken += 1
            yield job

    def work(job: int) -> int:
        return job

    with Stages(work, workers=workers) as stages:
        for done, _result in enumerate(stages.results(jobs())):
            assert taken - done <= workers + 2


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_is_raised_in_its_place(workers: int) -> None:
    def work(job: int) -> int:
        if job >= 7:
            raise LookupError(job)
        return job

    seen: list[int] = []
    with pytest.raises(LookupError, match="7"), Stages(work, workers=workers) as stages:
        seen.extend(stages.results(range(20)))
    assert seen == list(range(7))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_the_caller_s_error_ends_what_is_under_way(error: type[BaseException]) -> None:
    started, ended_early, done = threading.Event(), threading.Event(), threading.Event()

    def work(job: int) -> int:
        if job == 1:
            started.set()
            while not done.wait(0.001):
                try:
                    stages.raise_if_stopped()
                except Exception:
                    ended_early.set()
                    raise
        assert job <= 1, "no job is begun once the caller is gone"
        return job

    def leave() -> None:
        for _result in stages.results(range(20)):
            assert started.wait(GIVE_UP_SECONDS)
            raise error

    with pytest.raises(error), Stages(work, workers=1) as stages:
        leave()
    assert ended_early.is_set()


@pytest.mark.parametrize("there_are", [0, 1])
def test_a_system_that_gives_no_more_threads(monkeypatch: pytest.MonkeyPatch, there_are: int) -> None:
    true, asked = threading.Thread.start, 0

    def start(self: threading.Thread) -> None:
        nonlocal asked
        asked += 1
        if asked > there_are:
            raise RuntimeError("can't start new thread")
        true(self)

    monkeypatch.setattr(threading.Thread, "start", start)

    def work(job: int) -> int:
        return -job

    with Stages(work, workers=4) as stages:
        assert list(stages.results(range(30))) == [-job for job in range(30)]


def test_more_threads_than_cores_gain_nothing() -> None:
    assert worker_count(1) == 1
    assert worker_count(0) == worker_count(10_000) >= 1
    with pytest.raises(ValueError, match="threads must be"):
        worker_count(-1)
