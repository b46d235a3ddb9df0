# SPDX-License-Identifier: Apache-2.0
"""A file on a server as a source of byte ranges: what is asked together, what at once, and what is known already."""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Self

from framedeflate.byte_source import FIRST_NBYTES
from framedeflate.closing import Closing
from framedeflate.errors import RemoteSourceError
from framedeflate.remote_source.answers import Transport, Version
from framedeflate.remote_source.fetch_plan import FetchPlan
from framedeflate.remote_source.http_transport import HttpOptions, HttpTransport
from framedeflate.remote_source.urls import HTTP_SCHEMES, SCHEMES, scheme_of, shown_url

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["RemoteSource"]

_COMMON: Final = ("timeout", "retries", "parallel")


class RemoteSource(Closing):
    """A file on a server, read by range. Opened by `open`.

    May be used from several threads and event loops at once, and in a forked process (not with object stores). Ranges
    are fewer bytes only where the file ends.
    """

    is_remote: Final = True
    """What a planner asks: requests are dear here, and bytes are cheap."""

    def __init__(self, transport: Transport, shown: str, *, first_nbytes: int, parallel: int) -> None:
        self._transport = transport
        self._shown = shown
        self._parallel = parallel
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._executor_pid = 0
        self._closed = False
        answer = transport.fetch(0, first_nbytes, None)
        self._first = answer.body
        self._version: Version = answer.version

    @classmethod
    def open(
        cls, url: str, *, first_nbytes: int = FIRST_NBYTES, options: Mapping[str, Any] | None = None
    ) -> Self:
        """Ask for the first bytes of a file, which also tells its size: one request.

        Parameters
        ----------
        url : str
            http or https, with a query or user and password where need be; s3, gs, az, abfs: with the extra "remote".
        first_nbytes : int
            How many bytes to begin with. They are kept, and what lies in them is never asked for again.
        options : mapping, optional
            For http: the fields of `HttpOptions` (headers, timeout, retries, parallel, ssl_context). For object stores:
            timeout, retries, parallel, and all that obstore's store of that kind takes (endpoint, region,
            skip_signature, ...). What is not given comes from the environment, as obstore does it.

        Raises
        ------
        RemoteSourceError
            It could not be read; the kind says why.
        MissingExtraError
            An object store, and obstore is not installed.
        TypeError, ValueError
            Options that there are not.
        """
        if first_nbytes < 1:
            raise ValueError("first_nbytes must be 1 or more")
        scheme = scheme_of(url)
        if scheme not in SCHEMES:
            raise RemoteSourceError(
                f"{shown_url(url)}: the scheme is not one of {', '.join(sorted(SCHEMES))}; open the file with fsspec, "
                "for example, and give the file object",
                kind="url",
                position=0,
            )
        given = dict(options or {})
        common = _http_options({name: given.pop(name) for name in _COMMON if name in given})
        transport: Transport
        if scheme in HTTP_SCHEMES:
            transport = HttpTransport(url, _http_options(options or {}))
        else:
            transport = _store_transport(url, common, given)
        try:
            return cls(transport, shown_url(url), first_nbytes=first_nbytes, parallel=common.parallel)
        except BaseException:
            transport.close()
            raise

    @property
    def nbytes(self) -> int:
        """Size of the file in bytes, as it was when opened."""
        return self._version.nbytes

    @property
    def first(self) -> bytes:
        """The bytes that are known since it was opened, from the first on."""
        return self._first

    def __repr__(self) -> str:
        return f"<RemoteSource {self._shown}, {self.nbytes} bytes>"

    def get_range(self, start: int, stop: int) -> bytes:
        """Return bytes start to stop, stop exclusive; fewer only at the end of the file.

        Raises
        ------
        RemoteSourceError
        """
        return self.get_ranges([(start, stop)])[0]

    def get_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range, in their order: neighbours in one request, several requests at once.

        Raises
        ------
        RemoteSourceError
        """
        plan = self._plan(ranges)
        if len(plan.pieces) <= 1:
            return plan.put_together([self._fetch(*piece) for piece in plan.pieces])
        futures = self._submit(plan.pieces)
        try:
            return plan.put_together([future.result() for future in futures])
        finally:
            _cancel(futures)

    async def get_range_async(self, start: int, stop: int) -> bytes:
        """As `get_range`, from a coroutine."""
        return (await self.get_ranges_async([(start, stop)]))[0]

    async def get_ranges_async(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """As `get_ranges`, from a coroutine."""
        import asyncio

        plan = self._plan(ranges)
        futures = self._submit(plan.pieces)
        try:
            blocks = await asyncio.gather(*(asyncio.wrap_future(future) for future in futures))
        finally:
            _cancel(futures)
        return plan.put_together(blocks)

    def close(self) -> None:
        """Close the connections. Requests under way fail at once, those of object stores when they are answered."""
        with self._lock:
            self._closed = True
            executor, self._executor = self._executor, None
        if executor is not None and self._executor_pid == os.getpid():
            executor.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    def _plan(self, ranges: Sequence[tuple[int, int]]) -> FetchPlan:
        return FetchPlan.of(ranges, self._first, self.nbytes)

    def _fetch(self, start: int, stop: int) -> bytes:
        self._require_open(start)
        return self._transport.fetch(start, stop, self._version).body

    def _submit(self, pieces: Sequence[tuple[int, int]]) -> "list[Future[bytes]]":
        if not pieces:
            return []
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            self._require_open(pieces[0][0])
            # A forked process has its parent's executor, and none of its threads.
            if self._executor is None or self._executor_pid != os.getpid():
                self._executor = ThreadPoolExecutor(self._parallel, "framedeflate-remote")
                self._executor_pid = os.getpid()
            return [self._executor.submit(self._fetch, start, stop) for start, stop in pieces]

    def _require_open(self, position: int) -> None:
        if self._closed:
            raise RemoteSourceError(f"{self._shown}: closed already", kind="closed", position=position)


def _store_transport(url: str, common: HttpOptions, options: Mapping[str, Any]) -> Transport:
    # Imported here: it needs the extra.
    from framedeflate.remote_source.store_transport import StoreTransport

    return StoreTransport(url, timeout=common.timeout, retries=common.retries, options=options)


def _cancel(futures: "Sequence[Future[bytes]]") -> None:
    # What has not begun shall not begin: one of them failed, or nobody waits any longer.
    for future in futures:
        future.cancel()


def _http_options(options: Mapping[str, Any]) -> HttpOptions:
    known = [field.name for field in fields(HttpOptions)]
    for name in options:
        if name not in known:
            raise TypeError(f"{name!r} is no option for http; there are {', '.join(known)}")
    return HttpOptions(**options)
