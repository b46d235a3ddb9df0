# SPDX-License-Identifier: Apache-2.0
"""What ``framedeflate serve`` keeps an eye on: folders that are given, and what others put into the store."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from framedeflate.cli.serve_narrator import ServeNarrator
    from framedeflate.web.ingest.ingest import PlacedInstance
    from framedeflate.web.server.services import Services

__all__ = ["ServeWatches"]


class ServeWatches:
    """The watches of one server.

    Parameters
    ----------
    namespace : argparse.Namespace
        With `watch` and `watch_remove`.
    services : Services
        What they work with.
    narrator : ServeNarrator
        Told of every file.

    Raises
    ------
    CommandError
        A folder is missing, or is that of the store.
    """

    def __init__(
        self, namespace: argparse.Namespace, services: "Services", narrator: "ServeNarrator"
    ) -> None:
        from framedeflate.web.ingest import Ingest
        from framedeflate.web.ingest.folder_watch import FolderWatch
        from framedeflate.web.ingest.store_watch import StoreWatch

        ingest = services.ingest or Ingest(services.store, services.index)

        def on_stored(path: Path, placed: "PlacedInstance") -> None:
            narrator.watched(path, placed.reference.sop_instance_uid, is_new=placed.is_new)

        def on_failure(path: Path, error: Exception) -> None:
            narrator.failed("not-stored", f"{path}: {getattr(error, 'strerror', None) or error}")

        self._store = StoreWatch(ingest)
        self._folders = []
        for folder in namespace.watch:
            try:
                self._folders.append(
                    FolderWatch(
                        ingest,
                        folder,
                        remove=namespace.watch_remove,
                        on_stored=on_stored,
                        on_failure=on_failure,
                    )
                )
            except (ValueError, NotADirectoryError) as error:
                reason = getattr(error, "strerror", None) or error
                raise CommandError(f"--watch {folder}: {reason}", exit_code=ExitCode.USAGE) from error

    def start_folders(self) -> None:
        """Look at the folders from now on."""
        for one in self._folders:
            one.start()

    def start_store(self) -> None:
        """Look at the store from now on; before, indexing does."""
        self._store.start()

    def stop(self, seconds: float) -> None:
        """Come to an end behind the files that are at hand."""
        for one in (self._store, *self._folders):
            one.stop(seconds)
