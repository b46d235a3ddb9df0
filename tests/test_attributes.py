# SPDX-License-Identifier: Apache-2.0
"""What a transcoded file says beside its pixels: as its source, to the byte if that was Explicit VR Little Endian."""

import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement

import judge
from corpus import SourceFile
from dicom_writer import WORD_NBYTES, data_set, image, part10
from framedeflate import compress_file
from framedeflate.errors import DicomFormatError
from transcoded import FOREIGN, IMAGES, NATIVE, Transcoded, named, transcode, uid_of

EXPLICIT_LITTLE = [file for file in NATIVE if uid_of(file) not in {judge.IMPLICIT, judge.BIG_ENDIAN}]
# Implicit VR under a Transfer Syntax that is Explicit.
MISLABELLED = [file for file in FOREIGN if file.name == "wheel/SC_rgb_jpeg.dcm"]
REENCODED = [file for file in NATIVE if file not in EXPLICIT_LITTLE] + MISLABELLED

PIXEL_DATA_AND_ITS_TABLES = {0x7FE00000, 0x7FE00001, 0x7FE00002, 0x7FE00003, judge.PIXEL_DATA}

# Photometric Interpretation, Planar Configuration, Lossy Image Compression with its Ratio and Method.
MADE_TRUE_OF_NATIVE_FRAMES = {0x00280004, 0x00280006, 0x00282110, 0x00282112, 0x00282114}


def both(result: Transcoded) -> list[judge.Judged]:
    return [judge.read(result.compressed), judge.read(result.decompressed)]


def elements_but(file: judge.Judged, left_out: set[int]) -> list[bytes]:
    return [file.data[element.start : element.stop] for element in file.order if element.tag not in left_out]


@pytest.mark.parametrize("source", EXPLICIT_LITTLE, ids=named)
def test_every_byte_outside_pixel_data_stays(folder: Path, source: SourceFile) -> None:
    expected = elements_but(judge.read(source.path), PIXEL_DATA_AND_ITS_TABLES)
    for file in both(transcode(folder, source)):
        assert elements_but(file, PIXEL_DATA_AND_ITS_TABLES) == expected


@pytest.mark.parametrize("source", [file for file in FOREIGN if file not in MISLABELLED], ids=named)
def test_of_foreign_sources_only_the_tables_attributes_change(folder: Path, source: SourceFile) -> None:
    left_out = PIXEL_DATA_AND_ITS_TABLES | MADE_TRUE_OF_NATIVE_FRAMES
    expected = elements_but(judge.read(source.path), left_out)
    for file in both(transcode(folder, source)):
        assert elements_but(file, left_out) == expected


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("source", REENCODED, ids=named)
def test_reencoded_elements_keep_their_values(folder: Path, source: SourceFile) -> None:
    result = transcode(folder, source)
    before = pydicom.dcmread(source.path)
    for path in (result.compressed, result.decompressed):
        after = pydicom.dcmread(path)
        if source in FOREIGN:
            for tag in MADE_TRUE_OF_NATIVE_FRAMES:
                before.pop(tag, None)
                after.pop(tag, None)
        assert_same_values(before, after, big=uid_of(source) == judge.BIG_ENDIAN)


def assert_same_values(before: pydicom.Dataset, after: pydicom.Dataset, *, big: bool) -> None:
    # Group lengths are retired, and wrong once a group is encoded anew (PS3.5 7.2).
    tags = {tag for tag in set(before.keys()) if tag.element} - PIXEL_DATA_AND_ITS_TABLES
    assert set(after.keys()) - PIXEL_DATA_AND_ITS_TABLES == tags
    for tag in tags:
        old, new = before.get_item(tag), after.get_item(tag)
        if new.VR == "SQ":
            assert len(before[tag].value) == len(after[tag].value)
            for old_item, new_item in zip(before[tag].value, after[tag].value, strict=True):
                assert_same_values(old_item, new_item, big=big)
            continue
        if isinstance(old, RawDataElement) and isinstance(new, RawDataElement):
            size = WORD_NBYTES.get(str(new.VR), 1) if big else 1
            value = old.value or b""
            assert (new.value or b"") == b"".join(
                value[i : i + size][::-1] for i in range(0, len(value), size)
            ), tag
        else:
            # pydicom has parsed a few on its way: empty ones, and those that others depend on.
            assert before[tag].value == after[tag].value, tag


@pytest.mark.parametrize("source", IMAGES, ids=named)
def test_the_file_meta_information_stays_but_for_what_must_change(folder: Path, source: SourceFile) -> None:
    changed = {0x00020000, 0x00020010, 0x00020012, 0x00020013}
    file = source.path.read_bytes()
    before = judge.read_meta(file)[0]
    for path in (transcode(folder, source).compressed, transcode(folder, source).decompressed):
        written = path.read_bytes()
        assert written[:132] == file[:132]
        after, data_set = judge.read_meta(written)
        assert {tag: after[tag] for tag in after if tag not in changed} == {
            tag: before[tag] for tag in before if tag not in changed
        }
        assert struct.unpack("<I", after[0x00020000])[0] == data_set - (132 + 12)
        assert after[0x00020012].startswith(b"2.25.")
        assert after[0x00020013].strip().startswith(b"FRAMEDEFLATE")


@pytest.mark.parametrize("source", NATIVE, ids=named)
def test_the_sop_instance_uid_stays(folder: Path, source: SourceFile) -> None:
    expected = judge.read(source.path).text(0x00080018)
    assert [file.text(0x00080018) for file in both(transcode(folder, source))] == [expected, expected]


def test_what_cannot_be_encoded_anew_is_named_with_its_place_in_the_file(tmp_path: Path) -> None:
    overlong = struct.pack("<HHI", 0x0008, 0x0100, 50) + b"A "
    sequence = {0x00081140: ("SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(overlong)) + overlong)}
    fields = image(allocated=8) | sequence | {judge.PIXEL_DATA: ("OW", bytes(450))}
    file = part10(data_set(fields, uid=judge.IMPLICIT), uid=judge.IMPLICIT)
    (tmp_path / "source").write_bytes(file)
    with pytest.raises(DicomFormatError) as caught:
        compress_file(tmp_path / "source", tmp_path / "out")
    assert (caught.value.kind, caught.value.position) == ("truncated", file.index(overlong))
