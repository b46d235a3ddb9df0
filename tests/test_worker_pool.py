# SPDX-License-Identifier: Apache-2.0
"""Processes that do tasks: all of them, in bounded memory, whatever becomes of a process."""

import os
import signal
from collections.abc import Iterator

import pytest

from framedeflate import worker_pool
from framedeflate.worker_pool import Lost, WorkerPool, WorkersError


def work(number: int) -> int:
    if number == 7:
        os._exit(3)
    if number == 8:
        raise ArithmeticError("not to be shown: a patient's name")
    if number == 9 and hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def same(number: int) -> int:
    return number


def always_end(_number: int) -> None:
    os._exit(1)


def test_a_process_that_ends_takes_its_own_task_with_it_and_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with WorkerPool(work, 2) as pool:
        results = dict(pool.results(range(40)))
    lost = {number: result for number, result in results.items() if isinstance(result, Lost)}
    assert {number: result for number, result in results.items() if number not in lost} == {
        number: number * number for number in range(40) if number not in (7, 8, 9)
    }
    assert lost[7] == Lost(3)
    assert lost[8].error == "ArithmeticError"
    assert "patient" not in str(lost[8])
    assert lost[9].exit_code == -9
    assert "signal 9" in str(lost[9])
    assert "ArithmeticError" in capfd.readouterr().err


def test_tasks_are_taken_as_they_are_needed() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for taken in range(1, 101):  # noqa: B007 - looked at below
            yield 1

    with WorkerPool(same, 2) as pool:
        for done, _ in enumerate(pool.results(tasks()), 1):
            assert taken - done <= 4
    assert taken == 100


def test_processes_that_only_end_are_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "MOST_LOST", 3)
    with (
        WorkerPool(always_end, 1) as pool,
        pytest.raises(WorkersError, match="3 files in a row"),
    ):
        list(pool.results(range(100)))


def test_no_task_needs_no_process() -> None:
    with WorkerPool(same, 4) as pool:
        assert list(pool.results([])) == []
