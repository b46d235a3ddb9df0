# SPDX-License-Identifier: Apache-2.0
"""The Data Set of a stored instance, to be walked through."""

from framedeflate.byte_source import ByteSource, drive
from framedeflate.part10 import read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.transfer_syntax import DEFLATED_DATA_SET
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.payloads.stored_object import StoredObject

__all__ = ["stored_data_set"]


def stored_data_set(stored: StoredObject) -> OpenedDataSet:
    """Return a Data Set, inflated where it is deflated as a whole (PS3.5 A.5); its file stays open as long.

    Raises
    ------
    DicomFormatError
        It cannot be walked.
    OSError
        It cannot be read.
    """
    source: ByteSource = stored.source
    meta = read_file_meta(source)
    if meta.transfer_syntax_uid in DEFLATED_DATA_SET:
        source = stored.inflated()
        layout = drive(scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False), source)
    else:
        layout = read_data_set_layout(source, meta)
    return OpenedDataSet.of(source, layout)
