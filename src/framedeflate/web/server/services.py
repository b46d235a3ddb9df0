# SPDX-License-Identifier: Apache-2.0
"""What the routes work with, put together once when the server starts."""

from dataclasses import dataclass, field

from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index
from framedeflate.web.ingest import Ingest
from framedeflate.web.server.contents import Contents
from framedeflate.web.server.open_files import OpenFiles
from framedeflate.web.server.settings import ServerSettings
from framedeflate.web.server.tallies import Tallies

__all__ = ["Services"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The store, what is known of it, and what guards both.

    Attributes
    ----------
    store : InstanceStore
        Where the files are: `store.path_of` a SOP Instance UID, and no other path is ever opened.
    index : Index
    ingest : Ingest or None
        None where nothing may be stored.
    files : OpenFiles
        Descriptors of files that were asked for lately.
    settings : ServerSettings
    tallies : Tallies
        What is counted, for /metrics.
    contents : Contents
        Stored instances, opened for what a request needs of them.
    """

    store: InstanceStore
    index: Index
    ingest: Ingest | None
    files: OpenFiles
    settings: ServerSettings
    tallies: Tallies = field(default_factory=Tallies)
    contents: Contents = field(init=False, repr=False)

    def __post_init__(self) -> None:
        contents = Contents(
            self.files,
            self.store.folder,
            max_inflated_nbytes=self.settings.max_inflated_nbytes,
            max_inflating=self.settings.max_inflating,
        )
        object.__setattr__(self, "contents", contents)
