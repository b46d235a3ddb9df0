# SPDX-License-Identifier: Apache-2.0
"""What is said about each Frame, against pydicom's own reading of the same Datasets, and highdicom's of tiles."""

import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

import dicom_writer as writer
from corpus import corpus_files, wheel_files
from counting_source import CountingSource
from data_set_samples import Node, write
from framedeflate import FrameDeflateError, FrameReader
from framedeflate.byte_source import ByteSource, BytesSource, FileSource
from framedeflate.data_set import item_table
from framedeflate.errors import DicomFormatError, FrameNumberError, SegmentError, UnsupportedImageError
from framedeflate.functional_groups import FrameMetadata, FunctionalGroups
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.pydicom_bridge import decode_text
from made_segmentations import segmentations, tiled_full_slide

SEGMENT = ("SegmentIdentificationSequence", "ReferencedSegmentNumber")
POSITION = ("PlanePositionSequence", "ImagePositionPatient")
ROW = ("PlanePositionSlideSequence", "RowPositionInTotalImagePixelMatrix")
COLUMN = ("PlanePositionSlideSequence", "ColumnPositionInTotalImagePixelMatrix")
INDICES = ("FrameContentSequence", "DimensionIndexValues")


def groups_of(source: ByteSource | bytes) -> FunctionalGroups:
    bytes_source = BytesSource(source) if isinstance(source, bytes) else source
    return FunctionalGroups(bytes_source, read_data_set_layout(bytes_source, read_file_meta(bytes_source)))


def said(dataset: Dataset, index: int, sequence: str, name: str) -> Any:
    """What pydicom finds in a Frame's Item, or else in the shared one."""
    items = [
        dataset.get(group) for group in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
    ]
    for group in [items[0][index] if items[0] else None, items[1][0] if items[1] else None]:
        if group is not None and group.get(sequence) and name in group.get(sequence)[0]:
            return group.get(sequence)[0].get(name)
    return None


def expected(dataset: Dataset, index: int) -> FrameMetadata:
    """What a Dataset says about a Frame, tiles in their order by highdicom."""
    position = said(dataset, index, *POSITION)
    if position is None and int(dataset.get("NumberOfFrames") or 1) == 1:
        position = dataset.get("ImagePositionPatient")
    row, column = said(dataset, index, *ROW), said(dataset, index, *COLUMN)
    segment = said(dataset, index, *SEGMENT)
    if dataset.get("DimensionOrganizationType") == "TILED_FULL":
        channel, _plane, column, row, *_ = tiles(dataset)[index]
        segment = channel if "SegmentSequence" in dataset else None
    indices = said(dataset, index, *INDICES)
    return FrameMetadata(
        frame_number=index + 1,
        segment_number=segment,
        image_position=None
        if position is None
        else (float(position[0]), float(position[1]), float(position[2])),
        tile_position=None if row is None else (row, column),
        dimension_index_values=(indices,) if isinstance(indices, int) else tuple(indices or ()),
    )


def tiles(dataset: Dataset) -> list[tuple[Any, ...]]:
    hd = pytest.importorskip("highdicom")
    return list(hd.spatial.iter_tiled_full_frame_data(dataset))


def check(groups: FunctionalGroups, wanted: Sequence[FrameMetadata]) -> None:
    """The Frames one by one, and all of them as arrays."""
    count = len(wanted)
    assert [groups.frame_metadata(frame_number=n) for n in range(1, count + 1)] == list(wanted)
    columns = (
        (groups.segment_numbers, [frame.segment_number for frame in wanted], 0),
        (groups.tile_positions, [frame.tile_position for frame in wanted], (0, 0)),
        (groups.image_positions, [frame.image_position for frame in wanted], (np.nan,) * 3),
    )
    for found, values, absent in columns:
        if not any(values):
            assert found is None
            continue
        assert found is not None
        assert not found.flags.writeable
        assert np.array_equal(found, [value or absent for value in values], equal_nan=True)
    for segment in {frame.segment_number for frame in wanted if frame.segment_number}:
        numbers = [frame.frame_number for frame in wanted if frame.segment_number == segment]
        assert groups.frames_for(segment=segment).tolist() == numbers


def check_labels(groups: FunctionalGroups, dataset: Dataset) -> None:
    described = dataset.get("SegmentSequence") or ()
    assert dict(groups.segments) == {item.SegmentNumber: item.SegmentLabel for item in described}


FILES = [file for file in corpus_files() + wheel_files() if b"\x00\x52\x30\x92" in file.path.read_bytes()]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", [file.path for file in FILES], ids=[file.name for file in FILES])
def test_real_files(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    if not dataset.get("PerFrameFunctionalGroupsSequence"):
        pytest.skip("pydicom does not see the sequence either")
    count = int(dataset.get("NumberOfFrames") or 1)
    with FileSource.open(path) as source:
        groups = groups_of(source)
        if len(dataset.PerFrameFunctionalGroupsSequence) != count:
            with pytest.raises(DicomFormatError) as refused:
                groups.frame_metadata(frame_number=1)
            assert refused.value.kind == "bad-structure"
            return
        check(groups, [expected(dataset, index) for index in range(count)])
        check_labels(groups, dataset)


@pytest.mark.parametrize(
    "name", ["BINARY", "FRACTIONAL", "LABELMAP", "TILED_SPARSE", "TILED_FULL", "TILED_LABELMAP"]
)
def test_segmentations_by_highdicom(name: str) -> None:
    dataset = segmentations()[name]
    file = BytesIO()
    dataset.save_as(file)
    with FrameReader.open(file.getvalue()) as reader:
        wanted = [expected(dataset, index) for index in range(int(dataset.NumberOfFrames))]
        check(reader.functional_groups, wanted)
        check_labels(reader.functional_groups, dataset)
        assert reader.frame_metadata(frame_number=len(reader)) == wanted[-1]
        if "LABELMAP" in name:
            with pytest.raises(SegmentError) as refused:
                reader.frames_for(segment=1)
            assert (refused.value.kind, refused.value.segment_number) == ("label-map", 1)
        else:
            for number in (1, 2):
                frames = reader.read(reader.frames_for(segment=number))
                assert len(frames) == sum(frame.segment_number == number for frame in wanted)
            with pytest.raises(SegmentError) as refused:
                reader.frames_for(segment=9)
            assert refused.value.kind == "unknown-segment"


@pytest.mark.parametrize(("planes", "paths"), [(1, 1), (3, 1), (1, 2), (2, 3)])
def test_a_full_slide_of_planes_and_optical_paths(planes: int, paths: int) -> None:
    dataset = tiled_full_slide(planes, paths)
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    wanted = [expected(dataset, index) for index in range(int(dataset.NumberOfFrames))]
    assert [frame.tile_position for frame in wanted] == [
        (row, column) for _, _, column, row, *_ in tiles(dataset)
    ]
    check(groups_of(file.getvalue()), wanted)
    # A part of a Concatenation (C.7.6.16.2.2.4): the same Frames from the one it starts with.
    dataset.ConcatenationFrameOffsetNumber = 4
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) - 5
    dataset.PixelData = dataset.PixelData[4 * 80 : -80]
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    part = groups_of(file.getvalue()).tile_positions
    assert part is not None
    assert [tuple(position) for position in part.tolist()] == [frame.tile_position for frame in wanted][4:-1]


def per_frame(count: int, **changes: Any) -> list[list[Node]]:
    """Items as a Segmentation has them; `changes` replace a value by the name of its group."""
    return [
        [
            Node(0x00209111, "SQ", [[Node(0x00209157, "UL", struct.pack("<2I", i % 2 + 1, i + 1))]], True),
            Node(0x00209113, "SQ", [[Node(0x00200032, "DS", changes.get("position", b"1.5\\-2\\%3d" % i))]]),
            Node(
                0x0062000A,
                "SQ",
                [[Node(0x0062000B, "US", changes.get("segment", struct.pack("<H", i % 2 + 1)))]],
            ),
        ]
        for i in range(count)
    ]


SYNTAXES = (writer.EXPLICIT_LITTLE, writer.IMPLICIT_LITTLE, writer.BIG_ENDIAN)


def made(
    nodes: Sequence[Node], uid: str = writer.EXPLICIT_LITTLE, *, frames: int = 6, **attributes: Any
) -> bytes:
    """A native file of 1-bit Frames with more elements."""
    fields = dict(writer.image(frames=str(frames), **attributes))
    pixels = ("OW", bytes(-(-frames * 150 // 8) + 1 & ~1))
    options = {"implicit": uid == writer.IMPLICIT_LITTLE, "big": uid == writer.BIG_ENDIAN}
    body = writer.data_set(fields, uid=uid) + write(nodes, **options)
    return writer.part10(body + writer.data_set({0x7FE00010: pixels}, uid=uid), uid=uid)


def sequence(items: Sequence[Sequence[Node]], *, undefined: bool = True, tag: int = 0x52009230) -> Node:
    return Node(tag, "SQ", items, undefined)


@pytest.mark.parametrize("uid", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_every_encoding(uid: str, undefined: bool) -> None:
    data = made([sequence(per_frame(6), undefined=undefined)], uid)
    dataset = pydicom.dcmread(BytesIO(data))
    check(groups_of(data), [expected(dataset, index) for index in range(6)])


@pytest.mark.parametrize("uid", SYNTAXES)
def test_what_all_frames_share(uid: str) -> None:
    shared = [[*per_frame(1)[0][:2], *per_frame(2)[1][2:]]]
    items = [[], *per_frame(6)[1:4], [], []]
    nodes = [sequence(shared, tag=0x52009229), sequence(items)]
    data = made(nodes, uid)
    dataset = pydicom.dcmread(BytesIO(data))
    wanted = [expected(dataset, index) for index in range(6)]
    assert [frame.segment_number for frame in wanted] == [2, 2, 1, 2, 2, 2]
    check(groups_of(data), wanted)
    # Without any Items of their own.
    for nodes in ([sequence(shared, tag=0x52009229)], [sequence(shared, tag=0x52009229), sequence([])]):
        data = made(nodes, uid)
        check(groups_of(data), [expected(pydicom.dcmread(BytesIO(data)), index) for index in range(6)])


def test_an_image_that_says_nothing() -> None:
    groups = groups_of(made([]))
    check(groups, [FrameMetadata(number, None, None, None, ()) for number in range(1, 7)])
    assert groups.segments == {}
    with pytest.raises(SegmentError) as refused:
        groups.frames_for(segment=1)
    assert refused.value.kind == "no-segments"
    for number in (-1, 0, 7):
        with pytest.raises(FrameNumberError):
            groups.frame_metadata(frame_number=number)


def test_a_segment_without_frames_has_none() -> None:
    labels = [
        [Node(0x00620004, "US", struct.pack("<H", number)), Node(0x00620005, "LO", b"caf\xe9")]
        for number in (1, 2, 3)
    ]
    nodes = [Node(0x00620002, "SQ", labels), sequence(per_frame(6))]
    latin = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100"
    data = made(nodes).replace(
        struct.pack("<HH2s", 8, 0x16, b"UI"), latin + struct.pack("<HH2s", 8, 0x16, b"UI"), 1
    )
    groups = groups_of(data)
    assert groups.frames_for(segment=3).tolist() == []
    assert groups.frames_for(segment=1).tolist() == [1, 3, 5]
    assert dict(groups.segments) == dict.fromkeys((1, 2, 3), "café")
    for unknown in (-1, 0, 4, 1 << 40):
        with pytest.raises(SegmentError) as refused:
            groups.frames_for(segment=unknown)
        assert refused.value.kind == "unknown-segment"


@pytest.mark.parametrize("mode", [pydicom.config.WARN, pydicom.config.RAISE])
def test_labels_in_any_character_set(mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", mode)
    for name, stored, label in (
        ("ISO_IR 192", "kidney 腎臓".encode(), "kidney 腎臓"),
        ("\\ISO 2022 IR 87", b"\x1b$B?U\x1b(B", "腎"),
        ("ISO_IR 192", b"kidney \xff", None),
        ("NO SUCH", b"kidney \xff", None),
        ("", b"kidney \xe9", None),
    ):
        found = decode_text(stored, name)
        assert found == label if label else found.startswith("kidney "), name


def test_nothing_is_read_twice_nor_before_it_is_asked_for() -> None:
    labels = [[Node(0x00620004, "US", b"\1\0")]]
    source = CountingSource(made([sequence(labels, tag=0x00620002), sequence(per_frame(6))]))
    layout = read_data_set_layout(source, read_file_meta(source))
    source.ranges.clear()
    groups = FunctionalGroups(source, layout)
    assert source.ranges == []
    for number in range(1, 7):
        groups.frame_metadata(frame_number=number)
    assert groups.segment_numbers is not None
    assert groups.image_positions is not None
    element = layout.elements[0x52009230]
    assert source.ranges == [(element.value_position, layout.elements[0x7FE00010].header_position)]


def test_a_sequence_longer_than_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made([sequence(per_frame(6))])
    dataset = pydicom.dcmread(BytesIO(data))
    wanted = [expected(dataset, index) for index in range(6)]
    for nbytes in (200, 211, 300, 500):
        monkeypatch.setattr(item_table, "MAX_WINDOW_NBYTES", nbytes)
        source = CountingSource(data)
        groups = groups_of(source)
        source.ranges.clear()
        check(groups, wanted)
        assert max(stop - start for start, stop in source.ranges) <= nbytes
    monkeypatch.setattr(item_table, "MAX_WINDOW_NBYTES", 100)
    with pytest.raises(DicomFormatError) as refused:
        groups_of(data).frame_metadata(frame_number=1)
    assert refused.value.kind == "too-large"


def test_threads_get_the_same() -> None:
    groups = groups_of(made([sequence(per_frame(6))]))
    found: list[Any] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        found.append((groups.frame_metadata(frame_number=3), groups.frames_for(segment=2).tolist()))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(FrameMetadata(3, 1, (1.5, -2.0, 2.0), None, (1, 3)), [2, 4, 6])] * 4


BAD_NODES = {
    "fewer Items": ([sequence(per_frame(5))], "bad-structure"),
    "more Items": ([sequence(per_frame(7))], "bad-structure"),
    "two shared Items": ([sequence(per_frame(2), tag=0x52009229)], "bad-structure"),
    "a short segment": ([sequence(per_frame(6, segment=b"\1"))], "bad-value"),
    "two coordinates": ([sequence(per_frame(6, position=b"1\\2 "))], "bad-value"),
    "text": ([sequence(per_frame(6, position=b"1\\2\\SMITH"))], "bad-value"),
    "not finite": ([sequence(per_frame(6, position=b"1\\2\\1e999"))], "bad-value"),
    "a long position": ([sequence(per_frame(6, position=b"1\\2\\" + b"0" * 1100))], "bad-value"),
    "not a sequence": ([Node(0x52009230, "OB", bytes(8))], "bad-structure"),
    "odd indices": (
        [sequence([[Node(0x00209111, "SQ", [[Node(0x00209157, "UL", b"ab")]])]] * 6)],
        "bad-value",
    ),
    "too few tiles": (
        [
            Node(0x00209311, "CS", b"TILED_FULL"),
            Node(0x00480006, "UL", struct.pack("<I", 40)),
            Node(0x00480007, "UL", struct.pack("<I", 15)),
        ],
        "bad-value",
    ),
}


def test_defects() -> None:
    for name, (nodes, kind) in BAD_NODES.items():
        groups = groups_of(made(nodes))
        with pytest.raises(DicomFormatError) as refused:
            check(groups, [groups.frame_metadata(frame_number=number) for number in range(1, 7)])
        assert refused.value.kind == kind, name
        assert "SMITH" not in str(refused.value)


def test_more_frames_than_the_file_has_bytes() -> None:
    data = writer.part10(writer.data_set(writer.image(frames="2147483647")), uid=writer.EXPLICIT_LITTLE)
    groups = groups_of(data)
    with pytest.raises(UnsupportedImageError) as refused:
        groups.frame_metadata(frame_number=5)
    assert refused.value.kind == "number-of-frames"


def test_a_file_that_becomes_shorter() -> None:
    data = made([sequence(per_frame(6))])
    source = CountingSource(data)
    groups = groups_of(source)
    source.data = data[: data.index(b"1.5\\")]
    with pytest.raises(DicomFormatError) as refused:
        groups.frames_for(segment=1)
    assert refused.value.kind == "truncated"


SAMPLE = made(
    [
        Node(0x00209311, "CS", b"TILED_FULL"),
        Node(0x00480006, "UL", struct.pack("<I", 30)),
        Node(0x00480007, "UL", struct.pack("<I", 15)),
        Node(
            0x00620002, "SQ", [[Node(0x00620004, "US", b"\1\0"), Node(0x00620005, "LO", b"a\x1b$B0!")]], True
        ),
        sequence(per_frame(1), tag=0x52009229),
        sequence([item[:2] for item in per_frame(6)]),
    ]
)
START = SAMPLE.index(b"TILED_FULL")


@given(
    st.lists(st.tuples(st.integers(START, len(SAMPLE) - 120), st.binary(min_size=1, max_size=4)), max_size=3)
)
def test_damaged_sequences_are_refused_or_read(edits: list[tuple[int, bytes]]) -> None:
    data = bytearray(SAMPLE)
    for at, new in edits:
        data[at : at + len(new)] = new
    with suppress(FrameDeflateError):
        groups = groups_of(bytes(data))
        asks: list[Callable[[], object]] = [
            lambda: groups.frame_metadata(frame_number=2),
            lambda: groups.segment_numbers,
            lambda: groups.tile_positions,
            lambda: groups.image_positions,
            lambda: groups.segments,
            lambda: groups.frames_for(segment=1),
        ]
        for ask in asks:
            with suppress(FrameDeflateError):
                ask()
