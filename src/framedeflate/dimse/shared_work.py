# SPDX-License-Identifier: Apache-2.0
"""What several associations with one peer share: how to send, and what is left to send."""

import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from framedeflate.dimse.contexts import Answer, AssociationPlan
from framedeflate.dimse.peer_association import Peer
from framedeflate.dimse.send_result import SendResult
from framedeflate.dimse.stored_instance import StoredInstance

__all__ = ["SendSettings", "SharedWork"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """How to send.

    Attributes
    ----------
    peer : Peer
        To whom.
    deflate : bool
        Whether native images go deflated where the peer takes that.
    level : int
        1 to 9, for those.
    retries : int
        How often an instance, or connecting, is tried again.
    retry_seconds : float
        How long to wait before the first of these; each next wait is twice as long.
    folder : Path or None
        For what is converted on the way.
    """

    peer: Peer
    deflate: bool
    level: int
    retries: int
    retry_seconds: float
    folder: Path | None


@dataclass(slots=True)
class SharedWork:
    """What the workers of one plan share.

    Attributes
    ----------
    plan : AssociationPlan
        What each of their associations proposes.
    waiting : deque of StoredInstance
        What nobody took yet.
    workers : int
        How many have not given the peer up.
    guess : Answer or None
        What this peer accepted earlier: something to prepare for, never to rely on.
    answer : Answer or None
        What it accepts, from the last association.
    done : queue.SimpleQueue of SendResult
        Each result, from all of them.
    stop : threading.Event
        Set where sending is to end.
    """

    plan: AssociationPlan
    waiting: deque[StoredInstance]
    workers: int
    guess: Answer | None = None
    answer: Answer | None = None
    done: "queue.SimpleQueue[SendResult]" = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    _in_hand: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> StoredInstance | None:
        """Return the next instance; None where nobody left one, or a stop was asked for."""
        with self._change:
            if not self.waiting or self.stop.is_set():
                return None
            self._in_hand += 1
            return self.waiting.popleft()

    def wait(self) -> bool:
        """Wait until there is something to take again, or nothing can come back any more; return which."""
        with self._change:
            # What another worker has in hand comes back when it gets no association.
            while not self.waiting and self._in_hand and not self.stop.is_set():
                self._change.wait(0.1)
            return bool(self.waiting) and not self.stop.is_set()

    def finish(self, result: SendResult) -> None:
        """Report what became of an instance that was taken."""
        self.done.put(result)
        with self._change:
            self._in_hand -= 1
            self._change.notify_all()

    def give_up(self, instance: StoredInstance) -> list[StoredInstance]:
        """Leave the work to the others: put the instance back, or return all there is where there are no others."""
        with self._change:
            self.workers -= 1
            self._in_hand -= 1
            self.waiting.appendleft(instance)
            self._change.notify_all()
            if self.workers:
                return []
            left = list(self.waiting)
            self.waiting.clear()
            return left
