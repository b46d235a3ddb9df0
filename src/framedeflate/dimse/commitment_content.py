# SPDX-License-Identifier: Apache-2.0
"""The Data Set of a request for Storage Commitment (PS3.4 J.3.2.1), read in bounded memory and without naming a value.

pydicom would make an object of each Item, thousands of bytes where the wire holds eight, and print what is no UID.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from framedeflate.data_set.element import (
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    DataElement,
    ElementReader,
)
from framedeflate.errors import InstanceError
from framedeflate.instance_store.check import is_uid

__all__ = ["CommitmentContent", "read_commitment_content"]

_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_TRANSACTION_UID: Final = 0x00081195
_REFERENCED_SOP_SEQUENCE: Final = 0x00081199

_MAX_INSTANCES: Final = 200_000
_MAX_UID_NBYTES: Final = 64


class CommitmentContent(NamedTuple):
    """What is asked for.

    Attributes
    ----------
    transaction_uid : str
        Transaction UID (0008,1195).
    references : tuple of (str, str)
        SOP Class UID and SOP Instance UID of each instance.
    """

    transaction_uid: str
    references: tuple[tuple[str, str], ...]


def read_commitment_content(data: bytes, *, implicit_vr: bool, big_endian: bool) -> CommitmentContent:
    """Return what a request asks for.

    Parameters
    ----------
    data : bytes
        Its Data Set.
    implicit_vr, big_endian : bool
        How that is encoded.

    Raises
    ------
    InstanceError
        kind ``no-uid``: UIDs are missing or malformed, or there are no instances, or more than 200 000.
    DicomFormatError
        It cannot be walked.
    """
    reader = ElementReader(data, implicit_vr=implicit_vr, big_endian=big_endian)
    uid, references = "", []
    for element in _elements(reader, 0, len(data), -1):
        if element.tag == _TRANSACTION_UID:
            uid = _uid(reader, element)
        elif element.tag == _REFERENCED_SOP_SEQUENCE:
            for reference in _references(reader, element):
                references.append(reference)
                if len(references) > _MAX_INSTANCES:
                    raise InstanceError(f"more than {_MAX_INSTANCES} instances are asked for", kind="no-uid")
    if not uid or not references:
        raise InstanceError("Transaction UID, or all references, are missing", kind="no-uid")
    return CommitmentContent(uid, tuple(references))


def _references(reader: ElementReader, sequence: DataElement) -> Iterator[tuple[str, str]]:
    reader = reader.inside(sequence)
    at, stop = sequence.value_at, reader.end_of(sequence, len(reader.data))
    while at < stop:
        item = reader.header(at, stop)
        if item.tag == SEQUENCE_DELIMITATION:
            return
        at = reader.end_of_item(item, stop, 0)
        end_tag = ITEM_DELIMITATION if item.is_undefined_length else -1
        uids = {
            element.tag: _uid(reader, element)
            for element in _elements(reader, item.value_at, at, end_tag)
            if element.tag in {_REFERENCED_SOP_CLASS_UID, _REFERENCED_SOP_INSTANCE_UID}
        }
        if len(uids) != 2:
            raise InstanceError("a reference lacks its SOP Class or SOP Instance UID", kind="no-uid")
        yield uids[_REFERENCED_SOP_CLASS_UID], uids[_REFERENCED_SOP_INSTANCE_UID]


def _elements(reader: ElementReader, at: int, stop: int, end_tag: int) -> Iterator[DataElement]:
    while at < stop:
        element = reader.header(at, stop)
        if element.tag == end_tag:
            return
        yield element
        at = reader.end_of(element, stop)


def _uid(reader: ElementReader, element: DataElement) -> str:
    nbytes = 0 if element.is_undefined_length else element.nbytes
    value = reader.data[element.value_at : element.value_at + min(nbytes, _MAX_UID_NBYTES + 1)]
    text = value.decode("ascii", errors="replace").rstrip("\0 ")
    if not is_uid(text):
        raise InstanceError("what stands where a UID must is none (PS3.5 9.1)", kind="no-uid")
    return text
