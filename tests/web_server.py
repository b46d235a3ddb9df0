# SPDX-License-Identifier: Apache-2.0
"""The origin server on a free port of loopback, in this process.

with running_server(tmp_path) as base_url:
    httpx.get(f"{base_url}/dicomweb/studies")
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index, describe_instance
from framedeflate.web.ingest import Ingest
from framedeflate.web.server import ServerSettings, Services, create_app
from framedeflate.web.server.open_files import OpenFiles
from guarded_server import guarded

STARTS_IN_SECONDS = 30


@contextmanager
def services_for(store_folder: Path, *, index_url: str | None = None, **settings: Any) -> Iterator[Services]:
    """A store with all it holds indexed; the index is a file in it unless `index_url` names another."""
    chosen = ServerSettings(**settings)
    with InstanceStore(store_folder) as store:
        folder = store.folder / ".index"
        folder.mkdir(exist_ok=True)
        with Index.open(index_url or f"sqlite:///{folder / 'index.sqlite'}") as index:
            known = {uid for uid, _, _ in index.known()}
            new = [path for path in sorted(store_folder.glob("??/*.dcm")) if path.stem not in known]
            index.add([describe_instance(path) for path in new])
            files = OpenFiles(store.path_of, chosen.max_open_files)
            yield Services(
                store=store,
                index=index,
                ingest=None if chosen.read_only else Ingest(store, index),
                files=files,
                settings=chosen,
            )
            files.close()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Any ASGI application, served; yields scheme, host and port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    stop = time.monotonic() + STARTS_IN_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < stop:
        time.sleep(0.01)
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STARTS_IN_SECONDS)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def running_server(store_folder: Path, *, index_url: str | None = None, **settings: Any) -> Iterator[str]:
    """The server on a store's folder, with `ServerSettings(**settings)`; yields scheme, host and port.

    It stands behind its front, as the command has it. Put files in with `put_in_store` before.
    """
    with (
        services_for(store_folder, index_url=index_url, **settings) as services,
        guarded(
            create_app(services), tallies=services.tallies, max_body_nbytes=services.settings.max_body_nbytes
        ) as server,
    ):
        yield f"http://127.0.0.1:{server.port}"


def put_in_store(store_folder: Path, *paths: Path) -> None:
    """Store files, as they are."""
    with InstanceStore(store_folder, policy="keep") as store:
        for path in paths:
            with store.arrival() as arrival:
                arrival.write(path.read_bytes())
                store.put(arrival)
