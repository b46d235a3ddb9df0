# SPDX-License-Identifier: Apache-2.0
"""``framedeflate serve``: an origin server of DICOMweb with a viewer."""

import argparse
import logging
import os
import socket
import ssl
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.opened_store import open_store
from framedeflate.cli.quiet_libraries import quiet_libraries
from framedeflate.cli.serve_narrator import JsonLines, ServeNarrator
from framedeflate.cli.serve_settings import (
    access_of,
    cannot_listen,
    check_exposure,
    rules_of,
    settings_of,
    tls_of,
)
from framedeflate.cli.serve_watches import ServeWatches
from framedeflate.errors import StoreIndexError
from framedeflate.extras import require

if TYPE_CHECKING:
    from framedeflate.instance_store import InstanceStore
    from framedeflate.web.index.reindexing import ReindexCounts
    from framedeflate.web.server.front import FrontRules
    from framedeflate.web.server.request_log import RequestLog
    from framedeflate.web.server.services import Services

__all__ = ["run"]

_LAST_SECONDS: Final = 10.0


def run(namespace: argparse.Namespace) -> ExitCode:
    """Serve until a signal says to end."""
    require("web", "framedeflate serve")
    from framedeflate.web.server.running import bind

    quiet_libraries()
    access = access_of(namespace)
    tls = tls_of(namespace)
    check_exposure(namespace, has_access=access is not None, has_tls=tls is not None)
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(bind(namespace.host, namespace.port))
        except OSError as error:
            raise cannot_listen(namespace, error) from error
        rules = rules_of(namespace, listener.getsockname()[1], access, is_tls=tls is not None)
        store = stack.enter_context(open_store(namespace))
        try:
            return _serve(namespace, store, listener, rules=rules, tls=tls, stack=stack)
        except StoreIndexError as error:
            # A URL may hold a password: it is not repeated.
            raise CommandError(f"the index: {error}", exit_code=ExitCode.INVALID_OUTPUT_FOLDER) from error


def _serve(
    namespace: argparse.Namespace,
    store: "InstanceStore",
    listener: socket.socket,
    *,
    rules: "FrontRules",
    tls: ssl.SSLContext | None,
    stack: ExitStack,
) -> ExitCode:
    from framedeflate.web.server.app import create_app
    from framedeflate.web.server.assembly import BackgroundIndexing, open_services
    from framedeflate.web.server.connection import ConnectionLimits
    from framedeflate.web.server.front import Front
    from framedeflate.web.server.running import WebServer

    narrator = ServeNarrator(as_json=namespace.json)
    started = time.monotonic()
    services = stack.enter_context(open_services(store, namespace.index, settings_of(namespace)))
    if namespace.reindex:
        narrator.indexed(asdict(_reindex(services)))
    log = _request_log(namespace, stack)
    front = Front(create_app(services), rules=rules, tallies=services.tallies, log=log)

    watches = ServeWatches(namespace, services, narrator)

    def indexed(counts: "ReindexCounts | None") -> None:
        if counts is None:
            narrator.failed("index-failed", "the index could not be brought up to date; see the log")
        else:
            narrator.indexed(asdict(counts))
        watches.start_store()

    indexing = BackgroundIndexing(services, indexed)

    def on_started() -> None:
        narrator.listening(_described(namespace, services, listener, rules), is_local=_is_local(namespace))
        watches.start_folders()
        if namespace.reindex:
            watches.start_store()
        else:
            indexing.start()

    server = WebServer(
        front,
        limits=ConnectionLimits(connections=namespace.max_connections),
        tls=tls,
        grace_seconds=namespace.grace,
        on_started=on_started,
        on_stopping=lambda: _end_anyway(namespace.grace + _LAST_SECONDS),
    )
    try:
        server.run(sockets=[listener])
    except StoreIndexError:
        raise
    except OSError as error:
        raise cannot_listen(namespace, error) from error
    finally:
        indexing.stop(namespace.grace)
        watches.stop(namespace.grace)
    narrator.stopped(requests=sum(services.tallies.requests.values()), seconds=time.monotonic() - started)
    return ExitCode.OK


def _end_anyway(seconds: float) -> None:
    """End the process after a time, also where a thread still verifies gigabytes: nobody was told they are stored."""
    timer = threading.Timer(seconds, os._exit, [int(ExitCode.OK)])
    timer.daemon = True
    timer.start()


def _reindex(services: "Services") -> "ReindexCounts":
    from framedeflate.cli.progress import progress_bar
    from framedeflate.web.index.reindexing import reindex

    with progress_bar(1) as bar:
        bar.start_file(services.store.folder)
        show = bar.frames
        total = sum(1 for _ in services.store.files()) if show else 0

        def progress(counts: "ReindexCounts") -> None:
            if show:
                show(counts.files, max(total, counts.files))

        return reindex(services.store, services.index, progress, everything=True, threads=0)


def _request_log(namespace: argparse.Namespace, stack: ExitStack) -> "RequestLog | None":
    from framedeflate.web.server.request_log import RequestLog

    where = namespace.log or ("" if sys.stderr.isatty() else "-")
    if not where:
        return None
    if where == "-":
        # What else is said there is JSON too, for who reads it line by line.
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())
        log = RequestLog(sys.stderr)
    else:
        try:
            log = RequestLog(stack.enter_context(Path(where).open("a", encoding="utf-8")))  # noqa: SIM115
        except OSError as error:
            raise CommandError(
                f"{where}: {error.strerror or error}", exit_code=ExitCode.CANNOT_WRITE_OUTPUT
            ) from error
    stack.callback(log.close)
    return log


def _described(
    namespace: argparse.Namespace, services: "Services", listener: socket.socket, rules: "FrontRules"
) -> dict[str, Any]:
    from framedeflate.web.server.addresses import is_wildcard, shown_address

    host, port = listener.getsockname()[:2]
    scheme = "https" if namespace.tls_cert else "http"
    name = namespace.allow_host[0] if is_wildcard(host) and namespace.allow_host else host
    has_port = name != host and ":" in name
    url = namespace.public_url or f"{scheme}://{name if has_port else shown_address(name, port)}"
    return {
        "url": url,
        "service_url": f"{url}/dicomweb",
        "host": host,
        "port": port,
        "store": str(services.store.folder),
        "instances": services.index.count(),
        "access": "open" if rules.access is None else "jwt" if namespace.jwks else "token",
        "tls": bool(namespace.tls_cert),
    }


def _is_local(namespace: argparse.Namespace) -> bool:
    from framedeflate.web.server.addresses import is_loopback

    return is_loopback(namespace.host) and namespace.public_url is None
