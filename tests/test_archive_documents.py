# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/archives.md run, in the page's order, each in a shell that stops at the first failure."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archive_samples import contents, make_tree, rows
from framedeflate.archive.shard import Shard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")

PAGE = Path(__file__).parents[1] / "docs" / "archives.md"
BLOCK = re.compile(r"^```(sh|bash|yaml)(?: needs (\w+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def blocks(language: str, needs: str = "") -> list[str]:
    return [text for kind, need, text in BLOCKS if (kind, need) == (language, needs)]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with the archive that the page calls studies, and the command on the path."""
    make_tree(tmp_path / "studies", small=9, large=0)
    tools = tmp_path / "tools"
    tools.mkdir()
    command = tools / "framedeflate"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m framedeflate "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(script: str, room: Path, **environment: str) -> str:
    paths = {
        "PATH": f"{room / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=room,
        env={**os.environ, **paths, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_block_is_of_a_kind_that_is_run_here() -> None:
    fences = re.findall(r"^```(\w[\w ]*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences) == {"sh", "sh needs sqlite3", "sh needs s3", "sh needs dask", "bash", "yaml", "python"}


def test_the_commands_run(room: Path) -> None:
    said = run("\n".join(blocks("sh")), room)
    assert "all as the manifest says" in said
    assert (room / "report.html").stat().st_size > 1000
    assert contents(room / "parts") == contents(room / "deflated")
    # Images of 8 bits that are no masks: the policy leaves them alone.
    assert {state for (state,) in rows(room / "labels.sqlite", "state")} == {"skipped"}
    if shutil.which("sqlite3"):
        assert run("\n".join(blocks("sh", "sqlite3")), room) == "done||9\n"


def test_the_array_job_of_slurm(room: Path) -> None:
    (script,) = blocks("bash")
    tasks = int(re.findall(r"--array=1-(\d+)", script)[0])
    # The first and the last stand for all of them.
    for number in (1, tasks):
        task = {
            "SLURM_ARRAY_TASK_ID": str(number),
            "SLURM_ARRAY_TASK_COUNT": str(tasks),
            "SLURM_CPUS_PER_TASK": "1",
        }
        run(script, room, **task)
    done = contents(room / "cluster").keys()
    parts = Shard(1, tasks), Shard(tasks, tasks)
    assert done == {path for path in contents(room / "studies") if any(part.has(path) for part in parts)}
    assert 0 < len(done) < 9


def test_the_job_of_kubernetes(room: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (text,) = blocks("yaml")
    job: dict[str, Any] = yaml.safe_load(text)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["/bin/sh", "-c"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    (arguments,) = container["args"]
    last = job["spec"]["completions"]
    run(arguments, room, JOB_COMPLETION_INDEX=str(last - 1))
    done = contents(room / "pods").keys()
    assert done == {path for path in contents(room / "studies") if Shard(last, last).has(path)}
    assert (room / f"pods.{last}-of-{last}.manifest.sqlite").is_file()


def test_the_commands_of_object_stores(room: Path) -> None:
    pytest.importorskip("obstore")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        store = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", **keys}
        pytest.importorskip("boto3").client(
            "s3",
            endpoint_url=store["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",  # noqa: S106 - moto takes any
        ).create_bucket(Bucket="box")
        said = run("\n".join(blocks("sh", "s3")), room, **store)
    finally:
        server.stop()
    assert "9 files, 18 frames: all as the manifest says" in said
    # Deflated already, so what comes back is what was put there.
    columns = "path, frames_digest, result_digest"
    assert rows(room / "s3.sqlite", columns) == rows(room / "back.sqlite", columns)


def test_the_command_of_dask(room: Path) -> None:
    distributed = pytest.importorskip("distributed")
    (script,) = blocks("sh", "dask")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        silence_logs=50,
    ) as cluster:
        run(script.replace("tcp://scheduler:8786", cluster.scheduler_address), room)
    assert contents(room / "dask").keys() == contents(room / "studies").keys()
    (fact,) = {json.loads(facts)["level"] for facts in _settings(room / "dask.manifest.sqlite")}
    assert fact == 1


def _settings(manifest: Path) -> list[str]:
    import sqlite3

    database = sqlite3.connect(manifest)
    found = [value for (value,) in database.execute("SELECT value FROM fact WHERE name = 'settings'")]
    database.close()
    return found
