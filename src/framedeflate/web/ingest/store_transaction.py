# SPDX-License-Identifier: Apache-2.0
"""One Store (PS3.18 10.5): a payload in, a report out. No HTTP here; calls may come from any thread, one at a time."""

from dataclasses import dataclass
from typing import Final, Protocol

from framedeflate.errors import InstanceError, MultipartError
from framedeflate.web.ingest.failure_reasons import failure_name
from framedeflate.web.ingest.ingest import Ingest
from framedeflate.web.ingest.instance_parts import InstanceParts, PlacedInstances
from framedeflate.web.ingest.metadata_parts import MetadataParts
from framedeflate.web.ingest.store_report import StoreReport
from framedeflate.web.multipart_reader import (
    MultipartLimits,
    MultipartReader,
    PartBegins,
    PartData,
)
from framedeflate.web.store_request import StoreRequest

__all__ = ["Parts", "StoreLimits", "StoreTransaction"]

_LONE: Final = PartBegins((), 0)


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What a payload may ask for.

    Attributes
    ----------
    parts : int
        Instances, or metadata and bulk data.
    metadata_nbytes : int
        Of metadata, which is held in memory.
    """

    parts: int = 100_000
    metadata_nbytes: int = 32 << 20


class Parts(Protocol):
    """What is done with the parts of a payload."""

    def begins(self, part: PartBegins) -> None:
        """Begin a part."""

    def data(self, data: memoryview) -> None:
        """Take some of its content."""

    def ends(self) -> None:
        """End it: it is whole."""

    def finish(self) -> None:
        """End the payload: it is whole."""

    def discard(self) -> None:
        """Drop what is unfinished."""


class StoreTransaction:
    """Takes one payload.

        with closing(StoreTransaction(ingest, request)) as transaction:
            for data in body:
                transaction.feed(data)
            report = transaction.finish()

    An instance is stored as soon as its part is whole, whatever becomes of the rest: a Store is no unit of which all
    or nothing counts (10.5.3.1), and the report tells which they were.

    Parameters
    ----------
    ingest : Ingest
        Where instances go.
    request : StoreRequest
        How the payload is laid out.
    study_instance_uid : str, optional
        Of the URL.
    limits : StoreLimits, optional
    """

    def __init__(
        self,
        ingest: Ingest,
        request: StoreRequest,
        *,
        study_instance_uid: str | None = None,
        limits: StoreLimits | None = None,
    ) -> None:
        limits = limits or StoreLimits()
        self.report: Final = StoreReport()
        self._instances: Final = PlacedInstances(ingest, self.report, study_instance_uid)
        self._parts: Final = _parts_for(request, self._instances, limits)
        self._reader: MultipartReader | None = None
        if request.boundary is None:
            self._parts.begins(_LONE)
        else:
            self._reader = MultipartReader(request.boundary, MultipartLimits(parts=limits.parts))
        self._is_broken = False

    @property
    def is_broken(self) -> bool:
        """Whether what still comes is of no use."""
        return self._is_broken

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the payload. What is wrong with them goes to the report."""
        if self._is_broken:
            return
        if self._reader is None:
            self._parts.data(memoryview(data))
            return
        try:
            for event in self._reader.feed(data):
                if isinstance(event, PartData):
                    self._parts.data(event.data)
                elif isinstance(event, PartBegins):
                    self._parts.begins(event)
                else:
                    self._parts.ends()
                if self._is_broken:
                    break
        except MultipartError as error:
            self.break_off(error)
        self._instances.commit()

    def finish(self, data: bytes = b"") -> StoreReport:
        """Take the last bytes of the payload, and return what came of it; nothing unfinished is left then."""
        if data:
            self.feed(data)
        try:
            if self._reader is not None:
                self._reader.close()
            else:
                self._parts.ends()
            if not self._is_broken:
                self._parts.finish()
        except MultipartError as error:
            self.break_off(error)
        self._instances.commit()
        self.close()
        return self.report

    def break_off(self, error: MultipartError | InstanceError) -> None:
        """Take no more; what was stored stays stored."""
        if not self._is_broken:
            self._is_broken = True
            self._parts.discard()
            self.report.other.append(failure_name(error))

    def close(self) -> None:
        """Drop what is unfinished; nothing after `finish`."""
        self._is_broken = True
        self._parts.discard()


def _parts_for(request: StoreRequest, instances: PlacedInstances, limits: StoreLimits) -> Parts:
    if request.media_type == "application/dicom":
        return InstanceParts(instances)
    return MetadataParts(instances, request.media_type, limit_nbytes=limits.metadata_nbytes)
