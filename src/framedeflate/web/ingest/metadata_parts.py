# SPDX-License-Identifier: Apache-2.0
"""Metadata with bulk data in parts of its own (PS3.18 10.5.1.4), put together to PS3.10 files once all is there."""

from typing import Final

from framedeflate.byte_source import FileSource, read_exactly
from framedeflate.errors import InstanceError, MediaTypeError
from framedeflate.instance_store import Arrival
from framedeflate.instance_store.check import is_uid
from framedeflate.web.ingest.bulk_parts import BulkParts
from framedeflate.web.ingest.ingest import INGEST_ERRORS
from framedeflate.web.ingest.instance_parts import PlacedInstances, is_of_type
from framedeflate.web.ingest.json_data_set import JsonDataSet, by_tag, read_json, text_of
from framedeflate.web.ingest.metadata_instance import write_instance
from framedeflate.web.ingest.native_model import read_native_model
from framedeflate.web.media_type import MediaType, parse_media_type
from framedeflate.web.multipart_reader import PartBegins

__all__ = ["MetadataParts"]

_READERS: Final = {"application/dicom+json": read_json, "application/dicom+xml": read_native_model}
_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018


class MetadataParts:
    """Parts of a payload of metadata. All of them go to disk as they come, into one file.

    Parameters
    ----------
    instances : PlacedInstances
        Takes what is put together.
    media_type : str
        ``application/dicom+json`` or ``application/dicom+xml``.
    limit_nbytes : int
        Of metadata, which is held in memory when the instances are put together.
    """

    def __init__(self, instances: PlacedInstances, media_type: str, *, limit_nbytes: int) -> None:
        self._instances = instances
        self._media_type = media_type
        self._limit_nbytes = limit_nbytes
        self._metadata: list[tuple[int, int]] = []
        self._metadata_start: int | None = None
        self._bulk = BulkParts()
        self._spool: Arrival | None = None
        self._error: Exception | None = None

    def begins(self, part: PartBegins) -> None:
        """Begin a part: metadata or bulk data, as its Content-Type says."""
        if self._error is not None:
            return
        is_named = part.get("content-type") is not None or part.get("content-location") is None
        try:
            if self._spool is None:
                self._spool = self._instances.ingest.arrival()
            if is_named and is_of_type(part, self._media_type):
                self._metadata_start = self._spool.nbytes
            else:
                self._bulk.begin(_media_type(part), part.get("content-location"), self._spool.nbytes)
        except INGEST_ERRORS as error:
            self._fail(error)

    def data(self, data: memoryview) -> None:
        """Take some of its content."""
        if self._spool is None:
            return
        try:
            self._spool.write(data)
        except INGEST_ERRORS as error:
            self._fail(error)

    def ends(self) -> None:
        """End the part."""
        if self._spool is None:
            return
        if self._metadata_start is None:
            self._bulk.end(self._spool.nbytes)
        else:
            self._metadata.append((self._metadata_start, self._spool.nbytes))
            self._metadata_start = None

    def finish(self) -> None:
        """Put the instances together, now that all is there."""
        try:
            if self._error is not None:
                raise self._error
            if self._spool is None or not self._metadata:
                raise InstanceError("there is no metadata part", kind="metadata")
            if sum(stop - start for start, stop in self._metadata) > self._limit_nbytes:
                raise InstanceError("the metadata is longer than the limit", kind="too-large")
            self._spool.finish()
            with FileSource.open(self._spool.path) as source, self._instances.ingest.composing:
                self._put_together(source)
        except INGEST_ERRORS as error:
            self._instances.refuse(error, None)
        self.discard()

    def discard(self) -> None:
        """Remove what has come."""
        if self._spool is not None:
            spool, self._spool = self._spool, None
            spool.discard()

    def _fail(self, error: Exception) -> None:
        """Take nothing more: which instances the missing bytes belong to is not known yet."""
        self._error = error
        self.discard()

    def _put_together(self, source: FileSource) -> None:
        read = _READERS[self._media_type]
        for attributes in [one for place in self._metadata for one in read(read_exactly(source, *place))]:
            uids: tuple[str, str] | None = None
            try:
                data_set = by_tag(attributes)
                uids = _uids(data_set)
                with self._instances.ingest.arrival() as arrival:
                    write_instance(data_set, uids, self._bulk, source, arrival)
                    self._instances.put(arrival)
            except INGEST_ERRORS as error:
                self._instances.refuse(error, uids)


def _uids(data_set: JsonDataSet) -> tuple[str, str]:
    uids = text_of(data_set, _SOP_CLASS_UID), text_of(data_set, _SOP_INSTANCE_UID)
    if not all(map(is_uid, uids)):
        raise InstanceError("SOP Class UID or SOP Instance UID is missing or malformed", kind="no-uid")
    return uids


def _media_type(part: PartBegins) -> MediaType:
    try:
        return parse_media_type(part.get("content-type") or "application/octet-stream")
    except MediaTypeError as error:
        raise InstanceError("a part's Content-Type cannot be read", kind="part-type") from error
