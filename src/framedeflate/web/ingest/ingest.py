# SPDX-License-Identifier: Apache-2.0
"""From an arrival to an instance that may be acknowledged: proven, in its place on disk, described, in the index."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from framedeflate.byte_source import FileSource
from framedeflate.errors import FrameDeflateError, InstanceError
from framedeflate.instance_store import Arrival, InstanceFacts, InstanceStore
from framedeflate.instance_store.check import is_uid
from framedeflate.part10 import read_file_meta
from framedeflate.web.index import Index, NewInstance, describe_instance
from framedeflate.web.ingest.group_commit import GroupCommit
from framedeflate.web.ingest.store_report import StoredReference

__all__ = ["INGEST_ERRORS", "Ingest", "PlacedInstance", "named_uids"]

INGEST_ERRORS = (FrameDeflateError, OSError, MemoryError)
"""What keeps an instance from being stored; anything else is a defect of this program."""

_COMPOSING = 2
_MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003


@dataclass(frozen=True, slots=True)
class PlacedInstance:
    """A file in its place, which survives a power cut. Not to be acknowledged before `Ingest.commit`.

    Attributes
    ----------
    reference : StoredReference
        The instance.
    is_new : bool
        False where the same instance was stored before.
    described : NewInstance or None
        What goes into the index; None where it is in there.
    """

    reference: StoredReference
    is_new: bool
    described: NewInstance | None


class Ingest:
    """Takes instances into a store and its index; from several threads at a time.

    A process that is killed between the two leaves a file that the index does not know and nobody was told of. It is
    found again when the server starts, and by whoever watches the store's folder.

    Parameters
    ----------
    store : InstanceStore
        Where the files go.
    index : Index
        Of that store.
    at_once : int
        How many instances are verified at a time; the others wait.

    Attributes
    ----------
    composing : threading.BoundedSemaphore
        Held while metadata is in memory, where it takes ten times its length.
    """

    def __init__(self, store: InstanceStore, index: Index, *, at_once: int = 4) -> None:
        self.store = store
        self.index = index
        self.composing = threading.BoundedSemaphore(_COMPOSING)
        self._commits = GroupCommit(index)
        self._turns = threading.BoundedSemaphore(at_once)

    def arrival(self) -> Arrival:
        """Return a file to write a DICOM file to; then `put` it.

        Raises
        ------
        InstanceError
            kind ``disk-left`` | ``interrupted``.
        OSError
            It cannot be made.
        """
        return self.store.arrival()

    def put(self, arrival: Arrival, *, study_instance_uid: str | None = None) -> PlacedInstance:
        """Prove, place and index what arrived; once this returns, it may be acknowledged.

        Parameters
        ----------
        arrival : Arrival
            Whole; it is removed or has become the file, whatever happens.
        study_instance_uid : str, optional
            The only Study it may be of.

        Raises
        ------
        InstanceError, DicomFormatError, EncapsulationError, FrameDecodeError, UnsupportedImageError
            It is not stored.
        OSError
            The disk is full, or it or the index fails; then the instance may be stored, and is not acknowledged.
        """
        placed = self.place(arrival, study_instance_uid=study_instance_uid)
        self.commit([placed])
        return placed

    def place(self, arrival: Arrival, *, study_instance_uid: str | None = None) -> PlacedInstance:
        """Do the first half of `put`, so that several can be committed together. Raises as `put` does."""
        with self._turns:
            seen: list[InstanceFacts] = []

            def check(facts: InstanceFacts) -> None:
                _check_parents(facts, study_instance_uid)
                seen.append(facts)

            stored = self.store.put(arrival, check=check)
            (facts,) = seen
            reference = StoredReference(
                facts.study_instance_uid,
                facts.series_instance_uid,
                facts.sop_class_uid,
                facts.sop_instance_uid,
            )
            is_known = not stored.is_new and self._is_indexed(reference)
            return PlacedInstance(
                reference, stored.is_new, None if is_known else describe_instance(stored.path)
            )

    def commit(self, placed: Sequence[PlacedInstance]) -> None:
        """Write to the index what it does not know yet, in one transaction. Raises as `put` does."""
        described = [one.described for one in placed if one.described is not None]
        if not described:
            return
        self._commits.add(described)
        for one in described:
            uid = one.instance.sop_instance_uid
            if not self.store.path_of(uid).exists():
                # Deleted between its place and the commit: nothing may name a file that is gone.
                self.index.remove(uid)

    def _is_indexed(self, reference: StoredReference) -> bool:
        return (
            self.index.instance(
                reference.study_instance_uid, reference.series_instance_uid, reference.sop_instance_uid
            )
            is not None
        )


def _check_parents(facts: InstanceFacts, study_instance_uid: str | None) -> None:
    """Refuse what could not be found again: every resource is named by the UIDs of its Study and Series, too."""
    if not (is_uid(facts.study_instance_uid) and is_uid(facts.series_instance_uid)):
        raise InstanceError(
            "Study Instance UID or Series Instance UID is missing or malformed (PS3.5 9.1)", kind="no-uid"
        )
    if study_instance_uid is not None and facts.study_instance_uid != study_instance_uid:
        raise InstanceError(
            f"the instance is of Study {facts.study_instance_uid}, not of that in the URL", kind="study"
        )


def named_uids(arrival: Arrival) -> tuple[str, str] | None:
    """Return the SOP Class and SOP Instance UID that a file names, to report a failure by; None without.

    Those of the File Meta Information: they come first, and are there where the Data Set is broken or was cut.
    """
    with suppress(OSError):
        # What is missing at the end does not matter here; whoever stores the file is told again.
        arrival.finish()
    try:
        with FileSource.open(arrival.path) as file:
            elements = read_file_meta(file).elements
    except INGEST_ERRORS:
        return None
    values = (
        elements.get(tag, b"") for tag in (_MEDIA_STORAGE_SOP_CLASS_UID, _MEDIA_STORAGE_SOP_INSTANCE_UID)
    )
    uids = tuple(value.decode("latin-1").rstrip("\0 ") for value in values)
    return (uids[0], uids[1]) if all(map(is_uid, uids)) else None
