# SPDX-License-Identifier: Apache-2.0
"""The conformance suite on our server: all that is asked of it passes, and of what a server does wrong all is seen."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("httpx")
pytest.importorskip("starlette")
from framedeflate.web.conformance.__main__ import main
from framedeflate.web.conformance.outcomes import Outcome, Result
from framedeflate.web.conformance.suite import all_checks, run_checks, run_suite
from recorded_server import RecordingClient, run, stored_session
from server_faults import FAULTS, Fault
from web_server import running_server

CHECKS = all_checks()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("store"), allow_delete=True) as base_url:
        yield f"{base_url}/dicomweb"


@pytest.fixture(scope="module")
def recording(root: str) -> Iterator[tuple[RecordingClient, list[Result]]]:
    client = RecordingClient(root)
    yield client, run(client, CHECKS)
    client.close()


@pytest.mark.parametrize("name", [one.name for one in CHECKS])
def test_the_server_passes(name: str, recording: tuple[RecordingClient, list[Result]]) -> None:
    result = next(one for one in recording[1] if one.check.name == name)
    assert result.outcome is Outcome.PASS, f"expected {result.expected}, seen {result.seen}"


def failing(results: list[Result]) -> set[str]:
    return {one.check.name for one in results if one.outcome is Outcome.FAIL}


@pytest.fixture
def replayed(recording: tuple[RecordingClient, list[Result]]) -> Iterator[RecordingClient]:
    client, _ = recording
    client.again()
    yield client
    client.change_request, client.change_answer = Fault("", "").request, Fault("", "").answer


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_wrong_server_fails_these_checks_and_no_others(fault: Fault, replayed: RecordingClient) -> None:
    replayed.change_request, replayed.change_answer = fault.request, fault.answer
    expected = set(fault.seen.split())
    found = failing(run(replayed, CHECKS))
    if "..." in expected:
        assert expected - {"..."} <= found
    else:
        assert found == expected


def test_every_check_can_fail(replayed: RecordingClient) -> None:
    failed = {name for fault in FAULTS for name in fault.seen.split()}
    for fault in FAULTS:
        if "..." in fault.seen:
            replayed.again()
            replayed.change_request, replayed.change_answer = fault.request, fault.answer
            failed |= failing(run(replayed, CHECKS))
    # It stores what the run has stored before: a server that fails at that alone is seen by no other.
    assert {one.name for one in CHECKS} - failed == {"store.again"}


def test_storing_again_can_fail(replayed: RecordingClient) -> None:
    session = stored_session(replayed)
    replayed.change_answer = lambda _asked, answer: replace(answer, status=500)
    [result] = run_checks(session, all_checks(["store.again"]))
    assert result.outcome is Outcome.FAIL


def test_what_was_stored_is_removed(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([root, "--json", "--only", "store", "--only", "hostile"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["conforms"] is True
    assert report["left_behind"] == []


def test_the_other_index_passes(postgresql_server: str, tmp_path: Path) -> None:
    from database_servers import new_database

    url = new_database(postgresql_server)
    with running_server(tmp_path / "store", index_url=url, allow_delete=True) as base_url:
        report = run_suite(f"{base_url}/dicomweb", only=["search", "store", "metadata.study"])
    assert [one for one in report.results if one.outcome is not Outcome.PASS] == []
    assert report.left_behind == ()


def test_a_server_that_does_not_delete_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(tmp_path / "store") as base_url:
        assert main([f"{base_url}/dicomweb", "--only", "frames"]) == 0
        shown = capsys.readouterr().out
        assert "still on the server" in shown
        study = shown.rpartition(": ")[2].split()[0]
        again = run_suite(
            f"{base_url}/dicomweb", read_only=[study], only=["frames", "native-frames", "store"]
        )
    outcomes = {one.check.name: one.outcome for one in again.results}
    assert Outcome.FAIL not in outcomes.values()
    assert all(outcomes[one.name] is Outcome.SKIPPED for one in CHECKS if one.group == "store")
    # What can be deflated it stored deflated: who reads only finds none that is not.
    skipped = {
        name for name, outcome in outcomes.items() if outcome is Outcome.SKIPPED and name[:6] != "store."
    }
    assert skipped == {
        "frames.not-of-native",
        "native-frames.data-set-inflated",
        "native-frames.list-of-bits",
        "native-frames.native-bits",
    }
