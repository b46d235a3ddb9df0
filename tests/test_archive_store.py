# SPDX-License-Identifier: Apache-2.0
"""Archives in object stores: moto answers as S3 does, boto3 says what is there."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive_samples import COMMAND, contents, make_large, make_small, make_tree, rows, run_archive, serially
from framedeflate.archive.audit import audit
from framedeflate.archive.manifest import Manifest
from framedeflate.archive.one_file import ArchiveJob, FileOutcome
from framedeflate.archive.places import Place, place_of
from framedeflate.archive.run import ArchiveRun
from framedeflate.archive.settings import CompressSettings
from framedeflate.errors import ArchiveError, RemoteSourceError

pytest.importorskip("obstore")
pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")

KEYS = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str) -> Any:
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **KEYS)
    for bucket in client.list_buckets()["Buckets"]:
        for found in client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            client.delete_object(Bucket=bucket["Name"], Key=found["Key"])
        client.delete_bucket(Bucket=bucket["Name"])
    client.create_bucket(Bucket="box")
    return client


def objects(s3: Any, prefix: str) -> dict[str, str]:
    """SHA-256 of every object by its key below the prefix."""
    found = s3.list_objects_v2(Bucket="box", Prefix=prefix).get("Contents", [])
    return {
        one["Key"][len(prefix) :]: hashlib.sha256(
            s3.get_object(Bucket="box", Key=one["Key"])["Body"].read()
        ).hexdigest()
        for one in found
    }


def upload(s3: Any, folder: Path, prefix: str) -> None:
    for path in contents(folder):
        s3.upload_file(str(folder / path), "box", prefix + path)


def place(endpoint: str, url: str) -> Place:
    options = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "id",
        "secret_access_key": "secret",
    }
    return place_of(url, options=options)


def run(source: Place, destination: Place, manifest: Path, **more: Any) -> list[FileOutcome]:
    job = ArchiveJob(source, destination, more.pop("settings", CompressSettings()))
    with ArchiveRun(job=job, manifest=manifest, **more).begin() as begun:
        return list(begun.outcomes(serially))


def test_from_a_store_into_a_store_as_from_a_folder_into_a_folder(
    s3: Any, endpoint: str, tmp_path: Path
) -> None:
    source = make_tree(tmp_path / "in", small=6, large=0)
    # More than one part of an upload.
    make_large(source / "large" / "0.dcm", 1, frames=110)
    make_small(source / "deep" / "a b+ü.dcm", 3)
    (source / "notes.txt").write_text("no image")
    upload(s3, source, "in/")
    upload(s3, source, "in2/")
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    expected = contents(tmp_path / "whole")
    outcomes = run(place(endpoint, "s3://box/in"), place(endpoint, "s3://box/out/"), tmp_path / "m")
    assert {outcome.state for outcome in outcomes} == {"done", "skipped"}
    assert objects(s3, "out/") == expected
    assert max(size for (size,) in rows(tmp_path / "m", "result_nbytes", "state = 'done'")) > 8 << 20
    assert run(place(endpoint, "s3://box/in"), place(endpoint, "s3://box/out/"), tmp_path / "m") == []
    columns = "path, frames_digest, result_digest"
    assert rows(tmp_path / "m", columns) == rows(tmp_path / "whole.sqlite", columns)

    # A run whose manifest was lost finds the same bytes, and another's object it leaves.
    s3.put_object(Bucket="box", Key="out/study1/00001.dcm", Body=b"somebody's")
    again = run(place(endpoint, "s3://box/in"), place(endpoint, "s3://box/out"), tmp_path / "lost")
    failed = [outcome for outcome in again if outcome.state == "failed"]
    assert [(one.entry.path, one.failure and one.failure.kind) for one in failed] == [
        ("study1/00001.dcm", "EEXIST")
    ]
    assert objects(s3, "out/")["study1/00001.dcm"] == hashlib.sha256(b"somebody's").hexdigest()

    s3.delete_object(Bucket="box", Key="out/study2/00002.dcm")
    s3.put_object(Bucket="box", Key="out/extra", Body=b"")
    with Manifest.open(tmp_path / "m") as manifest:
        found = [
            (finding.kind, finding.path)
            for _, finding in audit(
                [manifest], place(endpoint, "s3://box/out"), source=place(endpoint, "s3://box/in")
            )
            if finding is not None
        ]
    assert sorted(found) == [
        ("changed", "study1/00001.dcm"),
        ("extra", "extra"),
        ("missing", "study2/00002.dcm"),
        ("unreadable", "study1/00001.dcm"),
    ]


def test_a_destination_inside_its_source(s3: Any, endpoint: str, tmp_path: Path) -> None:
    upload(s3, make_tree(tmp_path / "in", small=2, large=0), "in/")
    for expected in (2, 0):
        places = place(endpoint, "s3://box/in"), place(endpoint, "s3://box/in/out")
        assert len(run(*places, tmp_path / "m")) == expected


def test_what_a_store_refuses(s3: Any, endpoint: str, tmp_path: Path) -> None:
    upload(s3, make_tree(tmp_path / "in", small=2, large=0), "in/")
    nowhere = place(endpoint, "s3://nobody/out")
    # Not a failure of each file.
    with pytest.raises(ArchiveError) as stopped:
        run(place(endpoint, "s3://box/in"), nowhere, tmp_path / "m")
    assert stopped.value.kind == "destination"
    assert {state for (state,) in rows(tmp_path / "m", "state")} == {"planned"}
    with pytest.raises(RemoteSourceError):
        run(nowhere, place(endpoint, "s3://box/out"), tmp_path / "m2")
    with pytest.raises(RemoteSourceError) as caught:
        place_of("https://example.org/in")
    assert caught.value.kind == "url"
    # The manifest would name another prefix than was meant.
    for url in ("s3://box/a?b", "s3://box/a#b", f"s3://box/{'a' * 400}"):
        with pytest.raises(RemoteSourceError, match="prefix of an archive"):
            place(endpoint, url)


def test_the_command_takes_credentials_from_the_environment(s3: Any, endpoint: str, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "in", small=4, large=0)
    run_archive(source, tmp_path / "whole", tmp_path / "whole.sqlite")
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    manifest = tmp_path / "m.sqlite"
    command = [*COMMAND, "compress", str(source), "-o", "s3://box/out", "--manifest", str(manifest)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert objects(s3, "out/") == contents(tmp_path / "whole")
    back = [*COMMAND, "audit", str(manifest), "--source", "--jobs", "1"]
    done = subprocess.run(back, check=False, capture_output=True, text=True, env=environment)
    assert "4 files, 8 frames, 4 sources: all as the manifest says" in done.stdout, done.stderr
