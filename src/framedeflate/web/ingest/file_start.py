# SPDX-License-Identifier: Apache-2.0
"""Files whose start is not as PS3.10 7.1 has it: clients that write a Dataset from memory leave out what it lacks."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from framedeflate.byte_source import FileSource
from framedeflate.data_set.layout import Tag
from framedeflate.instance_store import Arrival
from framedeflate.instance_store.check import is_uid
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transfer_syntax import DEFLATED_DATA_SET

__all__ = ["PREAMBLE", "START_NBYTES", "lacks_preamble", "with_whole_meta"]

START_NBYTES: Final = 6
"""So many bytes tell whether a preamble is there."""

PREAMBLE: Final = bytes(128) + b"DICM"

_META_ELEMENT: Final = re.compile(rb"\x02\0.\0(UL|OB|UI)", re.DOTALL)
_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
_BLOCK_NBYTES: Final = 1 << 20


def lacks_preamble(start: bytes | bytearray) -> bool:
    """Whether a file begins with its File Meta Information."""
    return _META_ELEMENT.match(start) is not None


def with_whole_meta(arrival: Arrival, new: Callable[[], Arrival]) -> Arrival:
    """Return a file with all that File Meta Information must hold; the given one where its UIDs cannot be told.

    Parameters
    ----------
    arrival : Arrival
        Begins with `PREAMBLE`; discarded where it is replaced.
    new : callable
        Returns another.

    Raises
    ------
    DicomFormatError, InstanceError
        It is no DICOM file, or too large.
    OSError
    """
    arrival.finish()
    with FileSource.open(arrival.path) as source:
        meta = read_file_meta(source)
        if meta.transfer_syntax_uid in DEFLATED_DATA_SET:
            return arrival
        layout = read_data_set_layout(source, meta)
        sop_class_uid, sop_instance_uid = layout.text(Tag.SOP_CLASS_UID), layout.text(Tag.SOP_INSTANCE_UID)
        if not (is_uid(sop_class_uid) and is_uid(sop_instance_uid)):
            return arrival
        padded = sop_class_uid.encode("ascii") + b"\0" * (len(sop_class_uid) % 2)
        meta = replace(
            meta,
            elements={0x00020001: b"\0\1", **meta.elements, _MEDIA_STORAGE_SOP_CLASS_UID: padded},
            vrs={0x00020001: b"OB", **meta.vrs, _MEDIA_STORAGE_SOP_CLASS_UID: b"UI"},
        )
        whole = new()
        try:
            whole.write(encode_file_meta(meta, meta.transfer_syntax_uid, sop_instance_uid=sop_instance_uid))
            for position in range(meta.data_set_position, source.nbytes, _BLOCK_NBYTES):
                whole.write(source.get_range(position, min(position + _BLOCK_NBYTES, source.nbytes)))
        except BaseException:
            whole.discard()
            raise
    arrival.discard()
    return whole
