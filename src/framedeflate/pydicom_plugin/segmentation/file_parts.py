# SPDX-License-Identifier: Apache-2.0
"""The file around what is made frame by frame: a template's attributes, a few of them changed, written by pydicom."""

import copy
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from framedeflate.data_set.element import ElementReader
from framedeflate.data_set.layout import Tag
from framedeflate.errors import SegmentationError
from framedeflate.transcode.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from framedeflate.transcode.surroundings import ENCODING_TAGS
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["FileParts", "encode_around", "refusing", "shadow_of"]

_REPLACED_TAGS: Final = (
    *ENCODING_TAGS,
    Tag.PIXEL_DATA,
    Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    # They sign another instance.
    Tag.MAC_PARAMETERS_SEQUENCE,
    Tag.DIGITAL_SIGNATURES_SEQUENCE,
)


class FileParts(NamedTuple):
    """The bytes of a file without Per-Frame Functional Groups and Pixel Data.

    Attributes
    ----------
    meta : bytes
        Preamble and File Meta Information.
    head, between, tail : bytes
        The Data Set before the one, between both, and behind the other.
    """

    meta: bytes
    head: bytes
    between: bytes
    tail: bytes


def shadow_of(template: Dataset, sop_instance_uid: str) -> Dataset:
    """Return a Dataset of the same elements, to change without changing the template."""
    shadow = Dataset()
    shadow.update(template)
    implicit_vr, little_endian = template.original_encoding
    shadow.set_original_encoding(implicit_vr, little_endian, template.original_character_set)
    for tag in _REPLACED_TAGS:
        if tag in shadow:
            del shadow[tag]
    _put(shadow, "SOPInstanceUID", sop_instance_uid)
    shadow.file_meta = copy.deepcopy(getattr(template, "file_meta", FileMetaDataset()))
    shadow.file_meta.TransferSyntaxUID = UID(DEFLATED_IMAGE_FRAME_COMPRESSION)
    shadow.file_meta.MediaStorageSOPInstanceUID = sop_instance_uid
    shadow.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    shadow.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return shadow


def encode_around(shadow: Dataset, attributes: dict[str, Any]) -> FileParts:
    """Return the file's bytes around what is made frame by frame.

    Parameters
    ----------
    attributes : dict
        What is set beside the shadow's own, by keyword; None removes an attribute.

    Raises
    ------
    SegmentationError
        kind ``template``: pydicom cannot write it.
    """
    data_set = Dataset()
    data_set.update(shadow)
    implicit_vr, little_endian = shadow.original_encoding
    data_set.set_original_encoding(implicit_vr, little_endian, shadow.original_character_set)
    data_set.file_meta = shadow.file_meta
    for keyword, value in attributes.items():
        if value is not None:
            _put(data_set, keyword, value)
        elif keyword in data_set:
            del data_set[keyword]
    file = io.BytesIO()
    with refusing():
        pydicom.dcmwrite(file, data_set, enforce_file_format=True)
    return _cut(file.getvalue())


@contextmanager
def refusing() -> Iterator[None]:
    """Say that a template cannot be read or written, whatever it is that pydicom or numpy make of it."""
    try:
        yield
    except SegmentationError:
        raise
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError, OSError) as error:
        # Nothing is written to a disk here: OSError is what pydicom makes of a wrong number. Its messages hold values.
        raise SegmentationError(
            f"the template cannot be read or written ({type(error).__name__}); see that its save_as works and that the "
            "Items of its sequences are complete",
            kind="template",
        ) from None


def _put(data_set: Dataset, keyword: str, value: Any) -> None:
    """Set an attribute of a Dataset whose elements are another's: pydicom would change the element itself."""
    data_set.add(DataElement(keyword, dictionary_VR(keyword), value))


def _cut(file: bytes) -> FileParts:
    """Cut a file where the Per-Frame Functional Groups and Pixel Data belong."""
    # pydicom's group length stands first in the File Meta Information (PS3.10 7.1).
    start = 144 + int.from_bytes(file[140:144], "little")
    reader = ElementReader(file, implicit_vr=False, big_endian=False)
    at, stop = start, len(file)
    cuts = [0, start]
    for tag in (Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, Tag.PIXEL_DATA):
        while at < stop and (header := reader.header(at, stop)).tag < tag:
            at = reader.end_of(header, stop)
        cuts.append(at)
    return FileParts(*(file[low:high] for low, high in pairwise([*cuts, stop])))
