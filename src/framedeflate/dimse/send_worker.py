# SPDX-License-Identifier: Apache-2.0
"""One association's worth of sending: takes instances from a shared list until none is left."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from framedeflate.dimse.one_instance import OneInstance, failure_of
from framedeflate.dimse.requestor import Requestor
from framedeflate.dimse.retries import wait_seconds
from framedeflate.dimse.send_result import SendResult
from framedeflate.dimse.shared_work import SendSettings, SharedWork
from framedeflate.dimse.stored_instance import StoredInstance
from framedeflate.errors import AssociationError, FrameDeflateError

__all__ = ["Worker"]

_WORTH_ANOTHER_TRY: Final = frozenset({"connection", "busy", "aborted", "timeout"})


class _UnreachableError(Exception):
    """The peer was given up."""

    def __init__(self, reason: AssociationError) -> None:
        self.reason = reason
        super().__init__(str(reason))


class Worker:
    """Sends instances over one association, opened anew where it was lost."""

    def __init__(self, settings: SendSettings, work: SharedWork) -> None:
        self._settings = settings
        self._work = work
        self._requestor: Requestor | None = None

    def run(self) -> None:
        """Send until there is nothing left, the peer is given up, or a stop is asked for."""
        with tempfile.TemporaryDirectory(prefix="framedeflate-", dir=self._settings.folder) as folder:
            try:
                is_more = True
                while is_more:
                    is_more = self._send_all(Path(folder))
                    # Before it waits for the others: a peer may take one association at a time.
                    self._end()
                    is_more = is_more and self._work.wait()
            except BaseException:
                # A defect of ours: the others must not wait for what this one had in hand.
                self._work.stop.set()
                raise
            finally:
                self._end()

    def _send_all(self, folder: Path) -> bool:
        """Send what can be taken; return whether the peer was not given up."""
        while (instance := self._work.take()) is not None:
            if not self._send(instance, folder):
                return False
        return True

    def _end(self) -> None:
        requestor, self._requestor = self._requestor, None
        if requestor is None:
            return
        if self._work.stop.is_set():
            requestor.drop()
        else:
            requestor.close()

    def _send(self, instance: StoredInstance, folder: Path) -> bool:
        """Send one instance and report it; return whether to go on."""
        started = time.monotonic()
        one = OneInstance(instance, self._settings, self._work, self._connected, folder)
        try:
            result = one.send()
        except _UnreachableError as error:
            # Others may still have an association: some peers take only a few at a time.
            for left in self._work.give_up(instance):
                failure = failure_of(error.reason)
                self._work.done.put(SendResult.of(left, self._settings.peer.name, "failed", error=failure))
            return False
        except (FrameDeflateError, OSError, MemoryError) as error:
            is_stop = isinstance(error, AssociationError) and error.kind == "stopped"
            result = replace(
                one.result, status="interrupted" if is_stop else "failed", error=failure_of(error)
            )
        finally:
            for path in folder.iterdir():
                path.unlink()
        self._work.finish(replace(result, seconds=time.monotonic() - started))
        return True

    def _connected(self) -> Requestor:
        """Return the association, opened where there is none; it was tried as often as is worth it."""
        if self._requestor is not None and self._requestor.is_open:
            return self._requestor
        stop, attempt = self._work.stop, 1
        while True:
            try:
                self._requestor = Requestor(
                    self._settings.peer, self._work.plan.proposals, is_stopped=stop.is_set
                )
            except AssociationError as error:
                if error.kind not in _WORTH_ANOTHER_TRY or attempt > self._settings.retries:
                    raise _UnreachableError(error) from error
            else:
                self._work.answer = self._requestor.answer
                return self._requestor
            if stop.wait(wait_seconds(attempt, self._settings.retry_seconds)):
                raise AssociationError("sending was stopped", kind="stopped")
            attempt += 1
