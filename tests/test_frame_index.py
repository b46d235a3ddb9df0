# SPDX-License-Identifier: Apache-2.0
"""Which Fragments are each Frame's, held against positions known from building the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counting_source import CountingSource
from dicom_writer import data_set, element, extended, image, item, offsets, part10, pixel_data
from framedeflate.byte_source import BytesSource, drive
from framedeflate.errors import EncapsulationError
from framedeflate.frame_index import FrameIndex, index_frames
from framedeflate.part10 import read_data_set_layout, read_file_meta


def index_of(file: bytes, frames: int, source: CountingSource | None = None) -> FrameIndex:
    layout = read_data_set_layout(BytesSource(file), read_file_meta(BytesSource(file)))
    return drive(index_frames(layout, frames), source or BytesSource(file))


def file_with(body: bytes) -> bytes:
    return part10(data_set(image()) + body)


def pieces(file: bytes, index: FrameIndex) -> list[bytes]:
    return [b"".join(file[a:b] for a, b in index.byte_ranges(i)) for i in range(len(index))]


def marked(sizes: list[int]) -> list[bytes]:
    """Fragments that can be told apart."""
    return [(n.to_bytes(4, "big") * (size // 4 + 1))[:size] for n, size in enumerate(sizes)]


# Small Fragments by the thousand, and some larger than any window.
SIZES = st.lists(st.sampled_from([2, 4, 10, 400, 5000, 70_000, 1_200_000]), min_size=1, max_size=20)


@given(SIZES, st.booleans())
def test_every_fragment_is_found_whatever_lies_between(sizes: list[int], filled: bool) -> None:
    fragments = marked(sizes)
    file = file_with(pixel_data(fragments, table=offsets(fragments) if filled else ()))
    index = index_of(file, len(sizes))
    assert pieces(file, index) == fragments
    assert index.problems == ()
    assert index.fragments.is_delimited
    assert index.fragments.end_position == len(file)
    assert index.fragments.nbytes == sum(sizes)


def test_thousands_of_items_are_found_in_few_reads() -> None:
    fragments = marked([6] * 30_000)
    file = file_with(pixel_data(fragments))
    source = CountingSource(file)
    assert pieces(file, index_of(file, 30_000, source)) == fragments
    assert len(source.ranges) < 40
    assert source.read_nbytes < 1.1 * len(file)


def test_large_items_are_stepped_over() -> None:
    fragments = marked([3_000_000] * 5)
    file = file_with(pixel_data(fragments, table=offsets(fragments)))
    source = CountingSource(file)
    assert pieces(file, index_of(file, 5, source)) == fragments
    assert source.read_nbytes < 100_000


@pytest.mark.parametrize("table", ["basic", "extended"])
def test_a_table_tells_apart_frames_of_several_fragments(table: str) -> None:
    fragments = marked([2, 4, 6, 8, 10, 12])
    # Frames of 1, 3 and 2 Fragments.
    every = offsets(fragments)
    starts = [every[0], every[1], every[4]]
    basic, long = (starts, b"") if table == "basic" else ([], extended(starts, None))
    file = file_with(long + pixel_data(fragments, table=basic))
    index = index_of(file, 3)
    assert pieces(file, index) == [fragments[0], b"".join(fragments[1:4]), b"".join(fragments[4:])]
    split = [problem for problem in index.problems if problem.kind == "split-frame"]
    assert [problem.frame_number for problem in split] == [2, 3]
    assert [problem.position for problem in split] == [index.byte_ranges(i)[0][0] - 8 for i in (1, 2)]


@pytest.mark.parametrize(
    "wrong", [[0, 2, 4], [10, 22, 36], [0, 22, 10], [0, 0, 10], [0, 10, 10], [0, 10, 1 << 31]]
)
def test_a_wrong_table_never_decides(wrong: list[int]) -> None:
    three, four = marked([2, 4, 6]), marked([2, 4, 6, 8])
    file = file_with(pixel_data(three, table=wrong))
    index = index_of(file, 3)
    assert pieces(file, index) == three
    assert [problem.kind for problem in index.problems] == ["basic-offset-table"]
    with pytest.raises(EncapsulationError) as caught:
        index_of(file_with(pixel_data(four, table=wrong)), 3)
    assert caught.value.kind == "fragment-count"


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 2**31 - 1])
def test_fragments_and_number_of_frames_must_agree(frames: int) -> None:
    with pytest.raises(EncapsulationError) as caught:
        index_of(file_with(pixel_data(marked([2, 4, 6]))), frames)
    assert caught.value.kind == "fragment-count"


START = len(file_with(b"")) + 12


@pytest.mark.parametrize(
    ("items", "kind", "position"),
    [
        # Positions count from the table's Item, which starts at byte 0 of `items`.
        (item(b"") + item(b"ab") + element(0x7FE00020, "OB", b"ab"), "bad-item", 18),
        (item(b"") + item(b"ab", nbytes=0xFFFFFFFF), "bad-item", 8),
        (item(b"") + item(b"ab", nbytes=4), "truncated", 8),
        (item(b"") + item(b"ab") + item(b"ab")[:5], "truncated", 18),
        (b"\xfe\xff\xdd\xe0" + bytes(4), "bad-item", 8),
        (item(b"", nbytes=1 << 30), "truncated", 0),
    ],
)
def test_broken_items_are_named_with_their_place(items: bytes, kind: str, position: int) -> None:
    file = file_with(element(0x7FE00010, "OB", items, nbytes=0xFFFFFFFF))
    with pytest.raises(EncapsulationError) as caught:
        index_of(file, 1)
    assert (caught.value.kind, caught.value.position) == (kind, START + position)


def test_a_file_may_end_with_its_last_item() -> None:
    fragments = marked([2, 4, 6])
    file = file_with(pixel_data(fragments, end=b""))
    index = index_of(file, 3)
    assert pieces(file, index) == fragments
    assert not index.fragments.is_delimited
    assert [(problem.kind, problem.position) for problem in index.problems] == [
        ("missing-delimiter", len(file))
    ]
