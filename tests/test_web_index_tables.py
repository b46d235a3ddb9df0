# SPDX-License-Identifier: Apache-2.0
"""What the index reads of a file: frame tables of each kind of Pixel Data, held against zlib and the file's bytes."""

import threading
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from corpus import wheel_file
from departures import OURS, as_instance
from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.errors import FrameDecodeError
from framedeflate.image_pixel import ImagePixel
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import FRAME, describe_instance, frame_table
from framedeflate.web.index.cache import BoundedCache
from framedeflate.web.representations import Category
from indexed_files import made_dataset, made_frames, raw_deflate, save, save_deflated
from made_files import encapsulated, file_meta

RLE = "1.2.840.10008.1.2.5"


def image(rows: int, columns: int, frames: int, bits: int = 8) -> Dataset:
    """An instance that says it has pixels, and has none."""
    dataset = made_dataset("1.2", "1.3", "1.4", Rows=rows, Columns=columns, NumberOfFrames=frames)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    return dataset


def save_fragments(
    path: Path, dataset: Dataset, uid: str, fragments: list[bytes], basic: bytes = b""
) -> bytes:
    """Write a file with these Fragments and return its bytes."""
    save(dataset, path, uid)
    padded = [fragment + b"\0" * (len(fragment) % 2) for fragment in fragments]
    path.write_bytes(path.read_bytes() + encapsulated(padded, basic=basic))
    return path.read_bytes()


def test_frames_of_other_compressions_are_found_too(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    fragments = [bytes([n]) * (2 * n + 2) for n in range(5)]
    data = save_fragments(path, image(4, 4, 5), RLE, fragments)
    found = describe_instance(path).instance
    assert found.frames is not None
    for row, fragment in zip(found.frames, fragments, strict=True):
        start = int(row["position"])
        assert data[start : start + int(row["stream_nbytes"])] == fragment
        assert (row["item_nbytes"], row["adler32"], row["crc32"]) == (len(fragment), 0, 0)
    assert found.stored.decodable
    assert found.pixel_data is not None
    assert found.pixel_data.is_encapsulated
    assert found.pixel_data.position + found.pixel_data.nbytes == len(data)


def test_a_frame_in_several_fragments_has_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 24))
    save_fragments(path, image(4, 4, 2), RLE, [b"abcd"] * 4, basic=offsets)
    assert describe_instance(path).instance.frames is None
    # Fragments that nothing assigns to Frames: the instance is kept, without its Frames.
    save_fragments(path, image(4, 4, 2), RLE, [b"abcd"] * 3)
    found = describe_instance(path).instance
    assert found.frames is None
    assert found.stored.number_of_frames == 2


def test_a_data_set_that_is_deflated_as_a_whole_is_described(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    dataset = image(2, 3, 2)
    dataset.PixelData = bytes(range(12))
    save(dataset, path)
    data = path.read_bytes()
    meta = file_meta("1.2.840.10008.1.2.1")
    stream = raw_deflate(data[len(meta) :])
    path.write_bytes(file_meta("1.2.840.10008.1.2.1.99") + stream + b"\0" * (len(stream) % 2))
    one = describe_instance(path)
    assert one.instance.stored.number_of_frames == 2
    assert one.instance.pixel_data is None
    assert one.attributes["00280010"] == {"vr": "US", "Value": [2]}


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle_2frame.dcm", "JPEG2000.dcm"]
)
def test_attributes_are_what_pydicom_reads(name: str) -> None:
    one = describe_instance(wheel_file(name))
    dataset = pydicom.dcmread(wheel_file(name))
    assert one.instance.study_instance_uid == dataset.StudyInstanceUID
    assert one.instance.transfer_syntax_uid == dataset.file_meta.TransferSyntaxUID
    assert one.instance.stored.number_of_frames == int(dataset.get("NumberOfFrames", 1))
    assert one.instance.stored.category in {Category.SINGLE_FRAME, Category.MULTI_FRAME}
    read = Dataset.from_json(one.attributes)
    assert len(read) > 8
    for element in read:
        if element.tag != 0x00080005:
            assert element.value == dataset[element.tag].value, element.keyword


def test_frames_too_large_to_be_held_are_counted_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.dcm"
    save_deflated(made_dataset("1.2", "1.3", "1.4"), path, made_frames(5, 64, 64), 64, 64)
    held = describe_instance(path).instance.frames
    monkeypatch.setattr(frame_table, "HELD_FRAME_NBYTES", 1)
    monkeypatch.setattr(frame_table, "_BLOCK_NBYTES", 7)
    counted = describe_instance(path).instance.frames
    assert held is not None
    assert counted is not None
    np.testing.assert_array_equal(held, counted)


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("fragment", "kind"),
    [
        (raw_deflate(bytes(11)), "short-output"),
        (raw_deflate(bytes(13)), "excess-output"),
        (raw_deflate(bytes(range(12)))[:-2], "not-terminated"),
        (b"\xff" * 8, "bad-data"),
        (raw_deflate(bytes(12)) + b"\0\0\0\0", "trailing-data"),
    ],
)
def test_each_defect_has_its_kind(
    fragment: bytes, kind: str, held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_table, "HELD_FRAME_NBYTES", 1 << 20 if held else 1)
    path = tmp_path / "a.dcm"
    fragments = [raw_deflate(bytes(12)), fragment]
    save_fragments(path, image(3, 4, 2), "1.2.840.10008.1.2.8.1", fragments)
    with pytest.raises(FrameDecodeError) as caught:
        describe_instance(path)
    assert (caught.value.kind, caught.value.frame_number) == (kind, 2)


@pytest.mark.parametrize(
    "name",
    ["G-zlib-wrapped.dcm", "G-gzip-wrapped.dcm", "G-two-pad-bytes.dcm", "L-basic-offset-table.dcm"],
)
def test_large_and_small_frames_have_the_same_table_wrapped_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (row,) = (row for row in OURS if row["file"] == name)
    path = tmp_path / "a.dcm"
    path.write_bytes(as_instance(row)[0])
    held = describe_instance(path).instance.frames
    monkeypatch.setattr("framedeflate.web.index.frame_table.HELD_FRAME_NBYTES", 1)
    counted = describe_instance(path).instance.frames
    assert held is not None
    assert counted is not None
    assert held.tolist() == counted.tolist()
    data = path.read_bytes()
    # Whoever stores the file looks at it, too, and must see the same.
    monkeypatch.setattr("framedeflate.instance_store.frames.HELD_FRAME_NBYTES", 1)
    with InstanceStore(tmp_path / "store", min_free_nbytes=1) as store, store.arrival() as arrival:
        arrival.write(data)
        store.put(arrival)
    for place in held:
        stream = data[place["position"] : place["position"] + place["stream_nbytes"]]
        frame = zlib.decompress(stream, -15)
        assert (zlib.adler32(frame), zlib.crc32(frame)) == (place["adler32"], place["crc32"])
    # A wrapper whose sum is wrong is none.
    (row,) = (row for row in OURS if row["file"] == "I-wrong-checksum.dcm")
    path.write_bytes(as_instance(row)[0])
    with pytest.raises(FrameDecodeError):
        describe_instance(path)


def test_a_fragment_that_is_far_too_long_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_table, "HELD_FRAME_NBYTES", 1000)
    monkeypatch.setattr(frame_table, "_BLOCK_NBYTES", 64)
    asked = []

    def read(source: ByteSource, start: int, stop: int) -> bytes:
        asked.append(stop - start)
        return read_exactly(source, start, stop)

    monkeypatch.setattr(frame_table, "read_exactly", read)
    path = tmp_path / "a.dcm"
    save_fragments(path, image(3, 4, 1), "1.2.840.10008.1.2.8.1", [raw_deflate(bytes(12)) + bytes(5000)])
    with pytest.raises(FrameDecodeError) as caught:
        describe_instance(path)
    assert caught.value.kind == "trailing-data"
    assert asked
    assert max(asked) <= 64


def test_a_tiny_fragment_allocates_no_large_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    save_fragments(path, image(60000, 60000, 1), "1.2.840.10008.1.2.8.1", [b"\x03\x00"])
    with pytest.raises(FrameDecodeError) as caught:
        describe_instance(path)
    assert (
        caught.value.expected_nbytes == ImagePixel(rows=60000, columns=60000, bits_allocated=8).frame_nbytes
    )


def test_the_digest_is_another_for_another_file(tmp_path: Path) -> None:
    first = save(made_dataset("1.2", "1.3", "1.4", PatientID="A"), tmp_path / "a.dcm")
    second = save(made_dataset("1.2", "1.3", "1.4", PatientID="B"), tmp_path / "b.dcm")
    same = save(made_dataset("1.2", "1.3", "1.4", PatientID="A"), tmp_path / "c.dcm")
    etags = [describe_instance(path).instance.etag for path in (first, second, same)]
    assert etags[0] == etags[2] != etags[1]


def test_checksums_are_those_of_zlib(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    stored = save_deflated(made_dataset("1.2", "1.3", "1.4"), path, made_frames(3, 5, 7), 5, 7)
    frames = describe_instance(path).instance.frames
    assert frames is not None
    assert frames.dtype == FRAME
    assert frames["crc32"].tolist() == [zlib.crc32(frame) for _, frame in stored]


def test_the_cache_is_bounded_in_bytes() -> None:
    cache: BoundedCache[str] = BoundedCache(100)
    for number in range(10):
        cache.put(number, str(number), 30, generation=cache.generation)
        assert cache.get(0) == ("0" if number < 10 else None)
    assert cache.nbytes == 90
    assert [number for number in range(10) if cache.get(number)] == [0, 8, 9]
    cache.put("large", "", 101, generation=cache.generation)
    assert cache.get("large") is None
    before = cache.generation
    cache.remove(8)
    cache.put("stale", "", 1, generation=before)
    assert cache.get("stale") is cache.get(8) is None
    assert cache.nbytes == 60


def test_threads_share_the_cache() -> None:
    cache: BoundedCache[int] = BoundedCache(50)

    def work(seed: int) -> None:
        for number in range(300):
            key = number * seed % 13
            found = cache.get(key)
            assert found is None or found == key
            cache.put(key, key, 7, generation=cache.generation)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert cache.nbytes == 7 * sum(cache.get(key) is not None for key in range(13)) <= 50
