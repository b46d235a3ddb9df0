# SPDX-License-Identifier: Apache-2.0
"""A file opened so that its Data Set can be walked through, in any encoding of PS3.5 Annex A."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from framedeflate.byte_source import ByteSource, FileSource, drive
from framedeflate.data_set.layout import DataSetLayout, Element, Tag
from framedeflate.part10 import read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.transcode.image_source import inflate_to_temporary
from framedeflate.transfer_syntax import DEFLATED_DATA_SET

__all__ = ["OpenedDataSet", "open_data_set"]


@dataclass(frozen=True, slots=True)
class OpenedDataSet:
    """Where a Data Set lies, and how it is encoded.

    Attributes
    ----------
    source : ByteSource
        What all positions refer to; a temporary file where the stored one is deflated as a whole.
    position, stop : int
        Its first byte, and the first behind it.
    implicit_vr, big_endian : bool
        Its encoding.
    pixel_representation : int
        (0028,0103) of the Data Set, 0 where it is absent.
    specific_character_set : str
        (0008,0005) of the Data Set.
    pixel_data : Element or None
        Top-level Pixel Data (7FE0,0010); in a damaged file it may reach beyond `stop`.
    """

    source: ByteSource
    position: int
    stop: int
    implicit_vr: bool
    big_endian: bool
    pixel_representation: int
    specific_character_set: str
    pixel_data: Element | None

    @classmethod
    def of(cls, source: ByteSource, layout: DataSetLayout) -> "OpenedDataSet":
        """Return what the scan of a Data Set says of it."""
        return cls(
            source=source,
            position=layout.position,
            stop=layout.end_position,
            implicit_vr=layout.implicit_vr,
            big_endian=layout.big_endian,
            pixel_representation=layout.unsigned_short(Tag.PIXEL_REPRESENTATION) or 0,
            specific_character_set=layout.text(Tag.SPECIFIC_CHARACTER_SET),
            pixel_data=layout.pixel_data,
        )


@contextmanager
def open_data_set(path: Path, *, folder: Path | None = None) -> Iterator[OpenedDataSet]:
    """Open a DICOM file.

    Parameters
    ----------
    path : Path
        The file.
    folder : Path, optional
        Where a Data Set that is deflated as a whole (PS3.5 A.5) is inflated to, into a file that vanishes.

    Raises
    ------
    DicomFormatError
        It is no DICOM file, or cannot be walked.
    OSError
        It cannot be read.
    """
    with ExitStack() as stack:
        source: ByteSource = stack.enter_context(FileSource.open(path))
        meta = read_file_meta(source)
        if meta.transfer_syntax_uid in DEFLATED_DATA_SET:
            source = stack.enter_context(inflate_to_temporary(source, meta, folder))
            layout = drive(scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False), source)
        else:
            layout = read_data_set_layout(source, meta)
        yield OpenedDataSet.of(source, layout)
