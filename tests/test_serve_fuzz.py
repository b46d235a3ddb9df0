# SPDX-License-Identifier: Apache-2.0
"""A thousand requests, right, wrong and none at all: no 500, no hang, nothing outside the store, nothing told."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from framedeflate.web.server.app import create_app
from framedeflate.web.server.connection import ConnectionLimits
from guarded_server import Guarded, guarded
from web_server import put_in_store, services_for
from wire_fuzz import SECRET, defects_of, fill, request_of, strangers_in, tree_of

BATCH, BATCHES = 50, 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("around")
    (folder / "secret").write_text("not for the web")
    put_in_store(folder / "store", *fill(folder / "files"))
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Guarded]:
    # What is never finished is given up soon, so that a thousand requests end.
    limits = ConnectionLimits(head_seconds=0.5, stalled_seconds=5, idle_seconds=1)
    with (
        pytest.MonkeyPatch.context() as patch,
        services_for(place / "store", allow_delete=False) as services,
        guarded(create_app(services), limits, tallies=services.tallies, max_body_nbytes=1 << 20) as running,
    ):
        patch.setattr("framedeflate.web.server.connection._WINDOW_SECONDS", 0.5)
        yield running


def test_no_request_brings_it_down(server: Guarded, place: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = tree_of(place)
    defects: list[str] = []

    @settings(max_examples=BATCHES, phases=[Phase.generate])
    @given(st.lists(st.integers(0, 1 << 62), min_size=BATCH, max_size=BATCH, unique=True))
    def many(seeds: list[int]) -> None:
        defects.extend(defects_of(server, [request_of(seed) for seed in seeds]))

    with caplog.at_level(logging.WARNING):
        many()
    assert not defects, "\n".join(defects[:10])
    assert "failed with" not in caplog.text
    assert SECRET not in caplog.text
    assert tree_of(place) == before
    assert strangers_in(place / "store") == []
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.tallies.in_flight == 0
    assert server.tallies.requests.total() > BATCH * BATCHES // 2
    assert SECRET not in server.log.getvalue()
