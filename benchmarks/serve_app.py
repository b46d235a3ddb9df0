# SPDX-License-Identifier: Apache-2.0
"""The server of bench_serve, in a process of its own: ours, and beside it a route that answers with constant bytes.

    serve_app.py STORE

Its port is the first line it writes; it ends when its input does. GET /constant/NBYTES is answered where the short way
to a Frame begins, behind all that every request passes, with as many fields in the header as a Frame has. GET /used
says how many seconds of processor time were used so far, and how many bytes of memory at most.
"""

import json
import logging
import os
import resource
import sys
import threading
import time
from typing import Any

from framedeflate.instance_store import InstanceStore
from framedeflate.web.index.reindexing import reindex
from framedeflate.web.server.app import create_app
from framedeflate.web.server.assembly import open_services
from framedeflate.web.server.connection import ConnectionLimits
from framedeflate.web.server.front import Front, FrontRules
from framedeflate.web.server.running import WebServer, bind
from framedeflate.web.server.settings import ServerSettings

_FIELDS = [
    (b"cache-control", b"private, max-age=86400, immutable"),
    (b"vary", b"Accept, Accept-Encoding"),
    (b"content-type", b"application/x-deflate; transfer-syntax=1.2.840.10008.1.2.8.1"),
    (b"accept-ranges", b"bytes"),
    (b"etag", b'"0123456789012345678901234567890123456789-01234567-17"'),
    (b"content-location", b"http://127.0.0.1:8042/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/17"),
]


class _Constant:
    """An ASGI application that answers /constant/NBYTES/... and leaves the rest to another."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._bodies: dict[str, bytes] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope.get("path", "")
        if path.startswith("/constant/"):
            name = path.split("/")[2]
            body = self._bodies.get(name)
            if body is None:
                body = self._bodies[name] = os.urandom(int(name))
            headers = [*_FIELDS, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        if path == "/used":
            used = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            body = json.dumps(used).encode("ascii")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})
            return
        await self._application(scope, receive, send)


def main() -> None:
    logging.disable(logging.CRITICAL)
    with InstanceStore(sys.argv[1]) as store, open_services(store, None, ServerSettings()) as services:
        reindex(store, services.index, lambda _counts: None)
        with bind("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            application = _Constant(create_app(services))
            rules = FrontRules(hosts=frozenset({f"127.0.0.1:{port}".encode()}))
            front = Front(application, rules=rules, tallies=services.tallies)
            server = WebServer(
                front,
                limits=ConnectionLimits(),
                on_started=lambda: print(port, flush=True),
            )

            def wait() -> None:
                sys.stdin.read()
                server.stop()

            threading.Thread(target=wait, daemon=True).start()
            server.run(sockets=[listener])


if __name__ == "__main__":
    main()
