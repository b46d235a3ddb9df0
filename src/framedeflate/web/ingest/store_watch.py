# SPDX-License-Identifier: Apache-2.0
"""Files that another process puts into the store itself, a DIMSE receiver say: whole, and not in the index yet."""

import logging
import os
import time
from pathlib import Path
from typing import Final

from framedeflate.errors import FrameDeflateError
from framedeflate.web.index import describe_instance
from framedeflate.web.ingest.ingest import Ingest
from framedeflate.web.ingest.polling import Polling

__all__ = ["StoreWatch"]

_LOG: Final = logging.getLogger(__name__)
_SUFFIX: Final = ".dcm"
_PAGE: Final = 500
_RACY_NS: Final = 2_000_000_000
"""A folder changed so lately may change again within one tick of the file system's clock, and look the same."""


class StoreWatch(Polling):
    """Indexes what appears in the store and did not come through an `Ingest` of this process.

    Only folders that changed are listed. Of their files a number is kept each, so that the index is asked for new
    ones alone: about 60 bytes for an instance.

    Parameters
    ----------
    ingest : Ingest
        Whose store and index.
    seconds : float
        Between two looks. A file is indexed at the second look that sees it: at the first, whoever put it there may
        be about to index it himself.
    """

    def __init__(self, ingest: Ingest, *, seconds: float = 2.0) -> None:
        super().__init__(seconds=seconds, name="store watch")
        self.indexed = 0
        self._ingest = ingest
        self._listed: dict[str, int] = {}
        self._known: dict[str, set[int]] = {}
        self._waiting: dict[str, Path] = {}

    def look(self) -> float:
        """Look once; return the seconds that reading new files took.

        Raises
        ------
        StoreIndexError
        OSError
            The store cannot be listed.
        """
        started = time.monotonic()
        lacking = self._lacking(self._waiting)
        self._waiting = {uid: self._waiting[uid] for uid in lacking}
        for uid in lacking:
            self.check_stopped()
            self._index(uid, self._waiting[uid])
            del self._waiting[uid]
        worked = time.monotonic() - started
        with os.scandir(self._ingest.store.folder) as folders:
            for folder in folders:
                if len(folder.name) == 2 and folder.is_dir(follow_symlinks=False):
                    self.check_stopped()
                    self._list(folder)
        return worked

    def _list(self, folder: "os.DirEntry[str]") -> None:
        changed_ns = os.stat(folder.path).st_mtime_ns  # noqa: PTH116
        if self._listed.get(folder.name) == changed_ns:
            return
        is_settled = time.time_ns() - changed_ns > _RACY_NS
        known = self._known.get(folder.name, set())
        new: dict[str, Path] = {}
        there: set[int] = set()
        with os.scandir(folder.path) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    # With the inode: one that was deleted and came again is another file.
                    mark = hash((entry.name, entry.inode()))
                    there.add(mark)
                    if mark not in known:
                        new[entry.name.removesuffix(_SUFFIX)] = Path(entry.path)
        self._waiting.update({uid: new[uid] for uid in self._lacking(new)})
        self._known[folder.name] = there
        if is_settled:
            self._listed[folder.name] = changed_ns

    def _lacking(self, uids: dict[str, Path]) -> list[str]:
        names = list(uids)
        lacking: list[str] = []
        for at in range(0, len(names), _PAGE):
            page = names[at : at + _PAGE]
            known = self._ingest.index.files_known(page)
            lacking += [uid for uid in page if uid not in known]
        return lacking

    def _index(self, uid: str, path: Path) -> None:
        """Index one file; one that cannot be is told once, and looked at again at the next start."""
        index = self._ingest.index
        try:
            if self._ingest.store.path_of(uid) != path:
                return
            described = describe_instance(path, sop_instance_uid=uid)
        except (FrameDeflateError, OSError) as error:
            if path.exists():
                _LOG.warning("%s cannot be indexed: %s", path.name, getattr(error, "strerror", None) or error)
            return
        index.add([described])
        self.indexed += 1
        if not path.exists():
            # Deleted meanwhile, by whoever took it out of the index before it was in.
            index.remove(uid)
