# SPDX-License-Identifier: Apache-2.0
"""The scripts of docs/archives.md for schedulers run, as their tasks do. The rest runs in test_document_commands."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive_samples import contents
from document_peers import Peers
from document_rooms import fill_room
from document_runner import PageRun
from documents import Block, blocks_of
from framedeflate.archive.shard import Shard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")

PAGE = "docs/archives.md"


def script_of(language: str) -> Block:
    (block,) = (block for block in blocks_of(PAGE) if block.language == language)
    return block


@pytest.fixture
def page(tmp_path: Path) -> Iterator[PageRun]:
    """The page's room, with the archive that it calls studies."""
    (tmp_path / "room").mkdir()
    fill_room(tmp_path / "room", "studies")
    run = PageRun(tmp_path / "room", tmp_path / "scratch", Peers(tmp_path / "room", tmp_path))
    yield run
    run.close()


def test_the_array_job_of_slurm(page: PageRun) -> None:
    block = script_of("bash")
    tasks = int(re.findall(r"--array=1-(\d+)", block.text)[0])
    # The first and the last stand for all of them.
    for number in (1, tasks):
        task = {
            "SLURM_ARRAY_TASK_ID": str(number),
            "SLURM_ARRAY_TASK_COUNT": str(tasks),
            "SLURM_CPUS_PER_TASK": "1",
        }
        page.script([block.text], block, **task)
    done = contents(page.room / "cluster").keys()
    parts = Shard(1, tasks), Shard(tasks, tasks)
    assert done == {path for path in contents(page.room / "studies") if any(part.has(path) for part in parts)}
    assert 0 < len(done) < 9


def test_the_job_of_kubernetes(page: PageRun) -> None:
    yaml = pytest.importorskip("yaml")
    block = script_of("yaml")
    job: dict[str, Any] = yaml.safe_load(block.text)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["/bin/sh", "-c"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    (arguments,) = container["args"]
    last = job["spec"]["completions"]
    page.script([arguments], block, JOB_COMPLETION_INDEX=str(last - 1))
    done = contents(page.room / "pods").keys()
    assert done == {path for path in contents(page.room / "studies") if Shard(last, last).has(path)}
    assert (page.room / f"pods.{last}-of-{last}.manifest.sqlite").is_file()
