# SPDX-License-Identifier: Apache-2.0
"""A thread that looks at something again and again, and never takes more than its share of the machine."""

import logging
import threading
import time
from types import TracebackType
from typing import Final, Self

from framedeflate.errors import FrameDeflateError

__all__ = ["Polling", "StoppedError"]

_LOG: Final = logging.getLogger(__name__)
_SHARE: Final = 0.1
"""Of the time, listing may take so much: a folder of a million files on a slow disk is looked at less often."""


class StoppedError(Exception):
    """What was under way is left for the next start."""


class Polling:
    """Calls `look` every so many seconds, in a thread of its own.

    Polling instead of the system's notices: those do not come from network folders, are dropped when there are many,
    and say nothing of whether a file is whole.

    Parameters
    ----------
    seconds : float
        From the end of one look to the beginning of the next, at least.
    name : str
        Of the thread.
    """

    def __init__(self, *, seconds: float, name: str) -> None:
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._failure = ""

    def look(self) -> float:
        """Look once; return how many seconds of it were work that was worth it, not mere looking."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin, once."""
        self._thread.start()

    def stop(self, seconds: float = 30.0) -> None:
        """Come to an end behind the file that is at hand; waits so long at most."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def check_stopped(self) -> None:
        """Raise StoppedError where `stop` was called."""
        if self._stop.is_set():
            raise StoppedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            worked = 0.0
            try:
                worked = self.look()
                self._failure = ""
            except StoppedError:
                return
            except (FrameDeflateError, OSError, MemoryError) as error:
                failure = f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
                if failure != self._failure:
                    # Once, however long the disk or the database is away.
                    _LOG.error("%s: %s", self._thread.name, failure)
                self._failure = failure
            looking = time.monotonic() - started - worked
            self._stop.wait(max(self._seconds, looking * (1 / _SHARE - 1)))
