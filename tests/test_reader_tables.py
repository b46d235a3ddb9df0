# SPDX-License-Identifier: Apache-2.0
"""Files on servers whose offset tables are wrong or missing: the right Frames, at bounded cost."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from counting_source import CountingSource, FarSource
from dicom_writer import (
    UNDEFINED,
    data_set,
    deflate,
    element,
    image,
    item,
    offsets,
    open_sequence,
    padded,
    part10,
    pixel_data,
)
from framedeflate import FrameReader, frame_index, header_memory
from framedeflate.errors import DicomFormatError, EncapsulationError, FrameDecodeError

ROWS, COLUMNS = 64, 48
RNG = np.random.default_rng(29)


def frames_of_noise(count: int) -> tuple[np.ndarray, list[bytes]]:
    array = RNG.integers(0, 2, (count, ROWS, COLUMNS)).astype(np.bool_)
    frames = np.packbits(array.reshape(count, -1), axis=1, bitorder="little")
    return array, [padded(deflate(frame.tobytes())) for frame in frames]


def file_of(fragments: list[bytes], table: list[int], middle: bytes = b"") -> bytes:
    head = data_set(image(rows=ROWS, columns=COLUMNS, frames=str(len(fragments))))
    return part10(head + middle + pixel_data(fragments, table=table))


def shifted(table: list[int]) -> list[int]:
    return [0, *(offset + 2 for offset in table[1:])]


def test_many_runs_that_find_the_table_wrong_walk_over_the_items_once() -> None:
    array, fragments = frames_of_noise(2000)
    file = file_of(fragments, shifted(offsets(fragments)))
    source = FarSource(file)
    reader = FrameReader(source)
    assert np.array_equal(reader.read(range(1, 2001, 2)), array[::2])
    # The header, the Frames where they were said to be, all Items, the Frames where they are.
    assert source.read_nbytes < 3 * len(file)


def crowded(table: list[int]) -> list[int]:
    """Two Items with nothing between."""
    return [*table[:100], table[99] + 8, *table[101:]]


def early_end(table: list[int]) -> list[int]:
    """A last Item that would begin where the file ends."""
    return [*table[:-1], table[-1] + 300]


@pytest.mark.parametrize("wrong", [crowded, early_end])
@pytest.mark.parametrize("key", [99, 299, slice(None)])
def test_a_table_that_leaves_a_frame_no_room_is_not_believed(
    wrong: Callable[[list[int]], list[int]], key: int | slice
) -> None:
    array, fragments = frames_of_noise(300)
    reader = FrameReader(FarSource(file_of(fragments, wrong(offsets(fragments)))))
    assert np.array_equal(reader[key], array[key])


def test_a_last_fragment_that_cannot_hold_its_frame_is_named() -> None:
    fragments = [padded(deflate(bytes(8000 * 8000 // 8))), b"\3\0"]
    head = data_set(image(rows=8000, columns=8000, frames="2"))
    file = part10(
        head + pixel_data(fragments, table=offsets(fragments)) + element(0xFFFCFFFC, "OB", bytes(2000))
    )
    reader = FrameReader(FarSource(file))
    assert not reader[0].any()
    with pytest.raises(FrameDecodeError) as caught:
        reader[1]
    assert (caught.value.kind, caught.value.frame_number) == ("short-output", 2)


def test_a_fragment_is_given_as_stored_however_long_it_is() -> None:
    _array, fragments = frames_of_noise(3)
    fragments[1] += bytes(100_000)
    file = file_of(fragments, offsets(fragments))
    for source in (CountingSource(file), FarSource(file)):
        reader = FrameReader(source)
        assert [reader.fragment(frame_number=n) for n in (2, 1, 2, 3)] == [
            fragments[n - 1] for n in (2, 1, 2, 3)
        ]


def test_a_walk_over_items_keeps_nothing() -> None:
    """Otherwise it would hold some kilobytes a Frame of a file without tables, and look through all for each Item."""
    fragments = [padded(deflate(RNG.bytes(10_000), level=0))] * 300
    head = data_set(image(rows=200, columns=400, frames="300"))
    source = FarSource(part10(head + pixel_data(fragments)))
    reader = FrameReader(source)
    assert reader[299].shape == (200, 400)
    source.ranges.clear()
    memory = reader._image.memory
    assert memory is not None
    kept = memory.known_from(0)
    assert kept < 100_000
    assert all(memory.find(at, at + 8) is None for at in range(kept, source.nbytes, 1000))


@pytest.mark.parametrize("frames", [1, 20])
def test_a_header_that_goes_on_behind_the_functional_groups_is_read_in_growing_windows(frames: int) -> None:
    groups = open_sequence(
        0x52009230, *[open_sequence(0x00209111, element(0x00209157, "UL", bytes(8)))] * frames
    )
    behind = open_sequence(0x60010010, *[element(0x60011001, "LO", b"some text" * 7 + b" ")] * 40_000)
    array, fragments = frames_of_noise(frames)
    source = FarSource(file_of(fragments, offsets(fragments), groups + behind))
    reader = FrameReader(source)
    assert source.requests <= 10
    assert np.array_equal(reader[:], array)


class Claiming(FarSource):
    """Claims to go on, for petabytes, with what it repeats."""

    def __init__(self, data: bytes, repeated: bytes) -> None:
        super().__init__(data)
        self.repeated = repeated

    @property
    def nbytes(self) -> int:
        return 10**15

    def get_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.requests += 1
        self.ranges.extend(ranges)
        return [self.answer(start, stop) for start, stop in ranges]

    def answer(self, start: int, stop: int) -> bytes:
        assert stop - start <= 64 << 20
        known = self.data[start:stop]
        start = max(start, len(self.data))
        skipped = (start - len(self.data)) % len(self.repeated)
        more = self.repeated * ((stop - start) // len(self.repeated) + 2)
        return known + more[skipped : skipped + stop - start]


def test_a_table_that_a_server_could_make_up_is_not_read() -> None:
    pixels = element(0x7FE00010, "OB", b"", nbytes=UNDEFINED) + item(b"", nbytes=4 * 10**9)
    source = Claiming(part10(data_set(image(frames=str(10**9))) + pixels), bytes(1000))
    with pytest.raises(EncapsulationError) as caught:
        FrameReader(source)
    assert caught.value.kind == "bad-item"
    assert sum(stop - start for start, stop in source.ranges) < 65 << 20


def test_items_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_index, "_MAX_FRAGMENTS", 100_000)
    pixels = element(0x7FE00010, "OB", item(b""), nbytes=UNDEFINED)
    source = Claiming(part10(data_set(image(frames="1000")) + pixels), item(b"\3\0"))
    with pytest.raises(EncapsulationError) as caught:
        FrameReader(source)
    assert caught.value.kind == "fragment-count"
    assert source.requests < 50


def test_a_header_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_memory, "_MAX_READ_NBYTES", 30 << 20)
    for frames in ("1", "1000000"):
        for head in (b"", element(0x52009230, "SQ", b"", nbytes=UNDEFINED)):
            unit = element(0x00091001, "LO", b"some text ")
            source = Claiming(part10(data_set(image(frames=frames)) + head), item(unit) if head else unit)
            with pytest.raises(DicomFormatError) as caught:
                FrameReader(source)
            assert caught.value.kind == "too-large"
            assert source.requests < 30
