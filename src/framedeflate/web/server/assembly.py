# SPDX-License-Identifier: Apache-2.0
"""A store, its index and what guards them, opened together and closed together."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from framedeflate.errors import FrameDeflateError
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index
from framedeflate.web.index.reindexing import ReindexCounts, reindex
from framedeflate.web.ingest import Ingest
from framedeflate.web.server.open_files import OpenFiles
from framedeflate.web.server.services import Services
from framedeflate.web.server.settings import ServerSettings

__all__ = ["BackgroundIndexing", "default_index_url", "open_services"]

_LOG: Final = logging.getLogger(__name__)


def default_index_url(store_folder: Path) -> str:
    """Return the URL of the index that lies in the store itself, whose folder is made."""
    folder = store_folder / ".index"
    folder.mkdir(exist_ok=True)
    return f"sqlite:///{folder.absolute() / 'index.sqlite'}"


@contextmanager
def open_services(
    store: InstanceStore, index_url: str | None, settings: ServerSettings
) -> Iterator[Services]:
    """Open what a server works with.

    Parameters
    ----------
    store : InstanceStore
        Stays open.
    index_url : str or None
        None for the one in the store.
    settings : ServerSettings

    Raises
    ------
    StoreIndexError
    OSError
        The folder of the index cannot be made.
    """
    with ExitStack() as stack:
        index = stack.enter_context(Index.open(index_url or default_index_url(store.folder)))
        files = OpenFiles(store.path_of, settings.max_open_files)
        stack.callback(files.close)
        ingest = None if settings.read_only else Ingest(store, index)
        yield Services(store=store, index=index, ingest=ingest, files=files, settings=settings)


class _StoppedError(Exception):
    """The server ends before all files were looked at; the next start goes on."""


class BackgroundIndexing:
    """Files that the index lacks, added while requests are answered already.

    Parameters
    ----------
    services : Services
    on_done : callable
        Called with the counts, or None where the index or the disk failed; in the thread that worked.
    """

    def __init__(self, services: Services, on_done: Callable[[ReindexCounts | None], None]) -> None:
        self._services = services
        self._on_done = on_done
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Come to an end behind the file that is being read; waits so long at most."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            counts = reindex(self._services.store, self._services.index, self._check)
        except _StoppedError:
            return
        except (FrameDeflateError, OSError) as error:
            _LOG.error("indexing ended: %s", getattr(error, "kind", type(error).__name__))
            self._on_done(None)
        else:
            self._on_done(counts)

    def _check(self, _counts: ReindexCounts) -> None:
        if self._stop.is_set():
            raise _StoppedError
