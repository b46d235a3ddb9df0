# SPDX-License-Identifier: Apache-2.0
"""The Frames of a file, native, deflated or in uncompressed Fragments: what to read for some, and what it means."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from framedeflate.byte_source import Plan, became_shorter
from framedeflate.data_set.layout import DataSetLayout, Element, Tag
from framedeflate.errors import EncapsulationError, TransferSyntaxError, UnsupportedImageError
from framedeflate.fragment_inflation import InflatedFrames, inflate_frames, inflate_pixels
from framedeflate.fragment_plans import Fragments, plan_fragments
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import cut_frames, native_range, swap_words
from framedeflate.range_plan import RangePlan
from framedeflate.transfer_syntax import (
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    NATIVE,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["DeflatedFrames", "NativeFrames", "PlannedFrames", "UncompressedFragments", "plan_frames"]


class PlannedFrames(Protocol):
    """Frames of one image, by index from 0, and the plans that read them."""

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames."""

    @property
    def index(self) -> FrameIndex | None:
        """Where each Frame's Fragments are; None where Pixel Data is native, or a table was believed."""

    def bounds(self, index: int, count: int) -> "array[int]":
        """Return where in the file the first of these Frames begins and, as far as is known, where each ends."""

    def native(self, index: int, count: int, *, memory: bytearray | None = None) -> RangePlan["Buffer"]:
        """Plan: `count` Frames from `index` on, ``image_pixel.frame_nbytes`` bytes each, in one piece.

        They may lie in `memory`, where it is large enough.
        """


def plan_frames(
    layout: DataSetLayout, uid: str, *, threads: int = 1, strict: bool = True, believe_tables: bool = False
) -> Plan[PlannedFrames]:
    """Plan: the Frames of the Data Set that `layout` describes, encoded in Transfer Syntax `uid`.

    Parameters
    ----------
    believe_tables : bool
        As `plan_fragments`.

    Raises
    ------
    UnsupportedImageError
        No image, or one whose Frames cannot be cut.
    EncapsulationError
        The Frames cannot be told apart.
    TransferSyntaxError
        The Frames are stored in another compression.
    """
    image_pixel = layout.image_pixel()
    if uid in NATIVE:
        return NativeFrames(layout, image_pixel)
    if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
        fragments = yield from plan_fragments(layout, image_pixel, believe_tables=believe_tables)
        return DeflatedFrames(fragments, image_pixel, threads=threads, strict=strict)
    if uid == ENCAPSULATED_UNCOMPRESSED:
        count = image_pixel.number_of_frames
        index = yield from index_frames(layout, count, one_fragment_per_frame=False)
        return UncompressedFragments(index, image_pixel)
    raise TransferSyntaxError(f"Frames in Transfer Syntax {uid} need another decoder", uid=uid)


@dataclass(slots=True)
class DeflatedFrames:
    """Frames in Deflated Image Frame Compression.

    Attributes
    ----------
    fragments : Fragments
        Where each Frame's Fragments are.
    image_pixel : ImagePixel
        Describes the Frames.
    threads : int
        Worker threads that inflate; 0 means all cores.
    strict : bool
        As `decode_frame`.
    """

    fragments: Fragments
    image_pixel: ImagePixel
    threads: int = 1
    strict: bool = True

    @property
    def index(self) -> FrameIndex | None:
        """As `PlannedFrames.index`."""
        return self.fragments.index

    def bounds(self, index: int, count: int) -> "array[int]":
        """As `PlannedFrames.bounds`."""
        return self.fragments.bounds(index, count)

    def native(self, index: int, count: int, *, memory: bytearray | None = None) -> RangePlan["Buffer"]:
        """As `PlannedFrames.native`."""
        frames, _met = yield from self.inflate(index, count, memory=memory)
        return frames

    def inflate(
        self, index: int, count: int, *, memory: bytearray | None = None
    ) -> RangePlan[tuple[memoryview, InflatedFrames]]:
        """As `native`, with what was met on the way."""
        fragments = yield from self.fragments.fetch(index, count)
        nbytes = count * self.image_pixel.frame_nbytes
        room = memory if memory is not None and len(memory) >= nbytes else bytearray(nbytes)
        frames = memoryview(room)[:nbytes]
        met = inflate_frames(
            fragments,
            self.image_pixel,
            frames,
            threads=self.threads,
            strict=self.strict,
            first_frame_number=index + 1,
        )
        return frames, met

    def inflate_pixels(
        self, fragments: "list[Buffer]", indices: Sequence[int], out: "Buffer", *, zeroed: bool
    ) -> None:
        """Inflate the Fragments of the Frames at `indices` to pixels in `out`, as `inflate_pixels`."""
        inflate_pixels(
            fragments,
            self.image_pixel,
            out,
            zeroed=zeroed,
            threads=self.threads,
            strict=self.strict,
            frame_numbers=[index + 1 for index in indices],
        )


class NativeFrames:
    """Frames of native Pixel Data.

    Parameters
    ----------
    layout : DataSetLayout
        Where Pixel Data is.
    image_pixel : ImagePixel
        Describes the Frames.

    Raises
    ------
    UnsupportedImageError
        kind ``short-pixel-data``: not every Frame is there.
    """

    index: None = None

    def __init__(self, layout: DataSetLayout, image_pixel: ImagePixel) -> None:
        self.image_pixel = image_pixel
        element = _defined_length(layout)
        self.position = element.value_position
        """First byte of the value."""
        # PS3.5 8.2: OB is a string of bytes. OW is swapped in words; for 32 and 64 bits files swap whole samples.
        swapped = layout.big_endian and element.vr == b"OW"
        word_nbytes = {32: 4, 64: 8}.get(image_pixel.bits_allocated, 2)
        self.word_nbytes = word_nbytes if swapped else 1
        """Bytes that stand in reverse; 1 where none do."""
        there = min(element.end_position, layout.end_position) - element.value_position
        if there < image_pixel.native_nbytes:
            count = image_pixel.number_of_frames
            raise UnsupportedImageError(
                f"Pixel Data has {there} bytes where {count} {'Frame needs' if count == 1 else 'Frames need'} "
                f"{image_pixel.native_nbytes}: the file was cut, or its attributes are wrong",
                kind="short-pixel-data",
            )
        self.excess_nbytes = there - image_pixel.native_nbytes
        """Bytes behind the last Frame, the even pad among them."""
        whole_frames, rest = divmod(self.excess_nbytes * 8, image_pixel.frame_nbits)
        if whole_frames and rest < 16 and Tag.NUMBER_OF_FRAMES not in layout.elements:
            # Without the attribute there is one Frame (PS3.3 C.7.6.6); the others would be lost as excess.
            raise UnsupportedImageError(
                f"Pixel Data holds {whole_frames + 1} Frames and Number of Frames (0028,0008) is missing; add it first",
                kind="number-of-frames",
            )
        if image_pixel.is_subsampled and self.excess_nbytes * 2 >= image_pixel.native_nbytes:
            # Some writers say YBR_FULL_422 and store three samples a pixel: a third would be lost as excess.
            raise UnsupportedImageError(
                "Photometric Interpretation is YBR_FULL_422, but Pixel Data has the size of YBR_FULL; correct the "
                "attribute first",
                kind="image-pixel",
            )

    def bounds(self, index: int, count: int) -> "array[int]":
        """As `PlannedFrames.bounds`."""
        frame_nbits = self.image_pixel.frame_nbits
        return array("q", (self.position + i * frame_nbits // 8 for i in range(index, index + count + 1)))

    def native(self, index: int, count: int, *, memory: bytearray | None = None) -> RangePlan["Buffer"]:  # noqa: ARG002
        """As `PlannedFrames.native`."""
        part = native_range(self.image_pixel, index, count)
        # Words are counted from the start of the value, not of the Frame (PS3.5 8.1.1).
        start = part.start - part.start % self.word_nbytes
        stop = part.stop + -part.stop % self.word_nbytes
        (data,) = yield [(self.position + start, self.position + stop)]
        if self.word_nbytes > 1:
            data += bytes(-len(data) % self.word_nbytes)
            data = swap_words(data, self.word_nbytes)
        if len(data) != part.stop - part.start:
            data = data[part.start - start : part.stop - start]
        if len(data) != part.stop - part.start:
            raise UnsupportedImageError("the file became shorter while it was read", kind="short-pixel-data")
        return cut_frames(data, self.image_pixel, first_bit=part.first_bit, count=count)


def _defined_length(layout: DataSetLayout) -> Element:
    element = layout.pixel_data
    if element is None or element.is_undefined_length:
        raise EncapsulationError(
            "Pixel Data is encapsulated where its Transfer Syntax asks for native",
            kind="encapsulated",
            position=layout.position if element is None else element.header_position,
        )
    return element


@dataclass(slots=True)
class UncompressedFragments:
    """Frames in Encapsulated Uncompressed Explicit VR Little Endian: native bytes as Fragments.

    Attributes
    ----------
    index : FrameIndex
        Where each Frame's Fragments are.
    image_pixel : ImagePixel
        Describes the Frames.
    """

    index: FrameIndex
    image_pixel: ImagePixel

    def bounds(self, index: int, count: int) -> "array[int]":
        """As `PlannedFrames.bounds`."""
        return self.index.bounds(index, count)

    def native(self, index: int, count: int, *, memory: bytearray | None = None) -> RangePlan["Buffer"]:  # noqa: ARG002
        """As `PlannedFrames.native`."""
        nbytes = self.image_pixel.frame_nbytes
        places = [self._places(i) for i in range(index, index + count)]
        wanted = [place for of_frame in places for place in of_frame]
        blocks = yield wanted
        for (start, stop), block in zip(wanted, blocks, strict=True):
            if len(block) != stop - start:
                raise became_shorter(start + len(block))
        parts = iter(blocks)
        return b"".join(b"".join(next(parts) for _place in of_frame)[:nbytes] for of_frame in places)

    def _places(self, index: int) -> list[tuple[int, int]]:
        nbytes = self.image_pixel.frame_nbytes
        places = self.index.byte_ranges(index)
        there = sum(stop - start for start, stop in places)
        if not nbytes <= there <= nbytes + 1:
            raise UnsupportedImageError(
                f"frame {index + 1} is stored in {there} bytes where it has {nbytes}", kind="short-pixel-data"
            )
        return places
