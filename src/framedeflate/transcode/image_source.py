# SPDX-License-Identifier: Apache-2.0
"""A file as what every encoder of it needs: Explicit VR Little Endian around the pixels, and native Frames."""

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from framedeflate.byte_source import ByteSource, FileSource, drive, sequential_reader
from framedeflate.data_set.deflated import inflate_data_set
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import UnsupportedImageError
from framedeflate.frame_plans import NativeFrames
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import FileMeta, read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.stored_frames import SourceFrames, StoredFrames, open_frames
from framedeflate.transcode.colour_source import ColourSpace, ConvertedFrames, converted_head
from framedeflate.transcode.file_meta import new_uid
from framedeflate.transcode.segments import Segment, read_segments
from framedeflate.transcode.surroundings import surroundings
from framedeflate.transfer_syntax import (
    DEFLATED_DATA_SET,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)

__all__ = ["ImageSource", "image_of_source", "open_image_source"]


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


def open_image_source(path: Path, *, strict: bool = True, folder: Path | None = None) -> ImageSource:
    """Open an image in any Transfer Syntax that is read here.

    Parameters
    ----------
    path : Path
        The file.
    strict : bool
        As `decode_frame`.
    folder : Path, optional
        Where a Data Set that is deflated as a whole is inflated to: the target's folder has room for it, the
        system's own for temporary files may be memory.

    Raises
    ------
    FrameDeflateError
        Of the kind that fits: no DICOM file, no image, Frames that are missing or cannot be told apart.
    """
    with ExitStack() as stack:
        image = image_of_source(stack.enter_context(FileSource.open(path)), strict=strict, folder=folder)
        # The file last, behind what was made of it.
        inner, image._stack = image._stack, stack.pop_all()
        image._stack.push(inner)
        return image


def image_of_source(source: ByteSource, *, strict: bool = True, folder: Path | None = None) -> ImageSource:
    """Open the image in a source, which stays its owner's to close; parameters and errors as `open_image_source`."""
    with ExitStack() as stack:
        meta = read_file_meta(source)
        uid = meta.transfer_syntax_uid
        if uid in DEFLATED_DATA_SET:
            source = stack.enter_context(inflate_to_temporary(source, meta, folder))
            layout = drive(
                scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False, descend=True), source
            )
            uid = EXPLICIT_VR_LITTLE_ENDIAN
        else:
            layout = read_data_set_layout(source, meta, descend=True)
        if layout.encapsulated_icons and (uid in NATIVE or uid == ENCAPSULATED_UNCOMPRESSED):
            raise UnsupportedImageError(
                "an Icon Image is encapsulated, and the Transfer Syntax does not tell how it is compressed; remove the "
                "Icon Image Sequence (0088,0200) first",
                kind="decoder",
            )
        foreign_notes: tuple[str, ...] = ()
        if uid in NATIVE or uid in {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED}:
            frames: StoredFrames = open_frames(source, layout, uid, strict=strict)
            around = surroundings(source, layout, _end_of_pixel_data(layout, frames))
            head = around.head
        else:
            # Loads pydicom, whose decoders these Frames need.
            from framedeflate.transcode.foreign_source import ForeignFrames

            frames = foreign = ForeignFrames(source, layout, uid)
            around = surroundings(source, layout, _end_of_pixel_data(layout, frames))
            head = (foreign.native_head(read_segments(source, around.head)),)
            foreign_notes += tuple(foreign.notes())
        excess_nbytes = _excess_nbytes(frames)
        notes = around.notes + foreign_notes
        if excess_nbytes:
            notes += (f"{excess_nbytes} bytes behind the last Frame were left out (PS3.5 8.1.1)",)
        return ImageSource(
            source=source,
            meta=meta,
            layout=layout,
            head=head,
            tail=around.tail,
            frames=frames,
            excess_nbytes=excess_nbytes,
            notes=notes,
            _stack=stack.pop_all(),
        )


def _end_of_pixel_data(layout: DataSetLayout, frames: StoredFrames) -> int:
    """First byte behind the Pixel Data element."""
    if frames.index is not None:
        return frames.index.fragments.end_position
    return min(layout.elements[Tag.PIXEL_DATA].end_position, layout.end_position)


def inflate_to_temporary(source: ByteSource, meta: FileMeta, folder: Path | None) -> FileSource:
    """Inflate a whole Data Set (PS3.5 A.5) into a temporary file, which vanishes when the result is closed.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-value`` | ``too-large`` (more than 8 GiB).
    """
    file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the FileSource
    try:
        read = sequential_reader(source, meta.data_set_position)
        inflate_data_set(read, file.write, position=meta.data_set_position)
        file.flush()
        return FileSource(file)
    except BaseException:
        file.close()
        raise


def _excess_nbytes(frames: StoredFrames) -> int:
    native = frames.plans if isinstance(frames, SourceFrames) else None
    if not isinstance(native, NativeFrames):
        return 0
    return max(0, native.excess_nbytes - frames.image_pixel.native_nbytes % 2)
