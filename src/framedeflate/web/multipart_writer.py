# SPDX-License-Identifier: Apache-2.0
"""Payloads in parts, written without copying what is in them (RFC 2046 5.1.1, RFC 2387, PS3.18 8.6.1.2)."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from framedeflate.errors import MultipartError
from framedeflate.web.media_type import MediaType
from framedeflate.web.multipart_reader import checked_boundary

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BodyPart", "MultipartPayload", "new_boundary", "write_parts"]

# Printable ASCII: a line break would end the field, and what follows would be taken for another.
_VALUE: Final = re.compile(r"[\x20-\x7e]*")


def new_boundary() -> str:
    """Return a boundary of 128 random bits.

    It must not occur in what is sent, and nobody who uploads may guess it: viewers look for it in binary data.
    """
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One part.

    Attributes
    ----------
    media_type : MediaType
        Its Content-Type.
    nbytes : int
        Length of its content.
    content : iterable of buffers
        Asked for when its turn has come, and once.
    location : str or None
        Its Content-Location: the URL of this very item.
    """

    media_type: MediaType
    nbytes: int
    content: "Iterable[Buffer]"
    location: str | None = None

    def header(self) -> bytes:
        """Return the header fields of Table 8.6.1-1 and the empty line.

        The spelling is ``Content-Type``, since some viewers compare it with case.
        """
        lines = [f"Content-Type: {self.media_type}", f"Content-Length: {self.nbytes}"]
        if self.location is not None:
            if not _VALUE.fullmatch(self.location):
                raise MultipartError(
                    "a location must be a URL in printable ASCII", kind="bad-header", position=0
                )
            lines.append(f"Content-Location: {self.location}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class MultipartPayload:
    """A payload of known length: an iterable of buffers that are to be sent one behind the other.

    Parameters
    ----------
    parts : sequence of BodyPart
        At least one.
    boundary : str, optional
        By default a new one.
    root_type : MediaType, optional
        What the `type` parameter says (RFC 2387 3.1); by default the first part's media type without parameters.

    Raises
    ------
    MultipartError
        kind ``no-parts`` | ``boundary``.
    """

    def __init__(
        self, parts: Sequence[BodyPart], *, boundary: str | None = None, root_type: MediaType | None = None
    ) -> None:
        if not parts:
            raise MultipartError(
                "a multipart payload has at least one part (RFC 2046 5.1.1)", kind="no-parts", position=0
            )
        self._parts: Final = parts
        self.boundary: Final = checked_boundary(new_boundary() if boundary is None else boundary)
        self._root_type: Final = root_type or parts[0].media_type

    @property
    def media_type(self) -> MediaType:
        """Content-Type of the whole: ``multipart/related`` with `type` and `boundary` (PS3.18 8.7.3.5.1)."""
        parameters = (("type", self._root_type.name), ("boundary", self.boundary))
        return MediaType("multipart", "related", parameters)

    @property
    def nbytes(self) -> int:
        """Content-Length of the whole, exactly."""
        # CRLF, two hyphens, the boundary, CRLF each time, but no CRLF at the start and two more hyphens at the end.
        between = len(self.boundary) + 6
        return between + sum(between + len(part.header()) + part.nbytes for part in self._parts)

    def __iter__(self) -> "Iterator[Buffer]":
        """Yield everything in order; the buffers of a part's content are handed on as they are.

        Raises
        ------
        MultipartError
            kind ``bad-length``: a part's content is not as long as it was said to be. The connection must be cut then:
            Content-Length is out already.
        """
        return write_parts(self._parts, self.boundary)


def write_parts(parts: Iterable[BodyPart], boundary: str) -> "Iterator[Buffer]":
    """Yield a payload whose parts are asked for one by one, so that nobody knows its length beforehand.

    Raises
    ------
    MultipartError
        kind ``bad-length``, as `MultipartPayload`; ``no-parts``: there was none.
    """
    start = mark = b"--" + checked_boundary(boundary).encode("ascii")
    count = 0
    for count, part in enumerate(parts, 1):  # noqa: B007 - the last one counts
        yield start + b"\r\n" + part.header()
        left = part.nbytes
        for buffer in part.content:
            left -= memoryview(buffer).nbytes
            if left < 0:
                break
            yield buffer
        if left:
            raise MultipartError(
                f"the content of a part is not the {part.nbytes} bytes it was said to be",
                kind="bad-length",
                position=0,
            )
        start = b"\r\n" + mark
    if not count:
        raise MultipartError(
            "a multipart payload has at least one part (RFC 2046 5.1.1)", kind="no-parts", position=0
        )
    yield start + b"--\r\n"
