# SPDX-License-Identifier: Apache-2.0
"""PS3.10 files as they arrive, one a part: each is put in place as soon as it is whole."""

import logging
from typing import Final

from framedeflate.errors import InstanceError, MediaTypeError
from framedeflate.instance_store import Arrival
from framedeflate.web.ingest.failure_reasons import FAILURE_REASONS, failure_name
from framedeflate.web.ingest.file_start import PREAMBLE, START_NBYTES, lacks_preamble, with_whole_meta
from framedeflate.web.ingest.ingest import INGEST_ERRORS, Ingest, PlacedInstance, named_uids
from framedeflate.web.ingest.store_report import FailedInstance, StoreReport
from framedeflate.web.media_type import parse_media_type
from framedeflate.web.multipart_reader import PartBegins

__all__ = ["InstanceParts", "PlacedInstances", "is_of_type"]

_LOG: Final = logging.getLogger(__name__)

_MAX_LOGGED: Final = 20
"""Failures of one payload that are logged one by one: it may have a hundred thousand parts."""


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

    def put(self, arrival: Arrival, *, lacks_meta: bool = False) -> None:
        """Verify a whole file and put it in place; it is reported as stored once `commit` was called.

        Parameters
        ----------
        arrival : Arrival
            Removed, or in its place, whatever happens.
        lacks_meta : bool
            Whether its File Meta Information is to be made whole before.
        """
        uids = None
        try:
            with arrival as given:
                arrival = with_whole_meta(given, self.ingest.arrival) if lacks_meta else given
                uids = named_uids(arrival)
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
        count = len(self.report.other) + len(self.report.failed)
        if count < _MAX_LOGGED:
            _LOG.warning("%s refused, %04X: %s", uids[1] if uids else "a part without UIDs", code, reason)
        elif count == _MAX_LOGGED:
            _LOG.warning("what else this payload fails in is not logged")
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

    A file that begins with its File Meta Information gets what it lacks before that and in it.

    Parameters
    ----------
    instances : PlacedInstances
        Takes each of them.
    """

    def __init__(self, instances: PlacedInstances) -> None:
        self._instances = instances
        self._arrival: Arrival | None = None
        self._start: bytearray | None = None
        self._lacks_meta = False

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
            if len(self._start) < START_NBYTES:
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
            self._instances.put(arrival, lacks_meta=self._lacks_meta)

    def _begun(self) -> memoryview:
        start, self._start = self._start or bytearray(), None
        self._lacks_meta = lacks_preamble(start)
        return memoryview(PREAMBLE + start if self._lacks_meta else start)

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
