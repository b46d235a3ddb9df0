# SPDX-License-Identifier: Apache-2.0
"""The application's own answers: what is no resource, and no instance."""

from pathlib import Path

import httpx
import pytest

from framedeflate.web.server.routes import metadata
from indexed_files import made_dataset, save
from web_server import put_in_store, running_server


def test_what_is_not_there(tmp_path: Path) -> None:
    put_in_store(tmp_path / "store", save(made_dataset("1.2", "1.3", "1.4"), tmp_path / "a.dcm"))
    with running_server(tmp_path / "store") as base_url, httpx.Client(base_url=base_url) as client:
        for path, status, kind in (
            ("/dicomweb/studies/1.2/series/1.3/instances/1.5", 404, "unknown-instance"),
            ("/dicomweb/studies/1.2/series/1.2/instances/1.4", 404, "unknown-instance"),
            ("/dicomweb/studies/1.2/series/1.3/instances/..%2F1.4", 404, "unknown-resource"),
            ("/dicomweb/studies/1.2/series/1.3/instances/a", 400, "uid"),
            ("/dicomweb/nothing", 404, "unknown-resource"),
        ):
            answer = client.get(path, headers={"Accept": "*/*"})
            assert (answer.status_code, answer.json()["kind"]) == (status, kind), path
            assert answer.json()["status"] == status
        answer = client.patch("/dicomweb/studies/1.2/series/1.3/instances/1.4")
        assert (answer.status_code, answer.json()["kind"]) == (405, "method")
        assert "GET" in answer.headers["allow"]


def test_a_defect_is_said_in_json_with_the_request_s_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("^".join(["Doe", "Jane"]))

    monkeypatch.setattr(metadata, "find_instances", fails)
    with running_server(tmp_path / "store") as base_url, httpx.Client(base_url=base_url) as client:
        answer = client.get("/dicomweb/studies/1.2/metadata", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["kind"]) == (500, "internal")
    assert answer.headers["x-request-id"] in caplog.text
    assert "Doe^Jane" not in caplog.text + answer.text
