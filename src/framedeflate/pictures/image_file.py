# SPDX-License-Identifier: Apache-2.0
"""A file's Frames as arrays, whatever its Transfer Syntax."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from framedeflate.array import frames_to_array
from framedeflate.byte_source import ByteSource, FileSource
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.errors import FrameNumberError
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.stored_frames import StoredFrames, open_frames
from framedeflate.transcode.image_source import open_image_source
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED, NATIVE

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ImageFile", "open_image_file"]

_READ_DIRECTLY = NATIVE | {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An opened image.

    Attributes
    ----------
    source : ByteSource
        What the positions in `layout` refer to.
    layout : DataSetLayout
        Where its elements are.
    frames : StoredFrames
        Its Frames as native bytes.
    """

    source: ByteSource
    layout: DataSetLayout
    frames: StoredFrames

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames as they are given, which is not as they are stored where a decoder changed them."""
        return self.frames.image_pixel

    def __len__(self) -> int:
        return self.image_pixel.number_of_frames

    def native(self, index: int) -> "Buffer":
        """Return the native bytes of Frame `index`, from 0.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        """
        if not 0 <= index < len(self):
            raise FrameNumberError(frame_number=index + 1, number_of_frames=len(self))
        return self.frames.read(index, 1)

    def frame(self, index: int) -> NDArray[Any]:
        """Return Frame `index`, from 0; shape and type as `decode_frame`."""
        frame: NDArray[Any] = frames_to_array(self.native(index), self.image_pixel)[0]
        return frame


@contextmanager
def open_image_file(path: Path, *, strict: bool = True) -> Iterator[ImageFile]:
    """Open an image for reading.

    Raises
    ------
    FrameDeflateError
        Of the kind that fits: no DICOM file, no image, Frames that are missing, no decoder.
    """
    with FileSource.open(path) as source:
        meta = read_file_meta(source)
        uid = meta.transfer_syntax_uid
        if uid in _READ_DIRECTLY:
            # Nothing but Pixel Data is asked for: what else may be wrong with the file does not matter here.
            layout = read_data_set_layout(source, meta)
            yield ImageFile(source, layout, open_frames(source, layout, uid, strict=strict))
            return
    with open_image_source(path, strict=strict) as image:
        yield ImageFile(image.source, image.layout, image.frames)
