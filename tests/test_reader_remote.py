# SPDX-License-Identifier: Apache-2.0
"""Frames of a file on a server: few requests, few bytes, counted by the server."""

import asyncio
import io
import struct
import threading
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from dicom_writer import (
    EXPLICIT_LITTLE,
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
    text,
)
from framedeflate import AsyncFrameReader, FrameReader
from framedeflate.errors import FrameNumberError, RemoteSourceError, UnsupportedImageError
from range_server import RangeServer

ROWS, COLUMNS = 64, 48
RNG: Final = np.random.default_rng(11)


def masks(count: int) -> np.ndarray:
    """Blobs: a rectangle somewhere in each Frame."""
    array = np.zeros((count, ROWS, COLUMNS), np.bool_)
    for frame in array:
        top, left = RNG.integers(0, 40, 2)
        frame[top : top + 20, left : left + 9] = RNG.random((20, 9))[: ROWS - top, : COLUMNS - left] < 0.7
    return array


def groups_item(index: int) -> bytes:
    """What a Segmentation says of one Frame."""
    position = f"{index * 0.5:.4f}\\-120.25\\{-index * 1.25:.6f}"
    return b"".join(
        (
            open_sequence(
                0x00089124,
                open_sequence(
                    0x00082112,
                    b"".join(
                        (
                            element(0x00081150, *text("UI", "1.2.840.10008.5.1.4.1.1.2")),
                            element(0x00081155, *text("UI", f"1.2.826.0.1.3680043.8.498.{index:020d}")),
                        )
                    ),
                ),
            ),
            open_sequence(0x00209111, element(0x00209157, "UL", struct.pack("<2I", 1 + index % 7, index))),
            open_sequence(0x00209113, element(0x00200032, *text("DS", position))),
            open_sequence(0x0062000A, element(0x0062000B, "US", struct.pack("<H", 1 + index % 7))),
        )
    )


def undefined_groups(count: int) -> bytes:
    return open_sequence(0x52009230, *(groups_item(index) for index in range(count)))


def defined_groups(count: int) -> bytes:
    return element(0x52009230, "SQ", b"".join(item(groups_item(index)) for index in range(count)))


def segments(count: int) -> bytes:
    """A Segment Sequence."""
    return open_sequence(
        0x00620002,
        *(
            element(0x00620004, "US", struct.pack("<H", n))
            + element(0x00620005, "LO", b"a label of a segment" * 12)
            for n in range(1, count + 1)
        ),
    )


def extended(fragments: list[bytes]) -> bytes:
    table = offsets(fragments)
    return (
        element(0x7FE00001, "OV", struct.pack(f"<{len(table)}Q", *table))
        + element(0x7FE00002, "OV", struct.pack(f"<{len(table)}Q", *map(len, fragments)))
        + pixel_data(fragments)
    )


def basic(fragments: list[bytes]) -> bytes:
    return pixel_data(fragments, table=offsets(fragments))


HEADS: dict[str, tuple[int, bytes]] = {
    "no-groups": (500, b""),
    "few": (20, undefined_groups(20)),
    "undefined-lengths": (2000, undefined_groups(2000)),
    "nearly-1-MiB": (2800, undefined_groups(2800)),
    "defined-lengths": (2000, defined_groups(2000)),
    "many-segments": (900, segments(200) + undefined_groups(900)),
}


def whole(
    count: int, middle: bytes, array: np.ndarray, pixels: Callable[[list[bytes]], bytes]
) -> tuple[bytes, int]:
    """A file, and where its first Frame begins."""
    frames = np.packbits(array.reshape(count, -1), axis=1, bitorder="little")
    fragments = [padded(deflate(frame.tobytes())) for frame in frames]
    end = pixels(fragments)
    head = data_set(image(rows=ROWS, columns=COLUMNS, frames=str(count))) + middle
    file = part10(head + end)
    return file, len(file) - sum(8 + len(fragment) for fragment in fragments) - 8


@pytest.mark.parametrize("table", [basic, extended], ids=["basic", "extended"])
@pytest.mark.parametrize("name", HEADS)
def test_three_requests_before_the_first_frame_and_one_for_it(
    name: str, table: Callable[[list[bytes]], bytes]
) -> None:
    count, middle = HEADS[name]
    array = masks(count)
    file, header_nbytes = whole(count, middle, array, table)
    assert header_nbytes < 1 << 20
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        assert len(server.requests) <= 3, server.requests
        opening = len(server.requests)
        for number, index in enumerate((count // 2, count - 1, 0), 1):
            assert np.array_equal(reader[index], array[index])
            assert len(server.requests) <= opening + number + 1
            assert server.body_nbytes <= header_nbytes + number * 65536
        server.forget()
        some = list(range(3, count, 5))
        assert np.array_equal(reader.read([i + 1 for i in some]), array[some])
        assert len(server.requests) <= 2 + len(file) // (1 << 20)
        server.forget()
        assert np.array_equal(reader[:], array)
        assert np.array_equal(np.stack(list(reader)), array)


def wide(count: int = 300) -> tuple[bytes, np.ndarray, list[bytes]]:
    """A file whose Frames are too many for the first request."""
    array = RNG.integers(0, 2, (count, ROWS, COLUMNS)).astype(np.bool_)
    frames = np.packbits(array.reshape(count, -1), axis=1, bitorder="little")
    return part10(head_of(count)), array, [padded(deflate(frame.tobytes())) for frame in frames]


def head_of(count: int) -> bytes:
    return data_set(image(rows=ROWS, columns=COLUMNS, frames=str(count)))


def skipping(table: list[int]) -> list[int]:
    """Leaves out an Item in the middle, and counts the last one's beginning in its place: one too long an Item."""
    return [*table[:100], *table[101:], table[-1] + 200]


def moved_on(table: list[int]) -> list[int]:
    """Leaves out the second Item: all but the first Frame would be their successors, and the last none."""
    return [0, *table[2:], table[-1] + 200]


def shifted(table: list[int]) -> list[int]:
    return [0, *(offset + 2 for offset in table[1:])]


@pytest.mark.parametrize(
    "wrong",
    [
        skipping,
        moved_on,
        shifted,
        lambda table: table[:-1],
        lambda table: [0] * len(table),
        lambda table: table[::-1],
        lambda _: [],
    ],
    ids=["skipping", "moved-on", "shifted", "short", "zeros", "backwards", "empty"],
)
def test_a_wrong_table_gives_the_right_frames(wrong: Callable[[list[int]], list[int]]) -> None:
    head, array, fragments = wide()
    file = head + pixel_data(fragments, table=wrong(offsets(fragments)))
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        for index in (150, 99, 299, 100, 0):
            assert np.array_equal(reader[index], array[index])
        assert np.array_equal(reader[:], array)
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        assert np.array_equal(reader.read([200, 7]), array[[199, 6]])


def test_frames_that_are_split_are_joined() -> None:
    head, array, fragments = wide()
    table = offsets(fragments)
    cut = [part for fragment in fragments for part in (fragment[:100], fragment[100:])]
    table = offsets(cut, per_frame=2)
    file = head + pixel_data(cut, table=table)
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        assert np.array_equal(reader[123], array[123])
        assert np.array_equal(np.stack(list(reader)), array)


@pytest.mark.parametrize("count", [1, 300])
def test_native_frames_are_read_too(count: int) -> None:
    _head, array, _fragments = wide(count)
    native = np.packbits(array.ravel(), bitorder="little").tobytes()
    head = data_set(image(rows=ROWS, columns=COLUMNS, frames=str(count)))
    file = part10(head + element(0x7FE00010, "OB", native + b"\0" * (len(native) % 2)), uid=EXPLICIT_LITTLE)
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        assert len(server.requests) == 1
        assert np.array_equal(reader[count - 1], array[count - 1])
        assert len(server.requests) <= 2
        assert np.array_equal(reader[:], array)
        assert np.array_equal(np.stack(list(reader)), array)


def test_an_iteration_that_stops_leaves_nothing_behind() -> None:
    head, array, fragments = wide()
    with RangeServer({"seg.dcm": head + pixel_data(fragments, table=offsets(fragments))}) as server:
        with FrameReader.open(server.url("seg.dcm")) as reader:
            for frame, expected in zip(reader, array[:3], strict=False):
                assert np.array_equal(frame, expected)
            assert server.body_nbytes < 300_000
        assert not [
            thread for thread in threading.enumerate() if thread.name.startswith("framedeflate-fetch")
        ]


def test_a_coroutine_reads_the_same() -> None:
    head, array, fragments = wide()
    file = head + pixel_data(fragments, table=offsets(fragments))

    async def look(source: str | bytes | io.BytesIO) -> None:
        async with await AsyncFrameReader.open(source) as reader:
            assert len(reader) == 300
            assert reader.image_pixel.rows == ROWS
            assert np.array_equal(await reader[17], array[17])
            assert np.array_equal(await reader[5:200:7], array[5:200:7])
            assert np.array_equal(await reader.read([300, 1]), array[[299, 0]])
            assert await reader.fragment(frame_number=9) == fragments[8]
            with pytest.raises(FrameNumberError):
                await reader[300]
            several = await asyncio.gather(*(reader[i] for i in range(0, 300, 30)))
            assert np.array_equal(np.stack(several), array[::30])
            assert np.array_equal(np.stack([frame async for frame in reader]), array)

    with RangeServer({"seg.dcm": file}) as server:
        asyncio.run(look(server.url("seg.dcm")))
        server.forget()
    asyncio.run(look(file))
    asyncio.run(look(io.BytesIO(file)))


def test_an_async_iteration_may_stop() -> None:
    head, array, fragments = wide()
    file = head + pixel_data(fragments, table=offsets(fragments))

    async def look(url: str) -> None:
        async with await AsyncFrameReader.open(url) as reader:
            async for frame in reader:
                assert np.array_equal(frame, array[0])
                break

    with RangeServer({"seg.dcm": file}) as server:
        asyncio.run(look(server.url("seg.dcm")))


def test_a_server_that_fails_half_way_is_an_error_and_the_reader_goes_on() -> None:
    head, array, fragments = wide()
    file = head + pixel_data(fragments, table=offsets(fragments))
    with RangeServer({"seg.dcm": file}) as server, FrameReader.open(server.url("seg.dcm")) as reader:
        server.fault = "status-404"
        with pytest.raises(RemoteSourceError):
            reader[200]
        server.fault = ""
        assert np.array_equal(reader[200], array[200])


def test_an_image_in_the_middle_of_a_header_without_end_is_refused_in_time() -> None:
    """A header that claims ever more costs at most the file."""
    endless = open_sequence(0x00081140, *[element(0x00081150, "UI", b"1.2\0")] * 40_000)
    file = part10(data_set(image(frames="1000000")) + endless)
    with RangeServer({"seg.dcm": file}) as server:
        with pytest.raises(UnsupportedImageError):
            FrameReader.open(server.url("seg.dcm"))
        assert server.body_nbytes <= len(file) + 65536
