# SPDX-License-Identifier: Apache-2.0
"""Which files a command works on, and where each result goes."""

from pathlib import Path

import pytest

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.sources import Task, find_files, plan_tasks


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files at two depths, one of them left behind by a killed run."""
    folder = tmp_path / "tree"
    (folder / "sub" / "deep").mkdir(parents=True)
    for name in ("b.dcm", "a.dcm", "sub/c.dcm", "sub/deep/d", ".b.dcm.0123.framedeflate-partial"):
        (folder / name).write_bytes(b"")
    return folder


def plan(sources: list[Path], output: str | None, *, in_place: bool = False) -> list[Task]:
    return plan_tasks([str(source) for source in sources], output=output, in_place=in_place)


def test_folder_keeps_its_tree(tree: Path, tmp_path: Path) -> None:
    tasks = plan([tree], str(tmp_path / "out"))
    relative = [
        (task.source.relative_to(tree), task.destination.relative_to(tmp_path / "out")) for task in tasks
    ]
    names = [Path(name) for name in ("a.dcm", "b.dcm", "sub/c.dcm", "sub/deep/d")]
    assert relative == [(name, name) for name in names]


@pytest.mark.parametrize("ending", ["/", ""])
def test_one_file_into_folder_or_file(tree: Path, tmp_path: Path, ending: str) -> None:
    output = f"{tmp_path}/new{ending}"
    (task,) = plan([tree / "a.dcm"], output)
    assert task.destination == (tmp_path / "new/a.dcm" if ending else tmp_path / "new")


def test_existing_folder_takes_the_file(tree: Path, tmp_path: Path) -> None:
    (task,) = plan([tree / "a.dcm"], str(tmp_path))
    assert task.destination == tmp_path / "a.dcm"


def test_in_place(tree: Path) -> None:
    assert all(task.source == task.destination for task in plan([tree], None, in_place=True))


@pytest.mark.parametrize(("output", "in_place"), [(None, False), ("out", True)])
def test_neither_or_both_is_usage(tree: Path, output: str | None, in_place: bool) -> None:
    with pytest.raises(CommandError) as caught:
        plan([tree], output, in_place=in_place)
    assert caught.value.exit_code == ExitCode.USAGE


def test_two_results_under_one_name(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "a.dcm"
    other.write_bytes(b"")
    with pytest.raises(CommandError) as caught:
        plan([tree, other], str(tmp_path / "out"))
    assert caught.value.exit_code == ExitCode.USAGE


def test_folder_into_file(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "file"
    output.write_bytes(b"")
    with pytest.raises(CommandError) as caught:
        plan([tree], str(output))
    assert caught.value.exit_code == ExitCode.INVALID_OUTPUT_FOLDER


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        find_files([str(tmp_path)])
    assert caught.value.exit_code == ExitCode.NO_INPUT


def test_missing_file_is_left_to_its_reader(tree: Path) -> None:
    assert len(find_files([str(tree / "nothing"), str(tree / "a.dcm")])) == 2
