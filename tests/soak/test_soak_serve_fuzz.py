# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand requests, right, wrong and none at all, DELETE allowed among them."""

import logging
import os
from pathlib import Path

import pytest

from framedeflate.web.server.app import create_app
from framedeflate.web.server.connection import ConnectionLimits
from guarded_server import guarded
from web_server import put_in_store, services_for
from wire_fuzz import SECRET, defects_of, fill, request_of, strangers_in, tree_of

pytestmark = pytest.mark.soak

REQUESTS = int(os.environ.get("FRAMEDEFLATE_FUZZ_REQUESTS", "100000"))
BATCH = 500


@pytest.mark.parametrize("allow_delete", [False, True])
def test_no_request_brings_it_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, allow_delete: bool
) -> None:
    monkeypatch.setattr("framedeflate.web.server.connection._WINDOW_SECONDS", 0.5)
    store = tmp_path / "store"
    (tmp_path / "secret").write_text("not for the web")
    stored = fill(tmp_path / "files")
    put_in_store(store, *stored)
    before = tree_of(tmp_path)
    limits = ConnectionLimits(head_seconds=0.5, stalled_seconds=5, idle_seconds=1)
    with (
        caplog.at_level(logging.WARNING),
        services_for(store, allow_delete=allow_delete) as services,
        guarded(create_app(services), limits, tallies=services.tallies, max_body_nbytes=1 << 20) as server,
    ):
        for first in range(0, REQUESTS // 2, BATCH):
            seeds = range(first, first + BATCH) if not allow_delete else range(-first - BATCH, -first)
            defects = defects_of(server, [request_of(seed) for seed in seeds])
            assert not defects, "\n".join(defects[:10])
            assert "failed with" not in caplog.text
            assert SECRET not in caplog.text
            caplog.clear()
            if allow_delete:
                put_in_store(store, *stored)
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.tallies.in_flight == 0
        assert SECRET not in server.log.getvalue()
    assert tree_of(tmp_path) == before
    assert strangers_in(store) == []
