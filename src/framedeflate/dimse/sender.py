# SPDX-License-Identifier: Apache-2.0
"""Files sent to a DICOM peer of any kind: deflated where it takes that, inflated where it does not."""

import logging
import os
import queue
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from framedeflate.dimse.contexts import plan_associations
from framedeflate.dimse.one_instance import failure_of
from framedeflate.dimse.peer_association import Peer
from framedeflate.dimse.peer_cache import read_guess, remember
from framedeflate.dimse.send_result import SendResult, SendStatus, stored_before
from framedeflate.dimse.send_worker import Worker
from framedeflate.dimse.shared_work import SendSettings, SharedWork
from framedeflate.dimse.stored_instance import StoredInstance, is_directory, read_instance
from framedeflate.errors import DicomFormatError, FrameDeflateError
from framedeflate.frame_codec import DEFAULT_LEVEL

__all__ = ["send_files"]

_MAX_ASSOCIATIONS: Final = 64

_LOGGER: Final = logging.getLogger(__name__)


def send_files(
    host: str,
    port: int,
    paths: Iterable[str | os.PathLike[str]],
    *,
    called_ae: str = "ANY-SCP",
    calling_ae: str = "FRAMEDEFLATE",
    associations: int = 1,
    deflate: bool = False,
    level: int = DEFAULT_LEVEL,
    retries: int = 3,
    retry_seconds: float = 1.0,
    timeout_seconds: float = 30.0,
    tls: ssl.SSLContext | None = None,
    resume: str | os.PathLike[str] | None = None,
    peer_cache: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_result: Callable[[SendResult], None] | None = None,
) -> list[SendResult]:
    """Send files by C-STORE (PS3.4 B), each in the best Transfer Syntax that the peer accepts for it.

    Deflated files go out as they are where the peer takes Deflated Image Frame Compression: their bytes are streamed,
    not decoded. Where it does not, they are inflated on the way, with the same SOP Instance UID.

    Parameters
    ----------
    host : str
        Name or address of the peer.
    port : int
        Its TCP port.
    paths : iterable of path-like
        Files. What is no DICOM file, and a DICOMDIR, is reported as skipped.
    called_ae, calling_ae : str
        AE titles, the peer's and ours.
    associations : int
        How many run in parallel, 1 to 64.
    deflate : bool
        Deflate native images on the way, proven, where the peer takes that.
    level : int
        1 to 9, for those.
    retries : int
        How often an instance is sent again after a lost association or a status A7xx, and how often connecting is
        tried again.
    retry_seconds : float
        The first wait; each next one is twice as long, a minute at most.
    timeout_seconds : float
        Greatest silence of the peer.
    tls : ssl.SSLContext, optional
        Speak TLS.
    resume : path-like, optional
        A report, as ``framedeflate send --json`` prints it: what this peer stored by it is not sent again.
    peer_cache : path-like, optional
        A file that remembers what peers accept, so that what must be converted is so before the first association.
    folder : path-like, optional
        For converted instances; the system's own for temporary files where it is None.
    on_result : callable, optional
        Called with each result, in this thread, as it comes.

    Returns
    -------
    list of SendResult
        One for each path, in no order. After Ctrl-C, `on_result` has had all of those that were begun.

    Raises
    ------
    ValueError
        `port`, `associations`, `retries`, a time or an AE title is out of range.
    MissingExtraError
        pynetdicom is not installed.
    OSError
        The report cannot be read, or `folder` is none.
    """
    _check(
        [called_ae, calling_ae],
        port=port,
        associations=associations,
        retries=retries,
        retry_seconds=retry_seconds,
        timeout_seconds=timeout_seconds,
    )
    peer = Peer(
        host=host,
        port=port,
        called_ae=called_ae,
        calling_ae=calling_ae,
        timeout_seconds=timeout_seconds,
        tls=tls,
    )
    settings = SendSettings(
        peer=peer,
        deflate=deflate,
        level=level,
        retries=retries,
        retry_seconds=retry_seconds,
        folder=None if folder is None else Path(folder),
    )
    before = _read_report(resume, peer.name)
    results: list[SendResult] = []

    def report(result: SendResult) -> None:
        results.append(result)
        if on_result is not None:
            on_result(result)

    instances = _inspect([Path(path) for path in paths], settings, before, report)
    cache = None if peer_cache is None else Path(peer_cache)
    for plan in plan_associations(instances, deflate=deflate):
        work = SharedWork(
            plan=plan,
            waiting=deque(instances[index] for index in plan.indices),
            workers=min(associations, len(plan.indices)),
            guess=None if cache is None else read_guess(cache, peer.name),
        )
        _send_plan(work, settings, report)
        if cache is not None and work.answer is not None:
            _remember(cache, peer.name, work)
    return results


def _check(
    titles: Sequence[str],
    *,
    port: int,
    associations: int,
    retries: int,
    retry_seconds: float,
    timeout_seconds: float,
) -> None:
    if not 0 < port < 1 << 16:
        raise ValueError("port must be 1 to 65535")
    if not 1 <= associations <= _MAX_ASSOCIATIONS:
        raise ValueError(f"associations must be 1 to {_MAX_ASSOCIATIONS}")
    if retries < 0 or retry_seconds < 0 or timeout_seconds <= 0:
        raise ValueError("retries and retry_seconds must be 0 or more, timeout_seconds more than 0")
    for title in titles:
        is_text = title.isascii() and title.isprintable() and "\\" not in title
        if not (title.strip() and len(title) <= 16 and is_text):
            raise ValueError(
                "an AE title has 1 to 16 characters of ASCII, no backslash among them (PS3.5 6.2)"
            )


def _read_report(path: str | os.PathLike[str] | None, peer: str) -> frozenset[tuple[str, str]]:
    if path is None:
        return frozenset()
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        return stored_before(file, peer)


def _inspect(
    paths: Sequence[Path],
    settings: SendSettings,
    before: frozenset[tuple[str, str]],
    report: Callable[[SendResult], None],
) -> list[StoredInstance]:
    """Return what can be sent, and report the rest."""
    found: list[StoredInstance] = []
    peer = settings.peer.name
    for path in paths:
        try:
            instance = read_instance(path, folder=settings.folder)
        except (FrameDeflateError, OSError, MemoryError) as error:
            is_other = isinstance(error, DicomFormatError) and (
                error.kind == "not-part10" or is_directory(path)
            )
            status: SendStatus = "skipped" if is_other else "failed"
            report(SendResult(status=status, path=path, peer=peer, error=failure_of(error)))
            continue
        if (os.path.abspath(path), instance.sop_instance_uid) in before:  # noqa: PTH100 - as in the report
            report(SendResult.of(instance, peer, "stored-before"))
        else:
            found.append(instance)
    return found


def _send_plan(work: SharedWork, settings: SendSettings, report: Callable[[SendResult], None]) -> None:
    """Send what one set of presentation contexts is for, over as many associations as there are workers."""
    with ThreadPoolExecutor(work.workers, thread_name_prefix="framedeflate-send") as pool:
        futures = [pool.submit(Worker(settings, work).run) for _ in range(work.workers)]
        try:
            for result in _results(work.done, futures):
                report(result)
        except BaseException:
            # Ctrl-C: what is under way ends soon and is reported too.
            work.stop.set()
            for result in _results(work.done, futures):
                report(result)
            raise


def _remember(cache: Path, peer: str, work: SharedWork) -> None:
    accepted = {} if work.answer is None else work.answer.context_ids
    try:
        remember(cache, peer, {pair[1:]: pair[1:] in accepted for pair in work.plan.proposals})
    except OSError as error:
        # Everything was sent; only the next run starts without a guess.
        _LOGGER.warning("the cache of what peers accept could not be written: %s", error.strerror)


def _results(
    done: "queue.SimpleQueue[SendResult]", futures: Sequence["Future[None]"]
) -> Iterator[SendResult]:
    """Yield results until all workers have ended, then what one of them raised, if anything."""
    while True:
        is_over = all(future.done() for future in futures)
        try:
            yield done.get(timeout=0 if is_over else 0.1)
        except queue.Empty:
            if is_over:
                break
    for future in futures:
        future.result()
