# SPDX-License-Identifier: Apache-2.0
"""Images in another compression (RLE, JPEG, JPEG-LS, JPEG 2000), decoded Frame by Frame."""

from typing import Final

from framedeflate.byte_source import ByteSource, drive
from framedeflate.data_set.element import replace_elements
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.errors import EncapsulationError
from framedeflate.foreign.frames import EncodedImage, ForeignDecoder, native_image_pixel
from framedeflate.foreign.icon_image import decode_icons
from framedeflate.frame_index import FragmentTable, FrameIndex, index_frames, scan_fragments
from framedeflate.image_pixel import ImagePixel
from framedeflate.transfer_syntax import RLE_LOSSLESS

__all__ = ["ForeignFrames"]

_END_MARKER: Final = b"\xff\xd9"
"""End of Image of JPEG and JPEG-LS, End of Codestream of JPEG 2000."""

_END_SEARCH_NBYTES: Final = 10


class ForeignFrames:
    """Frames of an image in a foreign Transfer Syntax, as native bytes.

    Parameters
    ----------
    source : ByteSource
        The file.
    layout : DataSetLayout
        Where Pixel Data is.
    transfer_syntax_uid : str
        Of the file.

    Raises
    ------
    UnsupportedImageError, EncapsulationError, FrameDecodeError, MissingExtraError
        The image cannot be described, its Frames not told apart, or no decoder is there.
    """

    is_shareable: bool = False
    """There is one process that decodes, and Ctrl-C must reach who waits for it."""

    def __init__(self, source: ByteSource, layout: DataSetLayout, transfer_syntax_uid: str) -> None:
        self._source = source
        self._layout = layout
        self._uid = transfer_syntax_uid
        image = EncodedImage(**layout.image_pixel_attributes())
        # A source without a Frame, or that nothing decodes, is refused before its Fragments are looked at.
        native_image_pixel(transfer_syntax_uid, image)
        self.index = _index(source, layout, image.number_of_frames, transfer_syntax_uid)
        self._decoder = ForeignDecoder(transfer_syntax_uid, image, self._codestream(0))

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the decoded Frames."""
        return self._decoder.image_pixel

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> bytes:  # noqa: ARG002
        """Return `count` Frames from `index` (from 0) on, in one piece."""
        return b"".join(
            self._decoder.decode(self._codestream(i), frame_number=i + 1) for i in range(index, index + count)
        )

    def notes(self) -> list[str]:
        """Return a sentence for each attribute that differs from the source's; docs/format.md says why."""
        changes = self._changes()
        notes = []
        if Tag.PHOTOMETRIC_INTERPRETATION in changes:
            now = self.image_pixel.photometric_interpretation
            notes.append(f"Photometric Interpretation is {now} now, as the decoded samples are")
        if Tag.LOSSY_IMAGE_COMPRESSION in changes:
            notes.append("Lossy Image Compression 01 was added: the source's codestream is lossy")
        return notes

    def _changes(self) -> dict[int, tuple[bytes, bytes]]:
        return self._decoder.attribute_changes(
            lossy_image_compression=self._layout.text(Tag.LOSSY_IMAGE_COMPRESSION),
            encoded_nbytes=self.index.fragments.nbytes,
        )

    def native_head(self, head: bytes) -> bytes:
        """Return the Data Set before Pixel Data as it is true of the decoded Frames; icons are decoded too."""
        changes = self._changes()
        return replace_elements(decode_icons(head, self._uid, position=self._layout.position), changes)

    def _codestream(self, index: int) -> bytes:
        return b"".join(self._source.get_range(*place) for place in self.index.byte_ranges(index))


def _index(source: ByteSource, layout: DataSetLayout, number_of_frames: int, uid: str) -> FrameIndex:
    try:
        return drive(index_frames(layout, number_of_frames, one_fragment_per_frame=False), source)
    except EncapsulationError as error:
        # RLE Frames are one Fragment each (PS3.5 A.4.2); the others end with a marker that tells them apart.
        if error.kind != "fragment-count" or uid == RLE_LOSSLESS:
            raise
        table = drive(scan_fragments(layout), source)
        starts = _starts_by_end_marker(source, table)
        if len(starts) != number_of_frames + 1:
            raise
        return FrameIndex(table, starts, ())


def _starts_by_end_marker(source: ByteSource, table: FragmentTable) -> tuple[int, ...]:
    """Return the first Fragment of each Frame: the one behind a Fragment that ends a codestream."""
    starts = [0]
    for number, (position, nbytes) in enumerate(zip(table.positions, table.lengths, strict=True), 1):
        end = position + nbytes
        if _END_MARKER in source.get_range(max(position, end - _END_SEARCH_NBYTES), end):
            starts.append(number)
    return tuple(starts)
