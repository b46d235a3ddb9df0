# SPDX-License-Identifier: Apache-2.0
"""What the server has besides DICOMweb's own: health, metrics, capabilities, deletion, the viewer's files."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from framedeflate.errors import StoreIndexError
from framedeflate.web.server.access import StaticToken
from framedeflate.web.server.app import _ROUTES as ROUTES
from framedeflate.web.server.app import create_app
from framedeflate.web.server.services import Services
from guarded_server import Guarded, guarded
from indexed_files import made_dataset, made_frames, save, save_deflated
from web_server import put_in_store, services_for

STUDY = "/dicomweb/studies/1.2"
INSTANCES = {"1.2.3.1": "1.2.3", "1.2.3.2": "1.2.3", "1.2.4.1": "1.2.4"}


def path_of(uid: str) -> str:
    return f"{STUDY}/series/{INSTANCES[uid]}/instances/{uid}"


@contextmanager
def serving(
    folder: Path, *, rules: dict[str, Any] | None = None, **settings: Any
) -> Iterator[tuple[Guarded, Services]]:
    for uid, series in INSTANCES.items():
        path = folder / "files" / f"{uid}.dcm"
        dataset = made_dataset("1.2", series, uid, PatientName="Doe^Jane")
        if uid == "1.2.3.1":
            save_deflated(dataset, path, made_frames(3, 8, 8), 8, 8)
        else:
            save(dataset, path)
    put_in_store(folder / "store", *sorted((folder / "files").iterdir()))
    with (
        services_for(folder / "store", **settings) as services,
        guarded(create_app(services), tallies=services.tallies, **(rules or {})) as server,
    ):
        yield server, services


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, Services]]:
    with serving(tmp_path_factory.mktemp("shared")) as both:
        yield both


@pytest.fixture
def server(shared: tuple[Guarded, Services]) -> Guarded:
    return shared[0]


def test_health(shared: tuple[Guarded, Services], monkeypatch: pytest.MonkeyPatch) -> None:
    server, services = shared
    monkeypatch.setattr("framedeflate.web.server.routes.health._FRESH_SECONDS", 0.0)
    assert server.ask("GET", "/healthz")[::2] == (200, b'{"status":"ok","store":"ok","index":"ok"}')
    assert server.ask("HEAD", "/healthz")[::2] == (200, b"")

    def fails(*_uids: str) -> None:
        raise StoreIndexError("no", kind="unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(type(services.index), "instance", lambda _self, *uids: fails(*uids))
        assert server.ask("GET", "/healthz")[::2] == (
            503,
            b'{"status":"failing","store":"ok","index":"no-answer"}',
        )
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, 0))
        assert b'"store":"disk-left"' in server.ask("GET", "/healthz")[2]
    assert server.ask("GET", "/healthz")[0] == 200


def test_metrics_say_what_was_asked_for(server: Guarded) -> None:
    server.ask("GET", path_of("1.2.3.1") + "/frames/1", {"Accept": "application/x-deflate"})
    server.ask("GET", "/dicomweb/nothing", {"Accept": "*/*"})
    status, headers, body = server.ask("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    frames = STUDY.replace("1.2", "{study}") + "/series/{series}/instances/{instance}/frames/{frames}"
    labels = (("method", "GET"), ("route", frames), ("status", "200"))
    assert samples["framedeflate_requests_total", *labels] == 1
    assert (
        samples["framedeflate_requests_total", ("method", "GET"), ("route", "other"), ("status", "404")] == 1
    )
    assert samples["framedeflate_request_seconds_count", ("route", frames)] == 1
    assert samples["framedeflate_request_seconds_bucket", ("le", "+Inf"), ("route", frames)] == 1
    assert samples[("framedeflate_stored_instances",)] == 3
    assert samples[("framedeflate_requests_in_flight",)] == 1
    assert samples["framedeflate_frames_total", ("how", "stored")] == 1
    assert samples[("framedeflate_frame_native_bytes_total",)] == 8
    assert b"Doe" not in body


def test_metrics_are_not_for_strangers(tmp_path: Path) -> None:
    with serving(tmp_path, rules={"access": StaticToken(b"0123456789abcdef")}) as (server, _):
        assert server.ask("GET", "/metrics")[0] == 401
        assert server.ask("GET", "/metrics", {"Authorization": "Bearer 0123456789abcdef"})[0] == 200
        # A line break behind it is another path, whatever a pattern's end takes for the end.
        assert server.ask("GET", "/metrics%0a")[0] == 404
        assert server.ask("GET", "/")[0] == server.ask("GET", "/healthz")[0] == 200


# Retrieve Capabilities (PS3.18 8.9, Annex H).

WADL = "{http://wadl.dev.java.net/2009/02}"


def resources_of(element: ElementTree.Element, path: str) -> Iterator[tuple[str, str]]:
    for resource in element.findall(f"{WADL}resource"):
        below = f"{path}/{resource.get('path')}"
        for method in resource.findall(f"{WADL}method"):
            yield method.get("name", ""), below
        yield from resources_of(resource, below)


def test_capabilities(server: Guarded) -> None:
    for path in ("/dicomweb", "/dicomweb/"):
        status, headers, body = server.ask("OPTIONS", path, {"Accept": "application/vnd.sun.wadl+xml"})
        assert (status, headers["content-type"]) == (200, "application/vnd.sun.wadl+xml")
    document = ElementTree.fromstring(body)  # noqa: S314 - ours
    (resources,) = document.findall(f"{WADL}resources")
    assert document.tag == f"{WADL}application"
    assert resources.get("base") == f"http://127.0.0.1:{server.port}/dicomweb/"
    found = set(resources_of(resources, ""))
    assert ("POST", "/studies") in found
    assert ("GET", "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}") in found
    assert not any(method == "DELETE" for method, _ in found)
    assert server.ask("OPTIONS", "/dicomweb", {})[0] == 200
    status, _, body = server.ask("OPTIONS", "/dicomweb", {"Accept": "application/json"})
    assert status == 406
    assert b"application/vnd.sun.wadl+xml" in body
    assert server.ask("OPTIONS", "/dicomweb", {"Accept": "a/b," * 100})[0] == 400


def test_capabilities_leave_nothing_out_and_add_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, allow_delete=True) as (server, services):
        body = server.ask("OPTIONS", "/dicomweb", {"Accept": "*/*"})[2]
        own = [
            (method, re.sub("/bulkdata/.*", "/bulkdata/{path}", route.path))
            for routes in ROUTES
            for route in routes(services)
            if isinstance(route, Route) and route.path.startswith("/dicomweb/studies")
            for method in route.methods or ()
        ]
    (resources,) = ElementTree.fromstring(body).findall(f"{WADL}resources")  # noqa: S314 - ours
    named = set(resources_of(resources, "/dicomweb"))
    assert {one for one in named if one[1].startswith("/dicomweb/studies")} == {
        one for one in own if one[0] != "HEAD"
    }
    assert {("DELETE", "/dicomweb/studies/{study}"), ("POST", "/dicomweb/studies")} <= named


def test_what_capabilities_call_the_default_is_what_comes(server: Guarded) -> None:
    (resources,) = ElementTree.fromstring(  # noqa: S314 - ours
        server.ask("OPTIONS", "/dicomweb", {"Accept": "*/*"})[2]
    ).findall(f"{WADL}resources")
    values = {"study": "1.2", "series": "1.2.3", "instance": "1.2.3.1", "frames": "1", "path": "7FE00010"}
    asked = 0
    for path, method in methods_of(resources, "/dicomweb"):
        accept = method.find(f"{WADL}request/{WADL}param[@name='Accept']")
        if method.get("name") != "GET" or accept is None or path.endswith("/bulkdata"):
            continue
        offered = [option.get("value") or "" for option in accept.findall(f"{WADL}option")]
        assert accept.get("default") == offered[0]
        for accepted in ("*/*", *offered):
            status, headers, _ = server.ask("GET", path.format(**values), {"Accept": accepted})
            if status == 406 and not accepted.startswith(("multipart/", "application/dicom+", "*")):
                # Several instances, or Frames, come in parts alone.
                assert path.count("{") < 3 or "x-deflate" in accepted, (path, accepted)
                continue
            expected = offered[0] if accepted == "*/*" else accepted
            found = headers["content-type"].split("; boundary")[0]
            assert (status, plain(found)) == (200, plain(expected)), (path, accepted)
            asked += 1
    assert asked > 40


def plain(media_type: str) -> str:
    return re.sub(r'; transfer-syntax=[0-9.]+|"', "", media_type)


def methods_of(element: ElementTree.Element, above: str) -> Iterator[tuple[str, ElementTree.Element]]:
    for resource in element.findall(f"{WADL}resource"):
        path = f"{above}/{resource.get('path')}"
        for method in resource.findall(f"{WADL}method"):
            yield path, method
        yield from methods_of(resource, path)


# DELETE.


def test_nothing_is_deleted_unless_it_was_asked_for(server: Guarded) -> None:
    for path in (STUDY, STUDY + "/series/1.2.3", path_of("1.2.3.1")):
        status, headers, _ = server.ask("DELETE", path)
        assert status == 405
        assert "GET" in headers["allow"]
        assert "DELETE" not in headers["allow"]


def test_what_is_deleted_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path, allow_delete=True) as (server, services):

        def found() -> list[str]:
            served = [
                uid
                for uid in INSTANCES
                if server.ask("GET", path_of(uid) + "/metadata", {"Accept": "*/*"})[0] == 200
            ]
            assert sorted(path.stem for path in (tmp_path / "store").glob("??/*.dcm")) == served
            assert services.index.count() == len(served)
            return served

        assert found() == list(INSTANCES)
        frame = path_of("1.2.3.1") + "/frames/1"
        assert server.ask("GET", frame, {"Accept": "*/*"})[0] == 200
        assert server.ask("DELETE", path_of("1.2.3.1"))[0] == 204
        assert server.ask("GET", frame, {"Accept": "*/*"})[0] == 404
        assert found() == ["1.2.3.2", "1.2.4.1"]
        assert server.ask("DELETE", path_of("1.2.3.1"))[0] == 404
        assert server.ask("DELETE", STUDY + "/series/1.2.4")[0] == 204
        assert found() == ["1.2.3.2"]
        assert server.ask("DELETE", STUDY, {"Origin": "http://evil.example"})[0] == 403
        assert server.ask("DELETE", STUDY)[0] == 204
        assert found() == []
        for path in (
            STUDY,
            "/dicomweb/studies/..",
            "/dicomweb/studies/%2e%2e",
            "/dicomweb/studies/1.2/series/*",
        ):
            assert server.ask("DELETE", path)[0] in {400, 404}


def test_what_is_stored_again_while_it_is_deleted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, allow_delete=True) as (server, services):
        assert services.ingest is not None
        remove, ingest = services.store.remove, services.ingest

        def removed_and_stored_again(uid: str) -> bool:
            found = remove(uid)
            with ingest.arrival() as arrival:
                arrival.write((tmp_path / "files" / f"{uid}.dcm").read_bytes())
                ingest.put(arrival)
            return found

        monkeypatch.setattr(services.store, "remove", removed_and_stored_again)
        assert server.ask("DELETE", path_of("1.2.3.1"))[0] == 204
        assert server.ask("GET", path_of("1.2.3.1"), {"Accept": "*/*"})[0] == 200


def test_what_is_deleted_while_it_is_stored_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, services):
        assert services.ingest is not None
        services.index.remove("1.2.3.2")
        with services.ingest.arrival() as arrival:
            arrival.write((tmp_path / "files" / "1.2.3.2.dcm").read_bytes())
            placed = services.ingest.place(arrival)
        services.store.remove("1.2.3.2")
        services.ingest.commit([placed])
        assert services.index.files_known(["1.2.3.2"]) == {}
        answer = server.ask("GET", path_of("1.2.3.2"), {"Accept": "*/*"})
        assert (answer[0], json.loads(answer[2])["kind"]) == (404, "unknown-instance")


# The viewer's files.


def test_the_viewer_is_there_and_nothing_else(server: Guarded) -> None:
    status, headers, body = server.ask("GET", "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in headers["content-security-policy"]
    assert body.lower().startswith(b"<!doctype html>")
    etag = headers["etag"]
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        assert server.ask("GET", "/", {"If-None-Match": known})[::2] == (304, b"")
    assert server.ask("GET", "/", {"If-None-Match": '"x"'})[0] == 200
    assert server.ask("HEAD", "/")[::2] == (200, b"")
    assert server.ask("POST", "/")[0] == 405
    for path in (
        "/index.html/",
        "/__init__.py",
        "/..",
        "/../app.py",
        "/%2e%2e/server/app.py",
        "//etc/passwd",
        "/.",
        "/x",
    ):
        assert server.ask("GET", path)[0] == 404


def test_every_file_of_the_viewer_is_served_as_what_it_is(server: Guarded) -> None:
    from importlib.resources import files

    folder = Path(str(files("framedeflate.web.viewer")))
    scripts = [path for path in folder.rglob("*.js") if not path.name.startswith(("_", "."))]
    assert scripts
    for path in scripts:
        _, headers, body = server.ask("GET", f"/{path.relative_to(folder).as_posix()}")
        assert headers["content-type"] == "text/javascript; charset=utf-8"
        assert body == path.read_bytes()
