# SPDX-License-Identifier: Apache-2.0
"""An image that was opened for reading some of its Frames: the plans that FrameReader and its async twin drive."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypeVar

from numpy.typing import NDArray

from framedeflate.byte_source import FIRST_NBYTES, AsyncByteSource, ByteSource, Plan
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.errors import FrameNumberError, TransferSyntaxError
from framedeflate.fragment_plans import TabledFragments
from framedeflate.frame_arrays import (
    FAR,
    NEAR,
    Reach,
    Run,
    arrays_of,
    fetch,
    read_array,
    read_one,
    runs_in_turn,
)
from framedeflate.frame_plans import DeflatedFrames, PlannedFrames, plan_frames
from framedeflate.functional_groups import FunctionalGroups
from framedeflate.header_forecast import forecast_nbytes
from framedeflate.header_memory import HeaderMemory, RememberingSource
from framedeflate.image_pixel import ImagePixel
from framedeflate.part10 import ScanProgress, scan_file_meta, scan_stated_data_set
from framedeflate.range_plan import RangePlan, one_at_a_time
from framedeflate.transfer_syntax import NATIVE

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["OpenedImage", "plan_image"]

T = TypeVar("T")

_REQUESTS_TO_OPEN: Final = 3


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """What is known of a file once its header and tables were read.

    Attributes
    ----------
    transfer_syntax_uid : str
        As the File Meta Information says.
    layout : DataSetLayout
        Where things are in the Data Set.
    frames : PlannedFrames
        The Frames.
    reach : Reach
        How much to ask for at once.
    memory : HeaderMemory or None
        The header, where asking for it again would cost a round trip.
    """

    transfer_syntax_uid: str
    layout: DataSetLayout
    frames: PlannedFrames
    reach: Reach
    memory: HeaderMemory | None

    @property
    def image_pixel(self) -> ImagePixel:
        """Describes the Frames."""
        return self.frames.image_pixel

    def __len__(self) -> int:
        return self.image_pixel.number_of_frames

    def read(self, indices: Sequence[int]) -> RangePlan[NDArray[Any]]:
        """Plan: the Frames at `indices`, from 0, as one array."""
        return self._remembering(read_array(self.frames, indices, self.reach))

    def read_item(self, key: SupportsIndex | slice) -> RangePlan[NDArray[Any]]:
        """Plan: the Frame at an index, negative from the end, or those of a slice.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        """
        count = len(self)
        if isinstance(key, slice):
            return self.read(range(count)[key])
        # numpy's small integers would overflow further on.
        index = operator.index(key)
        if not -count <= index < count:
            raise FrameNumberError(frame_number=index + 1, number_of_frames=count)
        return self._remembering(read_one(self.frames, index % count))

    def read_numbers(self, frame_numbers: Iterable[SupportsIndex]) -> RangePlan[NDArray[Any]]:
        """Plan: the Frames with these numbers, from 1, in the order given; errors as `read_item`."""
        return self.read([self.index_of(number) for number in frame_numbers])

    def fragment(self, frame_number: SupportsIndex) -> RangePlan[bytes]:
        """Plan: the value of the Fragment that holds a Frame, as stored; Fragments joined where a writer split it.

        Raises
        ------
        FrameNumberError
            There is no such Frame.
        TransferSyntaxError
            The file's Frames are not deflated, so there are no Fragments.
        """
        index = self.index_of(frame_number)
        if not isinstance(self.frames, DeflatedFrames):
            raise TransferSyntaxError(
                "only a file in Deflated Image Frame Compression has a Fragment for each Frame",
                uid=self.transfer_syntax_uid,
            )
        return self._remembering(_fragment(self.frames, index))

    def fetch(self, run: Run) -> "RangePlan[list[Buffer] | Buffer]":
        """Plan: what is stored of some Frames, for `arrays_of`."""
        return self._remembering(fetch(self.frames, run))

    def arrays_of(self, run: Run, fetched: "list[Buffer] | Buffer") -> Iterator[NDArray[Any]]:
        """Yield each Frame of what was fetched."""
        return arrays_of(self.frames, run, fetched)

    def runs_in_turn(self) -> Iterator[Run]:
        """Yield what to fetch, one after the other, to go through all Frames."""
        return runs_in_turn(self.frames, self.reach)

    def index_of(self, frame_number: SupportsIndex) -> int:
        """Return the index of a Frame; errors as `read_item`."""
        number = operator.index(frame_number)
        if not 1 <= number <= len(self):
            raise FrameNumberError(frame_number=number, number_of_frames=len(self))
        return number - 1

    def functional_groups(self, source: ByteSource) -> FunctionalGroups:
        """Return what the file says about its Frames, to be read from `source` where the header is not remembered."""
        header = source if self.memory is None else RememberingSource(source, self.memory)
        return FunctionalGroups(header, self.layout)

    def answer(self, plan: Plan[T]) -> RangePlan[T]:
        """Plan: as `plan`, with what is known of the header left out of what it asks for."""
        return self._remembering(one_at_a_time(plan))

    def _remembering(self, plan: RangePlan[T]) -> RangePlan[T]:
        return plan if self.memory is None else self.memory.answer_ranges(plan)


def _fragment(frames: DeflatedFrames, index: int) -> RangePlan[bytes]:
    if frames.index is None:
        (fragment,) = yield from frames.fragments.fetch(index, 1)
        if frames.index is None:
            return bytes(fragment)
    # Where the Items were walked over: what is fetched to be inflated may be cut off.
    return b"".join((yield frames.index.byte_ranges(index)))


def plan_image(
    source: ByteSource | AsyncByteSource, *, threads: int = 1, strict: bool = True
) -> RangePlan[OpenedImage]:
    """Plan: open the image in a source, of which only what it says of itself is looked at here.

    Parameters
    ----------
    source : ByteSource or AsyncByteSource
        Where its ``is_remote`` is true, the plan asks seldom rather than little: the end of the header is guessed,
        what was read is kept, an offset table is believed until a Frame contradicts it. Its ``first``, where it has
        that, are the file's first bytes, which are known already.

    Raises
    ------
    DicomFormatError, UnsupportedImageError, EncapsulationError, TransferSyntaxError
        As `FrameReader`.
    """
    nbytes = source.nbytes
    if not getattr(source, "is_remote", False):
        return (yield from one_at_a_time(_plan_near(nbytes, threads=threads, strict=strict)))
    memory = HeaderMemory(nbytes, getattr(source, "first", b""))
    meta = yield from memory.answer(scan_file_meta(window_nbytes=FIRST_NBYTES))
    uid = meta.transfer_syntax_uid

    def windows(progress: ScanProgress) -> int:
        forecast = forecast_nbytes(
            progress, source_nbytes=nbytes, is_encapsulated=uid not in NATIVE, requests=memory.requests
        )
        return memory.window_nbytes(progress.position, forecast)

    layout = yield from memory.answer(scan_stated_data_set(meta, nbytes, windows=windows))
    plan = plan_frames(layout, uid, threads=threads, strict=strict, believe_tables=True)
    # Nothing is kept: a walk over the Items may pass all of the file.
    frames = yield from memory.answer_ranges(one_at_a_time(plan))
    fragments = frames.fragments if isinstance(frames, DeflatedFrames) else None
    if isinstance(fragments, TabledFragments) and memory.requests < _REQUESTS_TO_OPEN - 1:
        # Otherwise with the first Frame.
        yield from memory.answer_ranges(fragments.check_tail())
    return OpenedImage(uid, layout, frames, FAR, memory)


def _plan_near(nbytes: int, *, threads: int, strict: bool) -> Plan[OpenedImage]:
    meta = yield from scan_file_meta()
    layout = yield from scan_stated_data_set(meta, nbytes)
    uid = meta.transfer_syntax_uid
    frames = yield from plan_frames(layout, uid, threads=threads, strict=strict)
    return OpenedImage(uid, layout, frames, NEAR, None)
