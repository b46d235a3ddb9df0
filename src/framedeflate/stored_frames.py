# SPDX-License-Identifier: Apache-2.0
"""The Frames of a file as native bytes, however they are stored: native, deflated, or uncompressed Fragments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from framedeflate.byte_source import ByteSource, drive, read_exactly
from framedeflate.data_set.layout import DataSetLayout, Element, Tag
from framedeflate.errors import EncapsulationError, TransferSyntaxError, UnsupportedImageError
from framedeflate.fragment_inflation import (
    MAX_EXPANSION,
    InflatedFrames,
    check_expansion,
    inflate_frames,
    inflate_pixels,
)
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import cut_frames, native_range, swap_words
from framedeflate.transfer_syntax import (
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    NATIVE,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "BATCH_NBYTES",
    "DeflatedFrames",
    "NativeFrames",
    "StoredFrames",
    "UncompressedFragments",
    "batches",
    "open_frames",
]

BATCH_NBYTES: Final = 8 << 20
"""Native bytes that are held at once: large enough to keep worker threads busy, small enough for the cache."""


class StoredFrames(Protocol):
    """Frames of one image, read by index."""

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames."""

    @property
    def index(self) -> FrameIndex | None:
        """Where each Frame's Fragments are; None where Pixel Data is native."""

    @property
    def is_shareable(self) -> bool:
        """Whether several threads may read at once."""

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":
        """Return `count` Frames from `index` (from 0) on, ``image_pixel.frame_nbytes`` bytes each, in one piece.

        They may lie in `memory`, where it is large enough.
        """


_SHORT_FRAGMENT_NBYTES: Final = 2048

MAX_BATCH_FRAMES: Final = 1024
"""Frames that are held at once, however small: each costs some objects, and its Fragment may be 64 KiB."""


def batches(image_pixel: ImagePixel, *, batch_nbytes: int = BATCH_NBYTES) -> Iterator[tuple[int, int]]:
    """Yield (index, count) of runs of Frames: about `batch_nbytes` together, or 1024, or one where it is larger."""
    step = min(max(1, batch_nbytes // image_pixel.frame_nbytes), MAX_BATCH_FRAMES)
    for index in range(0, image_pixel.number_of_frames, step):
        yield index, min(step, image_pixel.number_of_frames - index)


def open_frames(
    source: ByteSource, layout: DataSetLayout, uid: str, *, threads: int = 1, strict: bool = True
) -> StoredFrames:
    """Return the Frames of the Data Set that `layout` describes, encoded in Transfer Syntax `uid`.

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
        return NativeFrames(source, layout, image_pixel)
    if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
        index = drive(index_frames(layout, image_pixel.number_of_frames), source)
        return DeflatedFrames(source, index, image_pixel, threads=threads, strict=strict)
    if uid == ENCAPSULATED_UNCOMPRESSED:
        index = drive(
            index_frames(layout, image_pixel.number_of_frames, one_fragment_per_frame=False), source
        )
        return UncompressedFragments(source, index, image_pixel)
    raise TransferSyntaxError(f"Frames in Transfer Syntax {uid} need another decoder", uid=uid)


class NativeFrames:
    """Frames of native Pixel Data.

    Parameters
    ----------
    source : ByteSource
        The file.
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
    is_shareable: bool = True

    def __init__(self, source: ByteSource, layout: DataSetLayout, image_pixel: ImagePixel) -> None:
        self.image_pixel = image_pixel
        self._source = source
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

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":  # noqa: ARG002
        """Return `count` Frames from `index` (from 0) on, in one piece."""
        part = native_range(self.image_pixel, index, count)
        # Words are counted from the start of the value, not of the Frame (PS3.5 8.1.1).
        start = part.start - part.start % self.word_nbytes
        stop = part.stop + -part.stop % self.word_nbytes
        data = self._source.get_range(self.position + start, self.position + stop)
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
class DeflatedFrames:
    """Frames in Deflated Image Frame Compression.

    Attributes
    ----------
    source : ByteSource
        The file.
    index : FrameIndex
        Where each Frame's Fragments are.
    image_pixel : ImagePixel
        Describes the Frames.
    threads : int
        Worker threads that inflate; 0 means all cores.
    strict : bool
        As `decode_frame`.
    """

    source: ByteSource
    index: FrameIndex
    image_pixel: ImagePixel
    threads: int = 1
    strict: bool = True
    is_shareable: ClassVar[bool] = True

    def fragment(self, index: int) -> bytes:
        """Return the Fragment of Frame `index`, the Fragments joined where a writer split it."""
        return b"".join(self.source.get_range(*place) for place in self.index.byte_ranges(index))

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":
        """Return `count` Frames from `index` (from 0) on, in one piece; in `memory`, where it is large enough."""
        frames, _met = self.inflate(index, count, memory=memory)
        return frames

    def inflate(
        self, index: int, count: int, *, memory: bytearray | None = None
    ) -> tuple[memoryview, InflatedFrames]:
        """As `read`, with what was met on the way."""
        fragments = self.fragments(index, count)
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

    def read_pixels(self, index: int, count: int, out: "Buffer", *, zeroed: bool) -> None:
        """Inflate `count` Frames from `index` (from 0) on to pixels in `out`, as `inflate_pixels`."""
        inflate_pixels(
            self.fragments(index, count),
            self.image_pixel,
            out,
            zeroed=zeroed,
            threads=self.threads,
            strict=self.strict,
            first_frame_number=index + 1,
        )

    def require_plausible(self, indices: Iterable[int]) -> None:
        """Refuse Frames that their Fragments cannot hold, before anything is allocated for all of them.

        Raises
        ------
        FrameDecodeError
            For the first of them.
        """
        for index in indices:
            nbytes = sum(stop - start for start, stop in self.index.byte_ranges(index))
            check_expansion(nbytes, self.image_pixel, frame_number=index + 1)

    def fragments(self, index: int, count: int) -> "list[bytes | memoryview]":
        """Return the Fragments of neighbouring Frames, read in one request where they lie close together.

        Raises
        ------
        FrameDecodeError
            A Fragment cannot hold its Frame.
        """
        single = self.index.single_fragments(index, count)
        if single is None or max(single[1]) > self._longest():
            return self._any_fragments(index, count)
        positions, lengths = single
        if min(lengths) * MAX_EXPANSION < self.image_pixel.frame_nbytes:
            self.require_plausible(range(index, index + count))
        first, last = positions[0], positions[-1] + lengths[-1]
        if last - first > 2 * sum(lengths) + (1 << 16):
            return self._any_fragments(index, count)
        data = self.source.get_range(first, last)
        # Bytes are cut and looked at in less time than a view, as long as there are few to copy.
        block = data if last - first < _SHORT_FRAGMENT_NBYTES * count else memoryview(data)
        return [
            block[start - first : start - first + nbytes]
            for start, nbytes in zip(positions, lengths, strict=True)
        ]

    def _any_fragments(self, index: int, count: int) -> "list[bytes | memoryview]":
        """As `fragments`, where a Frame is split, too long, or far from its neighbour."""
        self.require_plausible(range(index, index + count))
        return [
            b"".join(self.source.get_range(*part) for part in self._places(i))
            for i in range(index, index + count)
        ]

    def _longest(self) -> int:
        """Bytes of a Fragment beyond which it is absurdly long for its Frame.

        Stored blocks add 5 bytes to 65 535; a Fragment of gigabytes for a small Frame would only fill memory.
        """
        return 2 * self.image_pixel.frame_nbytes + (1 << 16)

    def _places(self, index: int) -> list[tuple[int, int]]:
        """Return what to read of a Frame's Fragments: all, unless they are absurdly long for their Frame."""
        places = self.index.byte_ranges(index)
        limit = self._longest()
        # What is cut off shows as bytes behind the stream, or as a stream that does not end.
        if sum(stop - start for start, stop in places) <= limit:
            return places
        kept = []
        for start, stop in places:
            kept.append((start, min(stop, start + limit)))
            limit -= kept[-1][1] - start
        return kept


@dataclass(slots=True)
class UncompressedFragments:
    """Frames in Encapsulated Uncompressed Explicit VR Little Endian: native bytes as Fragments.

    Attributes
    ----------
    source, index, image_pixel
        As `DeflatedFrames`.
    """

    source: ByteSource
    index: FrameIndex
    image_pixel: ImagePixel
    is_shareable: ClassVar[bool] = True

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":  # noqa: ARG002
        """Return `count` Frames from `index` (from 0) on, in one piece."""
        return b"".join(self._frame(i) for i in range(index, index + count))

    def _frame(self, index: int) -> bytes:
        nbytes = self.image_pixel.frame_nbytes
        places = self.index.byte_ranges(index)
        there = sum(stop - start for start, stop in places)
        if not nbytes <= there <= nbytes + 1:
            raise UnsupportedImageError(
                f"frame {index + 1} is stored in {there} bytes where it has {nbytes}", kind="short-pixel-data"
            )
        return b"".join(read_exactly(self.source, *place) for place in places)[:nbytes]
