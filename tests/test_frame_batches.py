# SPDX-License-Identifier: Apache-2.0
"""How Frames are shared out among threads, and the memory that goes round."""

import os
import threading
from dataclasses import dataclass, field

import pytest

from framedeflate.image_pixel import ImagePixel
from framedeflate.transcode.frame_batches import BatchPlan, SpareMemory
from framedeflate.transcode.stages import Stages

MIB = 1 << 20


@dataclass
class Frames:
    """Frames that hold their index, and note who read them."""

    image_pixel: ImagePixel
    is_shareable: bool = True
    index: None = None
    read_by: set[int] = field(default_factory=set)

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> memoryview:
        self.read_by.add(threading.get_ident())
        nbytes = self.image_pixel.frame_nbytes
        room = memory if memory is not None else bytearray(count * nbytes)
        for i in range(count):
            room[i * nbytes : (i + 1) * nbytes] = (index + i).to_bytes(4, "little") * (nbytes // 4)
        return memoryview(room)[: count * nbytes]


def image(*, rows: int, columns: int, frames: int) -> ImagePixel:
    return ImagePixel(rows=rows, columns=columns, bits_allocated=8, number_of_frames=frames)


@pytest.mark.parametrize("shareable", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_frame_comes_once_and_in_order(*, shareable: bool, threads: int) -> None:
    frames = Frames(image(rows=512, columns=512, frames=75), is_shareable=shareable)
    plan = BatchPlan.of(frames, threads=threads)
    spare = SpareMemory()

    def work(batch: object) -> list[int]:
        seen = []
        for part in batch.parts(spare):  # type: ignore[attr-defined]
            values = memoryview(part.native).cast("I")
            seen += [values[i * MIB // 16] for i in range(part.count)]
            assert seen[-1] == part.index + part.count - 1
            spare.give(part.native)
        return seen

    with Stages(work, workers=plan.workers) as stages:
        assert [number for seen in stages.results(plan) for number in seen] == list(range(75))
    here = threading.get_ident()
    # What several threads must not read, the caller does; the rest is read where it is coded.
    assert (frames.read_by == {here}) is not shareable


@pytest.mark.parametrize(
    ("rows", "frames", "workers"),
    [
        (512, 1, 0),  # a single Frame
        (512, 4, 0),  # and all that fit the least batch: no thread is worth its start
        (512, 2000, 2),
        (8192, 20, 1),  # 64 MiB a Frame
        (30_000, 3, 1),
    ],
)
def test_few_or_large_frames_are_for_fewer_threads(
    monkeypatch: pytest.MonkeyPatch, *, rows: int, frames: int, workers: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    plan = BatchPlan.of(
        Frames(image(rows=rows, columns=512 if rows == 512 else 8192, frames=frames)), threads=0
    )
    assert plan.workers == workers
    # A batch that is all there is may be shared out inside.
    assert plan.threads == (0 if workers == 0 else 1)


def test_only_memory_that_may_be_written_to_goes_round() -> None:
    spare = SpareMemory()
    assert spare.take() is None
    spare.give(b"of others")
    spare.give(memoryview(b"of others"))
    assert spare.take() is None
    room = bytearray(10)
    spare.give(memoryview(room)[:4])
    assert spare.take() is room
    assert spare.take() is None
