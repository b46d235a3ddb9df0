# SPDX-License-Identifier: Apache-2.0
"""A file as what every encoder of it needs: Explicit VR Little Endian around the pixels, and native Frames."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from framedeflate.byte_source import ByteSource, FileSource, drive, sequential_reader
from framedeflate.data_set_layout import DataSetLayout, Tag
from framedeflate.deflated_data_set import inflate_data_set
from framedeflate.errors import DicomFormatError
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import FileMeta, read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.stored_frames import (
    NativeFrames,
    StoredFrames,
    batches,
    open_frames,
)
from framedeflate.transcode.colour_source import ColourSpace, ConvertedFrames, converted_head, new_uid
from framedeflate.transcode.segments import Segment, read_segments, without
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ImageSource", "open_image_source"]

_PIXEL_DATA_TAGS: Final = (
    Tag.PIXEL_DATA_GROUP_LENGTH,
    Tag.EXTENDED_OFFSET_TABLE,
    Tag.EXTENDED_OFFSET_TABLE_LENGTHS,
    Tag.ENCAPSULATED_PIXEL_DATA_VALUE_TOTAL_LENGTH,
)


@dataclass(slots=True)
class ImageSource(AbstractContextManager["ImageSource"]):
    """An opened source file.

    Attributes
    ----------
    source : ByteSource
        What the ranges in `head` and `tail` refer to.
    meta : FileMeta
        The file's own File Meta Information.
    layout : DataSetLayout
        The scan of its Data Set.
    head, tail : tuple of Segment
        The Data Set before and behind Pixel Data in Explicit VR Little Endian, offset tables, Pixel Data's total
        length and its group's length left out: all four are true of the source's encoding only.
    frames : StoredFrames
        The Frames as native bytes, little endian.
    excess_nbytes : int
        Bytes of native Pixel Data behind the last Frame that are left out (PS3.5 8.1.1), the even pad not counted.
    notes : tuple of str
        What a person should know of the result.
    sop_instance_uid : str
        A new one where the pixels were changed; else empty.
    """

    source: ByteSource
    meta: FileMeta
    layout: DataSetLayout
    head: tuple[Segment, ...]
    tail: tuple[Segment, ...]
    frames: StoredFrames
    excess_nbytes: int
    notes: tuple[str, ...]
    _stack: ExitStack
    sop_instance_uid: str = ""

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames."""
        return self.frames.image_pixel

    @property
    def fragments_nbytes(self) -> int:
        """Bytes of all Fragments; 0 where Pixel Data is native."""
        return 0 if self.frames.index is None else self.frames.index.fragments.nbytes

    def frame_batches(self) -> Iterator[tuple[int, int, "Buffer"]]:
        """Yield (index, count, native bytes of these Frames in one piece), in order."""
        for index, count in batches(self.image_pixel):
            yield index, count, self.frames.read(index, count)

    def convert_colour(self, to: ColourSpace) -> None:
        """Convert the Frames to another colour space, and make this another instance; nothing where it is theirs.

        Raises
        ------
        UnsupportedImageError
            kind ``photometric-interpretation`` | ``bits-allocated``: no such conversion is defined.
        """
        before = self.image_pixel
        if before.photometric_interpretation == to:
            return
        frames = ConvertedFrames(self.frames, to)
        head = read_segments(self.source, self.head)
        self.sop_instance_uid = new_uid()
        self.head = (converted_head(head, self.layout, frames.image_pixel, self.sop_instance_uid),)
        self.frames = frames
        said = f"colours were converted from {before.photometric_interpretation} to {to}, which rounds"
        self.notes += (f"{said}; the SOP Instance UID is new",)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the source. Before it is replaced in place this must have happened: Windows refuses otherwise."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self


def open_image_source(path: Path, *, threads: int = 1, strict: bool = True) -> ImageSource:
    """Open an image in any Transfer Syntax that is read here.

    Raises
    ------
    FrameDeflateError
        Of the kind that fits: no DICOM file, no image, Frames that are missing or cannot be told apart.
    """
    with ExitStack() as stack:
        source: ByteSource = stack.enter_context(FileSource.open(path))
        meta = read_file_meta(source)
        uid = meta.transfer_syntax_uid
        if uid in DEFLATED_DATA_SET:
            source = stack.enter_context(inflate_to_temporary(source, meta))
            layout = drive(
                scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False, descend=True), source
            )
            uid = EXPLICIT_VR_LITTLE_ENDIAN
        else:
            layout = read_data_set_layout(source, meta, descend=True)
        if uid in NATIVE or uid in {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED}:
            frames = open_frames(source, layout, uid, threads=threads, strict=strict)
            head, tail = _segments(source, layout, _end_of_pixel_data(layout, frames))
        else:
            frames, head, tail = _open_foreign(source, layout, uid)
        return ImageSource(
            source=source,
            meta=meta,
            layout=layout,
            head=head,
            tail=tail,
            frames=frames,
            excess_nbytes=_excess_nbytes(frames),
            notes=tuple(_notes(source, layout, frames)),
            _stack=stack.pop_all(),
        )


def _open_foreign(
    source: ByteSource, layout: DataSetLayout, uid: str
) -> tuple[StoredFrames, tuple[Segment, ...], tuple[Segment, ...]]:
    # Loads pydicom, whose decoders these Frames need.
    from framedeflate.transcode.foreign_source import ForeignFrames

    frames = ForeignFrames(source, layout, uid)
    head, tail = _segments(source, layout, frames.index.fragments.end_position)
    return frames, (frames.native_head(read_segments(source, head)),), tail


def inflate_to_temporary(source: ByteSource, meta: FileMeta) -> FileSource:
    """Inflate a whole Data Set (PS3.5 A.5) into a temporary file, which vanishes when the result is closed.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-value`` | ``too-large`` (more than 8 GiB).
    """
    file = TemporaryFile()  # noqa: SIM115 - closed with the FileSource
    try:
        read = sequential_reader(source, meta.data_set_position)
        inflate_data_set(read, file.write, position=meta.data_set_position)
        file.flush()
        return FileSource(file)
    except BaseException:
        file.close()
        raise


def _end_of_pixel_data(layout: DataSetLayout, frames: StoredFrames) -> int:
    """First byte behind the Pixel Data element."""
    if frames.index is not None:
        return frames.index.fragments.end_position
    return min(layout.elements[Tag.PIXEL_DATA].end_position, layout.end_position)


def _segments(
    source: ByteSource, layout: DataSetLayout, tail_position: int
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return head and tail in Explicit VR Little Endian: ranges to copy, or bytes encoded anew."""
    dropped = [
        (element.header_position, element.end_position)
        for tag in _PIXEL_DATA_TAGS
        if (element := layout.elements.get(tag)) is not None
        and element.header_position < layout.elements[Tag.PIXEL_DATA].header_position
    ]
    head = tuple(without(layout.position, layout.elements[Tag.PIXEL_DATA].header_position, dropped))
    tail = tuple(without(tail_position, layout.end_position, []))
    if not (layout.implicit_vr or layout.big_endian):
        return head, tail
    # Loads pydicom, whose dictionaries name the VRs: only where they are needed.
    from framedeflate.data_set_encoding import to_explicit_little

    def encode(part: tuple[Segment, ...], position: int) -> tuple[Segment, ...]:
        data = read_segments(source, part)
        return (
            to_explicit_little(
                data,
                implicit_vr=layout.implicit_vr,
                big_endian=layout.big_endian,
                pixel_representation=layout.unsigned_short(Tag.PIXEL_REPRESENTATION),
                position=position,
            ),
        )

    return encode(head, layout.position), encode(tail, tail_position)


def _excess_nbytes(frames: StoredFrames) -> int:
    if not isinstance(frames, NativeFrames):
        return 0
    return max(0, frames.excess_nbytes - frames.image_pixel.native_nbytes % 2)


def _notes(source: ByteSource, layout: DataSetLayout, frames: StoredFrames) -> Iterator[str]:
    excess = _excess_nbytes(frames)
    if excess:
        yield f"{excess} bytes behind the last Frame were left out (PS3.5 8.1.1)"
    tags = {*layout.elements}
    if frames.index is not None:
        # Encapsulated Pixel Data ended the scan; the Digital Signatures stand behind it.
        plan = scan_data_set(
            _end_of_pixel_data(layout, frames),
            layout.end_position,
            implicit_vr=layout.implicit_vr,
            big_endian=False,
        )
        try:
            tags |= {*drive(plan, source).elements}
        except DicomFormatError as error:
            yield f"what follows Pixel Data cannot be read beyond byte {error.position}; it was copied as it is"
    if tags & {Tag.DIGITAL_SIGNATURES_SEQUENCE, Tag.MAC_PARAMETERS_SEQUENCE}:
        yield "the object holds Digital Signatures, which may not verify in another Transfer Syntax"
