# SPDX-License-Identifier: Apache-2.0
"""PS3.10 files as they arrive, one a part: each is put in place as soon as it is whole."""

import logging
import re
from typing import Final

from framedeflate.errors import InstanceError, MediaTypeError
from framedeflate.instance_store import Arrival
from framedeflate.web.ingest.failure_reasons import FAILURE_REASONS, failure_name
from framedeflate.web.ingest.ingest import INGEST_ERRORS, Ingest, PlacedInstance, named_uids
from framedeflate.web.ingest.store_report import FailedInstance, StoreReport
from framedeflate.web.media_type import parse_media_type
from framedeflate.web.multipart_reader import PartBegins

__all__ = ["InstanceParts", "PlacedInstances", "is_of_type"]

_LOG: Final = logging.getLogger(__name__)

_META_ELEMENT: Final = re.compile(rb"\x02\0.\0(UL|OB|UI)", re.DOTALL)
_META_ELEMENT_NBYTES: Final = 6
_PREAMBLE: Final = bytes(128) + b"DICM"


class PlacedInstances:
    """Puts arrivals in place and reports on each; those of one run are committed together.

    Parameters
    ----------
    ingest : Ingest
        Where they go.
    report : StoreReport
        Filled as it becomes known.
    study_instance_uid : str, optional
        The only Study they may be of.
    """

    def __init__(self, ingest: Ingest, report: StoreReport, study_instance_uid: str | None) -> None:
        self.ingest = ingest
        self.report = report
        self._study_instance_uid = study_instance_uid
        self._placed: list[PlacedInstance] = []

    def put(self, arrival: Arrival) -> None:
        """Verify a whole file and put it in place; it is reported as stored once `commit` was called."""
        uids = named_uids(arrival)
        try:
            placed = self.ingest.place(arrival, study_instance_uid=self._study_instance_uid)
        except INGEST_ERRORS as error:
            self.refuse(error, uids)
        else:
            self._placed.append(placed)

    def refuse(self, error: Exception, uids: tuple[str, str] | None) -> None:
        """Report a failure, of the instance that has these UIDs, or of a part that names none."""
        name = failure_name(error)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        code = FAILURE_REASONS[name].code
        _LOG.warning("%s refused, %04X: %s", uids[1] if uids else "a part without UIDs", code, reason)
        if uids is None:
            self.report.other.append(name)
        else:
            self.report.failed.append(FailedInstance(*uids, name))

    def commit(self) -> None:
        """Write what was placed to the index and report it as stored."""
        placed, self._placed = self._placed, []
        try:
            self.ingest.commit(placed)
        except INGEST_ERRORS as error:
            for one in placed:
                self.refuse(error, (one.reference.sop_class_uid, one.reference.sop_instance_uid))
        else:
            self.report.stored.extend(one.reference for one in placed)


class InstanceParts:
    """Parts of type application/dicom (PS3.18 10.5.1.4).

    A file without preamble and "DICM", as clients write that have a Dataset in memory, gets both.

    Parameters
    ----------
    instances : PlacedInstances
        Takes each of them.
    """

    def __init__(self, instances: PlacedInstances) -> None:
        self._instances = instances
        self._arrival: Arrival | None = None
        self._start: bytearray | None = None

    def begins(self, part: PartBegins) -> None:
        """Begin a part; what cannot be stored is passed over to its end."""
        try:
            if not is_of_type(part, "application/dicom"):
                raise InstanceError("a part is not application/dicom (PS3.18 10.5.1.4)", kind="part-type")
            self._arrival = self._instances.ingest.arrival()
            self._start = bytearray()
        except INGEST_ERRORS as error:
            self._instances.refuse(error, None)

    def data(self, data: memoryview) -> None:
        """Take some of its content."""
        if self._arrival is None:
            return
        if self._start is not None:
            self._start += data
            if len(self._start) < _META_ELEMENT_NBYTES:
                return
            data = self._begun()
        try:
            self._arrival.write(data)
        except INGEST_ERRORS as error:
            with self._arrival as arrival:
                self._arrival = None
                self._instances.refuse(error, named_uids(arrival))

    def ends(self) -> None:
        """End the part: it is whole."""
        if self._start is not None:
            self.data(self._begun())
        if self._arrival is not None:
            arrival, self._arrival = self._arrival, None
            self._instances.put(arrival)

    def _begun(self) -> memoryview:
        start, self._start = self._start or bytearray(), None
        return memoryview(_PREAMBLE + start if _META_ELEMENT.match(start) else start)

    def finish(self) -> None:
        """End the payload: nothing is left to do."""

    def discard(self) -> None:
        """Drop a part that was not ended."""
        if self._arrival is not None:
            arrival, self._arrival = self._arrival, None
            arrival.discard()


def is_of_type(part: PartBegins, *names: str) -> bool:
    """Whether a part's Content-Type is one of these, or is left out."""
    text = part.get("content-type")
    try:
        return text is None or parse_media_type(text).name in names
    except MediaTypeError:
        return False
