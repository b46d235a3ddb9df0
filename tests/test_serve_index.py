# SPDX-License-Identifier: Apache-2.0
"""The index of a store: where Frames are, held against zlib and the bytes of the file."""

import zlib
from pathlib import Path

import pytest

from framedeflate.errors import FrameDecodeError, InstanceError
from framedeflate.web.index import FRAME, Index, describe_instance
from framedeflate.web.representations import Category
from indexed_files import made_dataset, made_frames, save, save_deflated


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'index.sqlite'}"


def test_the_frame_table_leads_to_the_streams(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    stored = save_deflated(made_dataset("1.2", "1.3", "1.4"), path, made_frames(70, 9, 11), 9, 11)
    with Index.open(url) as index:
        assert index.was_empty
        index.add([describe_instance(path)])
    with Index.open(url) as index:
        assert not index.was_empty
        assert index.cached("1.2", "1.3", "1.4") is None
        found = index.instance("1.2", "1.3", "1.4")
        assert found is not None
        assert index.cached("1.2", "1.3", "1.4") is found
        assert index.instance("1.2", "1.3", "1.5") is index.instance("1.2", "1.4", "1.4") is None
    data = path.read_bytes()
    assert found.nbytes == len(data)
    assert found.stored.category is Category.MULTI_FRAME
    assert found.stored.number_of_frames == 70
    assert found.frames is not None
    assert found.frames.dtype == FRAME
    assert not found.frames.flags.writeable
    for row, (stream, frame) in zip(found.frames, stored, strict=True):
        start = int(row["position"])
        assert data[start : start + int(row["stream_nbytes"])] == stream
        assert int.from_bytes(data[start - 4 : start], "little") == row["item_nbytes"]
        assert (row["adler32"], row["crc32"]) == (zlib.adler32(frame), zlib.crc32(frame))
    assert found.pixel_data is not None
    assert found.pixel_data.position + found.pixel_data.nbytes == len(data)


def test_native_pixels_are_placed(url: str, tmp_path: Path) -> None:
    dataset = made_dataset("1.2", "1.3", "1.4", Rows=2, Columns=3, SamplesPerPixel=1, BitsAllocated=8)
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.HighBit = "MONOCHROME2", 8, 7
    dataset.PixelRepresentation, dataset.PixelData = 0, b"abcdef"
    path = save(dataset, tmp_path / "a.dcm")
    with Index.open(url) as index:
        index.add([describe_instance(path)])
        found = index.instance("1.2", "1.3", "1.4")
    assert found is not None
    assert found.frames is None
    assert found.pixel_data is not None
    start = found.pixel_data.position
    assert path.read_bytes()[start : start + found.pixel_data.nbytes] == b"abcdef"
    assert found.stored.frame_nbits == 48


def test_what_is_listed_is_in_order_and_what_is_removed_is_gone(url: str, tmp_path: Path) -> None:
    with Index.open(url) as index:
        for number, (series, sop) in enumerate([("1.3", "1.9"), ("1.3", "1.8"), ("1.1", "1.7")]):
            dataset = made_dataset("1.2", series, sop, InstanceNumber=5 - number, SeriesNumber=len(series))
            one = describe_instance(save(dataset, tmp_path / f"{sop}.dcm"))
            index.add([one])
            index.add([one, one])
        assert [one.sop_instance_uid for one in index.instances("1.2")] == ["1.7", "1.8", "1.9"]
        assert [one.sop_instance_uid for one in index.instances("1.2", "1.3")] == ["1.8", "1.9"]
        assert [uid for uid, _, _ in index.known()] == ["1.7", "1.8", "1.9"]
        assert index.instance("1.2", "1.1", "1.7") is not None
        assert index.remove("1.7")
        assert not index.remove("1.7")
        assert index.instance("1.2", "1.1", "1.7") is None
        index.clear()
        assert index.instances("1.2") == []


def test_a_frame_that_does_not_inflate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    frames = [*made_frames(3, 9, 11), bytes(12)]
    save_deflated(made_dataset("1.2", "1.3", "1.4"), path, frames, 9, 11)
    with pytest.raises(FrameDecodeError) as caught:
        describe_instance(path)
    assert (caught.value.frame_number, caught.value.kind) == (4, "short-output")


def test_an_instance_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstanceError) as caught:
        describe_instance(save(made_dataset("", "1.3", "1.4"), tmp_path / "a.dcm"))
    assert caught.value.kind == "no-uid"
