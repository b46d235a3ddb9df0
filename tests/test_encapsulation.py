# SPDX-License-Identifier: Apache-2.0
"""Items and offset tables, read back by the judge."""

import io
import struct
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import judge
from corpus import wheel_file
from framedeflate import FrameReader, compress_file, verify_file
from framedeflate.encapsulation import (
    MAX_FRAGMENT_NBYTES,
    Items,
    encapsulate,
    item_header,
    offset_tables,
    padded_nbytes,
)
from framedeflate.errors import EncapsulationError
from framedeflate.transcode import compress
from framedeflate.transcode.fragment_writer import FragmentWriter

STREAMS = st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=12)


def item_offsets(data: bytes, first: int) -> list[int]:
    """Where each Item starts, from `first`, by walking."""
    found, at = [], first
    while data[at : at + 4] == b"\xfe\xff\x00\xe0":
        found.append(at - first)
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    return found


def padded(stream: bytes) -> bytes:
    return stream + b"\0" * (len(stream) % 2)


@given(STREAMS)
def test_items_hold_the_streams_and_are_even(streams: list[bytes]) -> None:
    data = b"".join(encapsulate(streams))
    items = judge.Walker(data).items(judge.Raw(0, "", 0, 0, len(data), len(data)))
    assert items == [padded(stream) for stream in streams]
    assert len(data) == sum(8 + padded_nbytes(len(stream)) for stream in streams)


@given(STREAMS)
def test_basic_offsets_point_at_the_items(streams: list[bytes]) -> None:
    tables = offset_tables([len(stream) for stream in streams])
    offsets = list(struct.unpack(f"<{len(streams)}I", tables.basic))
    assert offsets == item_offsets(b"".join(encapsulate(streams)), 0)
    assert (tables.extended, tables.lengths, tables.elements) == (b"", b"", b"")


@given(STREAMS)
def test_extended_offsets_point_at_the_items_and_lengths_leave_the_pad_out(streams: list[bytes]) -> None:
    tables = offset_tables([len(stream) for stream in streams], max_basic_offset=-1)
    assert tables.basic == b""
    elements = {e.tag: e for e in judge.Walker(tables.elements).elements(0)}
    assert {elements[tag].vr for tag in elements} == {"OV"}
    values = [
        tables.elements[e.value_start : e.value_stop] for e in (elements[0x7FE00001], elements[0x7FE00002])
    ]
    offsets, lengths = (list(struct.unpack(f"<{len(streams)}Q", value)) for value in values)
    assert offsets == item_offsets(b"".join(encapsulate(streams)), 0)
    assert lengths == [len(stream) for stream in streams]


def test_the_last_offset_decides_between_the_tables() -> None:
    # Items of 10 bytes: the third starts at 20.
    assert offset_tables([2, 2, 2], max_basic_offset=20).basic
    assert not offset_tables([2, 2, 2], max_basic_offset=19).basic
    assert offset_tables([2**32 - 10, 2]).basic
    assert offset_tables([2**32 - 8, 2]).extended


def test_an_item_holds_less_than_4_gib() -> None:
    assert item_header(MAX_FRAGMENT_NBYTES) == b"\xfe\xff\x00\xe0\xfe\xff\xff\xff"
    with pytest.raises(EncapsulationError) as caught:
        item_header(MAX_FRAGMENT_NBYTES + 2)
    assert caught.value.kind == "too-large"


def test_the_writer_refuses_a_stream_that_no_item_holds() -> None:
    file = io.BytesIO()
    writer = FragmentWriter(file, 2)
    before = file.getvalue()
    with pytest.raises(EncapsulationError) as caught:
        writer.write(Items([b"not looked at"], [7, MAX_FRAGMENT_NBYTES + 1]))
    assert caught.value.kind == "too-large"
    assert file.getvalue() == before


def test_a_fragment_is_never_empty() -> None:
    with pytest.raises(EncapsulationError) as caught:
        list(encapsulate([b"\3\0", b""]))
    assert caught.value.kind == "empty-fragment"


@given(streams=STREAMS, limit=st.integers(-1, 900), before=st.binary(max_size=20), batch=st.integers(1, 5))
def test_the_writer_s_tables_are_right_wherever_it_has_to_change_them(
    streams: list[bytes], limit: int, before: bytes, batch: int
) -> None:
    file = io.BytesIO()
    file.write(before)
    writer = FragmentWriter(file, len(streams), max_basic_offset=limit)
    for start in range(0, len(streams), batch):
        writer.write(Items.of(streams[start : start + batch]))
    writer.finish()
    assert file.tell() == len(file.getvalue())
    data = file.getvalue()[len(before) :]
    assert file.getvalue().startswith(before)

    elements = {element.tag: element for element in judge.Walker(data).elements(0)}
    pixel_data = elements[judge.PIXEL_DATA]
    assert (pixel_data.vr, pixel_data.stop) == ("OB", len(data))
    table, *fragments = judge.Walker(data).items(pixel_data)
    assert fragments == [padded(stream) for stream in streams]
    assert writer.fragments_nbytes == sum(map(len, fragments))
    walked = item_offsets(data, pixel_data.value_start + 8 + len(table))
    if walked[-1] <= limit:
        assert table == struct.pack(f"<{len(streams)}I", *walked)
        assert set(elements) == {judge.PIXEL_DATA}
    else:
        assert table == b""
        assert struct.unpack(f"<{len(streams)}Q", values(data, elements[0x7FE00001])) == tuple(walked)
        lengths = struct.unpack(f"<{len(streams)}Q", values(data, elements[0x7FE00002]))
        assert lengths == tuple(len(stream) for stream in streams)


def values(data: bytes, element: judge.Raw) -> bytes:
    return data[element.value_start : element.value_stop]


@pytest.mark.parametrize("limit", [-1, 0, 300, 2000])
def test_a_file_that_outgrows_the_basic_offset_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(compress, "FragmentWriter", partial(FragmentWriter, max_basic_offset=limit))
    source, compressed = wheel_file("rtdose.dcm"), tmp_path / "rtdose.dcm"
    compress_file(source, compressed)
    written = judge.read(compressed)
    assert written.value(0x7FE00001)
    assert written.frames() == judge.read(source).frames()
    # The source's own departure; none of the tables.
    assert {problem.kind for problem in verify_file(compressed)} == {"media-storage-sop-instance-uid"}
    with FrameReader.open(compressed) as reader:
        assert (reader[14] == written.pixels()[14, ..., 0]).all()
