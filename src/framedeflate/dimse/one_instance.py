# SPDX-License-Identifier: Apache-2.0
"""One instance on its way to a peer, over as many attempts as it takes."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from framedeflate.byte_source import FileSource
from framedeflate.dimse.contexts import Answer, Choice, choose
from framedeflate.dimse.conversion import convert
from framedeflate.dimse.requestor import Requestor
from framedeflate.dimse.retries import failure_of_status, is_stored, is_worth_retrying, wait_seconds
from framedeflate.dimse.send_result import SendFailure, SendResult
from framedeflate.dimse.shared_work import SendSettings, SharedWork
from framedeflate.dimse.stored_instance import StoredInstance
from framedeflate.errors import AssociationError, DicomFormatError, FrameDeflateError, UnsupportedImageError
from framedeflate.part10 import read_file_meta

__all__ = ["OneInstance", "failure_of"]

_REFUSALS: Final = {
    "sop-class": "the peer does not take objects of this SOP Class",
    "transfer-syntax": "the peer accepted no Transfer Syntax in which this object can be sent as it is; write the file "
    "in one that it accepts first",
    "too-large": "its native Pixel Data would pass 2^32-2 bytes, and the peer accepted native Transfer Syntaxes only",
}


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A file whose Data Set goes out as it is."""

    transfer_syntax_uid: str
    path: Path
    position: int
    nbytes: int


class OneInstance:
    """Sends one instance.

    Parameters
    ----------
    instance : StoredInstance
        The file.
    settings : SendSettings
        How to send.
    work : SharedWork
        What the peer answered, and whether to stop.
    connect : callable
        Returns the association, opened where there is none.
    folder : Path
        For what is converted; its files are the caller's to remove.

    Attributes
    ----------
    result : SendResult
        What became of it so far.
    """

    def __init__(
        self,
        instance: StoredInstance,
        settings: SendSettings,
        work: SharedWork,
        connect: Callable[[], Requestor],
        folder: Path,
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._work = work
        self._connect = connect
        self._folder = folder
        self._deflate = settings.deflate
        self._ready: _Outgoing | None = None
        self.result = SendResult.of(instance, settings.peer.name, "failed")

    def send(self) -> SendResult:
        """Send it and return what became of it.

        Raises
        ------
        FrameDeflateError, OSError, MemoryError
            The file is broken, could not be converted, or the association failed more often than is tried.
        """
        if self._work.answer is None and self._work.guess is not None:
            self._prepare_for(self._work.guess)
        last = self._settings.retries + 1
        for attempt in range(1, last + 1):
            # Without an association the last one's answer is prepared for. The real one decides.
            answer = self._work.answer or self._connect().answer
            if (refused := self._refused(answer)) is not None:
                return refused
            self._prepare(answer)
            requestor = self._connect()
            if (refused := self._refused(requestor.answer)) is not None:
                return refused
            is_done = self._attempt(requestor, attempt, last)
            if is_done:
                break
            if attempt < last and self._work.stop.wait(wait_seconds(attempt, self._settings.retry_seconds)):
                return replace(self.result, status="interrupted")
        return self.result

    def _attempt(self, requestor: Requestor, attempt: int, last: int) -> bool:
        """Send once; return whether that settled it."""
        choice, outgoing = self._prepare(requestor.answer)
        self.result = replace(
            self.result,
            transfer_syntax_uid=choice.transfer_syntax_uid,
            sent_as=choice.sent_as,
            attempts=attempt,
        )
        try:
            status, wire_nbytes = self._store(requestor, choice, outgoing)
        except AssociationError as error:
            if error.kind == "stopped" or attempt == last:
                raise
            self.result = replace(self.result, error=failure_of(error))
            return False
        self.result = replace(self.result, dimse_status=status, wire_nbytes=wire_nbytes)
        if is_stored(status):
            self.result = replace(self.result, status="stored", error=None)
            return True
        self.result = replace(self.result, error=failure_of_status(status))
        return not is_worth_retrying(status)

    def _refused(self, answer: Answer) -> SendResult | None:
        refusal = choose(self._instance, answer).refusal
        if refusal is None:
            return None
        return replace(
            self.result, status="refused", error=SendFailure("", refusal, _REFUSALS[refusal]), sent_as=None
        )

    def _prepare_for(self, guess: Answer) -> None:
        """Convert before there is an association, which would idle meanwhile, for what the peer took last time."""
        if choose(self._instance, guess).refusal is None:
            # Where that fails the real answer may need no conversion; where it does, it fails again and is told.
            with suppress(FrameDeflateError, OSError):
                self._prepare(guess)

    def _prepare(self, answer: Answer) -> tuple[Choice, _Outgoing]:
        """Return what is sent and where it lies; converted, unless it is there from an earlier attempt."""
        choice = choose(self._instance, answer, deflate=self._deflate)
        try:
            return choice, self._outgoing(choice)
        except UnsupportedImageError:
            if choice.sent_as != "deflated" or choose(self._instance, answer).refusal is not None:
                raise
            # Wished for, not needed: an image that cannot be deflated goes as it is.
            self._deflate = False
            return self._prepare(answer)

    def _outgoing(self, choice: Choice) -> _Outgoing:
        uid = choice.transfer_syntax_uid
        if self._ready is not None and self._ready.transfer_syntax_uid == uid:
            return self._ready
        instance = self._instance
        if choice.sent_as == "stored":
            self._ready = _Outgoing(uid, instance.path, instance.data_set_position, instance.nbytes)
            return self._ready
        path = self._folder / f"{uid}.dcm"
        path.unlink(missing_ok=True)
        convert(instance, uid, path, level=self._settings.level, progress=self._raise_if_stopped)
        with FileSource.open(path) as source:
            self._ready = _Outgoing(uid, path, read_file_meta(source).data_set_position, source.nbytes)
        return self._ready

    def _raise_if_stopped(self, _done: int, _total: int) -> None:
        if self._work.stop.is_set():
            raise AssociationError("sending was stopped", kind="stopped")

    def _store(self, requestor: Requestor, choice: Choice, outgoing: _Outgoing) -> tuple[int, int]:
        instance = self._instance
        with outgoing.path.open("rb") as file:
            is_whole = file.seek(0, os.SEEK_END) == outgoing.nbytes
            file.seek(outgoing.position)
            try:
                if is_whole:
                    return requestor.store(
                        sop_class_uid=instance.sop_class_uid,
                        sop_instance_uid=instance.sop_instance_uid,
                        context_id=choice.context_id,
                        data_set=file,
                        nbytes=outgoing.nbytes - outgoing.position,
                    )
            except EOFError:
                pass
        raise DicomFormatError(
            "the file was changed while it was sent; try again once its writer is done",
            kind="changed",
            position=outgoing.position,
        )


def failure_of(error: Exception) -> SendFailure:
    """Return what an error says, for a report."""
    if isinstance(error, OSError) and not isinstance(error, FrameDeflateError) and error.strerror:
        return SendFailure(type(error).__name__, "", error.strerror)
    return SendFailure(
        type(error).__name__, str(getattr(error, "kind", "")), str(error) or "not enough memory"
    )
