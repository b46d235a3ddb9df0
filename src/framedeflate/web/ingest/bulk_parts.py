# SPDX-License-Identifier: Apache-2.0
"""Where the parts with bulk data lie in the file they were written to, by the Content-Location that names them."""

from dataclasses import dataclass

from framedeflate.errors import InstanceError
from framedeflate.web.media_type import MediaType

__all__ = ["BulkPart", "BulkParts"]


@dataclass(frozen=True, slots=True)
class BulkPart:
    """One part.

    Attributes
    ----------
    media_type : MediaType
        Its Content-Type.
    start, stop : int
        Its bytes.
    """

    media_type: MediaType
    start: int
    stop: int


class BulkParts:
    """All of a payload. Parts with the same Content-Location are the Frames of one Pixel Data, in their order."""

    def __init__(self) -> None:
        self._parts: dict[str, list[BulkPart]] = {}
        self._open: tuple[MediaType, str, int] | None = None

    def begin(self, media_type: MediaType, location: str | None, position: int) -> None:
        """Begin a part whose content starts there.

        Raises
        ------
        InstanceError
            kind ``bulkdata``: it has no Content-Location, so nothing can refer to it (PS3.18 8.6.1).
        """
        if not location:
            raise InstanceError("a part with bulk data has no Content-Location", kind="bulkdata")
        self._open = media_type, location.strip(), position

    def end(self, position: int) -> None:
        """End it."""
        if self._open is not None:
            (media_type, location, start), self._open = self._open, None
            self._parts.setdefault(location, []).append(BulkPart(media_type, start, position))

    def of(self, uri: str) -> list[BulkPart]:
        """Return the parts that a BulkDataURI names.

        Raises
        ------
        InstanceError
            kind ``bulkdata``: there is none.
        """
        try:
            return self._parts[uri.strip()]
        except KeyError:
            raise InstanceError(
                "no part has the Content-Location that a BulkDataURI of the metadata names", kind="bulkdata"
            ) from None

    def value(self, uri: str) -> tuple[int, int]:
        """Return where the one part lies that is an attribute's value, start and stop. Raises as `of` does."""
        parts = self.of(uri)
        if len(parts) > 1:
            raise InstanceError(
                "several parts have one Content-Location; only Frames of Pixel Data may", kind="bulkdata"
            )
        return parts[0].start, parts[0].stop
