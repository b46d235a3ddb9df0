# SPDX-License-Identifier: Apache-2.0
"""Payloads sent block by block: made in threads, held in no list, given up when the client goes."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import anyio
from anyio.to_thread import run_sync
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send
    from typing_extensions import Buffer

__all__ = ["PayloadResponse"]

_BLOCK_NBYTES: Final = 1 << 16
"""Smaller pieces are sent together: each way to a thread and back costs as much as reading this."""


class PayloadResponse(Response):
    """An answer whose payload is an iterator of buffers.

    Parameters
    ----------
    pieces : iterator of buffers
        Asked for in threads, one after the other.
    nbytes : int or None
        Content-Length; None where nobody knows it beforehand.
    status : int
    headers : mapping of str to str
        Without Content-Length.
    limiter : anyio.CapacityLimiter, optional
        Whose turn it is to compute.
    """

    def __init__(
        self,
        pieces: "Iterator[Buffer]",
        nbytes: int | None,
        *,
        status: int = 200,
        headers: Mapping[str, str],
        limiter: anyio.CapacityLimiter | None = None,
    ) -> None:
        fields = dict(headers)
        if nbytes is not None:
            fields["Content-Length"] = str(nbytes)
        # Starlette's own constructor would say that the payload is empty.
        self.status_code = status
        self.background = None
        self.body = b""
        self.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()
        ]
        self._pieces = pieces
        self._limiter = limiter

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send it; a GET's payload, and of a HEAD's only what is said of it."""
        is_head = scope["method"] == "HEAD"
        # Before anything is sent: what cannot be read at all gets a status of its own.
        first = None if is_head else await self._next()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if first is None:
            await send({"type": "http.response.body", "body": b""})
            return
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                # Nobody is there to be sent gigabytes.
                group.cancel_scope.cancel()

            group.start_soon(watch)
            block: bytes | None = first
            while block is not None:
                following = await self._next()
                await send({"type": "http.response.body", "body": block, "more_body": following is not None})
                block = following
            group.cancel_scope.cancel()

    async def _next(self) -> bytes | None:
        return await run_sync(_block, self._pieces, limiter=self._limiter)


def _block(pieces: "Iterator[Buffer]") -> bytes | None:
    """Return the next pieces, together; None at the end."""
    gathered, nbytes = [], 0
    for piece in pieces:
        view = memoryview(piece)
        gathered.append(view)
        nbytes += view.nbytes
        if nbytes >= _BLOCK_NBYTES:
            break
    return b"".join(gathered) if gathered else None
