# SPDX-License-Identifier: Apache-2.0
"""What ``inspect`` tells of a file: read from its header and its Items' headers, no Frame is decoded."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Final

from framedeflate.byte_source import FileSource, drive
from framedeflate.data_set.layout import DataSetLayout, Tag, text_value
from framedeflate.errors import EncapsulationError, UnsupportedImageError
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.problems import Problem
from framedeflate.pydicom_bridge import uid_name
from framedeflate.transfer_syntax import DEFLATED_DATA_SET, DEFLATED_IMAGE_FRAME_COMPRESSION, shown_uid

__all__ = ["FileFacts", "read_facts", "sop_class_name", "transfer_syntax_name"]

_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a file is and where its bytes are.

    Attributes
    ----------
    path : str
        The file.
    file_nbytes : int
        Its size.
    sop_class_uid, modality, transfer_syntax_uid : str
        As the file says; empty where it does not.
    image_pixel : ImagePixel or None
        Describes the Frames; None where there are none.
    why_no_image : str
        Why not.
    offset_table : str
        ``basic`` | ``extended`` | ``empty`` | ``none``.
    index : FrameIndex or None
        Where the Fragments of each Frame are; None for native Pixel Data.
    layout : mapping of str to int
        Bytes of each part of the file; together all of them.
    problems : tuple of Problem
        What is wrong with Items and tables, though the Frames can be told apart.
    """

    path: str
    file_nbytes: int
    sop_class_uid: str = ""
    modality: str = ""
    transfer_syntax_uid: str
    image_pixel: ImagePixel | None = None
    why_no_image: str = ""
    offset_table: str = "none"
    index: FrameIndex | None = None
    pixel_data_position: int = 0
    layout: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def kind(self) -> str:
        """Name of the SOP Class, and the Modality."""
        name = sop_class_name(self.sop_class_uid)
        return f"{name} ({self.modality})" if self.modality else name

    @property
    def encoded_nbytes(self) -> int:
        """Bytes of all Fragments, pads counted; of native Pixel Data its Frames."""
        if self.index is not None:
            return self.index.fragments.nbytes
        return 0 if self.image_pixel is None else self.image_pixel.native_nbytes

    def frames(self) -> Iterator[tuple[int, int, int]]:
        """Yield (frame number, position in the file, bytes) of every Frame."""
        if self.image_pixel is None:
            return
        pixel = self.image_pixel
        for index in range(pixel.number_of_frames):
            if self.index is None:
                first, last = index * pixel.frame_nbits // 8, ((index + 1) * pixel.frame_nbits + 7) // 8
                yield index + 1, self.pixel_data_position + first, last - first
            else:
                places = self.index.byte_ranges(index)
                yield index + 1, places[0][0], sum(stop - start for start, stop in places)

    def as_json(self, *, with_frames: bool) -> dict[str, object]:
        """Return the documented object."""
        pixel = self.image_pixel
        image = None
        if pixel is not None:
            image = asdict(pixel)
            del image["frame_nbits"]
        fields: dict[str, object] = {
            "file": self.path,
            "file_nbytes": self.file_nbytes,
            "sop_class_uid": self.sop_class_uid,
            "modality": self.modality,
            "transfer_syntax_uid": self.transfer_syntax_uid,
            "image": image,
            "frame_nbytes": None if pixel is None else pixel.frame_nbytes,
            "native_nbytes": None if pixel is None else pixel.native_nbytes,
            "encoded_nbytes": None if pixel is None else self.encoded_nbytes,
            "offset_table": self.offset_table,
            "layout": dict(self.layout),
            "problems": [asdict(problem) for problem in self.problems],
        }
        if with_frames:
            fields["frames"] = [
                {"frame_number": number, "position": position, "nbytes": nbytes}
                for number, position, nbytes in self.frames()
            ]
        return fields


def read_facts(path: str) -> FileFacts:
    """Read what `inspect` tells.

    Raises
    ------
    DicomFormatError, EncapsulationError
        The file is no DICOM file, or cannot be walked.
    OSError
        It cannot be read.
    """
    with FileSource.open(path) as source:
        meta = read_file_meta(source)
        uid = meta.transfer_syntax_uid
        if uid in DEFLATED_DATA_SET:
            rest = source.nbytes - meta.data_set_position
            return FileFacts(
                path=path,
                file_nbytes=source.nbytes,
                # The Data Set is not looked into; the File Meta Information names its SOP Class too.
                sop_class_uid=shown_uid(text_value(meta.elements.get(_MEDIA_STORAGE_SOP_CLASS_UID, b""))),
                transfer_syntax_uid=uid,
                why_no_image="the whole Data Set is one deflate stream (PS3.5 A.5); framedeflate decompress FILE "
                "-o OUT inflates it",
                layout={"file_meta": meta.data_set_position, "deflated_data_set": rest},
            )
        layout = read_data_set_layout(source, meta)
        index: FrameIndex | None = None
        image_pixel: ImagePixel | None = None
        why = ""
        try:
            image_pixel = layout.image_pixel()
            if layout.pixel_data is not None and layout.pixel_data.is_undefined_length:
                plan = index_frames(
                    layout,
                    image_pixel.number_of_frames,
                    one_fragment_per_frame=uid == DEFLATED_IMAGE_FRAME_COMPRESSION,
                )
                index = drive(plan, source)
        except (UnsupportedImageError, EncapsulationError) as error:
            image_pixel, why = None, str(error)
    return FileFacts(
        path=path,
        file_nbytes=layout.end_position,
        sop_class_uid=layout.text(Tag.SOP_CLASS_UID),
        modality=layout.text(Tag.MODALITY),
        transfer_syntax_uid=uid,
        image_pixel=image_pixel,
        why_no_image=why,
        offset_table=_offset_table(layout, index),
        index=index,
        pixel_data_position=0 if layout.pixel_data is None else layout.pixel_data.value_position,
        layout=MappingProxyType(_parts(layout, index, meta.data_set_position)),
        problems=() if index is None else index.problems,
    )


def _offset_table(layout: DataSetLayout, index: FrameIndex | None) -> str:
    if index is None:
        return "none"
    if Tag.EXTENDED_OFFSET_TABLE in layout.elements:
        return "extended"
    return "basic" if index.fragments.basic_offset_table_nbytes else "empty"


def _parts(layout: DataSetLayout, index: FrameIndex | None, data_set_position: int) -> dict[str, int]:
    """Split the file into parts; their bytes add up to the file's."""
    end = layout.end_position
    pixel_data = layout.pixel_data
    if pixel_data is None:
        return {"file_meta": data_set_position, "other_headers": end - data_set_position}
    start = pixel_data.header_position
    if index is not None:
        pixels, behind = index.fragments.nbytes, index.fragments.end_position
    elif pixel_data.is_undefined_length:
        pixels, behind = end - pixel_data.value_position, end
    else:
        behind = min(pixel_data.end_position, end)
        pixels = behind - pixel_data.value_position
    tables = sum(
        layout.elements[tag].value_nbytes
        + layout.elements[tag].value_position
        - layout.elements[tag].header_position
        for tag in (Tag.EXTENDED_OFFSET_TABLE, Tag.EXTENDED_OFFSET_TABLE_LENGTHS)
        if tag in layout.elements
    )
    per_frame = _per_frame_nbytes(layout)
    return {
        "file_meta": data_set_position,
        "per_frame_headers": per_frame,
        "other_headers": start - data_set_position - per_frame - tables,
        "item_headers": behind - start - pixels + tables,
        "pixels": pixels,
        "after_pixels": end - behind,
    }


def _per_frame_nbytes(layout: DataSetLayout) -> int:
    """Bytes of the Per-Frame Functional Groups Sequence: what is left to shrink once the pixels are small."""
    element = layout.elements.get(Tag.PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
    if element is None:
        return 0
    if not element.is_undefined_length:
        return element.end_position - element.header_position
    # Of undefined length: up to the next element that the scan noted, which is not always the next one.
    later = [other.header_position for other in layout.elements.values()]
    return (
        min(p for p in [*later, layout.end_position] if p > element.header_position) - element.header_position
    )


def sop_class_name(uid: str) -> str:
    """Name of a SOP Class (PS3.6), or its UID where it is private or unknown."""
    return uid_name(uid).removesuffix(" Storage") or "unknown kind"


def transfer_syntax_name(uid: str) -> str:
    """Name of a Transfer Syntax (PS3.6), or its UID."""
    return "Deflated Image Frame Compression" if uid == DEFLATED_IMAGE_FRAME_COMPRESSION else uid_name(uid)
